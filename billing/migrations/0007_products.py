"""Moves from the wallet, rules that make them, corrections, alerts, notices and callbacks."""

import billing.models.alerts
import django.contrib.postgres.fields
import django.db.models.deletion
import djmoney.models.fields
import wallet.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0006_waiting_orders'),
        ('products', '0001_initial'),
        ('wallet', '0007_read_posting'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='orderevent',
            name='note',
            field=models.CharField(choices=[('OPENED', 'Top-up started'), ('CARD_PAID', 'The card payment was confirmed by Stripe and credited'), ('PAID_LATE', 'The money arrived after this order had ended; it was credited all the same'), ('PROCESSING', 'The bank is still processing the payment'), ('METHOD_FAILED', 'The bank refused the payment; nothing was charged'), ('DEADLINE', 'Not paid in time; Stripe confirmed that nothing was charged'), ('BY_CUSTOMER', 'Cancelled on request; Stripe confirmed that nothing was charged'), ('ENDED_BY_TEAM', 'Ended by our team'), ('EXTRA_MONEY', 'A further payment arrived for the order before; it was credited here'), ('DECLARED', 'Declared as paid; our finance team looks for it at the bank'), ('DECLARED_AGAIN', 'Corrected and declared as paid again'), ('TRANSFER_PAID', 'The transfer arrived; our finance team approved and credited it'), ('TRANSFER_SHORT', 'Less than asked for arrived; what arrived was credited'), ('TRANSFER_OVER', 'More than asked for arrived; the rest is credited as an order of its own'), ('PART_ARRIVED', 'A part arrived and is kept safe; we wait for the rest'), ('NOT_ACCEPTED', 'Our finance team could not accept it'), ('OUT_OF_TIME', 'Not declared as paid in time; money that arrives later is still credited'), ('WITHDRAWN', 'Cancelled on request; money that arrives later is still credited'), ('ASSIGNED', 'Money that had fitted no order was credited'), ('MOVED', 'Moved from the wallet'), ('UNDONE', 'Undone: the money is back in the wallet'), ('TAKEN_BACK', 'Credited to the wrong balance: taken back there and credited to the right one'), ('CORRECTED', 'Credited here instead of the wrong balance')], max_length=20, verbose_name='note'),
        ),
        migrations.CreateModel(
            name='AutoFill',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('threshold_currency', djmoney.models.fields.CurrencyField(choices=[('CNY', 'Chinese Yuan'), ('USD', 'US Dollar')], default='USD', editable=False, max_length=3)),
                ('threshold', djmoney.models.fields.MoneyField(decimal_places=6, max_digits=20, verbose_name='when the balance falls below')),
                ('amount', models.DecimalField(blank=True, decimal_places=2, max_digits=14, null=True, verbose_name='amount')),
                ('fill_to', models.DecimalField(blank=True, decimal_places=2, max_digits=14, null=True, verbose_name='fill up to')),
                ('floor', models.DecimalField(decimal_places=2, default=0, max_digits=14, verbose_name='left in the wallet')),
                ('daily_cap', models.DecimalField(decimal_places=2, max_digits=14, verbose_name='at most a day')),
                ('is_on', models.BooleanField(default=True, verbose_name='on')),
                ('set_by_name', models.CharField(max_length=254, verbose_name='name then')),
                ('set_at', models.DateTimeField(verbose_name='set')),
                ('stopped_at', models.DateTimeField(blank=True, null=True, verbose_name='stopped')),
                ('stop_reason', models.CharField(blank=True, choices=[('WALLET_TOO_LOW', 'The wallet does not hold enough above its floor'), ('OUTSIDE_LIMITS', 'The amount is outside the limits of a top-up'), ('NOT_OFFERED', 'The product cannot be topped up any more'), ('NOT_ALLOWED', 'Whoever set it may not top up the product any more'), ('UNDONE', 'One of its moves was undone'), ('FAILED', 'It failed for a reason we are looking into')], max_length=20, verbose_name='why it stopped')),
                ('waits_until', models.DateTimeField(blank=True, null=True, verbose_name='waits until')),
                ('retry_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('move_count', models.PositiveIntegerField(default=0, verbose_name='moves')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='wallet.organisation', verbose_name='organisation')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='products.product', verbose_name='product')),
                ('set_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='set by')),
            ],
            options={
                'verbose_name': 'auto-fill',
                'verbose_name_plural': 'auto-fills',
            },
        ),
        migrations.AddField(
            model_name='order',
            name='auto_fill',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='billing.autofill', verbose_name='auto-fill'),
        ),
        migrations.CreateModel(
            name='CallbackEndpoint',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('url', models.URLField(max_length=500, verbose_name='address')),
                ('username', models.CharField(max_length=60, unique=True, verbose_name='user name')),
                ('secret', models.CharField(editable=False, max_length=80)),
                ('events', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('balance.low', 'A balance is low'), ('order.paid', 'An order was paid'), ('test', 'A test')], max_length=20), size=None, verbose_name='events')),
                ('is_on', models.BooleanField(default=True, verbose_name='on')),
                ('created_by_name', models.CharField(max_length=254, verbose_name='name then')),
                ('created_at', models.DateTimeField(verbose_name='created')),
                ('removed_at', models.DateTimeField(blank=True, null=True, verbose_name='removed')),
                ('given_up_at', models.DateTimeField(blank=True, null=True, verbose_name='failing since')),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='callback_endpoints', to='wallet.organisation', verbose_name='organisation')),
            ],
            options={
                'verbose_name': 'callback address',
                'verbose_name_plural': 'callback addresses',
            },
        ),
        migrations.CreateModel(
            name='Callback',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('event', models.CharField(choices=[('balance.low', 'A balance is low'), ('order.paid', 'An order was paid'), ('test', 'A test')], max_length=20, verbose_name='event')),
                ('fact_id', models.UUIDField()),
                ('event_id', models.UUIDField(verbose_name='event id')),
                ('body', models.TextField(verbose_name='body')),
                ('created_at', models.DateTimeField(verbose_name='created')),
                ('next_at', models.DateTimeField(blank=True, null=True, verbose_name='next attempt')),
                ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='attempts')),
                ('delivered_at', models.DateTimeField(blank=True, null=True, verbose_name='delivered')),
                ('last_status', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='last answer')),
                ('last_error', models.CharField(blank=True, choices=[('REFUSED', 'The address answered, but not with success'), ('TOO_SLOW', 'No answer within 3 seconds'), ('NO_SUCH_HOST', 'The name of the address could not be resolved'), ('NOT_CONNECTED', 'No connection to the address'), ('NOT_TRUSTED', 'The certificate of the address is not valid'), ('NOT_PUBLIC', 'The address is not on the public internet'), ('NO_ANSWER', 'The connection was cut, or the answer was no HTTP')], max_length=20, verbose_name='last error')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='wallet.organisation', verbose_name='organisation')),
                ('endpoint', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='callbacks', to='billing.callbackendpoint', verbose_name='callback address')),
            ],
            options={
                'verbose_name': 'callback',
                'verbose_name_plural': 'callbacks',
            },
        ),
        migrations.CreateModel(
            name='Correction',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('target', models.CharField(max_length=80, verbose_name='right balance')),
                ('reason', models.CharField(max_length=500, verbose_name='reason')),
                ('made_by_name', models.CharField(max_length=254)),
                ('made_at', models.DateTimeField(verbose_name='proposed')),
                ('approved_by_name', models.CharField(blank=True, max_length=254)),
                ('approved_at', models.DateTimeField(blank=True, null=True, verbose_name='approved')),
                ('withdrawn_at', models.DateTimeField(blank=True, null=True, verbose_name='withdrawn')),
                ('approved_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='approved by')),
                ('credited_order', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='corrected_by', to='billing.order', verbose_name='credited order')),
                ('made_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='proposed by')),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='corrections', to='billing.order', verbose_name='order')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='wallet.organisation', verbose_name='organisation')),
                ('withdrawn_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='withdrawn by')),
            ],
            options={
                'verbose_name': 'correction',
                'verbose_name_plural': 'corrections',
            },
        ),
        migrations.CreateModel(
            name='LowBalanceAlert',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('target', models.CharField(max_length=80, verbose_name='balance')),
                ('threshold', models.DecimalField(blank=True, decimal_places=2, max_digits=14, null=True, verbose_name='threshold')),
                ('default_threshold', models.DecimalField(decimal_places=2, default=0, max_digits=14)),
                ('refreshed_on', models.DateField(editable=False, null=True)),
                ('is_on', models.BooleanField(default=True, verbose_name='on')),
                ('roles', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('OWNER', 'Owner'), ('BILLING', 'Billing'), ('VIEWER', 'Viewer')], max_length=10), default=billing.models.alerts._first_roles, size=None, verbose_name='roles')),
                ('dipped_at', models.DateTimeField(blank=True, null=True, verbose_name='low since')),
                ('organisation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='wallet.organisation', verbose_name='organisation')),
            ],
            options={
                'verbose_name': 'low-balance alert',
                'verbose_name_plural': 'low-balance alerts',
            },
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('LOW_BALANCE', 'Low balance'), ('AUTO_FILL_STOPPED', 'Auto-fill stopped'), ('CALLBACKS_FAILING', 'Callbacks cannot be delivered')], max_length=20, verbose_name='kind')),
                ('target', models.CharField(blank=True, max_length=80, verbose_name='balance')),
                ('facts', models.JSONField(default=dict, verbose_name='facts')),
                ('roles', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('OWNER', 'Owner'), ('BILLING', 'Billing'), ('VIEWER', 'Viewer')], max_length=10), size=None, verbose_name='told to')),
                ('at', models.DateTimeField(verbose_name='when')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='wallet.organisation', verbose_name='organisation')),
            ],
            options={
                'verbose_name': 'notice',
                'verbose_name_plural': 'notices',
            },
        ),
        migrations.CreateModel(
            name='NoticeMail',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('to', models.CharField(blank=True, max_length=1000, verbose_name='to')),
                ('subject', models.CharField(blank=True, max_length=200, verbose_name='subject')),
                ('claimed_at', models.DateTimeField(verbose_name='taken up')),
                ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='attempts')),
                ('sent_at', models.DateTimeField(blank=True, null=True, verbose_name='sent')),
                ('error', models.CharField(blank=True, max_length=500, verbose_name='error')),
                ('notice', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='mails', to='billing.notice', verbose_name='notice')),
                ('reader', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='reader')),
            ],
            options={
                'verbose_name': 'mail of a notice',
                'verbose_name_plural': 'mails of notices',
            },
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('method', 'BALANCE')), fields=['organisation', 'paid_at'], name='order_moved'),
        ),
        migrations.AddIndex(
            model_name='orderevent',
            index=models.Index(condition=models.Q(('state', 'PAID')), fields=['at'], name='order_event_paid'),
        ),
        migrations.AddConstraint(
            model_name='autofill',
            constraint=models.UniqueConstraint(fields=('organisation', 'product'), name='auto_fill_once'),
        ),
        migrations.AddConstraint(
            model_name='autofill',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('amount__gt', 0), ('amount__isnull', False), ('amount__lt', 1000000000000), ('fill_to__isnull', True)), models.Q(('amount__isnull', True), ('fill_to__gt', models.F('threshold')), ('fill_to__isnull', False), ('fill_to__lt', 1000000000000)), _connector='OR'), name='auto_fill_by_amount_or_up_to'),
        ),
        migrations.AddConstraint(
            model_name='autofill',
            constraint=models.CheckConstraint(condition=models.Q(('floor__gte', 0), ('floor__lt', 1000000000000), ('threshold__gt', 0), ('threshold__lt', 1000000000000), ('daily_cap__gt', 0), ('daily_cap__lt', 1000000000000)), name='auto_fill_amounts_in_range'),
        ),
        migrations.AddConstraint(
            model_name='autofill',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('is_on', True), ('stop_reason', ''), ('stopped_at__isnull', True)), ('is_on', False), _connector='OR'), name='auto_fill_on_has_not_stopped'),
        ),
        migrations.AddConstraint(
            model_name='callbackendpoint',
            constraint=models.UniqueConstraint(condition=models.Q(('removed_at__isnull', True)), fields=('organisation', 'url'), name='callback_endpoint_once_per_address'),
        ),
        migrations.AddConstraint(
            model_name='callbackendpoint',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('secret', ''), _negated=True), models.Q(('username', ''), _negated=True)), name='callback_endpoint_can_sign'),
        ),
        migrations.AddConstraint(
            model_name='callbackendpoint',
            constraint=models.CheckConstraint(condition=models.Q(('events__contained_by', ['order.paid', 'balance.low']), ('events__len__gt', 0)), name='callback_endpoint_wants_what_there_is'),
        ),
        migrations.AddIndex(
            model_name='callback',
            index=models.Index(condition=models.Q(('next_at__isnull', False)), fields=['next_at'], name='callback_due'),
        ),
        migrations.AddIndex(
            model_name='callback',
            index=models.Index(fields=['organisation', '-id'], name='callback_list'),
        ),
        migrations.AddConstraint(
            model_name='callback',
            constraint=models.UniqueConstraint(fields=('endpoint', 'fact_id'), name='callback_once_per_fact'),
        ),
        migrations.AddConstraint(
            model_name='callback',
            constraint=models.CheckConstraint(condition=models.Q(('delivered_at__isnull', True), ('next_at__isnull', True), _connector='OR'), name='callback_delivered_is_over'),
        ),
        migrations.AddConstraint(
            model_name='correction',
            constraint=models.UniqueConstraint(condition=models.Q(('withdrawn_at__isnull', True)), fields=('order',), name='correction_once_per_order'),
        ),
        migrations.AddConstraint(
            model_name='correction',
            constraint=models.CheckConstraint(condition=models.Q(('approved_by__isnull', True), models.Q(('approved_by', models.F('made_by')), _negated=True), _connector='OR'), name='correction_approved_by_somebody_else'),
        ),
        migrations.AddConstraint(
            model_name='correction',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('approved_at__isnull', True), ('approved_by__isnull', True), ('credited_order__isnull', True)), models.Q(('approved_at__isnull', False), ('approved_by__isnull', False), ('credited_order__isnull', False), ('withdrawn_at__isnull', True)), _connector='OR'), name='correction_done_by_its_approval'),
        ),
        migrations.AddConstraint(
            model_name='correction',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('withdrawn_at__isnull', True), ('withdrawn_by__isnull', True)), models.Q(('withdrawn_at__isnull', False), ('withdrawn_by__isnull', False)), _connector='OR'), name='correction_withdrawn_by_somebody'),
        ),
        migrations.AddConstraint(
            model_name='correction',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='correction_has_a_reason'),
        ),
        migrations.AddConstraint(
            model_name='lowbalancealert',
            constraint=models.UniqueConstraint(fields=('organisation', 'target'), name='alert_once_per_balance'),
        ),
        migrations.AddConstraint(
            model_name='lowbalancealert',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('threshold__isnull', True), models.Q(('threshold__gte', 0), ('threshold__lt', 1000000000000)), _connector='OR'), ('default_threshold__gte', 0), ('default_threshold__lt', 1000000000000)), name='alert_threshold_in_range'),
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(fields=['organisation', '-id'], name='notice_list'),
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(fields=['at'], name='notice_by_time'),
        ),
        migrations.AddConstraint(
            model_name='notice',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['LOW_BALANCE', 'AUTO_FILL_STOPPED', 'CALLBACKS_FAILING'])), name='notice_kind_is_known'),
        ),
        migrations.AddConstraint(
            model_name='noticemail',
            constraint=models.UniqueConstraint(fields=('notice', 'reader'), name='notice_mail_once_per_reader', nulls_distinct=False),
        ),
        migrations.AddIndex(
            model_name='noticemail',
            index=models.Index(condition=models.Q(('sent_at__isnull', True)), fields=['claimed_at'], name='notice_mail_unsent'),
        ),
    ]
