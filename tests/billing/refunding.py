"""Orders whose money goes back, made by the site's own verbs: alice asks, fiona starts, frank approves."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from djmoney.money import Money

from billing import moves, orders, refunds
from billing.arrivals import Arrival, Rate, Source
from billing.models import Note, Order, Refund
from products.models import Product
from tests import builders, people
from wallet import chart
from wallet.models import Member, Organisation, Role, User
from wallet.money import round_half_up

BANK = "bank:cny-1"
LAPSED = moves.UNDOABLE_FOR + timedelta(minutes=1)


def usd(amount: str | int) -> Money:
    return Money(Decimal(amount), "USD")


def ask_refund(
    order: Order, *, now: datetime, amount: Money | None = None, by: User | None = None, token: str = ""
) -> Refund:
    """Asked for by the order's owner: as much as there is, unless another amount is given."""
    return refunds.ask(
        order_id=order.pk,
        amount=amount or refunds.refundable(order).most,
        reason="Bought too much",
        by=by or _owner_of(order),
        origin=Refund.Origin.CUSTOMER,
        form_token=token or secrets.token_urlsafe(18),
        now=now,
    )


def start_refund(order: Order, *, by: User, now: datetime, amount: Money | None = None, token: str = "") -> Refund:
    """Started by somebody of finance."""
    return refunds.ask(
        order_id=order.pk,
        amount=amount or refunds.refundable(order).most,
        reason="Agreed by phone",
        by=by,
        origin=Refund.Origin.FINANCE,
        form_token=token or secrets.token_urlsafe(18),
        now=now,
    )


def approved_refund(order: Order, *, now: datetime, amount: Money | None = None, by: User | None = None) -> Refund:
    """Asked for by the order's owner, and approved by somebody of finance."""
    asked = ask_refund(order, now=now, amount=amount)
    return refunds.approve(refund_id=asked.pk, by=by or people.make_staff("frank", "finance lead"), now=now)


def succeeded_refund(
    order: Order, *, now: datetime, amount: Money | None = None, source: str = chart.STRIPE_CLEARING
) -> Refund:
    """As `approved_refund`, and its money has left."""
    approved = approved_refund(order, now=now, amount=amount)
    return refunds.succeed(refund_id=approved.pk, source=source, by="Stripe", now=now)


@dataclass
class Counter:
    """Acme with a product; alice owns it, fiona and frank are of finance."""

    now: datetime
    acme: Organisation = field(init=False)
    product: Product = field(init=False)
    fiona: User = field(init=False)
    frank: User = field(init=False)

    def __post_init__(self) -> None:
        self.acme = builders.make_organisation(now=self.now)
        self.product = builders.make_product("WhatsApp")
        self.fiona, self.frank = people.make_staff("fiona", "finance"), people.make_staff("frank", "finance lead")

    @property
    def alice(self) -> User:
        return builders.owner_of(self.acme)

    def card(self, amount: str = "100", *, target: Product | None = None) -> Order:
        if target:
            return builders.fill_product(self.acme, target, usd(amount), now=self.now)
        return builders.fill_wallet(self.acme, usd(amount), now=self.now)

    def move(self, amount: str, *, now: datetime | None = None) -> Order:
        """From the wallet to the product."""
        wish = builders.move_wish(self.acme, self.product, usd(amount))
        return moves.move(wish, by=self.alice, now=now or self.now)

    def in_rmb(self, paid: str, *, rate: str = "7.20") -> Order:
        """A transfer in RMB that the bank received, credited to the wallet at a rate."""
        return credit_rmb(self.acme, paid, rate=rate, by=self.fiona, now=self.now)

    def holds(self, code: str = chart.WALLET, currency: str = "USD") -> Decimal | int:
        amount: Decimal | int = builders.balance_of(self.acme.pk, code, currency).amount
        return amount


def credit_rmb(organisation: Organisation, paid: str, *, rate: str = "7.20", by: User, now: datetime) -> Order:
    """Money in RMB that the bank received, credited to the wallet at a rate."""
    value, amount = Decimal(rate), Money(paid, "CNY")
    arrival = Arrival(
        sources=(Source(code=BANK, amount=amount),),
        credited=round_half_up(Money(amount.amount / value, "USD")),
        note=Note.TRANSFER_PAID,
        rate=Rate(value=value, source="CFETS", at=now),
    )
    with transaction.atomic():
        return orders.credit_unasked(
            organisation_id=organisation.pk, target=chart.WALLET, arrival=arrival, assigned_by=by, now=now
        )


def _owner_of(order: Order) -> User:
    return Member.objects.filter(organisation_id=order.organisation_id, role=Role.OWNER)[0].user
