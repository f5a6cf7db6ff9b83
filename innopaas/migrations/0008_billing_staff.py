"""Staff groups may work with refunds, disputes, documents, fapiao, and what moves at Stripe."""

from django.db import migrations

from innopaas import staff


def grant(apps, schema_editor):
    staff.grant(apps=apps, using=schema_editor.connection.alias)


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0013_fapiao"),
        ("innopaas", "0007_marks_table"),
        ("payments", "0011_closes"),
    ]

    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
