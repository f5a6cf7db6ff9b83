"""The catalogue, balances by number, who may use what, API keys, holds, days of usage."""

import django.db.models.deletion
import django.db.models.expressions
import djmoney.models.fields
import wallet.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('wallet', '0007_read_posting'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Product',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('slug', models.CharField(max_length=40, unique=True, verbose_name='slug')),
                ('name', models.CharField(max_length=60, verbose_name='name')),
                ('name_zh', models.CharField(max_length=60, verbose_name='name in Chinese')),
                ('icon', models.CharField(choices=[('chat', 'Speech bubble'), ('message', 'Envelope'), ('key', 'Key'), ('phone', 'Telephone'), ('box', 'Box')], default='box', max_length=10, verbose_name='icon')),
                ('currency', models.CharField(default='USD', max_length=3, verbose_name='currency')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('smallest_top_up', models.DecimalField(blank=True, decimal_places=2, max_digits=14, null=True, verbose_name='smallest top-up')),
                ('largest_top_up', models.DecimalField(blank=True, decimal_places=2, max_digits=14, null=True, verbose_name='largest top-up')),
                ('smallest_price', models.DecimalField(blank=True, decimal_places=6, max_digits=20, null=True, verbose_name='smallest unit price')),
                ('position', models.PositiveSmallIntegerField(default=100, verbose_name='position')),
            ],
            options={
                'verbose_name': 'product',
                'verbose_name_plural': 'products',
                'constraints': [models.CheckConstraint(condition=models.Q(('slug__regex', '^[a-z0-9]+(-[a-z0-9]+)*$')), name='product_slug_is_a_code'), models.CheckConstraint(condition=models.Q(('slug__in', ('access', 'held', 'topup')), _negated=True), name='product_slug_is_no_word_of_ours'), models.CheckConstraint(condition=models.Q(models.Q(('name', ''), _negated=True), models.Q(('name_zh', ''), _negated=True)), name='product_has_both_names'), models.CheckConstraint(condition=models.Q(('icon__in', ['chat', 'message', 'key', 'phone', 'box'])), name='product_icon_is_known'), models.CheckConstraint(condition=models.Q(('currency', 'USD')), name='product_counts_as_wallets_do'), models.CheckConstraint(condition=models.Q(models.Q(('smallest_top_up__isnull', True), models.Q(('smallest_top_up__gt', 0), ('smallest_top_up__lt', 1000000000000)), _connector='OR'), models.Q(('largest_top_up__isnull', True), models.Q(('largest_top_up__gt', 0), ('largest_top_up__lt', 1000000000000)), _connector='OR'), models.Q(('smallest_top_up__isnull', True), ('largest_top_up__isnull', True), ('largest_top_up__gte', models.F('smallest_top_up')), _connector='OR')), name='product_top_ups_are_a_range'), models.CheckConstraint(condition=models.Q(('smallest_price__isnull', True), models.Q(('smallest_price__gt', 0), ('smallest_price__lt', 1000000)), _connector='OR'), name='product_price_is_positive')],
            },
        ),
        migrations.CreateModel(
            name='ProductAccess',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('member', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='product_access', to='wallet.member', verbose_name='member')),
                ('products', models.ManyToManyField(blank=True, related_name='+', to='products.product', verbose_name='products')),
            ],
            options={
                'verbose_name': 'product permissions',
                'verbose_name_plural': 'product permissions',
            },
        ),
        migrations.CreateModel(
            name='Hold',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('request_id', models.CharField(max_length=100, verbose_name='request id')),
                ('amount_currency', djmoney.models.fields.CurrencyField(choices=[('CNY', 'Chinese Yuan'), ('USD', 'US Dollar')], default='USD', editable=False, max_length=3)),
                ('amount', djmoney.models.fields.MoneyField(decimal_places=6, max_digits=20, verbose_name='amount')),
                ('captured_currency', djmoney.models.fields.CurrencyField(choices=[('CNY', 'Chinese Yuan'), ('USD', 'US Dollar')], default='USD', editable=False, max_length=3)),
                ('captured', djmoney.models.fields.MoneyField(decimal_places=6, max_digits=20, verbose_name='captured')),
                ('released_currency', djmoney.models.fields.CurrencyField(choices=[('CNY', 'Chinese Yuan'), ('USD', 'US Dollar')], default='USD', editable=False, max_length=3)),
                ('released', djmoney.models.fields.MoneyField(decimal_places=6, max_digits=20, verbose_name='released')),
                ('description', models.CharField(blank=True, max_length=200, verbose_name='description')),
                ('state', models.CharField(choices=[('OPEN', 'Open'), ('CAPTURED', 'Captured'), ('RELEASED', 'Released'), ('EXPIRED', 'Expired')], default='OPEN', max_length=10, verbose_name='state')),
                ('by', models.CharField(max_length=100, verbose_name='by')),
                ('created_at', models.DateTimeField(verbose_name='created')),
                ('expires_at', models.DateTimeField(verbose_name='expires')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended')),
                ('organisation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='wallet.organisation', verbose_name='organisation')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='products.product', verbose_name='product')),
            ],
            options={
                'verbose_name': 'hold',
                'verbose_name_plural': 'holds',
                'indexes': [models.Index(condition=models.Q(('state', 'OPEN')), fields=['expires_at'], name='hold_open_by_expiry'), models.Index(condition=models.Q(('state', 'OPEN')), fields=['organisation', 'product', 'expires_at'], name='hold_open_by_balance')],
                'constraints': [models.UniqueConstraint(fields=('organisation', 'product', 'request_id'), name='hold_once_per_request'), models.CheckConstraint(condition=models.Q(('state__in', ['OPEN', 'CAPTURED', 'RELEASED', 'EXPIRED'])), name='hold_state_is_known'), models.CheckConstraint(condition=models.Q(('amount__gt', 0), ('amount__lt', 1000000000000), ('captured__gte', 0), ('released__gte', 0), ('amount__gte', django.db.models.expressions.CombinedExpression(models.F('captured'), '+', models.F('released')))), name='hold_gives_no_more_than_it_holds'), models.CheckConstraint(condition=models.Q(('captured_currency', models.F('amount_currency')), ('released_currency', models.F('amount_currency'))), name='hold_has_one_currency'), models.CheckConstraint(condition=models.Q(models.Q(('amount__gt', django.db.models.expressions.CombinedExpression(models.F('captured'), '+', models.F('released'))), ('ended_at__isnull', True), ('state', 'OPEN')), models.Q(models.Q(('state', 'OPEN'), _negated=True), ('amount', django.db.models.expressions.CombinedExpression(models.F('captured'), '+', models.F('released'))), ('ended_at__isnull', False)), _connector='OR'), name='hold_ends_when_nothing_is_left'), models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('created_at'))), name='hold_expires_after_it_began')],
            },
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('SERVICE', 'Product back end'), ('ORGANISATION', 'Organisation, read only')], max_length=12, verbose_name='kind')),
                ('name', models.CharField(max_length=60, verbose_name='name')),
                ('prefix', models.CharField(max_length=16, verbose_name='begins with')),
                ('secret_hash', models.CharField(editable=False, max_length=64, unique=True)),
                ('form_token', models.CharField(blank=True, editable=False, max_length=64, null=True, unique=True)),
                ('requests_per_minute', models.PositiveIntegerField(verbose_name='requests a minute')),
                ('created_by_name', models.CharField(max_length=254, verbose_name='name then')),
                ('created_at', models.DateTimeField(verbose_name='created')),
                ('last_used_at', models.DateTimeField(blank=True, null=True, verbose_name='last used')),
                ('revoked_at', models.DateTimeField(blank=True, null=True, verbose_name='revoked')),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
                ('organisation', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='api_keys', to='wallet.organisation', verbose_name='organisation')),
                ('revoked_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='revoked by')),
                ('product', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='api_keys', to='products.product', verbose_name='product')),
            ],
            options={
                'verbose_name': 'API key',
                'verbose_name_plural': 'API keys',
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('kind', 'SERVICE'), ('organisation__isnull', True), ('product__isnull', False)), models.Q(('kind', 'ORGANISATION'), ('organisation__isnull', False), ('product__isnull', True)), _connector='OR'), name='api_key_is_of_a_product_or_an_organisation'), models.CheckConstraint(condition=models.Q(('secret_hash__regex', '^[0-9a-f]{64}$')), name='api_key_is_hashed'), models.CheckConstraint(condition=models.Q(('requests_per_minute__gt', 0), ('requests_per_minute__lte', 1000000)), name='api_key_rate_is_a_rate'), models.CheckConstraint(condition=models.Q(models.Q(('revoked_at__isnull', True), ('revoked_by__isnull', True)), models.Q(('revoked_at__isnull', False), ('revoked_by__isnull', False)), _connector='OR'), name='api_key_revoked_by_somebody')],
            },
        ),
        migrations.CreateModel(
            name='ProductBalance',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('number', models.CharField(max_length=15, unique=True, verbose_name='product number')),
                ('opened_at', models.DateTimeField(verbose_name='opened')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='product_balances', to='wallet.organisation', verbose_name='organisation')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='balances', to='products.product', verbose_name='product')),
            ],
            options={
                'verbose_name': 'product balance',
                'verbose_name_plural': 'product balances',
                'constraints': [models.UniqueConstraint(fields=('organisation', 'product'), name='product_balance_once'), models.CheckConstraint(condition=models.Q(('number__regex', '^[1-9][0-9]{14}$')), name='product_number_has_15_digits')],
            },
        ),
        migrations.CreateModel(
            name='UsageDay',
            fields=[
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('day', models.DateField(verbose_name='day')),
                ('spent', models.DecimalField(decimal_places=6, max_digits=20, verbose_name='spent')),
                ('charge_count', models.BigIntegerField(verbose_name='charges')),
                ('closing', models.DecimalField(decimal_places=6, max_digits=20, verbose_name='closing balance')),
                ('organisation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='wallet.organisation', verbose_name='organisation')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='products.product', verbose_name='product')),
            ],
            options={
                'verbose_name': 'day of usage',
                'verbose_name_plural': 'days of usage',
                'indexes': [models.Index(fields=['day'], name='usage_by_day')],
                'constraints': [models.UniqueConstraint(fields=('organisation', 'product', 'day'), name='usage_once_per_day'), models.CheckConstraint(condition=models.Q(('charge_count__gte', 0), ('closing__gte', 0), ('spent__gte', 0)), name='usage_is_not_negative')],
            },
        ),
    ]
