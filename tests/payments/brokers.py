"""Which broker Celery's wake-ups go to."""

import pytest

from innopaas.celery import app


def use_broker(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("CELERY_BROKER_WRITE_URL", address)
    monkeypatch.setattr(app.amqp, "_producer_pool", None)
