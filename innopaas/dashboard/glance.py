"""Where all the money is, as the ledger stands now."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.db.models import Sum
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from innopaas.dashboard.rows import list_of
from wallet import chart
from wallet.models import Account
from wallet.money import WALLET_CURRENCY, labelled

_PRODUCT: Final = chart.product("")
_BANK: Final = chart.bank("")
_HELD: Final = chart.held("")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where money is, how much in each currency, and the list of accounts that explains it."""

    title: str | Promise
    amounts: list[str]
    address: str


def list_places() -> list[Place]:
    """One query over all accounts; what is held counts to the balance it is held of."""
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    rows = Account.objects.order_by().values_list("code", "currency").annotate(sum=Sum("balance"))
    for code, currency, balance in rows:
        sums[_place(code), currency] += balance
    return [
        Place(title=title, amounts=_say(sums, place), address=list_of("wallet_account", q=sought))
        for place, title, sought in (
            (chart.WALLET, _("In customers' wallets"), chart.WALLET),
            (_PRODUCT, _("In customers' products"), _PRODUCT),
            (chart.STRIPE_CLEARING, _("At Stripe, on its way to the bank"), chart.STRIPE_CLEARING),
            (_BANK, _("At the banks"), _BANK),
            (chart.SUSPENSE, _("In suspense: arrived, not credited yet"), chart.SUSPENSE),
        )
    ]


def _place(code: str) -> str:
    for start in (_PRODUCT, _BANK):
        if code.startswith(start):
            return start
    return code.removesuffix(_HELD)


def _say(sums: dict[tuple[str, str], Decimal], place: str) -> list[str]:
    """The wallet's currency always, another where there is any."""
    currencies: Iterable[str] = sorted({currency for code, currency in sums if code == place} - {WALLET_CURRENCY})
    others = [labelled(Money(sums[place, currency], currency)) for currency in currencies if sums[place, currency]]
    return [labelled(Money(sums[place, WALLET_CURRENCY], WALLET_CURRENCY)), *others]
