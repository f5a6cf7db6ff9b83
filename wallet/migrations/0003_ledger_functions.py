"""The ledger's keys, functions and triggers, as plain SQL in wallet/sql/."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"


def run(name: str) -> migrations.RunSQL:
    return migrations.RunSQL((SQL / f"{name}.sql").read_text("utf-8"))


class Migration(migrations.Migration):
    dependencies = [("wallet", "0002_ledger")]
    operations = [run(name) for name in ("keys", "chart", "hashes", "triggers", "post", "seal")]
