"""Wiring: settings, addresses, Celery, the pages made of several apps, and the commands that run it all."""

from innopaas.celery import app as celery_app

__all__ = ["celery_app"]
