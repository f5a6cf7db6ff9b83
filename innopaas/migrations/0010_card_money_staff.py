"""Finance may decide what becomes of money at Stripe that credited nobody."""

from django.db import migrations

from innopaas import staff


def grant(apps, schema_editor):
    staff.grant(apps=apps, using=schema_editor.connection.alias)


class Migration(migrations.Migration):
    dependencies = [
        ("innopaas", "0009_legal_entities"),
        ("payments", "0015_card_money_in_suspense"),
    ]

    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
