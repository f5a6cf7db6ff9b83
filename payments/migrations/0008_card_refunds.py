"""Refunds as Stripe carries them out."""

from pathlib import Path

import django.db.models.deletion
import djmoney.models.fields
from django.db import migrations, models

import wallet.ids

GUARDS = Path(__file__).parent.parent / "sql" / "card_refunds.sql"


def guard(_apps, schema_editor):
    schema_editor.execute(GUARDS.read_text("utf-8"), params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0007_folded_numbers"),
        ("billing", "0010_refunds"),
        ("wallet", "0007_read_posting"),
    ]

    operations = [
        migrations.CreateModel(
            name="CardRefund",
            fields=[
                (
                    "id",
                    models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "amount_currency",
                    djmoney.models.fields.CurrencyField(
                        choices=[("CNY", "Chinese Yuan"), ("USD", "US Dollar")],
                        default="USD",
                        editable=False,
                        max_length=3,
                    ),
                ),
                ("amount", djmoney.models.fields.MoneyField(decimal_places=6, max_digits=20, verbose_name="amount")),
                (
                    "idempotency_key",
                    models.CharField(blank=True, max_length=64, null=True, unique=True, verbose_name="idempotency key"),
                ),
                ("request", models.JSONField(blank=True, null=True)),
                (
                    "stripe_id",
                    models.CharField(
                        blank=True, max_length=100, null=True, unique=True, verbose_name="Refund at Stripe"
                    ),
                ),
                (
                    "stripe_status",
                    models.CharField(blank=True, max_length=40, verbose_name="what Stripe said last"),
                ),
                ("failure", models.CharField(blank=True, max_length=200, verbose_name="why it failed")),
                ("attempts", models.PositiveIntegerField(default=0, verbose_name="attempts")),
                ("error", models.CharField(blank=True, max_length=500, verbose_name="last error")),
                ("created_at", models.DateTimeField(verbose_name="created")),
                ("asked_at", models.DateTimeField(blank=True, null=True, verbose_name="Stripe was asked")),
                ("ask_at", models.DateTimeField(blank=True, null=True, verbose_name="ask Stripe next")),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="wallet.organisation",
                        verbose_name="organisation",
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refunds",
                        to="payments.payment",
                        verbose_name="payment",
                    ),
                ),
                (
                    "refund",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="at_stripe",
                        to="billing.refund",
                        verbose_name="refund",
                    ),
                ),
            ],
            options={
                "verbose_name": "card refund",
                "verbose_name_plural": "card refunds",
                "indexes": [
                    models.Index(
                        condition=models.Q(("ask_at__isnull", False)), fields=["ask_at"], name="card_refund_to_ask"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0), ("amount__lt", 1000000000000)),
                        name="card_refund_amount_is_positive",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("idempotency_key__isnull", False), ("request__isnull", False)),
                            ("stripe_id__isnull", False),
                            _connector="OR",
                        ),
                        name="card_refund_is_sent_or_found",
                    ),
                ],
            },
        ),
        migrations.RunPython(guard, migrations.RunPython.noop, elidable=False),
    ]
