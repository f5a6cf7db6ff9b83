"""Exchange rates with their rule, special days, and the days an offline transfer may take."""

import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.math
import django.db.models.lookups
import wallet.ids
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


def give_days(apps, schema_editor):
    """Offline limits that somebody has entered already get the usual time."""
    limits = apps.get_model("billing", "TopUpLimit").objects.using(schema_editor.connection.alias)
    limits.filter(method="OFFLINE").update(days_to_pay=14)


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0002_limits_and_history"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ExchangeRate",
            fields=[
                ("id", models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("base", models.CharField(max_length=3, verbose_name="one unit of")),
                ("quote", models.CharField(max_length=3, verbose_name="is worth so many")),
                ("rate", models.DecimalField(decimal_places=6, max_digits=14, verbose_name="rate")),
                ("source", models.CharField(max_length=100, verbose_name="source")),
                ("stated_at", models.DateTimeField(verbose_name="as of")),
                ("effective_at", models.DateTimeField(blank=True, null=True, verbose_name="counts since")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("ACTIVE", "Accepted"),
                            ("WAITING", "Waits for a second person"),
                            ("REFUSED", "Refused"),
                        ],
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                (
                    "compared_with",
                    models.DecimalField(
                        blank=True, decimal_places=6, max_digits=14, null=True, verbose_name="rate before"
                    ),
                ),
                (
                    "jump_percent",
                    models.DecimalField(decimal_places=2, max_digits=5, verbose_name="second person from (percent)"),
                ),
                ("loaded_for", models.DateField(blank=True, null=True, verbose_name="loaded for")),
                ("created_at", models.DateTimeField(verbose_name="entered at")),
                ("approved_at", models.DateTimeField(blank=True, null=True, verbose_name="approved at")),
                ("refused_at", models.DateTimeField(blank=True, null=True, verbose_name="refused at")),
                ("note", models.CharField(blank=True, max_length=500, verbose_name="note")),
            ],
            options={
                "verbose_name": "exchange rate",
                "verbose_name_plural": "exchange rates",
            },
        ),
        migrations.CreateModel(
            name="RateRule",
            fields=[
                ("id", models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("base", models.CharField(max_length=3, verbose_name="one unit of")),
                ("quote", models.CharField(max_length=3, verbose_name="is worth so many")),
                (
                    "max_age_hours",
                    models.PositiveSmallIntegerField(
                        help_text="An older rate is not quoted: customers are told when to come back.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(240),
                        ],
                        verbose_name="a rate counts for (hours)",
                    ),
                ),
                (
                    "jump_percent",
                    models.DecimalField(
                        decimal_places=2,
                        help_text="A rate further than this from the last one waits until somebody else has approved it.",
                        max_digits=5,
                        validators=[
                            django.core.validators.MinValueValidator(Decimal("0.01")),
                            django.core.validators.MaxValueValidator(50),
                        ],
                        verbose_name="a second person from (percent)",
                    ),
                ),
                (
                    "quote_hours",
                    models.PositiveSmallIntegerField(
                        help_text="A customer whose money arrives within this time gets the rate he was shown.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(240),
                        ],
                        verbose_name="a quote holds for (hours)",
                    ),
                ),
            ],
            options={
                "verbose_name": "rule of exchange rates",
                "verbose_name_plural": "rules of exchange rates",
            },
        ),
        migrations.CreateModel(
            name="SpecialDay",
            fields=[
                ("id", models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("day", models.DateField(unique=True, verbose_name="day")),
                ("is_working_day", models.BooleanField(default=False, verbose_name="is a working day")),
                ("name", models.CharField(max_length=60, verbose_name="name in English")),
                ("name_zh", models.CharField(max_length=60, verbose_name="name in Chinese")),
            ],
            options={
                "verbose_name": "special day",
                "verbose_name_plural": "special days",
            },
        ),
        migrations.AddField(
            model_name="topuplimit",
            name="days_to_pay",
            field=models.PositiveSmallIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(60)],
                verbose_name="days to pay",
            ),
        ),
        migrations.RunPython(give_days, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="topuplimit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("days_to_pay__gte", 1),
                        ("days_to_pay__isnull", False),
                        ("days_to_pay__lte", 60),
                        ("method", "OFFLINE"),
                    ),
                    models.Q(models.Q(("method", "OFFLINE"), _negated=True), ("days_to_pay__isnull", True)),
                    _connector="OR",
                ),
                name="limit_has_days_when_offline"
            ),
        ),
        migrations.AddField(
            model_name="exchangerate",
            name="approved_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="approved by",
            ),
        ),
        migrations.AddField(
            model_name="exchangerate",
            name="entered_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="entered by",
            ),
        ),
        migrations.AddField(
            model_name="exchangerate",
            name="refused_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="refused by",
            ),
        ),
        migrations.AddConstraint(
            model_name="raterule",
            constraint=models.UniqueConstraint(fields=("base", "quote"), name="rate_rule_once_per_pair"),
        ),
        migrations.AddConstraint(
            model_name="raterule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("max_age_hours__gte", 1),
                    ("max_age_hours__lte", 240),
                    ("quote_hours__gte", 1),
                    ("quote_hours__lte", 240),
                    ("jump_percent__gt", 0),
                    ("jump_percent__lte", 50),
                ),
                name="rate_rule_is_sane",
            ),
        ),
        migrations.AddIndex(
            model_name="exchangerate",
            index=models.Index(
                condition=models.Q(("state", "ACTIVE")), fields=["base", "quote", "-effective_at"], name="rate_by_day"
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangerate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("jump_percent__gt", 0), ("jump_percent__lte", 50), ("rate__gt", 0), ("rate__lt", 1000000)
                ),
                name="rate_is_positive",
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangerate",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["ACTIVE", "WAITING", "REFUSED"])), name="rate_state_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangerate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("effective_at__isnull", False), ("state", "ACTIVE")),
                    models.Q(models.Q(("state", "ACTIVE"), _negated=True), ("effective_at__isnull", True)),
                    _connector="OR",
                ),
                name="rate_counts_once_accepted",
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangerate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("entered_by__isnull", False), ("loaded_for__isnull", True)),
                    models.Q(("entered_by__isnull", True), ("loaded_for__isnull", False)),
                    _connector="OR",
                ),
                name="rate_entered_or_loaded",
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangerate",
            constraint=models.UniqueConstraint(fields=("base", "quote", "loaded_for"), name="rate_loaded_once_a_day"),
        ),
        migrations.AddConstraint(
            model_name="exchangerate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("approved_by__isnull", True),
                    ("entered_by__isnull", True),
                    models.Q(("approved_by", models.F("entered_by")), _negated=True),
                    _connector="OR",
                ),
                name="rate_approved_by_another",
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangerate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("approved_at__isnull", True), ("approved_by__isnull", True)),
                    models.Q(("approved_at__isnull", False), ("approved_by__isnull", False), ("state", "ACTIVE")),
                    _connector="OR",
                ),
                name="rate_approved_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangerate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("refused_at__isnull", True),
                        ("refused_by__isnull", True),
                        models.Q(("state", "REFUSED"), _negated=True),
                    ),
                    models.Q(("refused_at__isnull", False), ("refused_by__isnull", False), ("state", "REFUSED")),
                    _connector="OR",
                ),
                name="rate_refused_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangerate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "ACTIVE"), _negated=True),
                    ("approved_by__isnull", False),
                    ("compared_with__isnull", True),
                    django.db.models.lookups.LessThanOrEqual(
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.functions.math.Abs(
                                django.db.models.expressions.CombinedExpression(
                                    models.F("rate"), "-", models.F("compared_with")
                                )
                            ),
                            "*",
                            models.Value(100),
                        ),
                        django.db.models.expressions.CombinedExpression(
                            models.F("jump_percent"), "*", models.F("compared_with")
                        ),
                    ),
                    _connector="OR",
                ),
                name="rate_jump_is_approved",
            ),
        ),
    ]
