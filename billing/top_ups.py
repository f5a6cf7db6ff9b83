"""Top-ups as customers ask for them, and the orders they become."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from djmoney.money import Money

from billing import card_blocks, limits, numbers, orders, rates
from billing.models import Method, Note, Order
from billing.models.auto_fill import ACTOR
from products import balances, catalogue
from wallet.calendar import business_date
from wallet.models import User
from wallet.money import WALLET_CURRENCY

PAYABLE_FOR = timedelta(hours=23)
"""A card order waits this long; Stripe keeps a Checkout Session open for 24 hours at the most."""


class FormTokenReused(Exception):
    """The form was already sent with other content; `order` is what it made then."""

    def __init__(self, order: Order) -> None:
        super().__init__(order.number)
        self.order = order


@dataclass(frozen=True, kw_only=True)
class TopUp:
    """What a customer asks for: how much, into which balance, paid how. `form_token` makes the wish unique."""

    organisation_id: UUID
    target: str
    method: Method
    amount: Money
    form_token: str
    auto_fill_id: UUID | None = None
    """The rule that asks, if no person does."""


def open_order(wish: TopUp, *, by: User, now: datetime) -> Order:
    """Make the order of a wish, PENDING. The same form token with the same content returns the first order.

    Call inside the transaction that also makes its payment. Money in another currency than the wallet's is quoted a
    rate. Raises `FormTokenReused`, `limits.OutsideLimits`, `rates.RateStale`, `catalogue.NotOffered`,
    `card_blocks.CardBlocked`.
    """
    stored = Order.objects.filter(form_token=wish.form_token).first() or _make_order(wish, by=by, now=now)
    if not _is_same_wish(stored, wish):
        raise FormTokenReused(stored)
    return stored


def _make_order(wish: TopUp, *, by: User, now: datetime) -> Order:
    product = catalogue.find_offered(wish.target)
    limits.check(method=wish.method, amount=wish.amount)
    if wish.method == Method.CARD:
        card_blocks.check(wish.organisation_id)
    limit = limits.limit_for(method=wish.method, currency=wish.amount.currency.code)
    quote = None if wish.amount.currency.code == WALLET_CURRENCY else rates.quote(now=now)
    credited = rates.convert(wish.amount, rate=quote.rate, to=WALLET_CURRENCY) if quote else wish.amount
    if product:
        limits.check_product(product, credited=credited)
        balances.open_balance(organisation_id=wish.organisation_id, product=product, now=now)
    order = Order(
        organisation_id=wish.organisation_id,
        number=numbers.draw(business_date(now)),
        target=wish.target,
        method=wish.method,
        paid=wish.amount,
        credited=credited,
        rate=quote.rate if quote else None,
        rate_source=quote.source if quote else "",
        rate_at=quote.rate_at if quote else None,
        rate_until=quote.valid_until if quote else None,
        created_by=by,
        created_by_name=str(by),
        created_at=now,
        deadline_at=now + (timedelta(days=limit.days_to_pay) if limit.days_to_pay else PAYABLE_FOR),
        form_token=wish.form_token,
        auto_fill_id=wish.auto_fill_id,
    )
    Order.objects.bulk_create([order], ignore_conflicts=True)  # waits for a twin in another transaction
    stored = Order.objects.get(form_token=wish.form_token)
    if stored.pk == order.pk:
        orders.tell(order=stored, note=Note.OPENED, by=ACTOR if wish.auto_fill_id else str(by), now=now)
    return stored


def _is_same_wish(order: Order, wish: TopUp) -> bool:
    return (order.organisation_id, order.target, order.method, order.paid) == (
        wish.organisation_id,
        wish.target,
        wish.method,
        wish.amount,
    )
