"""What moves at Stripe, payouts at the bank, and the house's own money there, with its guards in
payments/sql/balance_transactions.sql.
"""

from pathlib import Path

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
import djmoney.models.fields
import wallet.ids
from django.conf import settings
from django.db import migrations, models

SQL = Path(__file__).parent.parent / "sql" / "balance_transactions.sql"
TABLES = "payments_balancetransaction, payments_payout, payments_housemove"
JUDGED = "outcome, reason, detail, organisation_id, posting_keys, judged_at, payout_id"
TOLD = (
    "state, reconciliation, arrival_on, trace, failure, asked_at, itemised_at, line_id, matched_at, matched_by, "
    "reversed_at, back_line_id"
)
ENDING = "approved_by_id, approved_by_name, approved_at, cost, withdrawn_by_id, withdrawn_at"


def guard(apps, schema_editor):
    schema_editor.execute(SQL.read_text("utf-8"), params=None)
    connection = schema_editor.connection
    role = settings.DATABASES["default"]["USER"]
    if role == connection.settings_dict["USER"]:
        return  # one role for everything: nothing can be taken from an owner
    name = connection.ops.quote_name(role)
    schema_editor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {TABLES} FROM {name}")
    schema_editor.execute(f"GRANT UPDATE ({JUDGED}) ON payments_balancetransaction TO {name}")
    schema_editor.execute(f"GRANT UPDATE ({TOLD}) ON payments_payout TO {name}")
    schema_editor.execute(f"GRANT UPDATE ({ENDING}) ON payments_housemove TO {name}")


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0009_bank_refunds'),
        ('wallet', '0007_read_posting'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='deskact',
            name='kind',
            field=models.CharField(choices=[('LOOKED', 'Looked at it'), ('LOOKED_AT_SLIP', 'Looked at the slip'), ('TOOK', 'Took it'), ('GAVE_BACK', 'Gave it back'), ('FOUND', 'Gave the received facts'), ('WITHDREW', 'Withdrew it'), ('APPROVED', 'Approved'), ('REJECTED', 'Rejected'), ('KEPT', 'Kept the money until the rest arrives'), ('RETURNED', 'Recorded that it was sent back'), ('SAME', 'Recognised it as the money of another line'), ('PAYOUT', 'Recognised it as a payout of Stripe'), ('HOUSE', "Said that it is the house's own money"), ('REFUND_PAID', 'Recorded it as a refund paid'), ('REFUND_RETURNED', 'Recorded it as a refund that came back')], max_length=16, verbose_name='act'),
        ),
        migrations.AlterField(
            model_name='allocation',
            name='kind',
            field=models.CharField(choices=[('CREDITED', 'Credited'), ('RETURNED', 'Sent back'), ('SAME', 'The same money as another line'), ('REFUND', 'A refund'), ('BOUNCED', 'A refund that came back'), ('PAYOUT', 'A payout of Stripe'), ('CHARGE', 'Charge or interest of the bank'), ('EXCHANGE', 'Exchange of currencies')], max_length=8, verbose_name='kind'),
        ),
        migrations.CreateModel(
            name='Payout',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('stripe_id', models.CharField(max_length=100, unique=True, verbose_name='payout')),
                ('amount_currency', djmoney.models.fields.CurrencyField(choices=[('CNY', 'Chinese Yuan'), ('USD', 'US Dollar')], default='USD', editable=False, max_length=3)),
                ('amount', djmoney.models.fields.MoneyField(decimal_places=6, max_digits=20, verbose_name='amount')),
                ('state', models.CharField(choices=[('PENDING', 'Not sent yet'), ('IN_TRANSIT', 'On its way'), ('PAID', 'Paid, as Stripe says'), ('FAILED', 'Failed'), ('CANCELLED', 'Cancelled'), ('OTHER', 'In a state this site does not know')], max_length=10, verbose_name='state')),
                ('is_automatic', models.BooleanField(verbose_name='by schedule')),
                ('reconciliation', models.CharField(choices=[('COMPLETED', 'Itemised by Stripe'), ('IN_PROGRESS', 'Stripe is itemising it'), ('NOT_APPLICABLE', 'Cannot be itemised: it was started by hand')], max_length=14, verbose_name='itemising')),
                ('arrival_on', models.DateField(verbose_name='expected at the bank')),
                ('trace', models.CharField(blank=True, max_length=200, verbose_name='trace number')),
                ('failure', models.CharField(blank=True, max_length=500, verbose_name='why it failed')),
                ('stripe_created_at', models.DateTimeField(verbose_name='made at Stripe')),
                ('asked_at', models.DateTimeField(verbose_name='Stripe was asked')),
                ('itemised_at', models.DateTimeField(blank=True, null=True, verbose_name='itemised')),
                ('matched_at', models.DateTimeField(blank=True, null=True, verbose_name='found at the bank')),
                ('matched_by', models.CharField(blank=True, max_length=254, verbose_name='found by')),
                ('reversed_at', models.DateTimeField(blank=True, null=True, verbose_name='reversed')),
                ('back_line', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='payout_back', to='payments.bankline', verbose_name='taken back by')),
                ('line', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='payout', to='payments.bankline', verbose_name='bank line')),
            ],
            options={
                'verbose_name': 'payout',
                'verbose_name_plural': 'payouts',
            },
        ),
        migrations.CreateModel(
            name='BalanceTransaction',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('stripe_id', models.CharField(max_length=100, unique=True, verbose_name='balance transaction')),
                ('type', models.CharField(max_length=60, verbose_name='type')),
                ('category', models.CharField(max_length=60, verbose_name='reporting category')),
                ('amount_currency', djmoney.models.fields.CurrencyField(choices=[('CNY', 'Chinese Yuan'), ('USD', 'US Dollar')], default='USD', editable=False, max_length=3)),
                ('amount', djmoney.models.fields.MoneyField(decimal_places=6, max_digits=20, verbose_name='amount')),
                ('fee', models.DecimalField(decimal_places=6, max_digits=20, verbose_name='fee')),
                ('net', models.DecimalField(decimal_places=6, max_digits=20, verbose_name='net')),
                ('source_id', models.CharField(blank=True, max_length=100, verbose_name='source')),
                ('payment_intent_id', models.CharField(blank=True, max_length=100, verbose_name='Payment Intent')),
                ('claimed_payment', models.CharField(blank=True, max_length=100, verbose_name="payment, as Stripe's metadata names it")),
                ('description', models.CharField(blank=True, max_length=500, verbose_name='description')),
                ('stripe_created_at', models.DateTimeField(verbose_name='made at Stripe')),
                ('available_at', models.DateTimeField(verbose_name='available')),
                ('loaded_at', models.DateTimeField(verbose_name='loaded')),
                ('outcome', models.CharField(choices=[('NEW', 'Not looked at yet'), ('POSTED', 'Posted'), ('AGREED', 'Agrees with what is posted'), ('DIFFERENCE', 'A difference')], default='NEW', max_length=10, verbose_name='what became of it')),
                ('reason', models.CharField(blank=True, choices=[('UNKNOWN_TYPE', 'A type this site does not know'), ('OTHER_CURRENCY', 'Settled in another currency than USD'), ('OTHER_AMOUNT', 'Another amount than the one posted here'), ('NOT_CONFIRMED', 'Its payment is not confirmed here yet'), ('UNKNOWN_REFUND', 'A refund this site does not know'), ('REFUND_OPEN', 'Its refund has not come to its end here yet'), ('UNKNOWN_DISPUTE', 'A dispute this site does not know'), ('DISPUTE_OPEN', 'Its movement is not posted with the dispute yet'), ('UNKNOWN_PAYOUT', 'A payout this site does not know'), ('NOT_ITS_SUM', 'Amount less fee is not what Stripe calls net')], max_length=20, verbose_name='difference')),
                ('detail', models.CharField(blank=True, max_length=500, verbose_name='detail')),
                ('posting_keys', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), blank=True, default=list, size=None, verbose_name='posting keys')),
                ('judged_at', models.DateTimeField(blank=True, null=True, verbose_name='looked at')),
                ('organisation', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='wallet.organisation', verbose_name='organisation')),
                ('payout', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='transactions', to='payments.payout', verbose_name='payout')),
            ],
            options={
                'verbose_name': 'balance transaction',
                'verbose_name_plural': 'balance transactions',
            },
        ),
        migrations.CreateModel(
            name='HouseMove',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('CHARGE', 'Charge or interest of the bank'), ('EXCHANGE', 'Exchange of currencies')], max_length=8, verbose_name='kind')),
                ('reason', models.CharField(max_length=500, verbose_name='reason')),
                ('made_by_name', models.CharField(max_length=254)),
                ('made_at', models.DateTimeField(verbose_name='proposed')),
                ('approved_by_name', models.CharField(blank=True, max_length=254)),
                ('approved_at', models.DateTimeField(blank=True, null=True, verbose_name='approved')),
                ('cost', models.DecimalField(blank=True, decimal_places=6, max_digits=20, null=True, verbose_name='cost')),
                ('withdrawn_at', models.DateTimeField(blank=True, null=True, verbose_name='withdrawn')),
                ('approved_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='approved by')),
                ('came_as', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='exchanges', to='payments.bankline', verbose_name='came as')),
                ('line', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='house_moves', to='payments.bankline', verbose_name='bank line')),
                ('made_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='proposed by')),
                ('withdrawn_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='withdrawn by')),
            ],
            options={
                'verbose_name': "movement of the house's money",
                'verbose_name_plural': "movements of the house's money",
                'constraints': [models.UniqueConstraint(condition=models.Q(('withdrawn_at', None)), fields=('line',), name='house_move_once_per_line'), models.UniqueConstraint(condition=models.Q(('withdrawn_at', None)), fields=('came_as',), name='house_move_once_per_line_that_came'), models.CheckConstraint(condition=models.Q(models.Q(('came_as', None), ('cost', None), ('kind', 'CHARGE')), models.Q(('came_as__isnull', False), ('kind', 'EXCHANGE')), _connector='OR'), name='house_move_exchange_has_two_lines'), models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='house_move_has_a_reason'), models.CheckConstraint(condition=models.Q(('approved_by', None), models.Q(('approved_by', models.F('made_by')), _negated=True), _connector='OR'), name='house_move_approved_by_somebody_else'), models.CheckConstraint(condition=models.Q(models.Q(('approved_at', None), ('approved_by', None), ('cost', None)), models.Q(('approved_at__isnull', False), ('approved_by__isnull', False), ('withdrawn_at', None), models.Q(('kind', 'CHARGE'), models.Q(('cost__gte', 0), ('cost__lt', 1000000000000)), _connector='OR')), _connector='OR'), name='house_move_done_by_its_approval'), models.CheckConstraint(condition=models.Q(models.Q(('withdrawn_at', None), ('withdrawn_by', None)), models.Q(('withdrawn_at__isnull', False), ('withdrawn_by__isnull', False)), _connector='OR'), name='house_move_withdrawn_by_somebody')],
            },
        ),
        migrations.AddIndex(
            model_name='payout',
            index=models.Index(fields=['-arrival_on'], name='payout_by_day'),
        ),
        migrations.AddIndex(
            model_name='payout',
            index=models.Index(condition=models.Q(('line', None)), fields=['amount'], name='payout_to_match'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', -1000000000000), ('amount__lt', 1000000000000)), name='payout_is_finite'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('line', None), ('matched_at', None), ('matched_by', '')), models.Q(('amount__gt', 0), ('line__isnull', False), ('matched_at__isnull', False), models.Q(('matched_by', ''), _negated=True)), _connector='OR'), name='payout_found_by_somebody'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.CheckConstraint(condition=models.Q(('reversed_at', None), models.Q(('line__isnull', False), ('reversed_at__isnull', False), ('state__in', ['FAILED', 'CANCELLED'])), _connector='OR'), name='payout_reversed_when_failed'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.CheckConstraint(condition=models.Q(('back_line', None), ('reversed_at__isnull', False), _connector='OR'), name='payout_taken_back_when_reversed'),
        ),
        migrations.AddIndex(
            model_name='balancetransaction',
            index=models.Index(condition=models.Q(('outcome__in', ['NEW', 'DIFFERENCE'])), fields=['stripe_created_at'], name='balance_transaction_to_judge'),
        ),
        migrations.AddIndex(
            model_name='balancetransaction',
            index=models.Index(fields=['-stripe_created_at'], name='balance_transaction_newest'),
        ),
        migrations.AddIndex(
            model_name='balancetransaction',
            index=models.Index(fields=['source_id'], name='balance_transaction_source'),
        ),
        migrations.AddIndex(
            model_name='balancetransaction',
            index=models.Index(condition=models.Q(('payout__isnull', True)), fields=['available_at'], name='balance_transaction_unpaid'),
        ),
        migrations.AddConstraint(
            model_name='balancetransaction',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', -1000000000000), ('amount__lt', 1000000000000), ('fee__gt', -1000000000000), ('fee__lt', 1000000000000), ('net__gt', -1000000000000), ('net__lt', 1000000000000)), name='balance_transaction_is_finite'),
        ),
        migrations.AddConstraint(
            model_name='balancetransaction',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('outcome', 'DIFFERENCE'), models.Q(('reason', ''), _negated=True)), models.Q(models.Q(('outcome', 'DIFFERENCE'), _negated=True), ('reason', '')), _connector='OR'), name='balance_transaction_difference_is_named'),
        ),
        migrations.AddConstraint(
            model_name='balancetransaction',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('outcome', 'POSTED'), ('organisation__isnull', False), models.Q(('posting_keys', []), _negated=True)), models.Q(models.Q(('outcome', 'POSTED'), _negated=True), ('posting_keys', [])), _connector='OR'), name='balance_transaction_posted_has_keys'),
        ),
        migrations.AddConstraint(
            model_name='balancetransaction',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('outcome__in', ['POSTED', 'AGREED']), _negated=True), ('net', django.db.models.expressions.CombinedExpression(models.F('amount'), '-', models.F('fee'))), _connector='OR'), name='balance_transaction_settled_adds_up'),
        ),
        migrations.RunPython(guard, migrations.RunPython.noop),
    ]
