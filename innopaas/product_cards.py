"""Products as home and the list of products show them: what each one holds, and for how long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from djmoney.money import Money

from products import access, balances, usage
from products.balances import Holding
from products.models import Product, ProductBalance
from wallet.calendar import business_date
from wallet.models import Member
from wallet.money import round_half_up

_SOON = 7


@dataclass(frozen=True, kw_only=True)
class Card:
    """One product of an organisation. `days_left` is None where nothing is used."""

    product: Product
    holding: Holding
    average: Money
    days_left: int | None

    @property
    def ends_soon(self) -> bool:
        return self.days_left is not None and self.days_left < _SOON

    @property
    def shown_average(self) -> Money:
        """To the cent, where that leaves anything."""
        return round_half_up(self.average) if self.average.amount >= 1 else self.average

    @property
    def is_used_up(self) -> bool:
        """Whether the balance cannot pay for anything any more."""
        smallest = self.product.smallest_price
        return smallest is not None and self.holding.available.amount < smallest


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """An organisation's wallet, the products that a member may use, and a card for each of them that is shown: those
    that are not offered any more only where money is left in them.
    """

    wallet: Money
    products: Sequence[Product]
    cards: Sequence[Card]

    @property
    def holds_money(self) -> bool:
        """Whether there is anything anywhere, for use or held."""
        return bool(self.wallet.amount) or any(card.holding.total.amount for card in self.cards)


def read(member: Member, *, now: datetime) -> Shelf:
    """What the organisation has, as far as the member may use it."""
    products = list(access.usable(member))
    purse = balances.read_purse(organisation_id=member.organisation_id, products=products)
    shown = [product for product in products if product.is_active or purse.holdings[product.pk].total.amount]
    averages = usage.average_all(organisation_id=member.organisation_id, products=shown, today=business_date(now))
    cards = [_make(product, purse.holdings[product.pk], averages[product.pk]) for product in shown]
    return Shelf(wallet=purse.wallet, products=products, cards=cards)


def read_one(member: Member, product: Product, *, now: datetime) -> Card:
    holding = balances.read(organisation_id=member.organisation_id, product=product)
    average = usage.average_daily(organisation_id=member.organisation_id, product=product, today=business_date(now))
    return _make(product, holding, average)


def open_numbers(cards: Sequence[Card], *, organisation_id: UUID, now: datetime) -> Mapping[UUID, str]:
    """The product numbers by the products' ids; what has none yet is given one."""
    known = ProductBalance.objects.filter(organisation_id=organisation_id).values_list("product_id", "number")
    numbers = dict(known)
    for card in cards:
        if card.product.pk not in numbers:
            opened = balances.open_balance(organisation_id=organisation_id, product=card.product, now=now)
            numbers[card.product.pk] = opened.number
    return numbers


def _make(product: Product, holding: Holding, average: Money) -> Card:
    return Card(
        product=product, holding=holding, average=average, days_left=usage.days_left(holding.available, average)
    )
