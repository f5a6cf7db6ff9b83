"""Refunds as recorded bank payments; who may do what with them is plain SQL in payments/sql/bank_refunds.sql."""

from pathlib import Path

import django.db.models.deletion
import djmoney.models.fields
from django.conf import settings
from django.db import migrations, models

import wallet.ids

SQL = Path(__file__).parent.parent / "sql" / "bank_refunds.sql"


def guard(apps, schema_editor):
    schema_editor.execute(SQL.read_text("utf-8"), params=None)
    connection = schema_editor.connection
    role = settings.DATABASES["default"]["USER"]
    if role == connection.settings_dict["USER"]:
        return  # one role for everything: nothing can be taken from an owner
    name = connection.ops.quote_name(role)
    schema_editor.execute(f"REVOKE DELETE, TRUNCATE ON payments_bankrefund FROM {name}")


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0010_refunds"),
        ("payments", "0008_card_refunds"),
        ("wallet", "0007_read_posting"),
    ]

    operations = [
        migrations.AlterField(
            model_name="allocation",
            name="kind",
            field=models.CharField(
                choices=[
                    ("CREDITED", "Credited"),
                    ("RETURNED", "Sent back"),
                    ("SAME", "The same money as another line"),
                    ("REFUND", "A refund"),
                    ("BOUNCED", "A refund that came back"),
                    ("PAYOUT", "A payout of Stripe"),
                    ("CHARGE", "Charge or interest of the bank"),
                    ("EXCHANGE", "Exchange of currencies"),
                ],
                max_length=8,
                verbose_name="kind",
            ),
        ),
        migrations.AlterField(
            model_name="deskact",
            name="kind",
            field=models.CharField(
                choices=[
                    ("LOOKED", "Looked at it"),
                    ("LOOKED_AT_SLIP", "Looked at the slip"),
                    ("TOOK", "Took it"),
                    ("GAVE_BACK", "Gave it back"),
                    ("FOUND", "Gave the received facts"),
                    ("WITHDREW", "Withdrew it"),
                    ("APPROVED", "Approved"),
                    ("REJECTED", "Rejected"),
                    ("KEPT", "Kept the money until the rest arrives"),
                    ("RETURNED", "Recorded that it was sent back"),
                    ("SAME", "Recognised it as the money of another line"),
                    ("REFUND_PAID", "Recorded it as a refund paid"),
                    ("REFUND_RETURNED", "Recorded it as a refund that came back"),
                ],
                max_length=16,
                verbose_name="act",
            ),
        ),
        migrations.CreateModel(
            name="BankRefund",
            fields=[
                ("id", models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False)),
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
                ("payee_name", models.CharField(max_length=200, verbose_name="payee")),
                ("payee_account", models.CharField(max_length=60, verbose_name="payee's account")),
                ("payee_bank", models.CharField(max_length=200, verbose_name="payee's bank")),
                ("is_payer", models.BooleanField(verbose_name="to the account the money came from")),
                ("reason", models.CharField(blank=True, max_length=500, verbose_name="why another payee")),
                ("prepared_by_name", models.CharField(max_length=254)),
                ("prepared_at", models.DateTimeField(verbose_name="prepared")),
                ("superseded_at", models.DateTimeField(blank=True, null=True, verbose_name="replaced")),
                ("approved_by_name", models.CharField(blank=True, max_length=254)),
                ("approved_at", models.DateTimeField(blank=True, null=True, verbose_name="approved")),
                ("paid_by_name", models.CharField(blank=True, max_length=254)),
                ("paid_at", models.DateTimeField(blank=True, null=True, verbose_name="recorded as paid")),
                ("paid_on", models.DateField(blank=True, null=True, verbose_name="paid at the bank on")),
                ("bank_reference", models.CharField(blank=True, max_length=100, verbose_name="bank's number")),
                ("refused_at", models.DateTimeField(blank=True, null=True, verbose_name="not paid")),
                ("returned_at", models.DateTimeField(blank=True, null=True, verbose_name="came back")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.bankaccount",
                        verbose_name="our account",
                    ),
                ),
                (
                    "approved_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="approved by",
                    ),
                ),
                (
                    "line",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bank_refund",
                        to="payments.bankline",
                        verbose_name="bank line",
                    ),
                ),
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
                    "paid_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="recorded as paid by",
                    ),
                ),
                (
                    "prepared_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="prepared by",
                    ),
                ),
                (
                    "refund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bank_refunds",
                        to="billing.refund",
                        verbose_name="refund",
                    ),
                ),
                (
                    "returned_line",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="returned_refunds",
                        to="payments.bankline",
                        verbose_name="came back as",
                    ),
                ),
            ],
            options={
                "verbose_name": "refund by bank",
                "verbose_name_plural": "refunds by bank",
                "indexes": [
                    models.Index(
                        condition=models.Q(
                            ("approved_at__isnull", False),
                            ("paid_at", None),
                            ("refused_at", None),
                            ("superseded_at", None),
                        ),
                        fields=["approved_at"],
                        name="bank_refund_to_pay",
                    ),
                    models.Index(
                        condition=models.Q(("line", None), ("paid_at__isnull", False)),
                        fields=["account", "paid_on"],
                        name="bank_refund_by_hand",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("superseded_at", None)),
                        fields=("refund",),
                        name="bank_refund_prepared_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0), ("amount__lt", 1000000000000)),
                        name="bank_refund_is_positive",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("payee_name", ""), _negated=True),
                            models.Q(("payee_account", ""), _negated=True),
                            models.Q(("payee_bank", ""), _negated=True),
                        ),
                        name="bank_refund_names_its_payee",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("is_payer", True), models.Q(("reason", ""), _negated=True), _connector="OR"
                        ),
                        name="bank_refund_to_another_has_a_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("approved_by", None),
                            models.Q(("approved_by", models.F("prepared_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="bank_refund_approved_by_somebody_else",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("approved_at", None), ("approved_by", None)),
                            models.Q(
                                ("approved_at__isnull", False), ("approved_by__isnull", False), ("superseded_at", None)
                            ),
                            _connector="OR",
                        ),
                        name="bank_refund_approved_by_its_approver",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("bank_reference", ""),
                                ("line", None),
                                ("paid_at", None),
                                ("paid_by", None),
                                ("paid_on", None),
                            ),
                            models.Q(
                                ("paid_at__isnull", False),
                                ("paid_by__isnull", False),
                                ("paid_on__isnull", False),
                                ("refused_at", None),
                                ("approved_at__isnull", False),
                                models.Q(
                                    models.Q(("bank_reference", ""), _negated=True),
                                    ("line__isnull", False),
                                    _connector="OR",
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="bank_refund_paid_with_its_facts",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("refused_at", None), ("approved_at__isnull", False), _connector="OR"),
                        name="bank_refund_refused_when_approved",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("returned_at", None), ("returned_line", None)),
                            models.Q(
                                ("paid_at__isnull", False),
                                ("returned_at__isnull", False),
                                ("returned_line__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="bank_refund_returned_when_paid",
                    ),
                ],
            },
        ),
        migrations.RunPython(guard, migrations.RunPython.noop),
    ]
