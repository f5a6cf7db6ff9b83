"""Low balances: what counts as low for each, who is told, and one notice a dip."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, Sum
from django.db.models.functions import TruncDate
from djmoney.money import Money

from billing import moves
from billing.models import LowBalanceAlert, Notice
from billing.models.alerts import LowBalanceAlerts
from products import access, catalogue, usage
from products.charges import INSUFFICIENT_CODE
from products.models import Product
from wallet import chart
from wallet.calendar import BOOKS, business_date
from wallet.models import Account, Role, User
from wallet.money import LARGEST, WALLET_CURRENCY

DEFAULT_DAYS: Final = 3
"""Unless the customer says otherwise, a balance is low when it lasts for less than so many days."""

_DAYS_OF_A_PACE: Final = 3
"""A wallet's pace is told once money left it on so many different days: one move tells nothing of the next."""

_BATCH: Final = 1_000
_PRODUCTS: Final = chart.product("")
_OF_CUSTOMERS: Final = Q(code=chart.WALLET) | Q(code__startswith=_PRODUCTS) & ~Q(code__endswith=chart.held(""))


class MayNotChangeAlerts(Exception):
    """Whoever asked may not top up this balance now."""


class NoSuchBalance(Exception):
    """Nothing was ever put into this balance."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """How a balance is to be watched; `threshold` None takes the default."""

    threshold: Money | None
    roles: tuple[Role, ...]
    is_on: bool


def change(wish: Wish, *, organisation_id: UUID, target: str, by: User, now: datetime) -> LowBalanceAlert:
    """Watch a balance as somebody wishes, and tell at once of one that is low by the new threshold and was not by the
    old one. An alert that is switched on again tells of a balance that is low already.

    Raises `MayNotChangeAlerts` and `NoSuchBalance`.
    """
    with transaction.atomic():
        if not access.may_top_up(user=by, organisation_id=organisation_id, target=target):
            raise MayNotChangeAlerts
        alert = LowBalanceAlert.objects.of(organisation_id).select_for_update().filter(target=target).first()
        if alert is None:
            raise NoSuchBalance(target)
        if wish.is_on and not alert.is_on:
            alert.dipped_at = None
        alert.threshold = wish.threshold.amount if wish.threshold is not None else None
        alert.roles = [role.value for role in wish.roles]
        alert.is_on = wish.is_on
        alert.save(update_fields=["threshold", "roles", "is_on", "dipped_at"])
        _rearm(LowBalanceAlert.objects.filter(pk=alert.pk))
        _tell(alert.pk, now=now)
        alert.refresh_from_db()
        return alert


def tell_due(*, now: datetime, limit: int = 200) -> int:
    """Write a notice for every balance that fell below its threshold, and re-arm the alerts of those at or above it
    again; returns how many were written. Twice at once it tells each dip once.
    """
    _rearm(LowBalanceAlert.objects.all())
    low = sorted(LowBalanceAlert.objects.newly_low().values_list("pk", flat=True))  # to find a few is to look at all
    return sum(_tell(alert_id, now=now) for alert_id in low[:limit])


def watch_new(*, opened_since: datetime | None = None) -> None:
    """Begin to watch balances into which money was put for the first time, of those opened since then."""
    watched = LowBalanceAlert.objects.filter(organisation_id=OuterRef("organisation_id"), target=OuterRef("code"))
    found = Account.objects.filter(_OF_CUSTOMERS, ~Exists(watched), currency=WALLET_CURRENCY)
    if opened_since is not None:
        found = found.filter(opened_at__gte=opened_since)
    in_order = found.order_by("organisation_id", "code")  # two sweeps at once write in one order
    LowBalanceAlert.objects.bulk_create(
        [
            LowBalanceAlert(organisation_id=organisation_id, target=code)
            for organisation_id, code in in_order.values_list("organisation_id", "code")
        ],
        ignore_conflicts=True,
        batch_size=_BATCH,
    )


def refresh_defaults(*, today: date, limit: int = 100) -> int:
    """Take the defaults of organisations that have none of today's from their average daily use; returns of how many
    organisations. The rest are for the next time. Each day begins with a look for balances nobody watches.

    While a balance is low by its default, that default stays: one that moved to and fro would tell of the dip again.
    """
    if not LowBalanceAlert.objects.filter(refreshed_on=today).exists():
        watch_new()
    stale = LowBalanceAlert.objects.filter(Q(refreshed_on__isnull=True) | Q(refreshed_on__lt=today))
    organisation_ids = list(
        stale.order_by("organisation_id").values_list("organisation_id", flat=True).distinct()[:limit]
    )
    alerts = list(stale.filter(organisation_id__in=organisation_ids))
    products = {product.code: product for product in Product.objects.all()}
    averages = usage.average_many(organisation_ids=organisation_ids, products=list(products.values()), today=today)
    wallets = average_wallets(organisation_ids, today=today)
    for alert in alerts:
        product = products.get(alert.target)
        average = averages[alert.organisation_id, product.pk] if product else wallets.get(alert.organisation_id)
        if not (alert.dipped_at and alert.threshold is None):
            alert.default_threshold = _suggest(average)
        alert.refreshed_on = today
    LowBalanceAlert.objects.bulk_update(alerts, ["default_threshold", "refreshed_on"], batch_size=_BATCH)
    return len(organisation_ids)


def average_wallets(organisation_ids: Sequence[UUID], *, today: date) -> Mapping[UUID, Money]:
    """What was moved on from each wallet on a day lately: see `usage.pace`. Wallets nothing left do not appear."""
    return _pace_wallets(_read_moved(organisation_ids, today=today), today=today)


def days_left(*, organisation_id: UUID, target: str, available: Money, today: date) -> int | None:
    """For how many whole days the balance lasts at its present pace; None where nothing is used, and for a wallet that
    money left too seldom to make a pace.
    """
    product = catalogue.find(target)
    if product:
        average = usage.average_daily(organisation_id=organisation_id, product=product, today=today)
        return usage.days_left(available, average)
    moved = _read_moved([organisation_id], today=today)
    if sum(1 for amount in moved.get(organisation_id, {}).values() if amount) < _DAYS_OF_A_PACE:
        return None
    return usage.days_left(available, _pace_wallets(moved, today=today)[organisation_id])


def _rearm(alerts: LowBalanceAlerts) -> None:
    alerts.low_no_more().update(dipped_at=None)


def _tell(alert_id: UUID, *, now: datetime) -> bool:
    with transaction.atomic():
        if not LowBalanceAlert.objects.filter(pk=alert_id).newly_low().update(dipped_at=now):
            return False
        alert = LowBalanceAlert.objects.get(pk=alert_id)
        Notice.objects.create(
            organisation_id=alert.organisation_id,
            kind=Notice.Kind.LOW_BALANCE,
            target=alert.target,
            facts=_read_facts(alert, today=business_date(now)),
            roles=alert.roles,
            at=now,
        )
        return True


def _read_facts(alert: LowBalanceAlert, *, today: date) -> dict[str, str]:
    available = Account.objects.balance(
        organisation_id=alert.organisation_id, code=alert.target, currency=WALLET_CURRENCY
    )
    days = days_left(organisation_id=alert.organisation_id, target=alert.target, available=available, today=today)
    return {
        "balance": f"{available.amount:f}",
        "threshold": f"{alert.counts_as_low.amount:f}",
        "currency": WALLET_CURRENCY,
        "days_left": "" if days is None else str(days),
        "code": str(INSUFFICIENT_CODE),
    }


def _read_moved(organisation_ids: Sequence[UUID], *, today: date) -> Mapping[UUID, Mapping[date, Decimal]]:
    """What left each wallet on the days on which something did, today and the days of the pace before it. Where
    something had left before those, zero for the day before them.
    """
    begins = _begin(today)
    ends = datetime.combine(today + timedelta(days=1), time.min, BOOKS)
    lately = moves.standing().filter(organisation__in=organisation_ids, paid_at__gte=begins, paid_at__lt=ends)
    before = moves.standing().filter(organisation=OuterRef("organisation"), paid_at__lt=begins)
    moved: dict[UUID, dict[date, Decimal]] = {}
    by_day = lately.values("organisation_id", day=TruncDate("paid_at", tzinfo=BOOKS))
    for row in by_day.annotate(total=Sum("paid"), began_before=Exists(before)):
        days = moved.setdefault(row["organisation_id"], {})
        days[row["day"]] = row["total"]
        if row["began_before"]:
            days[business_date(begins) - timedelta(days=1)] = Decimal()
    return moved


def _pace_wallets(moved: Mapping[UUID, Mapping[date, Decimal]], *, today: date) -> Mapping[UUID, Money]:
    return {
        organisation_id: Money(usage.pace(days, today=today), WALLET_CURRENCY)
        for organisation_id, days in moved.items()
    }


def _begin(today: date) -> datetime:
    """The first moment that counts for the pace."""
    return datetime.combine(today - timedelta(days=usage.WINDOW), time.min, BOOKS)


def _suggest(average: Money | None) -> Decimal:
    """A whole amount, as large as one can be stored; zero, which is never undercut, where nothing is used."""
    if not average:
        return Decimal()
    return min((average.amount * DEFAULT_DAYS).to_integral_value(rounding=ROUND_CEILING), LARGEST - 1)
