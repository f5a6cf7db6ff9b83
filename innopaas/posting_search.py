"""Finding a posting by what is known of it: a key, an id, an order, a receipt, an id of Stripe's, an amount, a day."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db import OperationalError, connection, transaction
from django.db.models import Q, QuerySet

from billing import numbers
from billing.models import Dispute, Document, Order, Refund
from payments.models import BalanceTransaction, CardRefund, InboxEvent, Payment
from wallet.ids import read_id
from wallet.models import HOUSE_ID, Entry, Organisation, Posting
from wallet.money import AmountError, parse_usage

MOST: Final = 50
_PATIENCE: Final = "5s"
"""An amount alone is looked for in every entry there is."""

_LISTED: Final = ("txn_", "ch_", "py_")
"""How Stripe's ids of balance transactions and charges begin."""

_AMOUNT: Final = re.compile(
    r"(?:(?P<before>[A-Za-z]{3})\s*)?[$¥\uffe5]?(?P<digits>[0-9][0-9,]*(?:\.[0-9]+)?)(?:\s*(?P<after>[A-Za-z]{3}))?"
)


class TooSlow(Exception):
    """The text fits so little of what is indexed that looking for it took too long; a day beside it helps."""


@dataclass(frozen=True, kw_only=True)
class Hits:
    """The postings found, the newest first; `is_cut` when there are more than are given."""

    postings: Sequence[Posting]
    is_cut: bool


def find(text: str) -> Hits:
    """The postings that a text means: an id, a key or its end, the number of an order, a refund or a document, an id of
    Stripe's, a day, an amount, or a day and an amount. Raises `TooSlow`.
    """
    text = text.strip().replace("\x00", "")
    if not text:
        return Hits(postings=(), is_cut=False)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = '{_PATIENCE}'")
            found = list(_meant_by(text).select_related("organisation").order_by("-id")[: MOST + 1])
            cursor.execute("SET LOCAL statement_timeout = DEFAULT")
    except OperationalError as error:
        raise TooSlow(text) from error
    return Hits(postings=found[:MOST], is_cut=len(found) > MOST)


def _meant_by(text: str) -> QuerySet[Posting]:
    first, _blank, rest = text.partition(" ")
    if day := _read_day(first):
        dated = Posting.objects.filter(business_date=day)
        return dated & _of_amount(rest.strip()) if rest else dated
    if posting_id := read_id(text):
        return Posting.objects.filter(pk=posting_id)
    if text.startswith("evt_"):
        return _of_event(text)
    if text.startswith(_LISTED):
        return _of_listed(text)
    if orders := list(_find_orders(text)):
        return _of_orders(orders)
    return _of_amount(text) if _AMOUNT.fullmatch(text) else _of_key(text)


def _of_event(text: str) -> QuerySet[Posting]:
    """What an event of Stripe's is about: an object that is found by its own id, or a payment."""
    event = InboxEvent.objects.filter(event_id=text).first()
    if event is None:
        return Posting.objects.none()
    about = next((found for found in (event.object_id, event.payment_intent_id) if found and found != text), "")
    found = _meant_by(about) if about else Posting.objects.none()
    if event.payment_intent_id and not found.exists():
        return _meant_by(event.payment_intent_id)
    return found


def _of_listed(text: str) -> QuerySet[Posting]:
    """By a balance transaction, or by the charge it is of: what was posted for it, and what its payment's order has."""
    listed = BalanceTransaction.objects.filter(Q(stripe_id=text) | Q(source_id=text))
    meant = Q(pk__in=[])
    for transaction_ in listed:
        meant |= Q(organisation=transaction_.organisation_id, key__in=transaction_.posting_keys)
    intents = [intent for intent in listed.values_list("payment_intent_id", flat=True) if intent]
    if orders := [order for intent in intents for order in _find_orders(intent)]:
        meant |= Q(pk__in=_of_orders(orders).values("pk"))
    return Posting.objects.filter(meant)


def _find_orders(text: str) -> QuerySet[Order]:
    """Those that a number of ours or an id of Stripe's belongs to."""
    if number := numbers.read(text):
        return Order.objects.filter(number=number)
    if documented := Document.objects.filter(number=text.upper()).values_list("order_id", flat=True)[:1]:
        return Order.objects.filter(pk__in=list(documented))
    payments = Payment.objects.filter(Q(session_id=text) | Q(payment_intent_id=text))
    paid = Q(pk__in=payments.values("order_id")) | Q(pk__in=payments.values("credited_order_id"))
    refunds = Q(pk__in=CardRefund.objects.filter(stripe_id=text).values("refund__order_id"))
    meant = {
        "cs_": paid,
        "pi_": paid,
        "re_": refunds,
        "pyr": refunds,
        "du_": Q(pk__in=Dispute.objects.filter(stripe_id=text).values("order_id")),
        "dp_": Q(pk__in=Dispute.objects.filter(stripe_id=text).values("order_id")),
        "RF2": Q(pk__in=Refund.objects.filter(number=text.upper()).values("order_id")),
    }.get(text[:3].upper() if text[:2].upper() == "RF" else text[:3])
    return Order.objects.filter(meant) if meant else Order.objects.none()


def _of_key(text: str) -> QuerySet[Posting]:
    """A key is unique within its organisation, and found by both. A payout's key ends with its id at Stripe, a charge's
    with its request id.
    """
    exact = Posting.objects.filter(key__in=[text, f"payout:{text}"], organisation__in=Organisation.objects.values("pk"))
    return exact if exact.exists() else Posting.objects.filter(key__endswith=f":{text}")


def _of_orders(orders: Sequence[Order]) -> QuerySet[Posting]:
    """An order's postings are its organisation's, or the house's where nobody knew whose money it was."""
    return Posting.objects.filter(
        organisation__in={HOUSE_ID, *(order.organisation_id for order in orders)},
        order_number__in=[order.number for order in orders],
    )


def _of_amount(text: str) -> QuerySet[Posting]:
    match = _AMOUNT.fullmatch(text)
    if match is None:
        return Posting.objects.none()
    currency = (match["before"] or match["after"] or "").upper()
    try:
        amount = parse_usage(match["digits"].replace(",", ""), "USD").amount  # six decimals, whatever it is called
    except AmountError:
        return Posting.objects.none()
    entries = Entry.objects.filter(amount=amount)
    if currency:
        entries = entries.filter(currency={"RMB": "CNY"}.get(currency, currency))
    return Posting.objects.filter(pk__in=entries.values("posting_id"))


def _read_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("2026-01-31") else None
    except ValueError:
        return None
