"""The test cards, and what is read from a card somebody presents."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from .errors import CardDeclined


@dataclass(frozen=True, kw_only=True)
class Decline:
    code: str
    decline_code: str
    message: str

    def error(self) -> CardDeclined:
        return CardDeclined(self.message, code=self.code, decline_code=self.decline_code)


@dataclass(frozen=True, kw_only=True)
class KnownCard:
    number: str
    decline: Decline | None = None
    challenge: str = ""
    """`"3ds"` when the bank asks the customer first"""
    later: str = ""
    """what becomes of the charge afterwards"""


@dataclass(frozen=True, kw_only=True)
class PresentedCard:
    """A known card with the details given; never more of its number than is shown on a receipt."""

    card: KnownCard
    exp_month: int
    exp_year: int

    @property
    def last4(self) -> str:
        return self.card.number[-4:]


DECLINED = Decline(code="card_declined", decline_code="generic_decline", message="Your card was declined.")
INSUFFICIENT_FUNDS = Decline(
    code="card_declined", decline_code="insufficient_funds", message="Your card has insufficient funds."
)
EXPIRED = Decline(code="expired_card", decline_code="expired_card", message="Your card has expired.")
WRONG_CVC = Decline(
    code="incorrect_cvc", decline_code="incorrect_cvc", message="Your card's security code is incorrect."
)
NOT_AUTHENTICATED = Decline(
    code="payment_intent_authentication_failure",
    decline_code="authentication_failed",
    message="We are unable to authenticate your payment method. "
    "Please choose a different payment method and try again.",
)
BANK_FAILED = Decline(
    code="payment_method_bank_account_insufficient_funds",
    decline_code="insufficient_funds",
    message="The customer's bank account has insufficient funds.",
)

CARDS = {
    card.number: card
    for card in (
        KnownCard(number="4242424242424242"),
        KnownCard(number="4000000000000002", decline=DECLINED),
        KnownCard(number="4000000000009995", decline=INSUFFICIENT_FUNDS),
        KnownCard(number="4000000000000069", decline=EXPIRED),
        KnownCard(number="4000000000000127", decline=WRONG_CVC),
        KnownCard(number="4000002500003155", challenge="3ds"),
        KnownCard(number="4000002760003184", challenge="3ds"),
        KnownCard(number="4000000000000259", later="disputed"),
        KnownCard(number="4000000000007726", later="refund_pending"),
        KnownCard(number="4000000000005126", later="refund_fails"),
    )
}


def read(*, number: str, expiry: str, cvc: str, now: float) -> PresentedCard:
    """Read a presented card. Raises CardDeclined naming the field; nothing of it is recorded."""
    digits = re.sub(r"[\s-]", "", number)
    if not re.fullmatch(r"[0-9]{12,19}", digits) or not _luhn(digits):
        raise CardDeclined("Your card number is invalid.", code="incorrect_number", param="number")
    month, year = _expiry(expiry, now)
    if not re.fullmatch(r"[0-9]{3}", cvc.strip()):
        raise CardDeclined("Your card's security code is invalid.", code="invalid_cvc", param="cvc")
    if digits not in CARDS:
        raise CardDeclined(
            "Your card was declined. Your request was in test mode, but used a non test card.",
            code="card_declined",
            decline_code="test_mode_live_card",
            param="number",
        )
    return PresentedCard(card=CARDS[digits], exp_month=month, exp_year=year)


def _expiry(text: str, now: float) -> tuple[int, int]:
    match = re.fullmatch(r"\s*([0-9]{1,2})\s*/?\s*((?:20)?[0-9]{2})\s*", text)
    if match is None or not 1 <= int(match[1]) <= 12:
        raise CardDeclined("Your card's expiration date is invalid.", code="invalid_expiry_month", param="expiry")
    month, year = int(match[1]), 2000 + int(match[2]) % 100
    today = datetime.fromtimestamp(now, tz=UTC)
    if (year, month) < (today.year, today.month):
        raise CardDeclined("Your card's expiration year is in the past.", code="invalid_expiry_year", param="expiry")
    return month, year


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
