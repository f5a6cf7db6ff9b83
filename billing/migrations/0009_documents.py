"""Receipts and refund notes as issued, numbered without gaps; their guards are plain SQL in billing/sql/documents.sql."""

from pathlib import Path

import django.core.validators
import django.db.models.deletion
import wallet.ids
from django.conf import settings
from django.db import migrations, models

GUARDS = Path(__file__).parent.parent / "sql" / "documents.sql"


def add_entity(apps, schema_editor):
    """The one that issues until finance names another; it adds address and tax number there too."""
    entities = apps.get_model("billing", "LegalEntity").objects.using(schema_editor.connection.alias)
    entities.create(id=wallet.ids.new_id(), code="IP", name_en="InnoPaaS", issues_by_default=True)


def guard_documents(apps, schema_editor):
    schema_editor.execute(GUARDS.read_text("utf-8"), params=None)
    connection = schema_editor.connection
    role = settings.DATABASES["default"]["USER"]
    if role == connection.settings_dict["USER"]:
        return  # one role for everything: nothing can be taken from an owner
    name = connection.ops.quote_name(role)
    schema_editor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON billing_document FROM {name}")
    schema_editor.execute(f"REVOKE DELETE, TRUNCATE ON billing_legalentity, billing_documentseries FROM {name}")


class Migration(migrations.Migration):
    dependencies = [("billing", "0008_balance_limit"), ("wallet", "0007_read_posting")]

    operations = [
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('paid_at__isnull', False)), fields=['paid_at'], name='order_paid'),
        ),
        migrations.CreateModel(
            name='IssuingMark',
            fields=[
                ('kind', models.CharField(choices=[('RECEIPT', 'Receipt'), ('REFUND_NOTE', 'Refund note')], max_length=12, primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='LegalEntity',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('code', models.CharField(max_length=8, unique=True, validators=[django.core.validators.RegexValidator('\\A[A-Z][A-Z0-9]*\\Z', 'Capital letters and digits, beginning with a letter.')], verbose_name='code')),
                ('name_zh', models.CharField(blank=True, max_length=120, verbose_name='name in Chinese')),
                ('name_en', models.CharField(blank=True, max_length=120, verbose_name='name in English')),
                ('address', models.CharField(blank=True, max_length=240, verbose_name='address')),
                ('tax_number', models.CharField(blank=True, max_length=30, verbose_name='tax number')),
                ('issues_by_default', models.BooleanField(default=False, verbose_name='issues for cards and moves')),
            ],
            options={
                'verbose_name': 'legal entity',
                'verbose_name_plural': 'legal entities',
                'ordering': ['code'],
                'constraints': [models.CheckConstraint(condition=models.Q(('name_en', ''), ('name_zh', ''), _negated=True), name='entity_has_a_name'), models.CheckConstraint(condition=models.Q(('code__regex', '^[A-Z][A-Z0-9]*$')), name='entity_code_is_plain'), models.UniqueConstraint(condition=models.Q(('issues_by_default', True)), fields=('issues_by_default',), name='entity_default_is_one', violation_error_message='Another legal entity issues for cards and moves now'), models.UniqueConstraint(condition=models.Q(('name_zh', ''), _negated=True), fields=('name_zh',), name='entity_once_per_name_zh'), models.UniqueConstraint(condition=models.Q(('name_en', ''), _negated=True), fields=('name_en',), name='entity_once_per_name_en')],
            },
        ),
        migrations.CreateModel(
            name='DocumentSeries',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('RECEIPT', 'Receipt'), ('REFUND_NOTE', 'Refund note')], max_length=12)),
                ('year', models.PositiveSmallIntegerField()),
                ('last', models.PositiveIntegerField(default=0)),
                ('entity', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='series', to='billing.legalentity')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('entity', 'kind', 'year'), name='series_once_per_entity_kind_year')],
            },
        ),
        migrations.CreateModel(
            name='Document',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('refund_number', models.CharField(blank=True, max_length=24, verbose_name='refund')),
                ('kind', models.CharField(choices=[('RECEIPT', 'Receipt'), ('REFUND_NOTE', 'Refund note')], max_length=12, verbose_name='kind')),
                ('year', models.PositiveSmallIntegerField(verbose_name='year')),
                ('sequence', models.PositiveIntegerField(verbose_name='sequence')),
                ('number', models.CharField(max_length=30, unique=True, verbose_name='number')),
                ('dated_on', models.DateField(verbose_name='day of the fact')),
                ('language', models.CharField(max_length=10, verbose_name='language')),
                ('content', models.JSONField(verbose_name='content')),
                ('pdf', models.BinaryField(verbose_name='file')),
                ('sha256', models.CharField(max_length=64, verbose_name='SHA-256')),
                ('issued_at', models.DateTimeField(verbose_name='issued')),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='documents', to='billing.order', verbose_name='order')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='wallet.organisation', verbose_name='organisation')),
                ('entity', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.legalentity', verbose_name='issued by')),
            ],
            options={
                'verbose_name': 'document',
                'verbose_name_plural': 'documents',
                'indexes': [models.Index(fields=['organisation', 'dated_on', 'id'], name='document_by_day')],
                'constraints': [models.UniqueConstraint(fields=('entity', 'kind', 'year', 'sequence'), name='document_once_per_number'), models.UniqueConstraint(condition=models.Q(('kind', 'RECEIPT')), fields=('order',), name='document_one_receipt'), models.UniqueConstraint(condition=models.Q(('refund_number', ''), _negated=True), fields=('refund_number',), name='document_one_note'), models.CheckConstraint(condition=models.Q(('kind__in', ['RECEIPT', 'REFUND_NOTE'])), name='document_kind_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'RECEIPT'), ('refund_number', '')), models.Q(('kind', 'REFUND_NOTE'), models.Q(('refund_number', ''), _negated=True)), _connector='OR'), name='document_notes_name_a_refund'), models.CheckConstraint(condition=models.Q(('sequence__gte', 1)), name='document_numbers_begin_at_one'), models.CheckConstraint(condition=models.Q(('sha256__regex', '^[0-9a-f]{64}$')), name='document_has_its_hash')],
            },
        ),
        migrations.RunPython(add_entity, migrations.RunPython.noop),
        migrations.RunPython(guard_documents, migrations.RunPython.noop),
    ]
