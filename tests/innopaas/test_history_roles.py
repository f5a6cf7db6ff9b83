"""The audit trail without a transaction around the test: what stays of a session, and what the tables' owner may do."""

import pghistory
import pytest
from django.db import DatabaseError, connection, connections, transaction

from innopaas.models import TopUpLimitEvent, UserEvent
from tests.people import make_staff
from wallet.models import User


@pytest.mark.parametrize("statement", ["UPDATE {} SET pgh_label = 'x'", "DELETE FROM {}"])
def test_owner_of_the_tables_is_refused_too(statement: str, committed: None) -> None:
    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic(using="owner"):
        connections["owner"].cursor().execute(statement.format(TopUpLimitEvent._meta.db_table))


def test_who_and_where_outlive_no_transaction(committed: None) -> None:
    """PgBouncer gives the connection to somebody else after each: nothing of the session may stay."""
    fiona = make_staff("fiona", "finance")
    with pghistory.context(user=str(fiona.pk), url="/admin/x/"):
        User.objects.filter(pk=fiona.pk).update(is_active=False)
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('pghistory.context_metadata', true)")
            assert cursor.fetchone()[0] in (None, "")
    assert UserEvent.objects.filter(id=fiona.pk).latest("pgh_id").pgh_context["user"] == str(fiona.pk)
