"""Staff groups may work at finance's desk."""

from django.db import migrations

from innopaas import staff


def grant(apps, schema_editor):
    staff.grant(apps=apps, using=schema_editor.connection.alias)


class Migration(migrations.Migration):
    dependencies = [
        ("innopaas", "0004_audit_trail"),
        ("payments", "0005_first_rules"),
        ("billing", "0005_offline_orders"),
        ("wallet", "0006_billing_details"),
    ]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
