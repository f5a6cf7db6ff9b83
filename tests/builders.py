"""People, organisations and card checkouts, made by the site's own verbs."""

import secrets
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from djmoney.money import Money

from billing import orders, top_ups
from billing.arrivals import Arrival, Source
from billing.models import Method, Note, Order
from billing.top_ups import TopUp
from payments import checkout
from payments.models import Payment
from products import balances
from products.models import Product, ProductBalance
from wallet import chart, organisations
from wallet.models import Account, Member, Organisation, Role, User


def usd(amount: str | int) -> Money:
    return Money(Decimal(amount), "USD")


def make_person(name: str = "alice") -> User:
    """Somebody new; rows are never flushed, so every address is one of its own."""
    return User.objects.create_user(f"{name}-{secrets.token_hex(6)}@example.com", name=name.title())


def make_organisation(*, now: datetime, owner: User | None = None, name: str = "Acme Messaging") -> Organisation:
    return organisations.create(name=name, owner=owner or make_person(), now=now)


def make_member(organisation: Organisation, *, role: Role, now: datetime, name: str = "vera") -> Member:
    """The row an accepted invitation leaves."""
    return Member.objects.create(organisation=organisation, user=make_person(name), role=role, joined_at=now)


def owner_of(organisation: Organisation) -> User:
    return Member.objects.get(organisation=organisation, role=Role.OWNER).user


def by_card(order: Order) -> Arrival:
    """The order's money, as Stripe brings it."""
    source = Source(code=chart.STRIPE_CLEARING, amount=order.paid)
    return Arrival(sources=(source,), credited=order.credited, note=Note.CARD_PAID)


def wish_for(
    organisation: Organisation, *, amount: Money | None = None, token: str = "", target: str = chart.WALLET
) -> TopUp:
    return TopUp(
        organisation_id=organisation.pk,
        target=target,
        method=Method.CARD,
        amount=amount or usd(100),
        form_token=token or secrets.token_urlsafe(18),
    )


def begin_checkout(wish: TopUp, *, by: User, now: datetime) -> Payment:
    return checkout.begin(wish, by=by, now=now, language="en", return_url=_return_address)


def begin_top_up(organisation: Organisation, *, now: datetime, amount: Money | None = None) -> Payment:
    """An order with its payment; nobody has asked Stripe for anything yet."""
    return begin_checkout(wish_for(organisation, amount=amount), by=owner_of(organisation), now=now)


def open_checkout(organisation: Organisation, *, now: datetime, amount: Money | None = None) -> Payment:
    """An order whose customer stands on Stripe's page."""
    payment = begin_top_up(organisation, now=now, amount=amount)
    checkout.open_session(payment_id=payment.pk, now=now)
    payment.refresh_from_db()
    return payment


def session_of(payment: Payment) -> str:
    payment.refresh_from_db()
    assert payment.session_id
    return payment.session_id


def balance_of(organisation_id: UUID, code: str = chart.WALLET, currency: str = "USD") -> Money:
    return Account.objects.balance(organisation_id=organisation_id, code=code, currency=currency)


def _return_address(order: Order) -> str:
    return f"http://testserver/payments/orders/{order.number}/return/"


def make_product(name: str = "WhatsApp", **fields: Any) -> Product:
    """Something sold; the catalogue is everybody's, so every slug is one of its own."""
    slug = f"{name.lower()}-{secrets.token_hex(4)}"
    return Product.objects.create(slug=slug, name=name, name_zh=name, **fields)


def open_balance(organisation: Organisation, product: Product, *, now: datetime) -> ProductBalance:
    """The organisation's product number."""
    return balances.open_balance(organisation_id=organisation.pk, product=product, now=now)


def fill_wallet(organisation: Organisation, amount: Money, *, now: datetime) -> Order:
    """Money in the wallet, as a paid card order leaves it."""
    return pay_by_card(wish_for(organisation, amount=amount), by=owner_of(organisation), now=now)


def fill_product(organisation: Organisation, product: Product, amount: Money, *, now: datetime) -> Order:
    """Money in a product's balance, as a paid card order leaves it."""
    wish = wish_for(organisation, amount=amount, target=product.code)
    return pay_by_card(wish, by=owner_of(organisation), now=now)


def pay_by_card(wish: TopUp, *, by: User, now: datetime) -> Order:
    with transaction.atomic():
        order = orders.lock(top_ups.open_order(wish, by=by, now=now).pk)
        return orders.mark_paid(order=order, arrival=by_card(order), by="Stripe", now=now)


def move_wish(organisation: Organisation, product: Product, amount: Money, *, token: str = "") -> TopUp:
    """A wish to move money from the wallet into a product."""
    return TopUp(
        organisation_id=organisation.pk,
        target=product.code,
        method=Method.BALANCE,
        amount=amount,
        form_token=token or secrets.token_urlsafe(18),
    )
