"""The house's own organisation: payouts, bank charges and money of unknown customers sit in it."""

from datetime import datetime, timezone
from uuid import UUID

from django.db import migrations

HOUSE_ID = UUID("00000000-0000-7000-8000-000000000001")


def make_house(apps, schema_editor):
    apps.get_model("wallet", "Organisation").objects.using(schema_editor.connection.alias).get_or_create(
        id=HOUSE_ID, defaults={"name": "InnoPaaS", "created_at": datetime(2026, 1, 1, tzinfo=timezone.utc)}
    )


class Migration(migrations.Migration):
    dependencies = [("wallet", "0004_privileges")]
    operations = [migrations.RunPython(make_house, migrations.RunPython.noop)]
