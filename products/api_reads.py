"""What the API shows of balances and of what moved them."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from products import balances
from products.api_answers import shown
from products.api_shapes import BalanceAnswer, EntriesAnswer, EntryAnswer
from products.models import ApiKey, Hold, Product, ProductBalance
from wallet import chart
from wallet.models import Account, Entry, Posting, Side
from wallet.money import WALLET_CURRENCY

_USE = ("CHARGE", "HOLD", "RELEASE")
"""Kinds of posting whose memo is what the caller wrote himself; other memos are not for him."""

_NAMED_BY_CALLER = ("CHARGE", "HOLD")
"""Kinds whose key ends with the caller's request id: `charge:<slug>:<request id>`."""


_MOVE = "MOVE"
"""What a top-up is in the balance that pays for it: the wallet."""


@dataclass(frozen=True, kw_only=True)
class FoundHold:
    """A hold with the number of the balance it was taken from."""

    hold: Hold
    number: str


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Where a balance is kept in the ledger."""

    organisation_id: UUID
    code: str
    currency: str


def visible(key: ApiKey) -> QuerySet[ProductBalance]:
    """The balances a key may see: those of its product, or those of its organisation."""
    is_service = key.kind == ApiKey.Kind.SERVICE
    own = {"product": key.product_id} if is_service else {"organisation": key.organisation_id}
    return ProductBalance.objects.filter(**own).select_related("product")


def find_hold(*, hold_id: UUID, product: Product) -> FoundHold | None:
    hold = Hold.objects.filter(pk=hold_id, product=product).first()
    if hold is None:
        return None
    balance = ProductBalance.objects.get(organisation_id=hold.organisation_id, product=product)
    return FoundHold(hold=hold, number=balance.number)


def of_product(balance: ProductBalance) -> Kept:
    product = balance.product
    return Kept(organisation_id=balance.organisation_id, code=product.code, currency=product.currency)


def of_wallet(organisation_id: UUID) -> Kept:
    return Kept(organisation_id=organisation_id, code=chart.WALLET, currency=WALLET_CURRENCY)


def read_balance(balance: ProductBalance) -> BalanceAnswer:
    holding = balances.read(organisation_id=balance.organisation_id, product=balance.product)
    return _describe(balance, holding)


def read_balances(*, organisation_id: UUID) -> list[BalanceAnswer]:
    """The wallet, then every product that has a number, in the catalogue's order."""
    opened = list(
        ProductBalance.objects.filter(organisation_id=organisation_id)
        .select_related("product")
        .order_by("product__position", "product__slug")
    )
    holdings = balances.read_all(organisation_id=organisation_id, products=[balance.product for balance in opened])
    products = [_describe(balance, holdings[balance.product_id]) for balance in opened]
    return [_read_wallet(organisation_id), *products]


def read_entries(kept: Kept, *, after: str | None, limit: int) -> EntriesAnswer:
    """A page, newest first. A place in it is a place in this balance alone, whatever it was taken from."""
    account = Account.objects.of(kept.organisation_id).filter(code=kept.code, currency=kept.currency).first()
    entries = Entry.objects.filter(account=account, **({"position__lt": int(after)} if after else {}))
    found = list(entries.select_related("posting").order_by("-position")[: limit + 1]) if account else []
    page = found[:limit]
    return EntriesAnswer(
        entries=[_describe_entry(entry) for entry in page],
        next=str(page[-1].position) if len(found) > limit else None,
    )


def _read_wallet(organisation_id: UUID) -> BalanceAnswer:
    codes = [chart.WALLET, chart.held(chart.WALLET)]
    found = Account.objects.of(organisation_id).filter(code__in=codes, currency=WALLET_CURRENCY)
    held = {account.code: shown(account.balance) for account in found}
    available, set_aside = (held.get(code, "0.000000") for code in codes)
    return BalanceAnswer(
        balance="wallet", number=None, product=None, currency=WALLET_CURRENCY, available=available, held=set_aside
    )


def _describe(balance: ProductBalance, holding: balances.Holding) -> BalanceAnswer:
    return BalanceAnswer(
        balance="product",
        number=balance.number,
        product=balance.product.slug,
        currency=balance.product.currency,
        available=shown(holding.available),
        held=shown(holding.held),
    )


def _describe_entry(entry: Entry) -> EntryAnswer:
    posting = entry.posting
    is_plus = entry.side == Side.CREDIT
    return EntryAnswer(
        id=posting.pk,
        kind=_MOVE if posting.kind == "TOP_UP" and not is_plus else posting.kind,
        posted_at=posting.posted_at,
        amount=shown(entry.amount if is_plus else -entry.amount),
        currency=entry.amount.currency.code,
        balance_after=shown(entry.balance_after),
        request_id=_request_id(posting),
        order_number=posting.order_number or None,
        description=posting.memo if posting.kind in _USE else "",
    )


def _request_id(posting: Posting) -> str | None:
    return posting.key.split(":", 2)[2] if posting.kind in _NAMED_BY_CALLER else None
