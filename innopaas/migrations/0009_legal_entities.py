"""Finance leads complete our legal entities, and whatever is changed of one is kept in the audit trail."""

import django.core.validators
import django.db.models.deletion
import pghistory.utils
import pgtrigger.compiler
import pgtrigger.migrations
import wallet.ids
from django.db import migrations, models

from innopaas import history, staff


def begin(apps, schema_editor):
    history.begin(apps, schema_editor, model="LegalEntity")


def grant(apps, schema_editor):
    staff.grant(apps=apps, using=schema_editor.connection.alias)


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0013_fapiao'),
        ('innopaas', '0008_billing_staff'),
    ]

    operations = [
        migrations.CreateModel(
            name='TrackedLegalEntity',
            fields=[
            ],
            options={
                'proxy': True,
                'default_permissions': (),
                'indexes': [],
                'constraints': [],
            },
            bases=('billing.legalentity',),
        ),
        migrations.CreateModel(
            name='LegalEntityEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('pgh_context', pghistory.utils.JSONField(null=True)),
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, serialize=False)),
                ('code', models.CharField(max_length=8, validators=[django.core.validators.RegexValidator('\\A[A-Z][A-Z0-9]*\\Z', 'Capital letters and digits, beginning with a letter.')], verbose_name='code')),
                ('name_zh', models.CharField(blank=True, max_length=120, verbose_name='name in Chinese')),
                ('name_en', models.CharField(blank=True, max_length=120, verbose_name='name in English')),
                ('address', models.CharField(blank=True, max_length=240, verbose_name='address')),
                ('tax_number', models.CharField(blank=True, max_length=30, verbose_name='tax number')),
                ('issues_by_default', models.BooleanField(default=False, verbose_name='issues for cards and moves')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='innopaas.trackedlegalentity')),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedlegalentity',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_legalentityevent" ("address", "code", "id", "issues_by_default", "name_en", "name_zh", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "tax_number") VALUES (NEW."address", NEW."code", NEW."id", NEW."issues_by_default", NEW."name_en", NEW."name_zh", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\', NEW."id", NEW."tax_number"); RETURN NULL;', hash='3ff5759c8aaf338acd7752a6367b47e473247959', operation='INSERT', pgid='pgtrigger_insert_insert_62d1d', table='billing_legalentity', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedlegalentity',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "innopaas_legalentityevent" ("address", "code", "id", "issues_by_default", "name_en", "name_zh", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "tax_number") VALUES (NEW."address", NEW."code", NEW."id", NEW."issues_by_default", NEW."name_en", NEW."name_zh", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\', NEW."id", NEW."tax_number"); RETURN NULL;', hash='5fd83b07f00d8a8e9fc6342d69af0b8c9361aac8', operation='UPDATE', pgid='pgtrigger_update_update_e9b0e', table='billing_legalentity', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedlegalentity',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_legalentityevent" ("address", "code", "id", "issues_by_default", "name_en", "name_zh", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "tax_number") VALUES (OLD."address", OLD."code", OLD."id", OLD."issues_by_default", OLD."name_en", OLD."name_zh", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\', OLD."id", OLD."tax_number"); RETURN NULL;', hash='c7337cb2a5228ebd9fca89bf9e6638990cf3a7af', operation='DELETE', pgid='pgtrigger_delete_delete_9ceef', table='billing_legalentity', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='legalentityevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='9d22e133e8d736a0c075f9ace2c9916e39fc914c', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_f883b', table='innopaas_legalentityevent', when='BEFORE')),
        ),
        migrations.RunPython(begin, migrations.RunPython.noop),
        migrations.RunPython(history.restrict, migrations.RunPython.noop),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
