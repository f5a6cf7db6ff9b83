"""Ops and the finance lead may end an order that is in doubt."""

from django.db import migrations

from innopaas import staff


def grant(apps, schema_editor):
    staff.grant(apps=apps, using=schema_editor.connection.alias)


class Migration(migrations.Migration):
    dependencies = [("innopaas", "0002_staff_groups")]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
