"""What the application's role may do, as plain SQL in wallet/sql/: privileges.sql, function_privileges.sql."""

from pathlib import Path

from django.conf import settings
from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"


def grant(apps, schema_editor):
    connection = schema_editor.connection
    role = settings.DATABASES["default"]["USER"]
    if role == connection.settings_dict["USER"]:
        return  # one role for everything: nothing can be taken from an owner; the audit says so each night
    literal = "'" + role.replace("'", "''") + "'"
    for name in ("function_privileges", "privileges"):
        statement = (SQL / f"{name}.sql").read_text("utf-8")
        schema_editor.execute(statement % {"role": connection.ops.quote_name(role), "literal": literal}, params=None)


class Migration(migrations.Migration):
    dependencies = [("wallet", "0003_ledger_functions")]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
