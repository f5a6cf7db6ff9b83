"""Product balances by their numbers: opened when first needed, and what they hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from djmoney.money import Money

from products import numbers
from products.models import Product, ProductBalance
from wallet import chart
from wallet.models import Account
from wallet.money import WALLET_CURRENCY


@dataclass(frozen=True, kw_only=True)
class Holding:
    """What a product's balance holds: money to use, and money that holds have set aside."""

    available: Money
    held: Money

    @property
    def total(self) -> Money:
        return self.available + self.held


@dataclass(frozen=True, kw_only=True)
class Purse:
    """What an organisation has: in its wallet, and in product balances, by the products' ids."""

    wallet: Money
    holdings: Mapping[UUID, Holding]


def open_balance(*, organisation_id: UUID, product: Product, now: datetime) -> ProductBalance:
    """The organisation's balance of the product; the first call gives it its number. Repeating it changes nothing."""
    found = ProductBalance.objects.filter(organisation_id=organisation_id, product=product).first()
    while found is None:
        wanted = ProductBalance(organisation_id=organisation_id, product=product, number=numbers.draw(), opened_at=now)
        with transaction.atomic():  # a number drawn twice is drawn again, another's row is taken
            ProductBalance.objects.bulk_create([wanted], ignore_conflicts=True)
        found = ProductBalance.objects.filter(organisation_id=organisation_id, product=product).first()
    return found


def read(*, organisation_id: UUID, product: Product) -> Holding:
    return read_all(organisation_id=organisation_id, products=[product])[product.pk]


def read_all(*, organisation_id: UUID, products: Sequence[Product]) -> Mapping[UUID, Holding]:
    """What the balances of these products hold, by the products' ids, in one query."""
    return read_purse(organisation_id=organisation_id, products=products).holdings


def read_purse(*, organisation_id: UUID, products: Sequence[Product]) -> Purse:
    """The same together with the wallet, in one query."""
    codes = [code for product in products for code in (product.code, chart.held(product.code))]
    found = Account.objects.of(organisation_id).filter(code__in=[chart.WALLET, *codes])
    held = {(account.code, account.balance.currency.code): account.balance for account in found}
    holdings = {
        product.pk: Holding(
            available=held.get((product.code, product.currency), product.money(0)),
            held=held.get((chart.held(product.code), product.currency), product.money(0)),
        )
        for product in products
    }
    return Purse(wallet=held.get((chart.WALLET, WALLET_CURRENCY), Money(0, WALLET_CURRENCY)), holdings=holdings)
