"""What becomes of money at Stripe that credited nobody, with its guards in payments/sql/suspense_moves.sql."""

from pathlib import Path

import django.db.models.deletion
import djmoney.models.fields
import wallet.ids
from django.conf import settings
from django.db import migrations, models

SQL = Path(__file__).parent.parent / "sql" / "suspense_moves.sql"
STEPS = (
    "approved_by_id, approved_by_name, approved_at, withdrawn_by_id, withdrawn_at, credited_order_id, request, "
    "idempotency_key, stripe_id, stripe_status, attempts, ask_at, ended_at"
)


def guard(apps, schema_editor):
    schema_editor.execute(SQL.read_text("utf-8"), params=None)
    connection = schema_editor.connection
    role = settings.DATABASES["default"]["USER"]
    if role == connection.settings_dict["USER"]:
        return  # one role for everything: nothing can be taken from an owner
    name = connection.ops.quote_name(role)
    schema_editor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON payments_suspensemove FROM {name}")
    schema_editor.execute(f"GRANT UPDATE ({STEPS}) ON payments_suspensemove TO {name}")


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0014_giving_way'),
        ('payments', '0014_money_sent_back'),
        ('wallet', '0007_read_posting'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='SuspenseMove',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('CREDIT', 'Credit it'), ('REFUND', 'Send it back to the card')], max_length=6, verbose_name='kind')),
                ('amount_currency', djmoney.models.fields.CurrencyField(choices=[('CNY', 'Chinese Yuan'), ('USD', 'US Dollar')], default='USD', editable=False, max_length=3)),
                ('amount', djmoney.models.fields.MoneyField(decimal_places=6, max_digits=20, verbose_name='amount')),
                ('reason', models.CharField(max_length=500, verbose_name='reason')),
                ('made_by_name', models.CharField(max_length=254)),
                ('made_at', models.DateTimeField(verbose_name='proposed')),
                ('approved_by_name', models.CharField(blank=True, max_length=254)),
                ('approved_at', models.DateTimeField(blank=True, null=True, verbose_name='approved')),
                ('withdrawn_at', models.DateTimeField(blank=True, null=True, verbose_name='withdrawn')),
                ('idempotency_key', models.CharField(blank=True, max_length=64, null=True, unique=True, verbose_name='idempotency key')),
                ('request', models.JSONField(blank=True, null=True)),
                ('stripe_id', models.CharField(blank=True, max_length=100, null=True, unique=True, verbose_name='Refund at Stripe')),
                ('stripe_status', models.CharField(blank=True, max_length=200, verbose_name='what Stripe said last')),
                ('attempts', models.PositiveIntegerField(default=0, verbose_name='attempts')),
                ('ask_at', models.DateTimeField(blank=True, null=True, verbose_name='ask Stripe next')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended')),
                ('approved_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='approved by')),
                ('charge', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='suspense_moves', to='payments.balancetransaction', verbose_name='charge')),
                ('credited_order', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.order', verbose_name='credited as')),
                ('made_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='proposed by')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='wallet.organisation', verbose_name='in the suspense of')),
                ('payment', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='suspense_moves', to='payments.payment', verbose_name='payment')),
                ('to', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='wallet.organisation', verbose_name='to whom')),
                ('withdrawn_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='withdrawn by')),
            ],
            options={
                'verbose_name': 'movement of card money in suspense',
                'verbose_name_plural': 'card money in suspense',
                'indexes': [models.Index(condition=models.Q(('ask_at__isnull', False)), fields=['ask_at'], name='suspense_move_to_ask')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at', None), ('withdrawn_at', None)), fields=('payment',), name='suspense_move_once_per_payment'), models.UniqueConstraint(condition=models.Q(('ended_at', None), ('withdrawn_at', None)), fields=('charge',), name='suspense_move_once_per_charge'), models.CheckConstraint(condition=models.Q(models.Q(('charge', None), ('payment__isnull', False), ('to', None)), models.Q(('charge__isnull', False), ('kind', 'REFUND'), ('payment', None), ('to', None)), models.Q(('charge__isnull', False), ('kind', 'CREDIT'), ('payment', None), ('to__isnull', False)), _connector='OR'), name='suspense_move_has_one_source'), models.CheckConstraint(condition=models.Q(('amount__gt', 0), ('amount__lt', 1000000000000)), name='suspense_move_is_positive'), models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='suspense_move_has_a_reason'), models.CheckConstraint(condition=models.Q(('approved_by', None), models.Q(('approved_by', models.F('made_by')), _negated=True), _connector='OR'), name='suspense_move_approved_by_somebody_else'), models.CheckConstraint(condition=models.Q(models.Q(('approved_at', None), ('approved_by', None), ('credited_order', None), ('ended_at', None), ('request', None)), models.Q(('approved_at__isnull', False), ('approved_by__isnull', False), ('kind', 'REFUND'), ('withdrawn_at', None), ('credited_order', None), ('idempotency_key__isnull', False), ('request__isnull', False)), models.Q(('approved_at__isnull', False), ('approved_by__isnull', False), ('kind', 'CREDIT'), ('withdrawn_at', None), ('credited_order__isnull', False), ('ended_at__isnull', False), ('request', None)), _connector='OR'), name='suspense_move_done_by_its_approval'), models.CheckConstraint(condition=models.Q(models.Q(('withdrawn_at', None), ('withdrawn_by', None)), models.Q(('withdrawn_at__isnull', False), ('withdrawn_by__isnull', False)), _connector='OR'), name='suspense_move_withdrawn_by_somebody')],
            },
        ),
        migrations.RunPython(guard, migrations.RunPython.noop),
    ]
