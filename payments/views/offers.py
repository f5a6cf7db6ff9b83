"""What the top-up page offers: ways to pay, each with its limits and amounts, and why one cannot be chosen now."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from billing import card_blocks, limits, rates
from billing.models import TopUpLimit
from billing.rates import Quote
from payments.forms import BALANCE, CARD, METHODS, OFFLINE, PRESETS
from payments.models import BankAccount
from products.models import Product
from wallet.money import WALLET_CURRENCY, shown

NO_MOVES = _("Not possible at the moment. Pay by card, or contact our team.")
NO_ACCOUNT = _("We cannot receive transfers in this currency at the moment. Choose another, or contact our team.")

_EXAMPLE = Money(1000, WALLET_CURRENCY)


@dataclass(frozen=True, kw_only=True)
class Range:
    """What a top-up may be, all limits taken together. `wallet` is what the wallet holds, where it is what ends the
    range, or is too little for it.
    """

    lowest: Money
    highest: Money
    wallet: Money | None = None

    @property
    def sentence(self) -> str:
        """To be read before anybody types."""
        facts = {"lowest": shown(self.lowest), "highest": shown(self.highest)}
        if self.wallet is None:
            return gettext("At least %(lowest)s, at most %(highest)s at a time.") % facts
        if self.wallet < self.lowest:
            return gettext("At least %(lowest)s: the wallet holds too little for that now.") % facts
        return gettext("At least %(lowest)s, at most %(highest)s: that is all the wallet holds.") % facts

    def clip(self, amount: Money) -> Money:
        return max(self.lowest, min(amount, self.highest))


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
    range: Range | None
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
    """All ways, and the quoted rate, if there is one. From the wallet only products are topped up."""

    card: Way
    balance: Way | None
    offline: tuple[Way, ...]
    quote: Quote | None

    @property
    def ways(self) -> tuple[Way, ...]:
        return (self.card, *([self.balance] if self.balance else []), *self.offline)

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


def read(
    chosen: Mapping[str, str], *, organisation_id: UUID, product: Product | None, wallet: Money, now: datetime
) -> Offers:
    """What an organisation can choose at this moment for a product, or for the wallet; `chosen` is what was chosen
    before in each field of amounts.
    """
    quote, stale = _quote(now=now)
    ranges = {(limit.method, limit.currency): limit for limit in TopUpLimit.objects.all()}
    payable = set(BankAccount.objects.filter(is_open=True).values_list("currency", flat=True))

    def make(method: str, currency: str, refusal: str | Promise) -> Way:
        limit = ranges.get((METHODS[method], currency))
        span = find_range(limit, product=product, wallet=wallet if method == BALANCE else None) if limit else None
        presets = _offer(limit, span, product=product, quote=quote if currency == rates.QUOTED else None)
        before = chosen.get(PRESETS[method, currency])
        return Way(
            method=method,
            currency=currency,
            range=span,
            presets=tuple(replace(preset, is_chosen=preset.text == before) for preset in presets),
            refusal=refusal or ("" if limit else NO_MOVES if method == BALANCE else NO_ACCOUNT),
        )

    offline = [
        make(
            OFFLINE,
            currency,
            (stale if currency == rates.QUOTED else "") or ("" if currency in payable else NO_ACCOUNT),
        )
        for currency in (WALLET_CURRENCY, rates.QUOTED)
    ]
    return Offers(
        card=make(CARD, WALLET_CURRENCY, card_blocks.why_blocked(organisation_id)),
        balance=make(BALANCE, WALLET_CURRENCY, "") if product else None,
        offline=tuple(offline),
        quote=quote,
    )


def find_range(limit: TopUpLimit, *, product: Product | None, wallet: Money | None) -> Range:
    """Of the method, the product and, for a move, the wallet together. A product's own limits are in dollars and do not
    count here for RMB.
    """
    span = Range(lowest=limit.lowest, highest=limit.highest)
    if product and limit.currency == product.currency:
        if product.smallest_top_up is not None:
            span = replace(span, lowest=max(span.lowest, product.money(product.smallest_top_up)))
        if product.largest_top_up is not None:
            span = replace(span, highest=min(span.highest, product.money(product.largest_top_up)))
    if wallet is None or wallet >= span.highest:
        return span
    holds = Money(wallet.amount.quantize(Decimal("0.01"), rounding=ROUND_FLOOR), wallet.currency)
    return replace(span, highest=holds if holds >= span.lowest else span.highest, wallet=holds)


def convert(amount: Money, quote: Quote) -> Conversion:
    return Conversion(amount=amount, gives=rates.convert(amount, rate=quote.rate, to=WALLET_CURRENCY))


def _quote(*, now: datetime) -> tuple[Quote | None, str]:
    try:
        return rates.quote(now=now), ""
    except rates.RateStale as stale:
        return None, str(stale)


def _plain(amount: Money) -> str:
    return f"{amount.amount:.2f}".removesuffix(".00")


def _offer(
    limit: TopUpLimit | None, span: Range | None, *, product: Product | None, quote: Quote | None
) -> Iterator[Preset]:
    """The amounts offered, each within the range; without those that the product does not take."""
    for amount in dict.fromkeys(span.clip(offered) for offered in limit.offers) if limit and span else []:
        gives = convert(amount, quote).gives if quote else None
        if product is None or _takes(product, gives or amount):
            yield Preset(amount=amount, gives=gives, is_chosen=False)


def _takes(product: Product, credited: Money) -> bool:
    try:
        limits.check_product(product, credited=credited)
    except limits.OutsideLimits:
        return False
    return True
