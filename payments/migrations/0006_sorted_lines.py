"""Why a line lies in its pile, as a code; when it was sorted; and which other line the same money came with."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import functions


def grant(_apps, schema_editor):
    connection = schema_editor.connection
    role = settings.DATABASES["default"]["USER"]
    if role != connection.settings_dict["USER"]:
        name = connection.ops.quote_name(role)
        schema_editor.execute(f"GRANT UPDATE (pile_detail, sorted_at) ON payments_bankline TO {name}")


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0005_offline_orders"),
        ("payments", "0005_first_rules"),
        ("wallet", "0006_billing_details"),
    ]

    operations = [
        migrations.AddField(
            model_name="allocation",
            name="same_as",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="seen_again",
                to="payments.bankline",
                verbose_name="the same money as",
            ),
        ),
        migrations.AddField(
            model_name="bankline",
            name="pile_detail",
            field=models.CharField(blank=True, max_length=200, verbose_name="detail"),
        ),
        migrations.AddField(
            model_name="bankline",
            name="sorted_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="sorted"),
        ),
        migrations.AddField(
            model_name="suggestion",
            name="detail",
            field=models.CharField(blank=True, max_length=200, verbose_name="detail"),
        ),
        migrations.AlterField(
            model_name="bankline",
            name="pile_reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("QUOTED", "It quotes the reference, and the amount agrees"),
                    ("SHORT", "It quotes the reference, but is short"),
                    ("OVER", "It quotes the reference, but is over"),
                    ("OTHER_CURRENCY", "It quotes a reference of another currency"),
                    ("LATE", "It quotes the reference of an order that has ended"),
                    ("PAID_BEFORE", "It quotes the reference of an order that is paid already"),
                    ("QUOTED_TWICE", "Another bank line quotes the same reference"),
                    ("MISTYPED", "It quotes a reference with one character wrong"),
                    ("BANK_NUMBER", "The customer declared the bank's number"),
                    ("PAYER", "The payer is known, and the amount agrees"),
                    ("SEVERAL", "It may be one of several transfers"),
                    ("MAYBE_TYPED", "It may be a transfer that was approved by hand"),
                    ("TYPED_OTHERWISE", "It was typed by hand with another amount"),
                    ("MONEY_OUT", "Money went out"),
                    ("REVERSAL", "The bank takes back an earlier line"),
                    ("CHARGE", "Charges or interest of the bank"),
                    ("PAYOUT", "A payout of Stripe"),
                ],
                max_length=20,
                verbose_name="why",
            ),
        ),
        migrations.AlterField(
            model_name="suggestion",
            name="reason",
            field=models.CharField(
                choices=[
                    ("QUOTED", "It quotes the reference, and the amount agrees"),
                    ("SHORT", "It quotes the reference, but is short"),
                    ("OVER", "It quotes the reference, but is over"),
                    ("OTHER_CURRENCY", "It quotes a reference of another currency"),
                    ("LATE", "It quotes the reference of an order that has ended"),
                    ("PAID_BEFORE", "It quotes the reference of an order that is paid already"),
                    ("QUOTED_TWICE", "Another bank line quotes the same reference"),
                    ("MISTYPED", "It quotes a reference with one character wrong"),
                    ("BANK_NUMBER", "The customer declared the bank's number"),
                    ("PAYER", "The payer is known, and the amount agrees"),
                    ("SEVERAL", "It may be one of several transfers"),
                    ("MAYBE_TYPED", "It may be a transfer that was approved by hand"),
                    ("TYPED_OTHERWISE", "It was typed by hand with another amount"),
                    ("MONEY_OUT", "Money went out"),
                    ("REVERSAL", "The bank takes back an earlier line"),
                    ("CHARGE", "Charges or interest of the bank"),
                    ("PAYOUT", "A payout of Stripe"),
                ],
                max_length=20,
                verbose_name="why",
            ),
        ),
        migrations.AddConstraint(
            model_name="allocation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "SAME"), ("same_as__isnull", False)),
                    models.Q(models.Q(("kind", "SAME"), _negated=True), ("same_as__isnull", True)),
                    _connector="OR",
                ),
                name="allocation_same_names_the_other",
            ),
        ),
        migrations.AddIndex(
            model_name="bankline",
            index=models.Index(
                functions.Upper(functions.Replace("bank_reference", models.Value(" "), models.Value(""))),
                name="bank_line_by_number",
            ),
        ),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
