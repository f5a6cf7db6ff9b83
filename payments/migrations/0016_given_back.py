"""What a close calls money that went back, and a charge found by its Payment Intent."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """The index is built while Stripe's list is read and written."""

    atomic = False

    dependencies = [
        ("payments", "0015_card_money_in_suspense"),
        ("wallet", "0007_read_posting"),
    ]

    operations = [
        migrations.AlterField(
            model_name="difference",
            name="kind",
            field=models.CharField(
                choices=[
                    ("ORDER_UNPOSTED", "The ledger has no credit of this order, or another amount"),
                    ("POSTING_ORPHANED", "The ledger has a credit that no paid order has"),
                    ("PAYMENT_UNKNOWN_THERE", "Confirmed here, but Stripe lists no such charge"),
                    ("CHARGE_UNKNOWN_HERE", "Stripe lists a charge that no payment here has"),
                    ("CHARGE_HELD", "Paid at Stripe, does not agree with its order, and is in suspense"),
                    ("CHARGE_GIVEN_BACK", "Paid at Stripe, credited to nobody, and given back"),
                    ("REFUND_UNKNOWN_THERE", "Refunded here, but Stripe lists no such refund"),
                    ("NAMED_TRANSACTION", "A balance transaction of Stripe's that is not posted"),
                    ("FEE_AT_STRIPE", "Stripe's fee and the fee in the ledger differ"),
                    ("PAYOUT_LATE", "A payout has not arrived at the bank in time"),
                    ("PAYOUT_FAILED", "A payout failed after it was at the bank, and was not taken back there yet"),
                    ("PAYOUT_UNKNOWN", "The bank received a payout of Stripe's that fits none known here"),
                    ("STATEMENT_MISSING", "No statement of the account covers the day"),
                    ("LINE_UNPOSTED", "A bank line that is not in the ledger"),
                    ("LINE_WAITING", "At the bank, and credited to nobody yet"),
                    ("LINE_TYPED", "Typed by hand, and on no statement yet"),
                    ("BANK_REFUND", "Refunded by transfer, and on no statement yet"),
                    ("SENT_BACK", "Sent back by transfer, and on no statement yet"),
                    ("OTHER_DAY", "Counted on another day by the other side"),
                    ("SUMS", "The sums differ, and no single fact says why"),
                    ("AUDIT", "The audit of the ledger found a difference"),
                ],
                max_length=22,
                verbose_name="kind",
            ),
        ),
        AddIndexConcurrently(
            model_name="balancetransaction",
            index=models.Index(fields=["payment_intent_id"], name="balance_transaction_intent"),
        ),
    ]
