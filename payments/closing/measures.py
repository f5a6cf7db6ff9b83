"""What a daily close compares, and which sides have to do with it."""

from collections.abc import Mapping
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _

ORDERS: Final = "orders"
STRIPE: Final = "stripe"
BANK: Final = "bank"
LEDGER: Final = "ledger"
SIDES: Final = (ORDERS, STRIPE, BANK, LEDGER)


class Measure(models.TextChoices):
    """What is compared: each row of the close is one of them in one currency."""

    CARD = "CARD", _("Top-ups by card")
    CARD_REFUNDS = "CARD_REFUNDS", _("Refunds to cards")
    DISPUTES = "DISPUTES", _("Disputed, less given back")
    STRIPE_FEES = "STRIPE_FEES", _("Stripe's fees")
    OTHER_STRIPE = "OTHER_STRIPE", _("Other movements at Stripe")
    PAYOUTS = "PAYOUTS", _("Payouts at the bank")
    AT_STRIPE = "AT_STRIPE", _("At Stripe and on its way to the bank")
    OFFLINE = "OFFLINE", _("Top-ups by transfer")
    BANK_REFUNDS = "BANK_REFUNDS", _("Refunds by transfer")
    OTHER_BANK = "OTHER_BANK", _("Other money at the bank")
    BALANCE = "BALANCE", _("Moved from wallets to products")
    USAGE = "USAGE", _("Usage")


SIDES_OF: Final[Mapping[str, tuple[str, ...]]] = {
    Measure.CARD: (ORDERS, STRIPE, LEDGER),
    Measure.CARD_REFUNDS: (ORDERS, STRIPE, LEDGER),
    Measure.DISPUTES: (ORDERS, STRIPE, LEDGER),
    Measure.STRIPE_FEES: (STRIPE, LEDGER),
    Measure.OTHER_STRIPE: (STRIPE, LEDGER),
    Measure.PAYOUTS: (STRIPE, BANK, LEDGER),
    Measure.AT_STRIPE: (STRIPE, LEDGER),
    Measure.OFFLINE: (ORDERS, BANK, LEDGER),
    Measure.BANK_REFUNDS: (ORDERS, BANK, LEDGER),
    Measure.OTHER_BANK: (BANK, LEDGER),
    Measure.BALANCE: (ORDERS, LEDGER),
    Measure.USAGE: (LEDGER,),
}
"""Which sides have to do with a measure; the others stay empty."""

_GOING_OUT: Final = frozenset(
    {
        *((measure, side) for measure in (Measure.CARD_REFUNDS, Measure.DISPUTES) for side in (STRIPE, LEDGER)),
        *((Measure.BANK_REFUNDS, side) for side in (BANK, LEDGER)),
        (Measure.PAYOUTS, LEDGER),
        (Measure.USAGE, LEDGER),
    }
)


def sign_of(measure: str, side: str) -> int:
    """-1 where a side counts what came in, and the measure is about what went out."""
    return -1 if (measure, side) in _GOING_OUT else 1
