"""Money at Stripe that credited nobody: of payments whose facts did not agree, in their organisation's suspense, and of
charges that no payment of ours knows, in the house's.
"""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db.models import Case, DecimalField, F, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce, Concat
from djmoney.money import Money

from billing.models import Dispute
from payments import stripe_api
from payments.models import SETTLEMENT_CURRENCY, BalanceTransaction, InboxEvent, Payment
from wallet import chart
from wallet.models import HOUSE_ID, Entry, Posting, Side

CHARGES: Final = ("charge", "payment")

_MOST: Final = 200


@dataclass(frozen=True, kw_only=True)
class Held:
    """What is left in suspense of one payment, or of one charge."""

    source: Payment | BalanceTransaction
    arrived: Money
    rest: Money

    @property
    def payment(self) -> Payment | None:
        return self.source if isinstance(self.source, Payment) else None

    @property
    def charge(self) -> BalanceTransaction | None:
        return self.source if isinstance(self.source, BalanceTransaction) else None

    @property
    def organisation_id(self) -> UUID:
        return self.source.organisation_id if isinstance(self.source, Payment) else HOUSE_ID

    @property
    def order_number(self) -> str:
        return self.source.order.number if isinstance(self.source, Payment) else ""

    @property
    def key(self) -> str:
        """How the postings of what is done with it begin."""
        if isinstance(self.source, Payment):
            return f"session:{self.source.session_id}"
        return f"txn:{self.source.stripe_id}"


def list_held() -> list[Held]:
    """All that waits, the oldest first; at most some hundreds."""
    payments = _find_payments().order_by("created_at")[:_MOST]
    charges = _find_charges().order_by("stripe_created_at")[:_MOST]
    return [find(source) for found in (payments, charges) for source in found]


def count_held() -> int:
    """How many wait, of however many."""
    return _find_payments().count() + _find_charges().count()


def find(source: Payment | BalanceTransaction) -> Held:
    return _find_of_payment(source) if isinstance(source, Payment) else _find_of_charge(source)


def find_source(pk: UUID) -> Payment | BalanceTransaction | None:
    """The payment or charge of this id, whichever it is of."""
    payment = Payment.objects.select_related("order", "organisation").filter(pk=pk, state=Payment.State.MISMATCHED)
    return payment.first() or _list_charges().filter(pk=pk).first()


def is_held(session_id: str, *, payment_intent_id: str, organisation_ids: Collection[UUID]) -> bool:
    """Whether a session's money is booked in one of these, whatever told of it first: its event, or the list."""
    key = f"session:{session_id}:suspense"
    if Posting.objects.filter(organisation_id__in=organisation_ids, key=key).exists():
        return True
    listed = BalanceTransaction.objects.filter(payment_intent_id=payment_intent_id, organisation_id=HOUSE_ID)
    return any(f"txn:{one.stripe_id}:gross" in one.posting_keys for one in listed.exclude(payment_intent_id=""))


def is_disputed(held: Held) -> bool:
    """Whether the card's bank has its money, or may take it. No dispute of a charge of nobody's is booked, so that no
    end of one is known either.
    """
    if held.payment:
        may_take = Q(state__in=Dispute.UNDECIDED) | Q(is_withdrawn=True, code=chart.SUSPENSE)
        return Dispute.objects.filter(may_take, order_id=held.payment.order_id).exists()
    of_it = Q(payment_intent_id=held.source.payment_intent_id) & ~Q(payment_intent_id="")
    told = InboxEvent.objects.filter(of_it, type__in=stripe_api.DISPUTE_EVENTS)
    return told.exists() or BalanceTransaction.objects.filter(of_it, category__startswith="dispute").exists()


def lock(source: Payment | BalanceTransaction) -> Held:
    """It, for this transaction alone, and what is left of it."""
    if isinstance(source, Payment):
        return find(Payment.objects.select_for_update(of=("self",)).select_related("order").get(pk=source.pk))
    return find(BalanceTransaction.objects.select_for_update(of=("self",)).get(pk=source.pk))


def lock_charge(payment_intent_id: str) -> Held | None:
    """The charge of this intent that lies in the house's suspense, or did; as `lock`."""
    charge = _list_charges().filter(payment_intent_id=payment_intent_id).exclude(payment_intent_id="").first()
    return lock(charge) if charge else None


def _list_charges() -> QuerySet[BalanceTransaction]:
    return BalanceTransaction.objects.settled().filter(type__in=CHARGES, organisation_id=HOUSE_ID)


def _find_payments() -> QuerySet[Payment]:
    """Those of which something is left."""
    found = Payment.objects.filter(state=Payment.State.MISMATCHED).select_related("order", "organisation")
    return found.annotate(of_session=_SESSIONS, of_order=_ORDERS).filter(of_session__gt=0, of_order__gt=0)


def _find_charges() -> QuerySet[BalanceTransaction]:
    return _list_charges().annotate(rest=_CHARGES).filter(rest__gt=0)


def _find_of_payment(payment: Payment) -> Held:
    """What its session brought less what went back; never more than is left of its order's, as disputes take of it."""
    came = Entry.objects.filter(
        organisation_id=payment.organisation_id,
        account__code=chart.SUSPENSE,
        posting__key=f"session:{payment.session_id}:suspense",
    ).first()
    if came is None:
        nothing = Money(0, payment.amount.currency)
        return Held(source=payment, arrived=nothing, rest=nothing)
    sums = Payment.objects.filter(pk=payment.pk).annotate(of_session=_SESSIONS, of_order=_ORDERS)
    rest: Decimal = min(sums.values_list("of_session", "of_order").get())
    return Held(source=payment, arrived=came.amount, rest=Money(rest, came.amount.currency))


def _find_of_charge(charge: BalanceTransaction) -> Held:
    """What it brought less what Stripe gave back of it, and what was credited to a customer."""
    sums = BalanceTransaction.objects.filter(pk=charge.pk).annotate(rest=_CHARGES)
    rest: Decimal = sums.values_list("rest", flat=True).get()
    return Held(source=charge, arrived=charge.amount, rest=Money(rest, SETTLEMENT_CURRENCY))


def _sum(organisation: Any, **which: Any) -> Coalesce:
    """What postings left in an organisation's suspense, as SQL."""
    found = Entry.objects.filter(
        organisation_id=organisation, posting__organisation_id=organisation, account__code=chart.SUSPENSE, **which
    )
    signed = Case(When(side=Side.CREDIT, then=F("amount")), default=-F("amount"), output_field=_NUMBER)
    summed = found.order_by().values("organisation_id").annotate(left=Sum(signed)).values("left")
    return Coalesce(Subquery(summed, output_field=_NUMBER), Value(Decimal(0)), output_field=_NUMBER)


def _sum_of_order(**which: Any) -> Coalesce:
    return _sum(OuterRef("organisation_id"), posting__order_number=OuterRef("order__number"), **which)


def _sum_of_house(**which: Any) -> Coalesce:
    return _sum(HOUSE_ID, account__currency=SETTLEMENT_CURRENCY, **which)


_NUMBER: "Final[DecimalField[Any, Any]]" = DecimalField(max_digits=20, decimal_places=6)

_SESSIONS: Final = _sum_of_order(posting__key__startswith=Concat(Value("session:"), OuterRef("session_id"), Value(":")))
_ORDERS: Final = _sum_of_order(posting__key__startswith="session:") + _sum_of_order(posting__key__startswith="dispute:")

_MOVED: Final = (
    BalanceTransaction.objects.filter(
        Q(pk=OuterRef(OuterRef("pk")))
        | Q(payment_intent_id=OuterRef(OuterRef("payment_intent_id"))) & ~Q(payment_intent_id="")
    )
    .annotate(posted=Concat(Value("txn:"), "stripe_id", Value(":gross")))
    .values("posted")
)
"""Under which keys the movements of a charge are posted."""

_TOLD: Final = (
    InboxEvent.objects.filter(payment_intent_id=OuterRef(OuterRef("payment_intent_id")))
    .exclude(payment_intent_id="")
    .annotate(posted=Concat(Value("session:"), "object_id", Value(":suspense")))
    .values("posted")
)
"""Under which a session is that an event told of before the charge was listed (inbox.py)."""

_CHARGES: Final = (
    _sum_of_house(posting__key__in=_MOVED)
    + _sum_of_house(posting__key__in=_TOLD)
    + _sum_of_house(posting__key=Concat(Value("txn:"), OuterRef("stripe_id"), Value(":assigned")))
)
