"""Maker and checker and the lines of the bank, as plain SQL in payments/sql/guards.sql; the accounts, limits and reasons
a new site begins with stand in 0005.
"""

from pathlib import Path

from django.conf import settings
from django.db import migrations

SQL = Path(__file__).parent.parent / "sql" / "guards.sql"

KEPT = "payments_approval, payments_share, payments_allocation, payments_deskact"
LASTING = "payments_transfer, payments_slip, payments_finding, payments_bankline, payments_statementfile, payments_bankaccount"
TRANSFER_COLUMNS = (
    "account_id, payer_name, paid_on, bank_number, declared_at, declared_by_id, expected_by, taken_by_id, taken_until, "
    "confirmed_at"
)
LINE_COLUMNS = (
    "bank_reference, booked_on, value_on, occurrence, payer_name, payer_account, text, file_id, line_number, pile, "
    "pile_reason, held_by_id"
)


def guard(apps, schema_editor):
    schema_editor.execute(SQL.read_text("utf-8"), params=None)
    connection = schema_editor.connection
    role = settings.DATABASES["default"]["USER"]
    if role == connection.settings_dict["USER"]:
        return  # one role for everything: nothing can be taken from an owner
    name = connection.ops.quote_name(role)
    schema_editor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {KEPT} FROM {name}")
    schema_editor.execute(f"REVOKE DELETE, TRUNCATE ON {LASTING} FROM {name}")
    # How much of a line is allocated is written by its allocations' trigger alone.
    schema_editor.execute(f"REVOKE UPDATE ON payments_bankline FROM {name}")
    schema_editor.execute(f"GRANT UPDATE ({LINE_COLUMNS}) ON payments_bankline TO {name}")
    # Who imported a statement, and what a sheet asked for, is never changed.
    schema_editor.execute(f"REVOKE UPDATE ON payments_statementfile, payments_transfer FROM {name}")
    schema_editor.execute(f"GRANT UPDATE ({TRANSFER_COLUMNS}) ON payments_transfer TO {name}")


class Migration(migrations.Migration):
    dependencies = [("payments", "0003_transfers"), ("wallet", "0004_privileges")]
    operations = [migrations.RunPython(guard, migrations.RunPython.noop)]
