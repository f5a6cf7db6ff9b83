"""What customers dispute, and what they owe for it. Guards as plain SQL in billing/sql/disputes.sql."""

import django.db.models.deletion
import djmoney.models.fields
import wallet.ids
from decimal import Decimal
from pathlib import Path

from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

from wallet.ids import new_id

GUARDS = Path(__file__).parent.parent / "sql" / "disputes.sql"
CHANGING = (
    "order_id, state, reason, amount, fee, code, is_withdrawn, from_target, from_wallet, debt, written_off,"
    " evidence_due_at, has_evidence, asked_at, ended_at"
)
LIFTING = "lifted_at, lifted_by_id, lifted_by_name, note"


def add_rule(apps, schema_editor):
    apps.get_model("billing", "CardRule").objects.using(schema_editor.connection.alias).create(
        id=new_id(), blocks_cards=True, reason="The rule that the site began with", at=timezone.now()
    )


def guard_disputes(apps, schema_editor):
    schema_editor.execute(GUARDS.read_text("utf-8"), params=None)
    connection = schema_editor.connection
    role = settings.DATABASES["default"]["USER"]
    if role == connection.settings_dict["USER"]:
        return  # one role for everything: nothing can be taken from an owner
    name = connection.ops.quote_name(role)
    schema_editor.execute(
        "REVOKE UPDATE, DELETE, TRUNCATE ON billing_dispute, billing_disputemovement, billing_debtpayment,"
        f" billing_writeoff, billing_cardblock, billing_cardrule FROM {name}"
    )
    schema_editor.execute(f"GRANT UPDATE ({CHANGING}) ON billing_dispute TO {name}")
    schema_editor.execute(f"GRANT UPDATE ({LIFTING}) ON billing_cardblock TO {name}")


class Migration(migrations.Migration):

    dependencies = [("billing", "0010_refunds")]

    operations = [
        migrations.CreateModel(
            name='CardBlock',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('since', models.DateTimeField(verbose_name='since')),
                ('lifted_at', models.DateTimeField(blank=True, null=True, verbose_name='lifted')),
                ('lifted_by_name', models.CharField(blank=True, max_length=254, verbose_name='name then')),
                ('note', models.CharField(blank=True, max_length=500, verbose_name='note')),
            ],
            options={
                'verbose_name': 'card block',
                'verbose_name_plural': 'card blocks',
            },
        ),
        migrations.CreateModel(
            name='CardRule',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('blocks_cards', models.BooleanField(default=True, verbose_name='disputed money blocks further top-ups by card')),
                ('reason', models.CharField(max_length=500, verbose_name='reason')),
                ('at', models.DateTimeField(verbose_name='when')),
            ],
            options={
                'verbose_name': 'rule of card blocks',
                'verbose_name_plural': 'rules of card blocks',
            },
        ),
        migrations.CreateModel(
            name='DebtPayment',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('amount_currency', djmoney.models.fields.CurrencyField(choices=[('CNY', 'Chinese Yuan'), ('USD', 'US Dollar')], default='USD', editable=False, max_length=3)),
                ('amount', djmoney.models.fields.MoneyField(decimal_places=6, max_digits=20, verbose_name='amount')),
                ('at', models.DateTimeField(verbose_name='when')),
            ],
            options={
                'verbose_name': 'payment of a debt',
                'verbose_name_plural': 'payments of debts',
            },
        ),
        migrations.CreateModel(
            name='Dispute',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('stripe_id', models.CharField(max_length=100, unique=True, verbose_name='dispute at Stripe')),
                ('state', models.CharField(choices=[('INQUIRY', "The card's bank asks"), ('OPEN', 'Open'), ('WON', 'Won'), ('LOST', 'Lost'), ('CLOSED', 'Closed without a dispute')], default='OPEN', max_length=10, verbose_name='state')),
                ('reason', models.CharField(blank=True, max_length=60, verbose_name='reason given to the bank')),
                ('amount_currency', djmoney.models.fields.CurrencyField(choices=[('CNY', 'Chinese Yuan'), ('USD', 'US Dollar')], default='USD', editable=False, max_length=3)),
                ('amount', djmoney.models.fields.MoneyField(decimal_places=6, max_digits=20, verbose_name='amount')),
                ('fee_currency', djmoney.models.fields.CurrencyField(choices=[('CNY', 'Chinese Yuan'), ('USD', 'US Dollar')], default='USD', editable=False, max_length=3)),
                ('fee', djmoney.models.fields.MoneyField(decimal_places=6, max_digits=20, verbose_name='fee')),
                ('code', models.CharField(max_length=80, verbose_name='taken from')),
                ('is_withdrawn', models.BooleanField(default=False, verbose_name="money is with the card's bank")),
                ('from_target', models.DecimalField(decimal_places=6, default=Decimal('0'), max_digits=20)),
                ('from_wallet', models.DecimalField(decimal_places=6, default=Decimal('0'), max_digits=20)),
                ('debt', models.DecimalField(decimal_places=6, default=Decimal('0'), max_digits=20, verbose_name='owed')),
                ('written_off', models.DecimalField(decimal_places=6, default=Decimal('0'), max_digits=20, verbose_name='written off')),
                ('opened_at', models.DateTimeField(verbose_name='opened')),
                ('evidence_due_at', models.DateTimeField(blank=True, null=True, verbose_name='evidence until')),
                ('has_evidence', models.BooleanField(default=False, verbose_name='evidence sent')),
                ('asked_at', models.DateTimeField(verbose_name='Stripe was asked')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended')),
            ],
            options={
                'verbose_name': 'dispute',
                'verbose_name_plural': 'disputes',
            },
        ),
        migrations.CreateModel(
            name='DisputeMovement',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('transaction_id', models.CharField(max_length=100, unique=True, verbose_name='balance transaction')),
                ('kind', models.CharField(choices=[('WITHDRAWN', "Taken back by the card's bank"), ('REINSTATED', "Given back by the card's bank"), ('FEE', 'A fee alone')], max_length=10, verbose_name='what happened')),
                ('amount_currency', djmoney.models.fields.CurrencyField(choices=[('CNY', 'Chinese Yuan'), ('USD', 'US Dollar')], default='USD', editable=False, max_length=3)),
                ('amount', djmoney.models.fields.MoneyField(decimal_places=6, max_digits=20, verbose_name='amount')),
                ('fee_currency', djmoney.models.fields.CurrencyField(choices=[('CNY', 'Chinese Yuan'), ('USD', 'US Dollar')], default='USD', editable=False, max_length=3)),
                ('fee', djmoney.models.fields.MoneyField(decimal_places=6, max_digits=20, verbose_name='fee')),
                ('owed', models.DecimalField(decimal_places=6, max_digits=20, verbose_name='owed after it')),
                ('at', models.DateTimeField(verbose_name='booked')),
            ],
            options={
                'verbose_name': 'movement of a dispute',
                'verbose_name_plural': 'movements of disputes',
            },
        ),
        migrations.CreateModel(
            name='WriteOff',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('amount_currency', djmoney.models.fields.CurrencyField(choices=[('CNY', 'Chinese Yuan'), ('USD', 'US Dollar')], default='USD', editable=False, max_length=3)),
                ('amount', djmoney.models.fields.MoneyField(decimal_places=6, max_digits=20, verbose_name='amount')),
                ('reason', models.CharField(max_length=500, verbose_name='reason')),
                ('by_name', models.CharField(max_length=254, verbose_name='name then')),
                ('at', models.DateTimeField(verbose_name='when')),
                ('form_token', models.CharField(editable=False, max_length=64, unique=True)),
            ],
            options={
                'verbose_name': 'write-off',
                'verbose_name_plural': 'write-offs',
            },
        ),
        migrations.AlterField(
            model_name='flag',
            name='reason',
            field=models.CharField(choices=[('LATE_MONEY', 'Paid after the order had ended; credited'), ('EXTRA_PAYMENT', 'Paid more than once; credited as an order of its own'), ('WRONG_AMOUNT', "Stripe reports another amount than the order's"), ('WRONG_CURRENCY', "Stripe reports another currency than the order's"), ('NOTHING_HELD', 'Stripe reports a payment, but holds no money of it'), ('WRONG_ORDER', 'Stripe reports the session of another order'), ('WRONG_MODE', 'Live and test mode do not agree'), ('UNKNOWN_STATUS', 'Stripe reports a payment status we do not know'), ('UNREADABLE', "Stripe's answer about the payment cannot be understood"), ('NO_SUCH_SESSION', "Stripe does not know the payment's session"), ('REFUSED_BY_STRIPE', 'Stripe refused to start the payment'), ('REFUND_MISMATCH', 'Stripe reports of a refund what does not agree with it'), ('REFUNDED_AT_STRIPE', 'Refunded at Stripe, not here; booked as it happened'), ('DISPUTED', "The card's bank took the money back, or asks about it"), ('DISPUTE_UNCLEAR', 'Stripe reports something about a dispute that we cannot book')], max_length=20, verbose_name='reason'),
        ),
        migrations.AlterField(
            model_name='orderevent',
            name='note',
            field=models.CharField(choices=[('OPENED', 'Top-up started'), ('CARD_PAID', 'The card payment was confirmed by Stripe and credited'), ('PAID_LATE', 'The money arrived after this order had ended; it was credited all the same'), ('PROCESSING', 'The bank is still processing the payment'), ('METHOD_FAILED', 'The bank refused the payment; nothing was charged'), ('DEADLINE', 'Not paid in time; Stripe confirmed that nothing was charged'), ('BY_CUSTOMER', 'Cancelled on request; Stripe confirmed that nothing was charged'), ('ENDED_BY_TEAM', 'Ended by our team'), ('EXTRA_MONEY', 'A further payment arrived for the order before; it was credited here'), ('DECLARED', 'Declared as paid; our finance team looks for it at the bank'), ('DECLARED_AGAIN', 'Corrected and declared as paid again'), ('TRANSFER_PAID', 'The transfer arrived; our finance team approved and credited it'), ('TRANSFER_SHORT', 'Less than asked for arrived; what arrived was credited'), ('TRANSFER_OVER', 'More than asked for arrived; the rest is credited as an order of its own'), ('PART_ARRIVED', 'A part arrived and is kept safe; we wait for the rest'), ('NOT_ACCEPTED', 'Our finance team could not accept it'), ('OUT_OF_TIME', 'Not declared as paid in time; money that arrives later is still credited'), ('WITHDRAWN', 'Cancelled on request; money that arrives later is still credited'), ('ASSIGNED', 'Money that had fitted no order was credited'), ('MOVED', 'Moved from the wallet'), ('UNDONE', 'Undone: the money is back in the wallet'), ('TAKEN_BACK', 'Credited to the wrong balance: taken back there and credited to the right one'), ('CORRECTED', 'Credited here instead of the wrong balance'), ('REFUND_ASKED', 'A refund was asked for; the amount is set aside'), ('REFUND_APPROVED', 'The refund was approved and is on its way'), ('REFUND_SUCCEEDED', 'Refunded'), ('REFUND_FAILED', 'The refund failed; the amount is back in the balance'), ('REFUND_RETURNED', 'The refund came back; the amount is in the balance again'), ('REFUND_DECLINED', 'The refund was declined; the amount is back in the balance'), ('REFUND_WITHDRAWN', 'The refund was withdrawn; the amount is back in the balance'), ('DISPUTE_ASKED', "The card's bank asks about this payment; no money has moved"), ('DISPUTED', "The card's holder disputed this payment; the card's bank took the money back"), ('REINSTATED', "The card's bank gave the disputed money back"), ('DISPUTE_LOST', "The card's bank decided the dispute for the card's holder"), ('DISPUTE_CLOSED', "The card's bank asks no more about this payment")], max_length=20, verbose_name='note'),
        ),
        migrations.AddField(
            model_name='cardblock',
            name='lifted_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='lifted by'),
        ),
        migrations.AddField(
            model_name='cardblock',
            name='organisation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='wallet.organisation', verbose_name='organisation'),
        ),
        migrations.AddField(
            model_name='cardrule',
            name='by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by'),
        ),
        migrations.AddField(
            model_name='debtpayment',
            name='order',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='debt_payments', to='billing.order', verbose_name='paid by order'),
        ),
        migrations.AddField(
            model_name='debtpayment',
            name='organisation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='wallet.organisation', verbose_name='organisation'),
        ),
        migrations.AddField(
            model_name='debtpayment',
            name='refund',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='debt_payments', to='billing.refund', verbose_name='refund'),
        ),
        migrations.AddField(
            model_name='dispute',
            name='order',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='disputes', to='billing.order', verbose_name='order'),
        ),
        migrations.AddField(
            model_name='dispute',
            name='organisation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='wallet.organisation', verbose_name='organisation'),
        ),
        migrations.AddField(
            model_name='debtpayment',
            name='dispute',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='debt_payments', to='billing.dispute', verbose_name='dispute'),
        ),
        migrations.AddField(
            model_name='cardblock',
            name='dispute',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='card_blocks', to='billing.dispute', verbose_name='dispute'),
        ),
        migrations.AddField(
            model_name='disputemovement',
            name='dispute',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='movements', to='billing.dispute', verbose_name='dispute'),
        ),
        migrations.AddField(
            model_name='disputemovement',
            name='organisation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='wallet.organisation', verbose_name='organisation'),
        ),
        migrations.AddField(
            model_name='writeoff',
            name='by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by'),
        ),
        migrations.AddField(
            model_name='writeoff',
            name='dispute',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='write_offs', to='billing.dispute', verbose_name='dispute'),
        ),
        migrations.AddField(
            model_name='writeoff',
            name='organisation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='wallet.organisation', verbose_name='organisation'),
        ),
        migrations.AddField(
            model_name='writeoff',
            name='refund',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='write_offs', to='billing.refund', verbose_name='refund'),
        ),
        migrations.AddConstraint(
            model_name='cardrule',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='card_rule_has_a_reason'),
        ),
        migrations.AddIndex(
            model_name='dispute',
            index=models.Index(condition=models.Q(('debt__gt', 0)), fields=['organisation', 'id'], name='dispute_with_debt'),
        ),
        migrations.AddIndex(
            model_name='dispute',
            index=models.Index(condition=models.Q(('state__in', ['INQUIRY', 'OPEN'])), fields=['asked_at'], name='dispute_undecided'),
        ),
        migrations.AddConstraint(
            model_name='dispute',
            constraint=models.UniqueConstraint(fields=('organisation', 'id'), name='dispute_once_per_organisation'),
        ),
        migrations.AddConstraint(
            model_name='dispute',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['INQUIRY', 'OPEN', 'WON', 'LOST', 'CLOSED'])), name='dispute_state_is_known'),
        ),
        migrations.AddConstraint(
            model_name='dispute',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0), ('amount__lt', 1000000000000), ('fee_currency', models.F('amount_currency'))), name='dispute_amount_is_positive'),
        ),
        migrations.AddConstraint(
            model_name='dispute',
            constraint=models.CheckConstraint(condition=models.Q(('debt__gte', 0), ('from_target__gte', 0), ('from_wallet__gte', 0), ('written_off__gte', 0), ('debt__lt', 1000000000000), ('from_target__lt', 1000000000000), ('from_wallet__lt', 1000000000000), ('written_off__lt', 1000000000000)), name='dispute_parts_in_range'),
        ),
        migrations.AddConstraint(
            model_name='dispute',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('debt', 0), ('from_target', 0), ('from_wallet', 0), ('is_withdrawn', False), ('written_off', 0)), models.Q(('is_withdrawn', True), models.Q(('from_target__gt', 0), ('from_wallet__gt', 0), ('debt__gt', 0), ('written_off__gt', 0), _connector='OR')), _connector='OR'), name='dispute_withdrawn_has_its_parts'),
        ),
        migrations.AddConstraint(
            model_name='dispute',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('state__in', ['INQUIRY', 'OPEN'])), models.Q(models.Q(('state__in', ['INQUIRY', 'OPEN']), _negated=True), ('ended_at__isnull', False)), _connector='OR'), name='dispute_ended_has_its_time'),
        ),
        migrations.AddConstraint(
            model_name='debtpayment',
            constraint=models.UniqueConstraint(fields=('order', 'dispute'), name='debt_payment_once_per_dispute'),
        ),
        migrations.AddConstraint(
            model_name='debtpayment',
            constraint=models.UniqueConstraint(fields=('order', 'refund'), name='debt_payment_once_per_refund'),
        ),
        migrations.AddConstraint(
            model_name='debtpayment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('dispute__isnull', False), ('refund__isnull', True)), models.Q(('dispute__isnull', True), ('refund__isnull', False)), _connector='OR'), name='debt_payment_of_one_debt'),
        ),
        migrations.AddConstraint(
            model_name='debtpayment',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='debt_payment_is_positive'),
        ),
        migrations.AddIndex(
            model_name='cardblock',
            index=models.Index(condition=models.Q(('lifted_at__isnull', True)), fields=['organisation'], name='card_block_in_force'),
        ),
        migrations.AddConstraint(
            model_name='cardblock',
            constraint=models.UniqueConstraint(condition=models.Q(('lifted_at__isnull', True)), fields=('dispute',), name='card_block_once_per_dispute'),
        ),
        migrations.AddConstraint(
            model_name='cardblock',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('lifted_at__isnull', False), ('lifted_by_name__gt', ''), ('note__gt', '')), models.Q(('lifted_at__isnull', True), ('lifted_by__isnull', True), ('lifted_by_name', ''), ('note', '')), _connector='OR'), name='card_block_lifted_says_why'),
        ),
        migrations.AddConstraint(
            model_name='disputemovement',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('amount__gt', 0), ('kind__in', ['WITHDRAWN', 'REINSTATED'])), models.Q(('amount', 0), ('kind', 'FEE')), _connector='OR'), name='dispute_movement_of_its_kind'),
        ),
        migrations.AddConstraint(
            model_name='disputemovement',
            constraint=models.CheckConstraint(condition=models.Q(('owed__gte', 0)), name='dispute_movement_owes_no_less_than_nothing'),
        ),
        migrations.AddConstraint(
            model_name='writeoff',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('dispute__isnull', False), ('refund__isnull', True)), models.Q(('dispute__isnull', True), ('refund__isnull', False)), _connector='OR'), name='write_off_of_one_debt'),
        ),
        migrations.AddConstraint(
            model_name='writeoff',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='write_off_is_positive'),
        ),
        migrations.AddConstraint(
            model_name='writeoff',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='write_off_has_a_reason'),
        ),
        migrations.RunPython(add_rule, migrations.RunPython.noop),
        migrations.RunPython(guard_disputes, migrations.RunPython.noop),
    ]
