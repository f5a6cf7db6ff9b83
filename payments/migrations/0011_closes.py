"""The daily close; its guards are plain SQL in payments/sql/closes.sql."""

from pathlib import Path

import django.core.validators
import django.db.models.deletion
import djmoney.models.fields
import wallet.ids
from django.conf import settings
from django.db import migrations, models

GUARDS = Path(__file__).parent.parent / "sql" / "closes.sql"


NUMBERS = (
    ("bank:*", "1002", "Bank deposits"),
    ("stripe_clearing", "1012", "Other monetary assets: Stripe"),
    ("receivable", "1221", "Other receivables: disputed payments"),
    ("fx", "1099", "Currency conversion in transit"),
    ("wallet*", "2205.01", "Contract liabilities: wallets"),
    ("product:*", "2205.02", "Contract liabilities: products"),
    ("suspense", "2241", "Other payables: money to be assigned"),
    ("revenue:*", "6001", "Revenue from messaging"),
    ("fx_result", "6061", "Exchange gains and losses"),
    ("stripe_fees", "6603.01", "Finance costs: card fees"),
    ("bank_charges", "6603.02", "Finance costs: bank charges"),
    ("chargebacks", "6702", "Credit losses: chargebacks"),
)
"""What a new site begins with; finance puts its own in their place."""


def begin_mapping(apps, schema_editor):
    model = apps.get_model("payments", "GlNumber").objects.using(schema_editor.connection.alias)
    for code, number, name in NUMBERS:
        model.create(id=wallet.ids.new_id(), code=code, number=number, name=name)


def guard_closes(apps, schema_editor):
    schema_editor.execute(GUARDS.read_text("utf-8"), params=None)
    connection = schema_editor.connection
    role = settings.DATABASES["default"]["USER"]
    if role == connection.settings_dict["USER"]:
        return  # one role for everything: nothing can be taken from an owner
    name = connection.ops.quote_name(role)
    schema_editor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON payments_closeact FROM {name}")
    schema_editor.execute(f"REVOKE DELETE, TRUNCATE ON payments_dayclose, payments_difference FROM {name}")


class Migration(migrations.Migration):

    dependencies = [
        ("payments", "0010_balance_transactions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='DayClose',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('day', models.DateField(unique=True, verbose_name='business date')),
                ('state', models.CharField(choices=[('OPEN', 'Open'), ('SIGNED', 'Signed')], default='OPEN', max_length=6, verbose_name='state')),
                ('figures', models.JSONField(default=list, verbose_name='figures')),
                ('drawn_up_at', models.DateTimeField(verbose_name='drawn up')),
                ('signed_at', models.DateTimeField(blank=True, null=True, verbose_name='signed')),
                ('seal', models.CharField(blank=True, max_length=64, verbose_name='hash of the sealed day')),
                ('signed_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='signed by')),
            ],
            options={
                'verbose_name': 'daily close',
                'verbose_name_plural': 'daily closes',
            },
        ),
        migrations.CreateModel(
            name='CloseAct',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('SIGNED', 'Signed'), ('WITHDRAWN', 'Signature withdrawn')], max_length=9, verbose_name='kind')),
                ('by_name', models.CharField(max_length=254)),
                ('at', models.DateTimeField(verbose_name='when')),
                ('note', models.CharField(blank=True, max_length=500, verbose_name='note')),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
                ('close', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='acts', to='payments.dayclose', verbose_name='daily close')),
            ],
            options={
                'verbose_name': 'act on a daily close',
                'verbose_name_plural': 'acts on daily closes',
            },
        ),
        migrations.CreateModel(
            name='Difference',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('key', models.CharField(max_length=200, verbose_name='key')),
                ('kind', models.CharField(choices=[('ORDER_UNPOSTED', 'The ledger has no credit of this order, or another amount'), ('POSTING_ORPHANED', 'The ledger has a credit that no paid order has'), ('PAYMENT_UNKNOWN_THERE', 'Confirmed here, but Stripe lists no such charge'), ('CHARGE_UNKNOWN_HERE', 'Stripe lists a charge that no payment here has'), ('CHARGE_HELD', 'Paid at Stripe, does not agree with its order, and is in suspense'), ('REFUND_UNKNOWN_THERE', 'Refunded here, but Stripe lists no such refund'), ('NAMED_TRANSACTION', "A balance transaction of Stripe's that is not posted"), ('FEE_AT_STRIPE', "Stripe's fee and the fee in the ledger differ"), ('PAYOUT_LATE', 'A payout has not arrived at the bank in time'), ('PAYOUT_FAILED', 'A payout failed after it was at the bank, and was not taken back there yet'), ('PAYOUT_UNKNOWN', "The bank received a payout of Stripe's that fits none known here"), ('STATEMENT_MISSING', 'No statement of the account covers the day'), ('LINE_UNPOSTED', 'A bank line that is not in the ledger'), ('LINE_WAITING', 'At the bank, and credited to nobody yet'), ('LINE_TYPED', 'Typed by hand, and on no statement yet'), ('BANK_REFUND', 'Refunded by transfer, and on no statement yet'), ('OTHER_DAY', 'Counted on another day by the other side'), ('SUMS', 'The sums differ, and no single fact says why'), ('AUDIT', 'The audit of the ledger found a difference')], max_length=22, verbose_name='kind')),
                ('is_timing', models.BooleanField(default=False, verbose_name='timing')),
                ('amount_currency', djmoney.models.fields.CurrencyField(choices=[('CNY', 'Chinese Yuan'), ('USD', 'US Dollar')], default='USD', editable=False, max_length=3)),
                ('amount', djmoney.models.fields.MoneyField(decimal_places=6, max_digits=20, verbose_name='amount')),
                ('subject', models.CharField(max_length=200, verbose_name='about')),
                ('detail', models.CharField(blank=True, max_length=500, verbose_name='detail')),
                ('since', models.DateField(verbose_name='since')),
                ('note', models.CharField(blank=True, max_length=500, verbose_name='note')),
                ('noted_at', models.DateTimeField(blank=True, null=True, verbose_name='noted')),
                ('found_at', models.DateTimeField(verbose_name='found')),
                ('gone_at', models.DateTimeField(blank=True, null=True, verbose_name='gone')),
                ('close', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='differences', to='payments.dayclose', verbose_name='daily close')),
                ('line', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='payments.bankline', verbose_name='bank line')),
                ('order', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.order', verbose_name='order')),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='owner')),
            ],
            options={
                'verbose_name': 'difference',
                'verbose_name_plural': 'differences',
            },
        ),
        migrations.AddConstraint(
            model_name='dayclose',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('signed_at__isnull', True), ('signed_by__isnull', True), ('state', 'OPEN')), models.Q(('signed_at__isnull', False), ('signed_by__isnull', False), ('state', 'SIGNED'), models.Q(('seal', ''), _negated=True)), _connector='OR'), name='day_close_signed_by_somebody'),
        ),
        migrations.AddIndex(
            model_name='difference',
            index=models.Index(fields=['close', 'kind'], name='difference_of_close'),
        ),
        migrations.AddConstraint(
            model_name='difference',
            constraint=models.UniqueConstraint(fields=('close', 'key'), name='difference_once_per_close'),
        ),
        migrations.AddConstraint(
            model_name='difference',
            constraint=models.CheckConstraint(condition=models.Q(('gone_at__isnull', True), ('gone_at__gte', models.F('found_at')), _connector='OR'), name='difference_gone_after_found'),
        ),
        migrations.CreateModel(
            name='GlNumber',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('code', models.CharField(max_length=80, unique=True, validators=[django.core.validators.RegexValidator('\\A[a-z][a-z0-9_:-]*\\*?\\Z', 'A code of the chart of accounts, or its beginning followed by *.')], verbose_name='code')),
                ('number', models.CharField(max_length=30, validators=[django.core.validators.RegexValidator('\\A[0-9A-Za-z.-]+\\Z', 'Letters, digits, full stops and hyphens.')], verbose_name='account number')),
                ('name', models.CharField(blank=True, max_length=120, verbose_name='name')),
            ],
            options={
                'verbose_name': 'general ledger number',
                'verbose_name_plural': 'general ledger numbers',
                'ordering': ['number', 'code'],
                'constraints': [models.CheckConstraint(condition=models.Q(('number', ''), _negated=True), name='gl_number_is_there')],
            },
        ),
        migrations.CreateModel(
            name='DigestMail',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('day', models.DateField(verbose_name='morning of')),
                ('claimed_at', models.DateTimeField(verbose_name='taken up')),
                ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='attempts')),
                ('sent_at', models.DateTimeField(blank=True, null=True, verbose_name='sent')),
                ('error', models.CharField(blank=True, max_length=500, verbose_name='error')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='to')),
            ],
            options={
                'verbose_name': 'morning mail',
                'verbose_name_plural': 'morning mails',
                'indexes': [models.Index(condition=models.Q(('sent_at__isnull', True)), fields=['claimed_at'], name='digest_unsent')],
                'constraints': [models.UniqueConstraint(fields=('day', 'person'), name='digest_once_a_morning')],
            },
        ),
        migrations.RunPython(begin_mapping, migrations.RunPython.noop),
        migrations.RunPython(guard_closes, migrations.RunPython.noop),
    ]
