"""The last word of every proof: the ledger's audit, in the database its tests have left. A pytest plugin.

Of the audit only what the ledger itself promises: many tests post, or pay orders, without what stands round that on the
site. Proofs on the whole site end with the whole audit.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pytest_django.plugin import DjangoDbBlocker


@pytest.fixture(scope="session", autouse=True)
def audit_at_the_end(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """An error of the session when the audit finds anything."""
    yield
    with django_db_blocker.unblock():
        from wallet import audit  # noqa: PLC0415  # plugins are imported before Django is set up

        assert audit.find_problems(checks=audit.CHECKS, now=datetime.now(UTC)) == []
