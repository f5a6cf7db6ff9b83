"""Organisations whose money went into the wrong balance, and the people of finance who put that right."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from djmoney.money import Money

from billing import corrections, moves
from billing.models import Correction, Method, Order
from billing.top_ups import TopUp
from payments import settlement, transfers
from payments.models import BankAccount, Transfer
from products import balances, charges
from products.models import Product
from tests import builders, people
from tests.payments import offline
from wallet.models import Organisation, User


def usd(amount: str | int) -> Money:
    return Money(Decimal(amount), "USD")


@dataclass
class Desk:
    """Acme with two products, fiona who proposes, frank who approves."""

    now: datetime
    acme: Organisation = field(init=False)
    wrong: Product = field(init=False)
    right: Product = field(init=False)
    fiona: User = field(init=False)
    frank: User = field(init=False)

    def __post_init__(self) -> None:
        self.acme = builders.make_organisation(now=self.now)
        self.wrong, self.right = builders.make_product("WhatsApp"), builders.make_product("SMS")
        self.fiona, self.frank = people.make_staff("fiona", "finance"), people.make_staff("frank", "finance lead")

    def by_card(self, amount: str = "100", target: Product | None = None) -> Order:
        return builders.fill_product(self.acme, target or self.wrong, usd(amount), now=self.now)

    def by_move(self, amount: str = "100", target: Product | None = None) -> Order:
        builders.fill_wallet(self.acme, usd(amount), now=self.now)
        wish = builders.move_wish(self.acme, target or self.wrong, usd(amount))
        return moves.move(wish, by=builders.owner_of(self.acme), now=self.now)

    def by_transfer(self, paid: Money, *, fee: Money | None = None, is_held: bool = False) -> Order:
        """Paid to the bank; with a fee of the bank's that we bear, if any; held in suspense before, if so."""
        account = offline.make_account(paid.currency.code, fee_tolerance=Decimal(25))
        transfer = self._begin(paid, account=account)
        arrived = paid - fee if fee else paid
        line = offline.bring_line(account, arrived, imported_by=self.fiona, now=self.now)
        if is_held:
            with transaction.atomic():
                settlement.hold_lines([line], organisation_id=self.acme.pk, by="InnoPaaS", now=self.now)
        facts = offline.by_line(line, fee=fee, reason="Our bank's fee") if fee else offline.by_line(line)
        offline.approve(offline.record(transfer, facts, by=self.frank, now=self.now), by=self._felix(), now=self.now)
        return Order.objects.get(pk=transfer.order_id)

    def propose(self, order: Order, target: str = "", *, by: User | None = None) -> Correction:
        return corrections.propose(
            order_id=order.pk,
            target=target or self.right.code,
            reason="Meant for SMS",
            by=by or self.fiona,
            now=self.now + timedelta(hours=1),
        )

    def approve(self, correction: Correction, *, by: User | None = None) -> Order:
        return corrections.approve(correction_id=correction.pk, by=by or self.frank, now=self.now + timedelta(hours=2))

    def withdraw(self, correction: Correction, *, by: User | None = None) -> Correction:
        return corrections.withdraw(correction_id=correction.pk, by=by or self.fiona, now=self.now + timedelta(hours=2))

    def spend(self, amount: str, *, request_id: str = "r1") -> charges.Charge:
        balance = balances.open_balance(organisation_id=self.acme.pk, product=self.wrong, now=self.now)
        usage = charges.Usage(request_id=request_id, amount=usd(amount))
        return charges.charge(balance=balance, usage=usage, by="WhatsApp", now=self.now)

    def holds(self, code: str) -> Decimal | int:
        return offline.balance(self.acme, code)

    def _begin(self, amount: Money, *, account: BankAccount) -> Transfer:
        wish = TopUp(
            organisation_id=self.acme.pk,
            target=self.wrong.code,
            method=Method.OFFLINE,
            amount=amount,
            form_token=secrets.token_urlsafe(18),
        )
        transfer = transfers.begin(wish, by=builders.owner_of(self.acme), now=self.now)
        Transfer.objects.filter(pk=transfer.pk).update(account=account)
        return offline.declare(Transfer.objects.get(pk=transfer.pk), now=self.now)

    def _felix(self) -> User:
        return people.make_staff("felix", "finance")
