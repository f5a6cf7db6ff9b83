"""Refunds: money of orders that goes back, with their guards as plain SQL in billing/sql/refunds.sql."""

from decimal import Decimal
from pathlib import Path

import django.db.models.deletion
import djmoney.models.fields
import wallet.ids
from django.conf import settings
from django.db import migrations, models

GUARDS = Path(__file__).parent.parent / "sql" / "refunds.sql"
CHANGING = "state, debt, approved_by_id, approved_by_name, approved_at, succeeded_at, ended_at, failure"


def guard_refunds(apps, schema_editor):
    schema_editor.execute(GUARDS.read_text("utf-8"), params=None)
    connection = schema_editor.connection
    role = settings.DATABASES["default"]["USER"]
    if role == connection.settings_dict["USER"]:
        return  # one role for everything: nothing can be taken from an owner
    name = connection.ops.quote_name(role)
    schema_editor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON billing_refund FROM {name}")
    schema_editor.execute(f"GRANT UPDATE ({CHANGING}) ON billing_refund TO {name}")


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0009_documents'),
        ('wallet', '0007_read_posting'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Refund',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('number', models.CharField(max_length=24, unique=True, verbose_name='refund number')),
                ('origin', models.CharField(choices=[('CUSTOMER', 'Asked for by the customer'), ('FINANCE', 'Started by finance'), ('STRIPE', 'Made at Stripe')], max_length=10, verbose_name='origin')),
                ('state', models.CharField(choices=[('ASKED', 'Asked for'), ('APPROVED', 'On its way'), ('SUCCEEDED', 'Refunded'), ('RETURNED', 'Came back'), ('DECLINED', 'Declined'), ('WITHDRAWN', 'Withdrawn'), ('FAILED', 'Failed')], default='ASKED', max_length=10, verbose_name='state')),
                ('amount_currency', djmoney.models.fields.CurrencyField(choices=[('CNY', 'Chinese Yuan'), ('USD', 'US Dollar')], default='USD', editable=False, max_length=3)),
                ('amount', djmoney.models.fields.MoneyField(decimal_places=6, max_digits=20, verbose_name='taken from the balance')),
                ('back_currency', djmoney.models.fields.CurrencyField(choices=[('CNY', 'Chinese Yuan'), ('USD', 'US Dollar')], default='USD', editable=False, max_length=3)),
                ('back', djmoney.models.fields.MoneyField(decimal_places=6, max_digits=20, verbose_name='paid back')),
                ('debt', models.DecimalField(decimal_places=6, default=Decimal('0'), max_digits=20, verbose_name='owed')),
                ('reason', models.CharField(max_length=500, verbose_name='reason')),
                ('asked_by_name', models.CharField(max_length=254, verbose_name='name then')),
                ('asked_at', models.DateTimeField(verbose_name='asked for')),
                ('approved_by_name', models.CharField(blank=True, max_length=254)),
                ('approved_at', models.DateTimeField(blank=True, null=True, verbose_name='approved')),
                ('succeeded_at', models.DateTimeField(blank=True, null=True, verbose_name='refunded')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended')),
                ('failure', models.CharField(blank=True, max_length=500, verbose_name='why it did not go')),
                ('form_token', models.CharField(editable=False, max_length=64, null=True, unique=True)),
                ('stripe_id', models.CharField(editable=False, max_length=100, null=True, unique=True)),
            ],
            options={
                'verbose_name': 'refund',
                'verbose_name_plural': 'refunds',
            },
        ),
        migrations.AlterField(
            model_name='flag',
            name='reason',
            field=models.CharField(choices=[('LATE_MONEY', 'Paid after the order had ended; credited'), ('EXTRA_PAYMENT', 'Paid more than once; credited as an order of its own'), ('WRONG_AMOUNT', "Stripe reports another amount than the order's"), ('WRONG_CURRENCY', "Stripe reports another currency than the order's"), ('NOTHING_HELD', 'Stripe reports a payment, but holds no money of it'), ('WRONG_ORDER', 'Stripe reports the session of another order'), ('WRONG_MODE', 'Live and test mode do not agree'), ('UNKNOWN_STATUS', 'Stripe reports a payment status we do not know'), ('UNREADABLE', "Stripe's answer about the payment cannot be understood"), ('NO_SUCH_SESSION', "Stripe does not know the payment's session"), ('REFUSED_BY_STRIPE', 'Stripe refused to start the payment'), ('REFUND_MISMATCH', 'Stripe reports of a refund what does not agree with it'), ('REFUNDED_AT_STRIPE', 'Refunded at Stripe, not here; booked as it happened')], max_length=20, verbose_name='reason'),
        ),
        migrations.AlterField(
            model_name='orderevent',
            name='note',
            field=models.CharField(choices=[('OPENED', 'Top-up started'), ('CARD_PAID', 'The card payment was confirmed by Stripe and credited'), ('PAID_LATE', 'The money arrived after this order had ended; it was credited all the same'), ('PROCESSING', 'The bank is still processing the payment'), ('METHOD_FAILED', 'The bank refused the payment; nothing was charged'), ('DEADLINE', 'Not paid in time; Stripe confirmed that nothing was charged'), ('BY_CUSTOMER', 'Cancelled on request; Stripe confirmed that nothing was charged'), ('ENDED_BY_TEAM', 'Ended by our team'), ('EXTRA_MONEY', 'A further payment arrived for the order before; it was credited here'), ('DECLARED', 'Declared as paid; our finance team looks for it at the bank'), ('DECLARED_AGAIN', 'Corrected and declared as paid again'), ('TRANSFER_PAID', 'The transfer arrived; our finance team approved and credited it'), ('TRANSFER_SHORT', 'Less than asked for arrived; what arrived was credited'), ('TRANSFER_OVER', 'More than asked for arrived; the rest is credited as an order of its own'), ('PART_ARRIVED', 'A part arrived and is kept safe; we wait for the rest'), ('NOT_ACCEPTED', 'Our finance team could not accept it'), ('OUT_OF_TIME', 'Not declared as paid in time; money that arrives later is still credited'), ('WITHDRAWN', 'Cancelled on request; money that arrives later is still credited'), ('ASSIGNED', 'Money that had fitted no order was credited'), ('MOVED', 'Moved from the wallet'), ('UNDONE', 'Undone: the money is back in the wallet'), ('TAKEN_BACK', 'Credited to the wrong balance: taken back there and credited to the right one'), ('CORRECTED', 'Credited here instead of the wrong balance'), ('REFUND_ASKED', 'A refund was asked for; the amount is set aside'), ('REFUND_APPROVED', 'The refund was approved and is on its way'), ('REFUND_SUCCEEDED', 'Refunded'), ('REFUND_FAILED', 'The refund failed; the amount is back in the balance'), ('REFUND_RETURNED', 'The refund came back; the amount is in the balance again'), ('REFUND_DECLINED', 'The refund was declined; the amount is back in the balance'), ('REFUND_WITHDRAWN', 'The refund was withdrawn; the amount is back in the balance')], max_length=20, verbose_name='note'),
        ),
        migrations.AddField(
            model_name='refund',
            name='approved_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='approved by'),
        ),
        migrations.AddField(
            model_name='refund',
            name='asked_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='asked for by'),
        ),
        migrations.AddField(
            model_name='refund',
            name='order',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='billing.order', verbose_name='order'),
        ),
        migrations.AddField(
            model_name='refund',
            name='organisation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='wallet.organisation', verbose_name='organisation'),
        ),
        migrations.AddField(
            model_name='orderevent',
            name='refund',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='events', to='billing.refund', verbose_name='refund'),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(condition=models.Q(('state__in', ['ASKED', 'APPROVED'])), fields=['asked_at'], name='refund_waiting'),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(fields=['organisation', '-id'], name='refund_list'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.UniqueConstraint(fields=('organisation', 'id'), name='refund_once_per_organisation'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['ASKED', 'APPROVED', 'SUCCEEDED', 'RETURNED', 'DECLINED', 'WITHDRAWN', 'FAILED'])), name='refund_state_is_known'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0), ('amount__lt', 1000000000000), ('back__gt', 0), ('back__lt', 1000000000000)), name='refund_amounts_are_positive'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('debt__gte', 0), ('debt__lte', models.F('amount'))), name='refund_debt_in_range'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('asked_by__isnull', True), ('origin', 'STRIPE'), ('stripe_id__isnull', False)), models.Q(('asked_by__isnull', False), ('origin__in', ['CUSTOMER', 'FINANCE']), ('stripe_id__isnull', True)), _connector='OR'), name='refund_asked_by_somebody'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('approved_by__isnull', True), models.Q(('approved_by', models.F('asked_by')), _negated=True), _connector='OR'), name='refund_approved_by_somebody_else'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('approved_at__isnull', True), ('approved_by__isnull', True)), models.Q(('approved_at__isnull', False), ('approved_by__isnull', False)), _connector='OR'), name='refund_approved_by_somebody'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['APPROVED', 'SUCCEEDED', 'RETURNED', 'FAILED']), _negated=True), ('origin', 'STRIPE'), ('approved_at__isnull', False), _connector='OR'), name='refund_goes_by_approval'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['SUCCEEDED', 'RETURNED']), ('succeeded_at__isnull', False)), models.Q(models.Q(('state__in', ['SUCCEEDED', 'RETURNED']), _negated=True), ('succeeded_at__isnull', True)), _connector='OR'), name='refund_succeeded_has_its_time'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', False), ('state__in', ['RETURNED', 'DECLINED', 'WITHDRAWN', 'FAILED'])), models.Q(models.Q(('state__in', ['RETURNED', 'DECLINED', 'WITHDRAWN', 'FAILED']), _negated=True), ('ended_at__isnull', True)), _connector='OR'), name='refund_ended_has_its_time'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='refund_has_a_reason'),
        ),
        migrations.RunPython(guard_refunds, migrations.RunPython.noop),
        migrations.RunSQL(
            """
            ALTER TABLE billing_orderevent
                ADD CONSTRAINT order_event_refund_of_organisation FOREIGN KEY (organisation_id, refund_id)
                    REFERENCES billing_refund (organisation_id, id);
            """,
            "ALTER TABLE billing_orderevent DROP CONSTRAINT order_event_refund_of_organisation;",
        ),
    ]
