"""The staff groups. A later change of innopaas.staff.GROUPS is a further migration that calls `grant` again."""

from django.db import migrations

from innopaas import staff


def grant(apps, schema_editor):
    staff.grant(apps=apps, using=schema_editor.connection.alias)


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("innopaas", "0001_cache_table"),
    ]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
