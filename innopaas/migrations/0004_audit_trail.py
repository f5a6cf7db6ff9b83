"""The audit trail: a table of changes and its triggers for every model that innopaas.models tracks."""

import django.contrib.auth.models
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.manager
import pghistory.utils
import pgtrigger.compiler
import pgtrigger.migrations
import wallet.ids
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models

from innopaas import history


def begin(apps, schema_editor):
    for model in ("TopUpLimit", "RateRule", "SpecialDay", "BankAccount", "ApprovalLimit", "RejectionReason", "Group"):
        history.begin(apps, schema_editor, model=model)


class Migration(migrations.Migration):

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('billing', '0005_offline_orders'),
        ('innopaas', '0003_ending_orders'),
        ('mfa', '0003_authenticator_type_uniq'),
        ('payments', '0006_sorted_lines'),
        ('pghistory', '0007_auto_20250421_0444'),
        ('wallet', '0006_billing_details'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ApprovalLimitEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('pgh_context', pghistory.utils.JSONField(null=True)),
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, serialize=False)),
                ('currency', models.CharField(choices=[('CNY', 'CNY ¥'), ('USD', 'USD $')], max_length=3, verbose_name='currency')),
                ('single_up_to', models.DecimalField(decimal_places=2, max_digits=14, verbose_name='one approver up to')),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='BankAccountEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('pgh_context', pghistory.utils.JSONField(null=True)),
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, serialize=False)),
                ('code', models.CharField(max_length=30, validators=[django.core.validators.RegexValidator('\\A[a-z0-9]+(-[a-z0-9]+)*\\Z', 'Lower-case letters and digits, with hyphens between them.')], verbose_name='code')),
                ('currency', models.CharField(choices=[('CNY', 'CNY ¥'), ('USD', 'USD $')], max_length=3, verbose_name='currency')),
                ('legal_entity', models.CharField(max_length=120, verbose_name='legal entity')),
                ('payee_zh', models.CharField(blank=True, max_length=120, verbose_name='payee in Chinese')),
                ('payee_en', models.CharField(blank=True, max_length=120, verbose_name='payee in English')),
                ('bank_zh', models.CharField(blank=True, max_length=160, verbose_name='bank and branch in Chinese')),
                ('bank_en', models.CharField(blank=True, max_length=160, verbose_name='bank and branch in English')),
                ('bank_address', models.CharField(blank=True, max_length=240, verbose_name="bank's address")),
                ('number', models.CharField(max_length=40, verbose_name='account number')),
                ('cnaps', models.CharField(blank=True, max_length=12, validators=[django.core.validators.RegexValidator('\\A[0-9]{12}\\Z', 'A CNAPS code has 12 digits.')], verbose_name='CNAPS code')),
                ('swift', models.CharField(blank=True, max_length=11, validators=[django.core.validators.RegexValidator('\\A[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?\\Z', 'A SWIFT code has 8 or 11 capital letters and digits.')], verbose_name='SWIFT code')),
                ('profile', models.CharField(choices=[('GENERIC', 'Any CSV, with its columns named'), ('BOC', 'Bank of China'), ('ICBC', 'ICBC'), ('CMB', 'China Merchants Bank')], default='GENERIC', max_length=10, verbose_name='CSV export')),
                ('columns', models.JSONField(blank=True, default=dict, verbose_name='CSV columns')),
                ('fee_tolerance', models.DecimalField(decimal_places=2, default=0, max_digits=14, verbose_name='bank fee we bear at most')),
                ('position', models.PositiveSmallIntegerField(default=0, verbose_name='position')),
                ('is_open', models.BooleanField(default=True, verbose_name='shown to customers')),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='GroupEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('pgh_context', pghistory.utils.JSONField(null=True)),
                ('id', models.IntegerField()),
                ('name', models.CharField(max_length=150, verbose_name='name')),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='RateRuleEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('pgh_context', pghistory.utils.JSONField(null=True)),
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, serialize=False)),
                ('base', models.CharField(max_length=3, verbose_name='one unit of')),
                ('quote', models.CharField(max_length=3, verbose_name='is worth so many')),
                ('max_age_hours', models.PositiveSmallIntegerField(help_text='An older rate is not quoted: customers are told when to come back.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(240)], verbose_name='a rate counts for (hours)')),
                ('jump_percent', models.DecimalField(decimal_places=2, help_text='A rate further than this from the last one waits until somebody else has approved it.', max_digits=5, validators=[django.core.validators.MinValueValidator(Decimal('0.01')), django.core.validators.MaxValueValidator(50)], verbose_name='a second person from (percent)')),
                ('quote_hours', models.PositiveSmallIntegerField(help_text='A customer whose money arrives within this time gets the rate he was shown.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(240)], verbose_name='a quote holds for (hours)')),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='RejectionReasonEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('pgh_context', pghistory.utils.JSONField(null=True)),
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, serialize=False)),
                ('title', models.CharField(max_length=80, verbose_name='name for finance')),
                ('text_en', models.CharField(max_length=300, verbose_name='what the customer reads in English')),
                ('text_zh', models.CharField(max_length=300, verbose_name='what the customer reads in Chinese')),
                ('position', models.PositiveSmallIntegerField(default=0, verbose_name='position')),
                ('is_offered', models.BooleanField(default=True, verbose_name='offered')),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='SpecialDayEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('pgh_context', pghistory.utils.JSONField(null=True)),
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, serialize=False)),
                ('day', models.DateField(verbose_name='day')),
                ('is_working_day', models.BooleanField(default=False, verbose_name='is a working day')),
                ('name', models.CharField(max_length=60, verbose_name='name in English')),
                ('name_zh', models.CharField(max_length=60, verbose_name='name in Chinese')),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='TopUpLimitEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('pgh_context', pghistory.utils.JSONField(null=True)),
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, serialize=False)),
                ('method', models.CharField(choices=[('CARD', 'Credit card'), ('OFFLINE', 'Offline transfer'), ('BALANCE', 'Wallet balance')], max_length=10, verbose_name='method')),
                ('currency', models.CharField(max_length=3, verbose_name='currency')),
                ('minimum', models.DecimalField(decimal_places=2, max_digits=14, verbose_name='minimum')),
                ('maximum', models.DecimalField(decimal_places=2, max_digits=14, verbose_name='maximum')),
                ('presets', django.contrib.postgres.fields.ArrayField(base_field=models.DecimalField(decimal_places=2, max_digits=14), blank=True, size=None, verbose_name='amounts offered')),
                ('days_to_pay', models.PositiveSmallIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(60)], verbose_name='days to pay')),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='TrackedUser',
            fields=[
            ],
            options={
                'proxy': True,
                'default_permissions': (),
                'indexes': [],
                'constraints': [],
            },
            bases=('wallet.user',),
        ),
        migrations.CreateModel(
            name='TrackedTopUpLimit',
            fields=[
            ],
            options={
                'proxy': True,
                'default_permissions': (),
                'indexes': [],
                'constraints': [],
            },
            bases=('billing.topuplimit',),
        ),
        migrations.CreateModel(
            name='TrackedSpecialDay',
            fields=[
            ],
            options={
                'proxy': True,
                'default_permissions': (),
                'indexes': [],
                'constraints': [],
            },
            bases=('billing.specialday',),
        ),
        migrations.CreateModel(
            name='TrackedRejectionReason',
            fields=[
            ],
            options={
                'proxy': True,
                'default_permissions': (),
                'indexes': [],
                'constraints': [],
            },
            bases=('payments.rejectionreason',),
        ),
        migrations.CreateModel(
            name='TrackedRateRule',
            fields=[
            ],
            options={
                'proxy': True,
                'default_permissions': (),
                'indexes': [],
                'constraints': [],
            },
            bases=('billing.raterule',),
        ),
        migrations.CreateModel(
            name='TrackedGroup',
            fields=[
            ],
            options={
                'proxy': True,
                'default_permissions': (),
                'indexes': [],
                'constraints': [],
            },
            bases=('auth.group',),
            managers=[
                ('objects', django.contrib.auth.models.GroupManager()),
            ],
        ),
        migrations.CreateModel(
            name='TrackedExchangeRate',
            fields=[
            ],
            options={
                'proxy': True,
                'default_permissions': (),
                'indexes': [],
                'constraints': [],
            },
            bases=('billing.exchangerate',),
        ),
        migrations.CreateModel(
            name='TrackedBankAccount',
            fields=[
            ],
            options={
                'proxy': True,
                'default_permissions': (),
                'indexes': [],
                'constraints': [],
            },
            bases=('payments.bankaccount',),
        ),
        migrations.CreateModel(
            name='TrackedAuthenticator',
            fields=[
            ],
            options={
                'proxy': True,
                'default_permissions': (),
                'indexes': [],
                'constraints': [],
            },
            bases=('mfa.authenticator',),
        ),
        migrations.CreateModel(
            name='TrackedApprovalLimit',
            fields=[
            ],
            options={
                'proxy': True,
                'default_permissions': (),
                'indexes': [],
                'constraints': [],
            },
            bases=('payments.approvallimit',),
        ),
        migrations.CreateModel(
            name='StaffEdit',
            fields=[
            ],
            options={
                'verbose_name': 'change by staff',
                'verbose_name_plural': 'audit trail',
                'proxy': True,
                'default_permissions': ('view',),
                'indexes': [],
                'constraints': [],
            },
            bases=('pghistory.events',),
            managers=[
                ('no_objects', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='TrackedGroupPermissions',
            fields=[
            ],
            options={
                'proxy': True,
                'default_permissions': (),
                'indexes': [],
                'constraints': [],
            },
            bases=('auth.group_permissions',),
        ),
        migrations.CreateModel(
            name='TrackedUserGroups',
            fields=[
            ],
            options={
                'proxy': True,
                'default_permissions': (),
                'indexes': [],
                'constraints': [],
            },
            bases=('wallet.user_groups',),
        ),
        migrations.CreateModel(
            name='AuthenticatorEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('pgh_context', pghistory.utils.JSONField(null=True)),
                ('id', models.BigIntegerField()),
                ('type', models.CharField(choices=[('recovery_codes', 'Recovery codes'), ('totp', 'TOTP Authenticator'), ('webauthn', 'WebAuthn')], max_length=20)),
                ('user', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ExchangeRateEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('pgh_context', pghistory.utils.JSONField(null=True)),
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, serialize=False)),
                ('base', models.CharField(max_length=3, verbose_name='one unit of')),
                ('quote', models.CharField(max_length=3, verbose_name='is worth so many')),
                ('rate', models.DecimalField(decimal_places=6, max_digits=14, verbose_name='rate')),
                ('source', models.CharField(max_length=100, verbose_name='source')),
                ('stated_at', models.DateTimeField(verbose_name='as of')),
                ('effective_at', models.DateTimeField(blank=True, null=True, verbose_name='counts since')),
                ('state', models.CharField(choices=[('ACTIVE', 'Accepted'), ('WAITING', 'Waits for a second person'), ('REFUSED', 'Refused')], max_length=10, verbose_name='state')),
                ('compared_with', models.DecimalField(blank=True, decimal_places=6, max_digits=14, null=True, verbose_name='rate before')),
                ('jump_percent', models.DecimalField(decimal_places=2, max_digits=5, verbose_name='second person from (percent)')),
                ('loaded_for', models.DateField(blank=True, null=True, verbose_name='loaded for')),
                ('created_at', models.DateTimeField(verbose_name='entered at')),
                ('approved_at', models.DateTimeField(blank=True, null=True, verbose_name='approved at')),
                ('refused_at', models.DateTimeField(blank=True, null=True, verbose_name='refused at')),
                ('note', models.CharField(blank=True, max_length=500, verbose_name='note')),
                ('approved_by', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL, verbose_name='approved by')),
                ('entered_by', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL, verbose_name='entered by')),
                ('refused_by', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL, verbose_name='refused by')),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='GroupPermissionsEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('pgh_context', pghistory.utils.JSONField(null=True)),
                ('id', models.IntegerField()),
                ('group', models.ForeignKey(db_constraint=False, db_tablespace='', on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='auth.group')),
                ('permission', models.ForeignKey(db_constraint=False, db_tablespace='', on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='auth.permission')),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='UserGroupsEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('pgh_context', pghistory.utils.JSONField(null=True)),
                ('id', models.BigIntegerField()),
                ('group', models.ForeignKey(db_constraint=False, db_tablespace='', on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='auth.group')),
                ('user', models.ForeignKey(db_constraint=False, db_tablespace='', on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='UserEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('pgh_context', pghistory.utils.JSONField(null=True)),
                ('id', models.UUIDField(default=wallet.ids.new_id, editable=False, serialize=False)),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail address')),
                ('is_staff', models.BooleanField(default=False, verbose_name='staff')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='innopaas.trackeduser')),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackeduser',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."is_staff")', func='INSERT INTO "innopaas_userevent" ("email", "id", "is_active", "is_staff", "is_superuser", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (NEW."email", NEW."id", NEW."is_active", NEW."is_staff", NEW."is_superuser", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\', NEW."id"); RETURN NULL;', hash='af2db501802dc5c3bda67ce2a0571194ba3fa066', operation='INSERT', pgid='pgtrigger_insert_insert_8092b', table='wallet_user', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackeduser',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."email" IS DISTINCT FROM (NEW."email") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."is_active" IS DISTINCT FROM (NEW."is_active") OR OLD."is_staff" IS DISTINCT FROM (NEW."is_staff") OR OLD."is_superuser" IS DISTINCT FROM (NEW."is_superuser"))', func='INSERT INTO "innopaas_userevent" ("email", "id", "is_active", "is_staff", "is_superuser", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (NEW."email", NEW."id", NEW."is_active", NEW."is_staff", NEW."is_superuser", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\', NEW."id"); RETURN NULL;', hash='a2a566d8bea3df32a5a151a581827f77a3b53a29', operation='UPDATE', pgid='pgtrigger_update_update_f55af', table='wallet_user', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackeduser',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_userevent" ("email", "id", "is_active", "is_staff", "is_superuser", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (OLD."email", OLD."id", OLD."is_active", OLD."is_staff", OLD."is_superuser", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\', OLD."id"); RETURN NULL;', hash='026935012970ddce2ff7e03fbc7eb536ce536bc2', operation='DELETE', pgid='pgtrigger_delete_delete_b54e0', table='wallet_user', when='AFTER')),
        ),
        migrations.AddField(
            model_name='topuplimitevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='innopaas.trackedtopuplimit'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedtopuplimit',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_topuplimitevent" ("currency", "days_to_pay", "id", "maximum", "method", "minimum", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "presets") VALUES (NEW."currency", NEW."days_to_pay", NEW."id", NEW."maximum", NEW."method", NEW."minimum", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\', NEW."id", NEW."presets"); RETURN NULL;', hash='0b1beb16db35f32826b26aa9d325630bbc748ad2', operation='INSERT', pgid='pgtrigger_insert_insert_e32f9', table='billing_topuplimit', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedtopuplimit',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "innopaas_topuplimitevent" ("currency", "days_to_pay", "id", "maximum", "method", "minimum", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "presets") VALUES (NEW."currency", NEW."days_to_pay", NEW."id", NEW."maximum", NEW."method", NEW."minimum", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\', NEW."id", NEW."presets"); RETURN NULL;', hash='0abe26dd7f6810527814cc0b771f9babce65b5db', operation='UPDATE', pgid='pgtrigger_update_update_19f24', table='billing_topuplimit', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedtopuplimit',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_topuplimitevent" ("currency", "days_to_pay", "id", "maximum", "method", "minimum", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "presets") VALUES (OLD."currency", OLD."days_to_pay", OLD."id", OLD."maximum", OLD."method", OLD."minimum", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\', OLD."id", OLD."presets"); RETURN NULL;', hash='8dadb2adbb4f3fc8b501b44f00705d05695548b2', operation='DELETE', pgid='pgtrigger_delete_delete_60640', table='billing_topuplimit', when='AFTER')),
        ),
        migrations.AddField(
            model_name='specialdayevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='innopaas.trackedspecialday'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedspecialday',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_specialdayevent" ("day", "id", "is_working_day", "name", "name_zh", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (NEW."day", NEW."id", NEW."is_working_day", NEW."name", NEW."name_zh", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\', NEW."id"); RETURN NULL;', hash='cf28ea2e7029adffc73144d3aa01901fbf1edfac', operation='INSERT', pgid='pgtrigger_insert_insert_daa92', table='billing_specialday', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedspecialday',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "innopaas_specialdayevent" ("day", "id", "is_working_day", "name", "name_zh", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (NEW."day", NEW."id", NEW."is_working_day", NEW."name", NEW."name_zh", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\', NEW."id"); RETURN NULL;', hash='82faf19b630d972b2bd291ccbdc5afe6cd520b2c', operation='UPDATE', pgid='pgtrigger_update_update_b626c', table='billing_specialday', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedspecialday',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_specialdayevent" ("day", "id", "is_working_day", "name", "name_zh", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (OLD."day", OLD."id", OLD."is_working_day", OLD."name", OLD."name_zh", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\', OLD."id"); RETURN NULL;', hash='35a68a60de526ebcae780cc9b413a08ef8dc7a26', operation='DELETE', pgid='pgtrigger_delete_delete_51f4e', table='billing_specialday', when='AFTER')),
        ),
        migrations.AddField(
            model_name='rejectionreasonevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='innopaas.trackedrejectionreason'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedrejectionreason',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_rejectionreasonevent" ("id", "is_offered", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "text_en", "text_zh", "title") VALUES (NEW."id", NEW."is_offered", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\', NEW."id", NEW."position", NEW."text_en", NEW."text_zh", NEW."title"); RETURN NULL;', hash='5598cc2237e8830cfab92a326e5cdc72654fe4c0', operation='INSERT', pgid='pgtrigger_insert_insert_f5649', table='payments_rejectionreason', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedrejectionreason',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "innopaas_rejectionreasonevent" ("id", "is_offered", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "text_en", "text_zh", "title") VALUES (NEW."id", NEW."is_offered", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\', NEW."id", NEW."position", NEW."text_en", NEW."text_zh", NEW."title"); RETURN NULL;', hash='ac62321d97724311a77ffcee8555b6d7f2bb6f4e', operation='UPDATE', pgid='pgtrigger_update_update_a0ca1', table='payments_rejectionreason', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedrejectionreason',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_rejectionreasonevent" ("id", "is_offered", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "text_en", "text_zh", "title") VALUES (OLD."id", OLD."is_offered", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\', OLD."id", OLD."position", OLD."text_en", OLD."text_zh", OLD."title"); RETURN NULL;', hash='0e37df475b0493ed126caf30337e381fc09c70eb', operation='DELETE', pgid='pgtrigger_delete_delete_74fcf', table='payments_rejectionreason', when='AFTER')),
        ),
        migrations.AddField(
            model_name='rateruleevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='innopaas.trackedraterule'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedraterule',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_rateruleevent" ("base", "id", "jump_percent", "max_age_hours", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "quote", "quote_hours") VALUES (NEW."base", NEW."id", NEW."jump_percent", NEW."max_age_hours", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\', NEW."id", NEW."quote", NEW."quote_hours"); RETURN NULL;', hash='12826562bc8c9d6ab1adab27bb0ce7aeed2247f5', operation='INSERT', pgid='pgtrigger_insert_insert_92937', table='billing_raterule', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedraterule',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "innopaas_rateruleevent" ("base", "id", "jump_percent", "max_age_hours", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "quote", "quote_hours") VALUES (NEW."base", NEW."id", NEW."jump_percent", NEW."max_age_hours", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\', NEW."id", NEW."quote", NEW."quote_hours"); RETURN NULL;', hash='a44ad5a7c8fb32817e13c363b6994957c50c6fd9', operation='UPDATE', pgid='pgtrigger_update_update_9a2cb', table='billing_raterule', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedraterule',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_rateruleevent" ("base", "id", "jump_percent", "max_age_hours", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "quote", "quote_hours") VALUES (OLD."base", OLD."id", OLD."jump_percent", OLD."max_age_hours", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\', OLD."id", OLD."quote", OLD."quote_hours"); RETURN NULL;', hash='409a1737d176cec7c8d30b3d20a016b6327d7fc7', operation='DELETE', pgid='pgtrigger_delete_delete_efe50', table='billing_raterule', when='AFTER')),
        ),
        migrations.AddField(
            model_name='groupevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='innopaas.trackedgroup'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedgroup',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_groupevent" ("id", "name", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (NEW."id", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\', NEW."id"); RETURN NULL;', hash='2031a0e7ed90027e6f7e4bdd91e01a00d43d835b', operation='INSERT', pgid='pgtrigger_insert_insert_a4fee', table='auth_group', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedgroup',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "innopaas_groupevent" ("id", "name", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (NEW."id", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\', NEW."id"); RETURN NULL;', hash='1a535372e7defef78c749cf3ec4be63a31ecf25e', operation='UPDATE', pgid='pgtrigger_update_update_94959', table='auth_group', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedgroup',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_groupevent" ("id", "name", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (OLD."id", OLD."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\', OLD."id"); RETURN NULL;', hash='0de6dc2a1a54424f88e52cf55be10a67a675b68f', operation='DELETE', pgid='pgtrigger_delete_delete_42ae2', table='auth_group', when='AFTER')),
        ),
        migrations.AddField(
            model_name='exchangerateevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='innopaas.trackedexchangerate'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedexchangerate',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_exchangerateevent" ("approved_at", "approved_by_id", "base", "compared_with", "created_at", "effective_at", "entered_by_id", "id", "jump_percent", "loaded_for", "note", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "quote", "rate", "refused_at", "refused_by_id", "source", "state", "stated_at") VALUES (NEW."approved_at", NEW."approved_by_id", NEW."base", NEW."compared_with", NEW."created_at", NEW."effective_at", NEW."entered_by_id", NEW."id", NEW."jump_percent", NEW."loaded_for", NEW."note", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\', NEW."id", NEW."quote", NEW."rate", NEW."refused_at", NEW."refused_by_id", NEW."source", NEW."state", NEW."stated_at"); RETURN NULL;', hash='3fa76028d57cde256c182faaa058ebc5170377e4', operation='INSERT', pgid='pgtrigger_insert_insert_1f5fd', table='billing_exchangerate', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedexchangerate',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "innopaas_exchangerateevent" ("approved_at", "approved_by_id", "base", "compared_with", "created_at", "effective_at", "entered_by_id", "id", "jump_percent", "loaded_for", "note", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "quote", "rate", "refused_at", "refused_by_id", "source", "state", "stated_at") VALUES (NEW."approved_at", NEW."approved_by_id", NEW."base", NEW."compared_with", NEW."created_at", NEW."effective_at", NEW."entered_by_id", NEW."id", NEW."jump_percent", NEW."loaded_for", NEW."note", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\', NEW."id", NEW."quote", NEW."rate", NEW."refused_at", NEW."refused_by_id", NEW."source", NEW."state", NEW."stated_at"); RETURN NULL;', hash='ca87968b9ac3692b31cd44de41a8bf939e99df52', operation='UPDATE', pgid='pgtrigger_update_update_befeb', table='billing_exchangerate', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedexchangerate',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_exchangerateevent" ("approved_at", "approved_by_id", "base", "compared_with", "created_at", "effective_at", "entered_by_id", "id", "jump_percent", "loaded_for", "note", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "quote", "rate", "refused_at", "refused_by_id", "source", "state", "stated_at") VALUES (OLD."approved_at", OLD."approved_by_id", OLD."base", OLD."compared_with", OLD."created_at", OLD."effective_at", OLD."entered_by_id", OLD."id", OLD."jump_percent", OLD."loaded_for", OLD."note", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\', OLD."id", OLD."quote", OLD."rate", OLD."refused_at", OLD."refused_by_id", OLD."source", OLD."state", OLD."stated_at"); RETURN NULL;', hash='d72a912a0f7d5d13602bedd3cd1fc5c43c17f6e4', operation='DELETE', pgid='pgtrigger_delete_delete_fe8d8', table='billing_exchangerate', when='AFTER')),
        ),
        migrations.AddField(
            model_name='bankaccountevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='innopaas.trackedbankaccount'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedbankaccount',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_bankaccountevent" ("bank_address", "bank_en", "bank_zh", "cnaps", "code", "columns", "currency", "fee_tolerance", "id", "is_open", "legal_entity", "number", "payee_en", "payee_zh", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "profile", "swift") VALUES (NEW."bank_address", NEW."bank_en", NEW."bank_zh", NEW."cnaps", NEW."code", NEW."columns", NEW."currency", NEW."fee_tolerance", NEW."id", NEW."is_open", NEW."legal_entity", NEW."number", NEW."payee_en", NEW."payee_zh", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\', NEW."id", NEW."position", NEW."profile", NEW."swift"); RETURN NULL;', hash='5f84bb48b4faecf5c3a03bad93e8e74523585851', operation='INSERT', pgid='pgtrigger_insert_insert_c14be', table='payments_bankaccount', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedbankaccount',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "innopaas_bankaccountevent" ("bank_address", "bank_en", "bank_zh", "cnaps", "code", "columns", "currency", "fee_tolerance", "id", "is_open", "legal_entity", "number", "payee_en", "payee_zh", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "profile", "swift") VALUES (NEW."bank_address", NEW."bank_en", NEW."bank_zh", NEW."cnaps", NEW."code", NEW."columns", NEW."currency", NEW."fee_tolerance", NEW."id", NEW."is_open", NEW."legal_entity", NEW."number", NEW."payee_en", NEW."payee_zh", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\', NEW."id", NEW."position", NEW."profile", NEW."swift"); RETURN NULL;', hash='13409063bf83fe08dab2da045a66ace2593e98dc', operation='UPDATE', pgid='pgtrigger_update_update_ba990', table='payments_bankaccount', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedbankaccount',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_bankaccountevent" ("bank_address", "bank_en", "bank_zh", "cnaps", "code", "columns", "currency", "fee_tolerance", "id", "is_open", "legal_entity", "number", "payee_en", "payee_zh", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "profile", "swift") VALUES (OLD."bank_address", OLD."bank_en", OLD."bank_zh", OLD."cnaps", OLD."code", OLD."columns", OLD."currency", OLD."fee_tolerance", OLD."id", OLD."is_open", OLD."legal_entity", OLD."number", OLD."payee_en", OLD."payee_zh", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\', OLD."id", OLD."position", OLD."profile", OLD."swift"); RETURN NULL;', hash='68bda7ff85066339317ea110a2c50a6bfea1faf8', operation='DELETE', pgid='pgtrigger_delete_delete_9b1c4', table='payments_bankaccount', when='AFTER')),
        ),
        migrations.AddField(
            model_name='authenticatorevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='innopaas.trackedauthenticator'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedauthenticator',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_authenticatorevent" ("id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "type", "user_id") VALUES (OLD."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\', OLD."id", OLD."type", OLD."user_id"); RETURN NULL;', hash='745a3b44ef4cc171899a3d6087902ccbe02e0ce3', operation='DELETE', pgid='pgtrigger_delete_delete_72d0f', table='mfa_authenticator', when='AFTER')),
        ),
        migrations.AddField(
            model_name='approvallimitevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='innopaas.trackedapprovallimit'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedapprovallimit',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_approvallimitevent" ("currency", "id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "single_up_to") VALUES (NEW."currency", NEW."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\', NEW."id", NEW."single_up_to"); RETURN NULL;', hash='efaaca0da55f0c32e7fd8b7ae07b9d5d26e5e0f2', operation='INSERT', pgid='pgtrigger_insert_insert_49969', table='payments_approvallimit', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedapprovallimit',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "innopaas_approvallimitevent" ("currency", "id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "single_up_to") VALUES (NEW."currency", NEW."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\', NEW."id", NEW."single_up_to"); RETURN NULL;', hash='1ed90748bd8e62aeb9a78bc17c19fcbf3f61a2cf', operation='UPDATE', pgid='pgtrigger_update_update_43437', table='payments_approvallimit', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedapprovallimit',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_approvallimitevent" ("currency", "id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "single_up_to") VALUES (OLD."currency", OLD."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\', OLD."id", OLD."single_up_to"); RETURN NULL;', hash='7da226d250b92419c78f54b8b5b9ba03a02083f3', operation='DELETE', pgid='pgtrigger_delete_delete_93ca7', table='payments_approvallimit', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedgrouppermissions',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_grouppermissionsevent" ("group_id", "id", "permission_id", "pgh_context", "pgh_created_at", "pgh_label") VALUES (NEW."group_id", NEW."id", NEW."permission_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\'); RETURN NULL;', hash='3d35f19379ff230578c018046ed26fe7ff5a7024', operation='INSERT', pgid='pgtrigger_insert_insert_3a444', table='auth_group_permissions', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedgrouppermissions',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "innopaas_grouppermissionsevent" ("group_id", "id", "permission_id", "pgh_context", "pgh_created_at", "pgh_label") VALUES (NEW."group_id", NEW."id", NEW."permission_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\'); RETURN NULL;', hash='eb7a37226e8369185ae8be607e1a029d1cfc11c0', operation='UPDATE', pgid='pgtrigger_update_update_d9ee7', table='auth_group_permissions', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedgrouppermissions',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_grouppermissionsevent" ("group_id", "id", "permission_id", "pgh_context", "pgh_created_at", "pgh_label") VALUES (OLD."group_id", OLD."id", OLD."permission_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\'); RETURN NULL;', hash='38e06a290a70503fd1efdc83f8d0abfa8d13bae2', operation='DELETE', pgid='pgtrigger_delete_delete_825ff', table='auth_group_permissions', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedusergroups',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_usergroupsevent" ("group_id", "id", "pgh_context", "pgh_created_at", "pgh_label", "user_id") VALUES (NEW."group_id", NEW."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\', NEW."user_id"); RETURN NULL;', hash='e104a4a6d22a43f749926037bb825c087aa8368b', operation='INSERT', pgid='pgtrigger_insert_insert_fd3c0', table='wallet_user_groups', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedusergroups',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "innopaas_usergroupsevent" ("group_id", "id", "pgh_context", "pgh_created_at", "pgh_label", "user_id") VALUES (NEW."group_id", NEW."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\', NEW."user_id"); RETURN NULL;', hash='9667ae1befe2071e4bc53d937b6b59dff745324f', operation='UPDATE', pgid='pgtrigger_update_update_94861', table='wallet_user_groups', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedusergroups',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "innopaas_usergroupsevent" ("group_id", "id", "pgh_context", "pgh_created_at", "pgh_label", "user_id") VALUES (OLD."group_id", OLD."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\', OLD."user_id"); RETURN NULL;', hash='e9b1ff474451b4f773f5a9f394bbe199d7e6dcb5', operation='DELETE', pgid='pgtrigger_delete_delete_aec0d', table='wallet_user_groups', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='grouppermissionsevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='97708b36a51067a3b88dc087089ac18d665feaae', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_82e73', table='innopaas_grouppermissionsevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='usergroupsevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='2026758f4c2fd944390d2dc393a706a7593ae126', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_fb85f', table='innopaas_usergroupsevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='userevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='91b68a067e2d97948be1c08e9651317fdcb0f7c4', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_be1ef', table='innopaas_userevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='topuplimitevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='e0f517155e87b0cc104b9c8f0a2227e90a645a98', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_6c9ab', table='innopaas_topuplimitevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='specialdayevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='df1e3e9354db49add98d3d18da08219f36490211', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_0b6f6', table='innopaas_specialdayevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='rejectionreasonevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='8341029b2664998fdc022143526d3edf22de343d', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_91648', table='innopaas_rejectionreasonevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='rateruleevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='95a53a7811cf3ecf3f241bbf0389c6271eeb1aa2', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_776e4', table='innopaas_rateruleevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='groupevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='05ba2669ac4c3be01127f860cec3a942172dc82e', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_d128b', table='innopaas_groupevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='exchangerateevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='b1f10c5712746f8c6241aa39e8e349c7fdb52f67', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_0b1d7', table='innopaas_exchangerateevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='bankaccountevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='a1d2820fcd6d2c184b074aa182a81a8fb7fcb31a', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_b98c1', table='innopaas_bankaccountevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='authenticatorevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='9182831897925edd351d68215ed99f20db2680eb', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_748d8', table='innopaas_authenticatorevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='approvallimitevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='6d2bfdbd4d983c328efb77692a043b1dbaf78a4e', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_088fe', table='innopaas_approvallimitevent', when='BEFORE')),
        ),
        migrations.RunPython(begin, migrations.RunPython.noop),
        migrations.RunPython(history.restrict, migrations.RunPython.noop),
    ]
