"""Acme, for the tests that walk every address of the site."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from django.conf import LazySettings

from payments import stripe_api
from payments.standin.client import StandIn
from tests.innopaas.acme import Acme
from tests.innopaas.founding import make_acme
from tests.payments.slip_samples import storages_below


@pytest.fixture(scope="session")
def stripe_process() -> Iterator[StandIn]:
    with StandIn.start() as running:
        yield running


@pytest.fixture
def acme(db: None, now: datetime, stripe_process: StandIn, settings: LazySettings, tmp_path: Path) -> Iterator[Acme]:
    settings.STORAGES = storages_below(tmp_path)
    settings.STRIPE_API_BASE = stripe_process.base
    settings.STAFF_MFA_REQUIRED = False  # what is left to refuse a visitor are the permissions alone
    stripe_api.connect.cache_clear()
    yield make_acme(stripe_process, now=now)
    stripe_api.connect.cache_clear()
