"""Exchange rates: entering them, approving jumps, quoting them while they are fresh, and converting by them.

One way of writing holds everywhere: 1 USD = 7.2000 CNY. There is no fallback rate.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from djmoney.money import Money

from billing import workdays
from billing.models import ExchangeRate, RateRule
from wallet import zones
from wallet.calendar import BOOKS, business_date
from wallet.ids import new_id
from wallet.models import User
from wallet.money import round_half_up
from wallet.names import tidy

BASE: Final = "USD"
QUOTED: Final = "CNY"
LARGEST: Final = Decimal(10) ** 6
UNIT: Final = Decimal("0.000001")
"""A rate has at most six decimal places."""

_DIGITS: Final = re.compile(r"(?:0|[1-9][0-9]{0,5})(?:\.[0-9]{1,6})?")
_SHOWN: Final = Decimal("0.0001")


class RateError(ValueError):
    """Not a rate that can be taken exactly; the message says what to write instead."""


class RateStale(Exception):
    """No rate is fresh enough to be quoted; the message says when to come back."""

    def __init__(self, *, come_back_at: datetime) -> None:
        self.come_back_at = come_back_at
        super().__init__(
            _(
                "The exchange rate is being renewed, so we cannot quote RMB just now. "
                "Please come back after %(moment)s, or pay in USD."
            )
            % {"moment": zones.tell(come_back_at)}
        )


class RateUnknown(Exception):
    """No rate counted on that day."""


class OwnRate(Exception):
    """Whoever entered a rate cannot be the one who approves it."""


class RateDecided(Exception):
    """Somebody else was quicker."""


class RateOvertaken(Exception):
    """A newer rate counts already; an older one must not take its place."""


@dataclass(frozen=True, kw_only=True)
class Quote:
    """The rate a customer is shown, and until when it holds."""

    rate: Decimal
    source: str
    rate_at: datetime
    valid_until: datetime


@dataclass(frozen=True, kw_only=True)
class RateOfDay:
    """The rate of a business day, for money that came after its quote had ended."""

    day: date
    rate: Decimal
    source: str
    rate_at: datetime


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A new rate beside the one that counts."""

    last: ExchangeRate | None
    percent: Decimal | None
    """How far it is from the last one, with its sign; None when there is no last one."""
    is_jump: bool


@dataclass(frozen=True, kw_only=True)
class _Fact:
    rate: Decimal
    source: str
    stated_at: datetime
    created_at: datetime
    entered_by: User | None = None
    loaded_for: date | None = None


def parse_rate(text: str) -> Decimal:
    """The rate a text names: ASCII digits and one point, above zero, six decimal places at the most."""
    plain = text.strip(" \t")
    if not _DIGITS.fullmatch(plain):
        raise RateError(_("Write the rate in digits only, like 7.2000, with at most six decimal places."))
    return _check(Decimal(plain))


def shown(rate: Decimal) -> str:
    """`1 USD = 7.2000 CNY`: four decimal places, or as many more as the rate has."""
    exact = rate.normalize()
    places = max(4, -int(exact.as_tuple().exponent))
    return f"1 {BASE} = {exact:.{places}f} {QUOTED}"


def convert(money: Money, *, rate: Decimal, to: str) -> Money:
    """The amount in the other currency of the pair, rounded half up to the cent."""
    match (money.currency.code, to):
        case (code, wanted) if code == BASE and wanted == QUOTED:
            return round_half_up(Money(money.amount * rate, QUOTED))
        case (code, wanted) if code == QUOTED and wanted == BASE:
            return round_half_up(Money(money.amount / rate, BASE))
    raise ValueError(f"no rate leads from {money.currency} to {to}")


def quote(*, now: datetime) -> Quote:
    """Raise `RateStale` when there is no rate, or it is too old."""
    rule = _rule()
    last = _last()
    if last is None or now - last.stated_at >= timedelta(hours=rule.max_age_hours):
        raise RateStale(come_back_at=workdays.next_office_hour(now))
    return Quote(
        rate=last.rate,
        source=last.source,
        rate_at=last.stated_at,
        valid_until=now + timedelta(hours=rule.quote_hours),
    )


def rate_of_day(day: date) -> RateOfDay:
    """What counted at the end of a business day; while the day lasts, what counts now.

    On a day without work the last working day's rate goes on counting. `RateUnknown` when there was none, or it was
    too old on that working day already.
    """
    end = datetime.combine(day + timedelta(days=1), time(), BOOKS)
    found = ExchangeRate.objects.last_accepted_before(end, base=BASE, quote=QUOTED)
    worked = datetime.combine(workdays.last_working_day(day), time(), BOOKS)
    if found is None or found.stated_at + timedelta(hours=_rule().max_age_hours) <= worked:
        raise RateUnknown(_("No exchange rate counted on %(day)s.") % {"day": day})
    return RateOfDay(day=day, rate=found.rate, source=found.source, rate_at=found.stated_at)


def compare(*, rate: Decimal) -> Comparison:
    """How far a rate is from the one that counts, before anybody enters it."""
    return _compare(rate, last=_last(), rule=_rule())


@transaction.atomic
def enter(*, rate: Decimal, source: str, by: User, now: datetime) -> ExchangeRate:
    """A rate typed by a person. It counts at once, unless it is a jump: then it waits for a second person."""
    return _record(_Fact(rate=_check(rate), source=source, stated_at=now, created_at=now, entered_by=by))


@transaction.atomic
def load(*, rate: Decimal, source: str, stated_at: datetime, now: datetime) -> ExchangeRate | None:
    """The daily rate of a provider. None when the business day has one already; a jump waits for a person."""
    _lock_rule()
    if is_loaded(now=now):
        return None
    fact = _Fact(rate=_check(rate), source=source, stated_at=stated_at, created_at=now, loaded_for=business_date(now))
    return _record(fact)


def is_loaded(*, now: datetime) -> bool:
    """Whether the business day's load has brought a rate, whatever became of it."""
    return ExchangeRate.objects.filter(base=BASE, quote=QUOTED, loaded_for=business_date(now)).exists()


@transaction.atomic
def approve(*, rate_id: UUID, by: User, now: datetime) -> None:
    """From now on the rate counts. Raise `OwnRate`, `RateDecided` or `RateOvertaken`."""
    _lock_rule()
    waiting = ExchangeRate.objects.select_for_update().get(pk=rate_id)
    if waiting.state != ExchangeRate.State.WAITING:
        raise RateDecided
    if waiting.entered_by_id == by.pk:
        raise OwnRate
    last = _last()
    if last is not None and last.created_at > waiting.created_at:
        raise RateOvertaken
    ExchangeRate.objects.filter(pk=rate_id).update(
        state=ExchangeRate.State.ACTIVE, effective_at=now, approved_by=by, approved_at=now
    )


@transaction.atomic
def refuse(*, rate_id: UUID, by: User, note: str, now: datetime) -> None:
    """The rate never counts; whoever entered it may take it back this way. Raise `RateDecided`."""
    refused = ExchangeRate.objects.filter(pk=rate_id, state=ExchangeRate.State.WAITING).update(
        state=ExchangeRate.State.REFUSED, refused_by=by, refused_at=now, note=note[:500]
    )
    if not refused:
        raise RateDecided


def _record(fact: _Fact) -> ExchangeRate:
    rule = _lock_rule()
    comparison = _compare(fact.rate, last=_last(), rule=rule)
    return ExchangeRate.objects.create(
        id=new_id(),
        base=BASE,
        quote=QUOTED,
        rate=fact.rate,
        source=tidy(fact.source)[:100],
        stated_at=fact.stated_at,
        created_at=fact.created_at,
        entered_by=fact.entered_by,
        loaded_for=fact.loaded_for,
        compared_with=comparison.last.rate if comparison.last else None,
        jump_percent=rule.jump_percent,
        state=ExchangeRate.State.WAITING if comparison.is_jump else ExchangeRate.State.ACTIVE,
        effective_at=None if comparison.is_jump else fact.created_at,
    )


def _compare(rate: Decimal, *, last: ExchangeRate | None, rule: RateRule) -> Comparison:
    if last is None:
        return Comparison(last=None, percent=None, is_jump=False)
    difference = rate - last.rate
    return Comparison(
        last=last,
        percent=(difference * 100 / last.rate).quantize(Decimal("0.01")),
        is_jump=abs(difference) * 100 > rule.jump_percent * last.rate,
    )


def _check(rate: Decimal) -> Decimal:
    """A Decimal from anywhere: finite, above zero, exact to six places."""
    if not rate.is_finite() or not 0 < rate < LARGEST:
        raise RateError(_("A rate lies above zero and below a million."))
    if rate != rate.quantize(UNIT):
        raise RateError(_("A rate has at most six decimal places."))
    return rate.quantize(UNIT)


def _last() -> ExchangeRate | None:
    return ExchangeRate.objects.last_accepted(base=BASE, quote=QUOTED)


def _rule() -> RateRule:
    return RateRule.objects.get(base=BASE, quote=QUOTED)


def _lock_rule() -> RateRule:
    """One after the other: two rates entered at once are compared with each other."""
    return RateRule.objects.select_for_update().get(base=BASE, quote=QUOTED)
