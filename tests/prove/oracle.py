"""The last word of every proof: the audit of the ledger, in the database the tests have left. A pytest plugin."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pytest_django.plugin import DjangoDbBlocker


@pytest.fixture(scope="session", autouse=True)
def audit_at_the_end(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """An error of the session when anything but what was there at its start is found."""
    yield
    with django_db_blocker.unblock():
        from wallet import audit  # noqa: PLC0415  # plugins are imported before Django is set up

        found = audit.find_problems(checks=audit.CHECKS, now=datetime.now(UTC))
    assert found == []
