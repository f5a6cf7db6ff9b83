"""Staff groups may work with products and corrections; what is sold is kept in the audit trail."""

import django.db.models.deletion
import pghistory.utils
import pgtrigger.compiler
import pgtrigger.migrations
import wallet.ids
from django.db import migrations, models

from innopaas import history, staff


def begin(apps, schema_editor):
    history.begin(apps, schema_editor, model="Product")


def grant(apps, schema_editor):
    staff.grant(apps=apps, using=schema_editor.connection.alias)


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0008_balance_limit'),
        ('innopaas', '0005_offline_staff'),
        ('products', '0002_keep'),
    ]

    operations = [
        migrations.CreateModel(
            name='TrackedProduct',
            fields=[
            ],
            options={
                'proxy': True,
                'default_permissions': (),
                'indexes': [],
                'constraints': [],
            },
            bases=('products.product',),
        ),
        migrations.CreateModel(
            name='ProductEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('pgh_context', pghistory.utils.JSONField(null=True)),
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, serialize=False)),
                ('slug', models.CharField(max_length=40, verbose_name='slug')),
                ('name', models.CharField(max_length=60, verbose_name='name')),
                ('name_zh', models.CharField(max_length=60, verbose_name='name in Chinese')),
                ('icon', models.CharField(choices=[('chat', 'Speech bubble'), ('message', 'Envelope'), ('key', 'Key'), ('phone', 'Telephone'), ('box', 'Box')], default='box', max_length=10, verbose_name='icon')),
                ('currency', models.CharField(default='USD', max_length=3, verbose_name='currency')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('smallest_top_up', models.DecimalField(blank=True, decimal_places=2, max_digits=14, null=True, verbose_name='smallest top-up')),
                ('largest_top_up', models.DecimalField(blank=True, decimal_places=2, max_digits=14, null=True, verbose_name='largest top-up')),
                ('smallest_price', models.DecimalField(blank=True, decimal_places=6, max_digits=20, null=True, verbose_name='smallest unit price')),
                ('position', models.PositiveSmallIntegerField(default=100, verbose_name='position')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='innopaas.trackedproduct')),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedproduct',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_productevent" ("currency", "icon", "id", "is_active", "largest_top_up", "name", "name_zh", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "slug", "smallest_price", "smallest_top_up") VALUES (NEW."currency", NEW."icon", NEW."id", NEW."is_active", NEW."largest_top_up", NEW."name", NEW."name_zh", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\', NEW."id", NEW."position", NEW."slug", NEW."smallest_price", NEW."smallest_top_up"); RETURN NULL;', hash='d3af17ce1bd022c35e3c842e676d5ae0dd9a06b3', operation='INSERT', pgid='pgtrigger_insert_insert_12c45', table='products_product', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedproduct',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "innopaas_productevent" ("currency", "icon", "id", "is_active", "largest_top_up", "name", "name_zh", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "slug", "smallest_price", "smallest_top_up") VALUES (NEW."currency", NEW."icon", NEW."id", NEW."is_active", NEW."largest_top_up", NEW."name", NEW."name_zh", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\', NEW."id", NEW."position", NEW."slug", NEW."smallest_price", NEW."smallest_top_up"); RETURN NULL;', hash='f00dacedb6a7914b8200a0b7a35f2e399250643b', operation='UPDATE', pgid='pgtrigger_update_update_d3115', table='products_product', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedproduct',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_productevent" ("currency", "icon", "id", "is_active", "largest_top_up", "name", "name_zh", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "slug", "smallest_price", "smallest_top_up") VALUES (OLD."currency", OLD."icon", OLD."id", OLD."is_active", OLD."largest_top_up", OLD."name", OLD."name_zh", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\', OLD."id", OLD."position", OLD."slug", OLD."smallest_price", OLD."smallest_top_up"); RETURN NULL;', hash='063ee7e2cf4ae02b0a4a0b14e10489208b13794c', operation='DELETE', pgid='pgtrigger_delete_delete_d460c', table='products_product', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='productevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='5e89a4854a15fe5c6bc3d2a421a233120664e614', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_66abf', table='innopaas_productevent', when='BEFORE')),
        ),
        migrations.RunPython(begin, migrations.RunPython.noop),
        migrations.RunPython(history.restrict, migrations.RunPython.noop),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
