"""What the tests of spending share: usage, and what an organisation's accounts of one product hold."""

import secrets
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from products import balances, charges, holds
from products.batches import BatchItem
from products.charges import Charge, Usage
from products.holds import Capture, Placement, Release
from products.models import Hold, ProductBalance
from tests import builders
from wallet import chart
from wallet.models import Entry

HOUR = timedelta(hours=1)
BY = "SMS back end"

Figure = Decimal | int


def usage(amount: str | int = 1, request_id: str = "", description: str = "") -> Usage:
    return Usage(request_id=request_id or secrets.token_hex(8), amount=builders.usd(amount), description=description)


def item(balance: ProductBalance | None, amount: str | int = 1, request_id: str = "") -> BatchItem:
    return BatchItem(balance=balance, usage=usage(amount, request_id))


def open_filled(amount: str | int = 20, *, now: datetime) -> ProductBalance:
    """A new organisation's balance of a new product, with money in it."""
    acme, product = builders.make_organisation(now=now), builders.make_product("SMS")
    builders.fill_product(acme, product, builders.usd(amount), now=now)
    builders.open_balance(acme, product, now=now)
    return ProductBalance.objects.select_related("product", "organisation").get(organisation=acme)


def charge(
    balance: ProductBalance, amount: str | int, request_id: str = "", *, now: datetime, description: str = ""
) -> Charge:
    with transaction.atomic():  # a refusal leaves the transaction around it as it was
        return charges.charge(balance=balance, usage=usage(amount, request_id, description), by=BY, now=now)


def place(
    balance: ProductBalance, amount: str | int = 5, request_id: str = "", *, now: datetime, lasts: timedelta = HOUR
) -> Placement:
    return holds.place(balance=balance, usage=usage(amount, request_id), expires_at=now + lasts, by=BY, now=now)


def capture(hold: Placement | Hold, amount: str | int | None, request_id: str = "c1", *, now: datetime) -> Capture:
    found = Hold.objects.get(pk=hold.id)
    return holds.capture(
        hold_id=found.pk,
        product_id=found.product_id,
        request_id=request_id,
        amount=None if amount is None else builders.usd(amount),
        by=BY,
        now=now,
    )


def release(hold: Placement | Hold, *, now: datetime) -> Release:
    found = Hold.objects.get(pk=hold.id)
    return holds.release(hold_id=found.pk, product_id=found.product_id, by=BY, now=now)


def expire(*, now: datetime) -> None:
    """The sweep, until nothing is due: tests that commit leave holds of theirs behind."""
    while holds.expire_due(now=now):
        pass


def standing(balance: ProductBalance) -> tuple[Figure, Figure, Figure]:
    """Available, held, and what the product earned."""
    held = balances.read(organisation_id=balance.organisation_id, product=balance.product)
    earned = builders.balance_of(balance.organisation_id, chart.revenue(balance.product.slug))
    return held.available.amount, held.held.amount, earned.amount


def spent(balance: ProductBalance, kind: str) -> Decimal:
    """What postings of a kind took from the balance."""
    taken = Entry.objects.filter(
        organisation_id=balance.organisation_id,
        account__code=balance.product.code,
        side="DEBIT",
        posting__kind=kind,
    )
    return taken.aggregate(total=Sum("amount"))["total"] or Decimal(0)
