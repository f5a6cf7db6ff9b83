"""Billing details and payer names; the application adds versions, and of a payer name it writes only the removal."""

import django.db.models.deletion
import wallet.ids
from django.conf import settings
from django.db import migrations, models


def keep_history(apps, schema_editor):
    role = schema_editor.quote_name(settings.DATABASES["default"]["USER"])
    schema_editor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON wallet_billingdetails, wallet_payername FROM {role}")
    schema_editor.execute(
        f"GRANT UPDATE (removed_at, removed_by_id, removed_by_name) ON wallet_payername TO {role}"
    )


class Migration(migrations.Migration):

    dependencies = [
        ('wallet', '0005_house'),
    ]

    operations = [
        migrations.CreateModel(
            name='BillingDetails',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(verbose_name='version')),
                ('legal_name_zh', models.CharField(blank=True, max_length=200, verbose_name='legal name in Chinese')),
                ('legal_name_en', models.CharField(blank=True, max_length=200, verbose_name='legal name in English')),
                ('address', models.CharField(max_length=500, verbose_name='address')),
                ('tax_number', models.CharField(blank=True, max_length=30, verbose_name='tax number')),
                ('recorded_at', models.DateTimeField(verbose_name='recorded')),
                ('by_name', models.CharField(max_length=254, verbose_name='name then')),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
                ('organisation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='billing_details', to='wallet.organisation', verbose_name='organisation')),
            ],
            options={
                'verbose_name': 'billing details',
                'verbose_name_plural': 'billing details',
                'constraints': [models.UniqueConstraint(fields=('organisation', 'version'), name='details_once_per_version'), models.CheckConstraint(condition=models.Q(('version__gte', 1)), name='details_are_counted_from_one'), models.CheckConstraint(condition=models.Q(('legal_name_en', ''), ('legal_name_zh', ''), _negated=True), name='details_have_a_legal_name'), models.CheckConstraint(condition=models.Q(('address', ''), _negated=True), name='details_have_an_address'), models.CheckConstraint(condition=models.Q(models.Q(('legal_name_zh__regex', '[\\u0001-\\u001f\\u007f-\\u009f\\u2028\\u2029]'), _negated=True), models.Q(('legal_name_en__regex', '[\\u0001-\\u001f\\u007f-\\u009f\\u2028\\u2029]'), _negated=True), models.Q(('tax_number__regex', '[\\u0001-\\u001f\\u007f-\\u009f\\u2028\\u2029]'), _negated=True), models.Q(('address__regex', '[\\u0001-\\u0009\\u000b-\\u001f\\u007f-\\u009f\\u2028\\u2029]'), _negated=True)), name='details_are_plain_lines')],
            },
        ),
        migrations.CreateModel(
            name='PayerName',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200, verbose_name='payer')),
                ('folded', models.CharField(max_length=200, verbose_name='as compared')),
                ('added_at', models.DateTimeField(verbose_name='added')),
                ('by_name', models.CharField(max_length=254, verbose_name='name then')),
                ('removed_at', models.DateTimeField(blank=True, null=True, verbose_name='removed')),
                ('removed_by_name', models.CharField(blank=True, max_length=254, verbose_name="remover's name then")),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payer_names', to='wallet.organisation', verbose_name='organisation')),
                ('removed_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='removed by')),
            ],
            options={
                'verbose_name': 'payer name',
                'verbose_name_plural': 'payer names',
                'constraints': [models.UniqueConstraint(condition=models.Q(('removed_at', None)), fields=('organisation', 'folded'), name='payer_name_once_while_live'), models.CheckConstraint(condition=models.Q(('folded', ''), _negated=True), name='payer_name_can_be_compared'), models.CheckConstraint(condition=models.Q(('name__regex', '[\\u0001-\\u001f\\u007f-\\u009f\\u2028\\u2029]'), _negated=True), name='payer_name_is_one_line'), models.CheckConstraint(condition=models.Q(models.Q(('removed_at', None), ('removed_by', None), ('removed_by_name', '')), models.Q(('removed_at__isnull', False), ('removed_by__isnull', False), models.Q(('removed_by_name', ''), _negated=True)), _connector='OR'), name='payer_name_removed_by_somebody')],
            },
        ),
        migrations.RunPython(keep_history, migrations.RunPython.noop),
    ]
