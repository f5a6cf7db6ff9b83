"""A posting and what it left in a balance, in one round trip: wallet/sql/read.sql."""

from pathlib import Path

from django.conf import settings
from django.db import migrations

SQL = Path(__file__).parent.parent / "sql" / "read.sql"


def grant(apps, schema_editor):
    connection = schema_editor.connection
    role = settings.DATABASES["default"]["USER"]
    schema_editor.execute("REVOKE ALL ON FUNCTION public.ledger_read_posting FROM PUBLIC")
    schema_editor.execute(f"GRANT EXECUTE ON FUNCTION public.ledger_read_posting TO {connection.ops.quote_name(role)}")


class Migration(migrations.Migration):
    dependencies = [("wallet", "0006_billing_details")]
    operations = [
        migrations.RunSQL(SQL.read_text("utf-8"), "DROP FUNCTION public.ledger_read_posting"),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
