"""What the top-up page offers: ways to pay, each with its limits and amounts, and why one cannot be chosen now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from billing import rates
from billing.models import Method, TopUpLimit
from billing.rates import Quote
from payments.forms import CARD, OFFLINE, PRESETS
from payments.models import BankAccount
from wallet.money import WALLET_CURRENCY

NO_ACCOUNT = _("We cannot receive transfers in this currency at the moment. Choose another, or contact our team.")

_EXAMPLE = Money(1000, WALLET_CURRENCY)


@dataclass(frozen=True, kw_only=True)
class Preset:
    """An amount to choose, and what it gives where it is converted."""

    amount: Money
    gives: Money | None
    is_chosen: bool

    @property
    def text(self) -> str:
        """As a person would type it."""
        return _plain(self.amount)


@dataclass(frozen=True, kw_only=True)
class Way:
    """A method with a currency. `refusal` says why it cannot be chosen now."""

    method: str
    currency: str
    limit: TopUpLimit | None
    presets: tuple[Preset, ...]
    refusal: str | Promise

    @property
    def id(self) -> str:
        return f"{self.method}-{self.currency.lower()}"

    @property
    def field(self) -> str:
        return PRESETS[self.method, self.currency]


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """An amount of RMB and what it gives."""

    amount: Money
    gives: Money


@dataclass(frozen=True, kw_only=True)
class Offers:
    """All ways, and the quoted rate, if there is one."""

    card: Way
    offline: tuple[Way, ...]
    quote: Quote | None

    @property
    def ways(self) -> tuple[Way, ...]:
        return (self.card, *self.offline)

    @property
    def is_offline_open(self) -> bool:
        return any(not way.refusal for way in self.offline)

    @property
    def rate(self) -> str:
        """`1 USD = 7.2000 CNY`."""
        return rates.shown(self.quote.rate) if self.quote else ""

    @property
    def example(self) -> Conversion | None:
        if self.quote is None:
            return None
        amount = rates.convert(_EXAMPLE, rate=self.quote.rate, to=rates.QUOTED)
        return convert(amount, self.quote)


def read(chosen: Mapping[str, str], *, now: datetime) -> Offers:
    """What can be chosen at this moment; `chosen` is what was chosen before in each field of amounts."""
    quote, stale = _quote(now=now)
    limits = {(limit.method, limit.currency): limit for limit in TopUpLimit.objects.all()}
    payable = set(BankAccount.objects.filter(is_open=True).values_list("currency", flat=True))
    offline = [
        _make_way(
            OFFLINE,
            currency,
            limits.get((Method.OFFLINE, currency)),
            chosen,
            quote=quote if currency == rates.QUOTED else None,
            refusal=(stale if currency == rates.QUOTED else "") or ("" if currency in payable else NO_ACCOUNT),
        )
        for currency in (WALLET_CURRENCY, rates.QUOTED)
    ]
    card = _make_way(CARD, WALLET_CURRENCY, limits.get((Method.CARD, WALLET_CURRENCY)), chosen, quote=None, refusal="")
    return Offers(card=card, offline=tuple(offline), quote=quote)


def convert(amount: Money, quote: Quote) -> Conversion:
    return Conversion(amount=amount, gives=rates.convert(amount, rate=quote.rate, to=WALLET_CURRENCY))


def _quote(*, now: datetime) -> tuple[Quote | None, str]:
    try:
        return rates.quote(now=now), ""
    except rates.RateStale as stale:
        return None, str(stale)


def _plain(amount: Money) -> str:
    return f"{amount.amount:.2f}".removesuffix(".00")


def _make_way(
    method: str,
    currency: str,
    limit: TopUpLimit | None,
    chosen: Mapping[str, str],
    *,
    quote: Quote | None,
    refusal: str | Promise,
) -> Way:
    before = chosen.get(PRESETS[method, currency])
    presets = tuple(
        Preset(amount=amount, gives=convert(amount, quote).gives if quote else None, is_chosen=_plain(amount) == before)
        for amount in (limit.offers if limit else [])
    )
    return Way(
        method=method,
        currency=currency,
        limit=limit,
        presets=presets,
        refusal=refusal or ("" if limit else NO_ACCOUNT),
    )
