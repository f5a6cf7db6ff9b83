"""Disputes of paid orders as Stripe tells of them, and the balances they are taken from."""

import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from djmoney.money import Money

from billing import disputes, moves, orders
from billing.arrivals import Arrival, Source
from billing.dispute_postings import Moved
from billing.disputes import Told
from billing.models import Dispute, Note, Order
from products import balances, charges
from products.models import Product
from tests import builders, people
from wallet import chart
from wallet.models import Organisation, User

State = Dispute.State


def usd(amount: Decimal | str | int) -> Money:
    return Money(Decimal(amount), "USD")


def taken(amount: str | int = 100, *, fee: str | int = 15) -> Moved:
    return Moved(transaction_id=f"txn_{secrets.token_hex(8)}", amount=usd(f"-{amount}"), fee=usd(fee))


def given_back(amount: str | int = 100, *, fee: str | int = 0) -> Moved:
    return Moved(transaction_id=f"txn_{secrets.token_hex(8)}", amount=usd(amount), fee=usd(fee))


def told(*moved: Moved, state: Dispute.State | None = State.OPEN, now: datetime, amount: str | int = 100) -> Told:
    """A dispute of its own, as Stripe has it."""
    return Told(
        stripe_id=f"du_{secrets.token_hex(8)}",
        state=state,
        status="as Stripe says",
        reason="fraudulent",
        amount=usd(amount),
        opened_at=now,
        evidence_due_at=now + timedelta(days=7),
        has_evidence=False,
        moved=moved,
    )


@dataclass
class Story:
    """Acme, a product, and whoever of finance decides."""

    now: datetime
    acme: Organisation = field(init=False)
    product: Product = field(init=False)
    frank: User = field(init=False)

    def __post_init__(self) -> None:
        self.acme = builders.make_organisation(now=self.now)
        self.product = builders.make_product("WhatsApp")
        self.frank = people.make_staff("frank", "finance lead")

    def by_card(self, amount: str | int = 100) -> Order:
        return builders.fill_wallet(self.acme, usd(amount), now=self.now)

    def by_bank(self, amount: str | int = 100) -> Order:
        """A top-up of the wallet that no card block keeps out."""
        arrival = Arrival(
            sources=(Source(code=chart.bank("usd"), amount=usd(amount)),), credited=usd(amount), note=Note.ASSIGNED
        )
        with transaction.atomic():
            return orders.credit_unasked(
                organisation_id=self.acme.pk, target=chart.WALLET, arrival=arrival, assigned_by=self.frank, now=self.now
            )

    def into_product(self, amount: str | int = 100) -> Order:
        return builders.fill_product(self.acme, self.product, usd(amount), now=self.now)

    def spend(self, amount: Decimal | str | int, *, request_id: str = "") -> charges.Charge:
        balance = balances.open_balance(organisation_id=self.acme.pk, product=self.product, now=self.now)
        usage = charges.Usage(request_id=request_id or secrets.token_hex(6), amount=usd(amount))
        return charges.charge(balance=balance, usage=usage, by="WhatsApp", now=self.now)

    def move(self, amount: Decimal | str | int) -> Order:
        wish = builders.move_wish(self.acme, self.product, usd(amount))
        return moves.move(wish, by=builders.owner_of(self.acme), now=self.now)

    def hear(self, order: Order, what: Told, *, held_in: str = "") -> Dispute:
        return disputes.follow(order_id=order.pk, told=what, by="Stripe", now=self.now, held_in=held_in)

    def dispute(self, order: Order, amount: str | int = 100) -> tuple[Dispute, Told]:
        """The money is taken; what Stripe says of it, to be gone on with."""
        what = told(taken(amount), now=self.now, amount=amount)
        return self.hear(order, what), what

    def owe(self, amount: str | int = 40, *, of: str | int = 100) -> Dispute:
        """Of a disputed top-up this much was moved on and spent before."""
        order = self.by_card(of)
        self.move(amount)
        self.spend(amount)
        return self.dispute(order, of)[0]

    def holds(self, code: str = chart.WALLET) -> Decimal | int:
        return builders.balance_of(self.acme.pk, code).amount

    @property
    def owed(self) -> Decimal | int:
        return self.holds(chart.RECEIVABLE)


def more(what: Told, *moved: Moved, state: Dispute.State | None = None) -> Told:
    """The same dispute later: with further movements, in another state."""
    return replace(what, moved=(*what.moved, *moved), state=state or what.state)


def parts_of(dispute: Dispute) -> tuple[Decimal | int, ...]:
    """Out of the balance, out of the wallet, owed, written off."""
    return dispute.from_target, dispute.from_wallet, dispute.debt, dispute.written_off


def state_of(order: Order) -> str:
    return Order.objects.get(pk=order.pk).state
