"""The Celery application: it only wakes workers, the database rows are the queue."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "innopaas.settings")

app = Celery("innopaas")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add("payments.timekeeper:Timekeeper")  # type: ignore[has-type]  # celery has no types
