"""Fapiao of orders paid in RMB, with their guards as plain SQL in billing/sql/fapiao.sql."""

from pathlib import Path

import django.db.models.deletion
import djmoney.models.fields
import wallet.ids
from django.conf import settings
from django.db import migrations, models

GUARDS = Path(__file__).parent.parent / "sql" / "fapiao.sql"
ISSUING = "number, issued_on, issued_by_id, issued_by_name, issued_at, file_kind, file, sha256"
ENDING = "ended_by_id, ended_by_name, ended_at, red_number, red_on, reason"


def guard_fapiao(apps, schema_editor):
    schema_editor.execute(GUARDS.read_text("utf-8"), params=None)
    connection = schema_editor.connection
    role = settings.DATABASES["default"]["USER"]
    if role == connection.settings_dict["USER"]:
        return  # one role for everything: nothing can be taken from an owner
    name = connection.ops.quote_name(role)
    schema_editor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON billing_fapiao FROM {name}")
    schema_editor.execute(f"GRANT UPDATE (state, {ISSUING}, {ENDING}) ON billing_fapiao TO {name}")


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0012_saved_filters'),
        ('wallet', '0007_read_posting'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='orderevent',
            name='note',
            field=models.CharField(choices=[('OPENED', 'Top-up started'), ('CARD_PAID', 'The card payment was confirmed by Stripe and credited'), ('PAID_LATE', 'The money arrived after this order had ended; it was credited all the same'), ('PROCESSING', 'The bank is still processing the payment'), ('METHOD_FAILED', 'The bank refused the payment; nothing was charged'), ('DEADLINE', 'Not paid in time; Stripe confirmed that nothing was charged'), ('BY_CUSTOMER', 'Cancelled on request; Stripe confirmed that nothing was charged'), ('ENDED_BY_TEAM', 'Ended by our team'), ('EXTRA_MONEY', 'A further payment arrived for the order before; it was credited here'), ('DECLARED', 'Declared as paid; our finance team looks for it at the bank'), ('DECLARED_AGAIN', 'Corrected and declared as paid again'), ('TRANSFER_PAID', 'The transfer arrived; our finance team approved and credited it'), ('TRANSFER_SHORT', 'Less than asked for arrived; what arrived was credited'), ('TRANSFER_OVER', 'More than asked for arrived; the rest is credited as an order of its own'), ('PART_ARRIVED', 'A part arrived and is kept safe; we wait for the rest'), ('NOT_ACCEPTED', 'Our finance team could not accept it'), ('OUT_OF_TIME', 'Not declared as paid in time; money that arrives later is still credited'), ('WITHDRAWN', 'Cancelled on request; money that arrives later is still credited'), ('ASSIGNED', 'Money that had fitted no order was credited'), ('MOVED', 'Moved from the wallet'), ('UNDONE', 'Undone: the money is back in the wallet'), ('TAKEN_BACK', 'Credited to the wrong balance: taken back there and credited to the right one'), ('CORRECTED', 'Credited here instead of the wrong balance'), ('REFUND_ASKED', 'A refund was asked for; the amount is set aside'), ('REFUND_APPROVED', 'The refund was approved and is on its way'), ('REFUND_SUCCEEDED', 'Refunded'), ('REFUND_FAILED', 'The refund failed; the amount is back in the balance'), ('REFUND_RETURNED', 'The refund came back; the amount is in the balance again'), ('REFUND_DECLINED', 'The refund was declined; the amount is back in the balance'), ('REFUND_WITHDRAWN', 'The refund was withdrawn; the amount is back in the balance'), ('DISPUTE_ASKED', "The card's bank asks about this payment; no money has moved"), ('DISPUTED', "The card's holder disputed this payment; the card's bank took the money back"), ('REINSTATED', "The card's bank gave the disputed money back"), ('DISPUTE_LOST', "The card's bank decided the dispute for the card's holder"), ('DISPUTE_CLOSED', "The card's bank asks no more about this payment"), ('FAPIAO_ASKED', 'A fapiao was asked for'), ('FAPIAO_WITHDRAWN', 'The request for a fapiao was withdrawn'), ('FAPIAO_ISSUED', 'The fapiao was issued'), ('FAPIAO_REJECTED', 'The request for a fapiao was rejected'), ('FAPIAO_REVERSED', 'The fapiao was reversed by a red-letter fapiao')], max_length=20, verbose_name='note'),
        ),
        migrations.CreateModel(
            name='Fapiao',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('place', models.PositiveSmallIntegerField(verbose_name='sequence')),
                ('state', models.CharField(choices=[('REQUESTED', 'Asked for'), ('ISSUED', 'Issued'), ('REVERSED', 'Reversed by a red-letter fapiao'), ('REJECTED', 'Rejected'), ('WITHDRAWN', 'Withdrawn')], default='REQUESTED', max_length=10, verbose_name='state')),
                ('kind', models.CharField(choices=[('PLAIN', 'Plain VAT fapiao'), ('SPECIAL', 'Special VAT fapiao')], max_length=8, verbose_name='kind')),
                ('buyer', models.CharField(choices=[('COMPANY', 'A company or organisation'), ('INDIVIDUAL', 'An individual, without a tax number')], max_length=10, verbose_name='made out to')),
                ('title', models.CharField(max_length=200, verbose_name='title')),
                ('tax_number', models.CharField(blank=True, max_length=18, verbose_name='taxpayer number')),
                ('address', models.CharField(blank=True, max_length=200, verbose_name='address')),
                ('phone', models.CharField(blank=True, max_length=40, verbose_name='telephone')),
                ('bank', models.CharField(blank=True, max_length=200, verbose_name='bank and branch')),
                ('bank_account', models.CharField(blank=True, max_length=40, verbose_name='bank account')),
                ('amount_currency', djmoney.models.fields.CurrencyField(choices=[('CNY', 'Chinese Yuan'), ('USD', 'US Dollar')], default='USD', editable=False, max_length=3)),
                ('amount', djmoney.models.fields.MoneyField(decimal_places=6, max_digits=20, verbose_name='amount')),
                ('asked_by_name', models.CharField(max_length=254, verbose_name='name then')),
                ('asked_at', models.DateTimeField(verbose_name='asked for')),
                ('form_token', models.CharField(editable=False, max_length=64, unique=True)),
                ('number', models.CharField(blank=True, max_length=20, null=True, unique=True, verbose_name='fapiao number')),
                ('issued_on', models.DateField(blank=True, null=True, verbose_name='date of the fapiao')),
                ('issued_by_name', models.CharField(blank=True, max_length=254, verbose_name="recorder's name then")),
                ('issued_at', models.DateTimeField(blank=True, null=True, verbose_name='recorded')),
                ('file_kind', models.CharField(blank=True, choices=[('PDF', 'PDF'), ('OFD', 'OFD')], max_length=3, verbose_name='kind of file')),
                ('file', models.BinaryField(blank=True, null=True, verbose_name='file')),
                ('sha256', models.CharField(blank=True, max_length=64, verbose_name='SHA-256')),
                ('ended_by_name', models.CharField(blank=True, max_length=254, verbose_name="ender's name then")),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended')),
                ('red_number', models.CharField(blank=True, max_length=20, null=True, unique=True, verbose_name='red-letter number')),
                ('red_on', models.DateField(blank=True, null=True, verbose_name='date of the red-letter fapiao')),
                ('reason', models.CharField(blank=True, max_length=500, verbose_name='reason')),
                ('asked_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='asked for by')),
                ('ended_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='ended by')),
                ('entity', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.legalentity', verbose_name='issued by')),
                ('issued_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='recorded by')),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='fapiaos', to='billing.order', verbose_name='order')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='wallet.organisation', verbose_name='organisation')),
            ],
            options={
                'verbose_name': 'fapiao',
                'verbose_name_plural': 'fapiao',
                'indexes': [models.Index(condition=models.Q(('state', 'REQUESTED')), fields=['asked_at'], name='fapiao_waiting')],
                'constraints': [models.UniqueConstraint(fields=('order', 'place'), name='fapiao_once_per_place'), models.CheckConstraint(condition=models.Q(('state__in', ['REQUESTED', 'ISSUED', 'REVERSED', 'REJECTED', 'WITHDRAWN'])), name='fapiao_state_is_known'), models.CheckConstraint(condition=models.Q(('amount__gt', 0), ('amount__lt', 1000000000000), ('amount_currency', 'CNY')), name='fapiao_amount_is_in_rmb'), models.CheckConstraint(condition=models.Q(('title', ''), _negated=True), name='fapiao_has_a_title'), models.CheckConstraint(condition=models.Q(models.Q(('buyer', 'INDIVIDUAL'), ('kind', 'PLAIN'), ('tax_number', '')), models.Q(('buyer', 'COMPANY'), ('kind__in', ['PLAIN', 'SPECIAL']), ('tax_number__regex', '^[0-9A-Z]{2}[0-9]{6}[0-9A-Z]{10}$')), _connector='OR'), name='fapiao_company_has_a_tax_number'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'SPECIAL'), _negated=True), models.Q(('address', ''), ('phone', ''), ('bank', ''), ('bank_account', ''), _connector='OR', _negated=True), _connector='OR'), name='fapiao_special_is_complete'), models.CheckConstraint(condition=models.Q(models.Q(('file__isnull', False), ('file_kind__in', ['PDF', 'OFD']), ('issued_at__isnull', False), ('issued_by__isnull', False), ('issued_on__isnull', False), ('number__isnull', False), ('state__in', ['ISSUED', 'REVERSED'])), models.Q(('file__isnull', True), ('file_kind', ''), ('issued_at__isnull', True), ('issued_by__isnull', True), ('issued_on__isnull', True), ('number__isnull', True), ('state__in', ['REQUESTED', 'REJECTED', 'WITHDRAWN'])), _connector='OR'), name='fapiao_issued_with_all_its_facts'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('ended_by__isnull', True), ('state__in', ['REQUESTED', 'ISSUED'])), models.Q(('ended_at__isnull', False), ('ended_by__isnull', False), ('state__in', ['REVERSED', 'REJECTED', 'WITHDRAWN'])), _connector='OR'), name='fapiao_ended_by_somebody'), models.CheckConstraint(condition=models.Q(models.Q(('red_number__isnull', False), ('red_on__isnull', False), ('state', 'REVERSED')), models.Q(models.Q(('state', 'REVERSED'), _negated=True), ('red_number__isnull', True), ('red_on__isnull', True)), _connector='OR'), name='fapiao_reversed_by_a_red_letter'), models.CheckConstraint(condition=models.Q(models.Q(models.Q(('reason', ''), _negated=True), ('state__in', ['REVERSED', 'REJECTED'])), models.Q(('reason', ''), ('state__in', ['REQUESTED', 'ISSUED', 'WITHDRAWN'])), _connector='OR'), name='fapiao_ended_for_a_reason'), models.CheckConstraint(condition=models.Q(('number__isnull', True), ('number__regex', '^([0-9]{8}|[0-9]{20})$'), _connector='OR'), name='fapiao_number_is_digits'), models.CheckConstraint(condition=models.Q(('red_number__isnull', True), ('red_number__regex', '^([0-9]{8}|[0-9]{20})$'), _connector='OR'), name='fapiao_red_number_is_digits')],
            },
        ),
        migrations.RunPython(guard_fapiao, migrations.RunPython.noop),
    ]
