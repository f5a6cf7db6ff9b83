"""Auto-fill: a product's balance that falls below its threshold is filled from the wallet, by a rule somebody set.

Charges never do it: a sweep does, one rule at a time.
"""

import logging
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Sum
from djmoney.money import Money

from billing import limits, moves, top_ups
from billing.auto_fill_terms import Terms, check, read_terms, smallest_move
from billing.models import AutoFill, Method, Note, Notice, Order, OrderEvent, TopUpLimit
from billing.models.auto_fill import ACTOR
from products import access, catalogue
from products.models import Product
from wallet import chart, ledger
from wallet.calendar import BOOKS, business_date
from wallet.models import Account, Role, User

logger = logging.getLogger(__name__)

BY: Final = ACTOR
"""Who moved the money, in the order's timeline."""

_RETRY_AFTER: Final = timedelta(minutes=5)
"""A rule that failed oddly makes way for the others so long."""

_LATEST: Final = 5

_FAILING: Final = timedelta(hours=1)
"""A rule that fails oddly again within so long does not recover by itself."""

Reason = AutoFill.StopReason


class MayNotSetRule(Exception):
    """Whoever asked may not top up this product now."""


class _FloorReached(Exception):
    """The wallet would be left with less than the rule leaves in it."""


def find(*, organisation_id: UUID, product: Product) -> AutoFill | None:
    return AutoFill.objects.filter(organisation_id=organisation_id, product=product).first()


def find_for(*, organisation_id: UUID, target: str) -> AutoFill | None:
    """The rule of the product with that account code, if there is one."""
    product = catalogue.find(target)
    return find(organisation_id=organisation_id, product=product) if product else None


def set_rule(terms: Terms, *, organisation_id: UUID, product: Product, by: User, now: datetime) -> AutoFill:
    """Switch on a rule for the product, in place of the one before; one that had stopped begins again.

    Raises `MayNotSetRule`, and what `auto_fill_terms.check` raises.
    """
    with transaction.atomic():
        if not access.may_top_up(user=by, organisation_id=organisation_id, target=product.code):
            raise MayNotSetRule
        check(terms, product=product)
        rule, _is_new = AutoFill.objects.update_or_create(
            organisation_id=organisation_id,
            product=product,
            defaults={
                "threshold": terms.threshold,
                "amount": terms.amount.amount if terms.amount is not None else None,
                "fill_to": terms.fill_to.amount if terms.fill_to is not None else None,
                "floor": terms.floor.amount,
                "daily_cap": terms.daily_cap.amount,
                "set_by": by,
                "set_by_name": str(by),
                "set_at": now,
                "is_on": True,
                "stopped_at": None,
                "stop_reason": "",
                "waits_until": None,
                "retry_at": None,
            },
        )
        return rule


def switch_off(*, organisation_id: UUID, product: Product, by: User) -> None:
    """Repeating it changes nothing. Raises `MayNotSetRule`."""
    with transaction.atomic():
        if not access.may_top_up(user=by, organisation_id=organisation_id, target=product.code):
            raise MayNotSetRule
        AutoFill.objects.filter(organisation_id=organisation_id, product=product, is_on=True).update(is_on=False)


def fill_due(*, now: datetime, limit: int = 100) -> int:
    """Fill every balance below its rule's threshold, as far as the rules allow; returns how many moves were made.

    Twice at once, it fills each dip once.
    """
    due = sorted(AutoFill.objects.due(now).values_list("pk", flat=True))  # all: to look for a few is to look at each
    return sum(_fill_quietly(rule_id, now=now) for rule_id in due[:limit])


def fill(*, rule_id: UUID, now: datetime) -> bool:
    """Make the one move a rule asks for now, if it does; or stop the rule, or let it wait for its next day.

    A rule that somebody else has in hand is left to him.
    """
    with transaction.atomic(durable=True):
        locked = AutoFill.objects.select_for_update(skip_locked=True, of=("self",))
        rule = locked.select_related("product", "set_by").filter(pk=rule_id, is_on=True).first()
        if rule is None:
            return False
        terms = read_terms(rule)
        wanted = terms.wanted(_balance(rule, rule.product.code))
        if not wanted:
            return False
        if reason := _find_obstacle(rule):
            _stop(rule, terms, reason, now=now)
            return False
        amount = min(wanted, terms.daily_cap - moved_today(rule, now=now))
        if amount < wanted and _is_too_little(amount, rule.product):
            _wait(rule, now=now)
            return False
        if reason := _try_move(rule, terms, amount, now=now):
            _stop(rule, terms, reason, now=now)
        return reason is None


def moved_today(rule: AutoFill, *, now: datetime) -> Money:
    """What the rule moved on this business day and was not undone. What finance corrected since went elsewhere and not
    back into the wallet, so it counts.
    """
    begins = _begin_day(now)
    undone = OrderEvent.objects.filter(order=OuterRef("pk"), note=Note.UNDONE)
    theirs = Order.objects.filter(~Exists(undone), organisation=rule.organisation_id, auto_fill=rule)
    todays = theirs.filter(method=Method.BALANCE, paid_at__gte=begins, paid_at__lt=begins + timedelta(days=1))
    total: Decimal | None = todays.aggregate(total=Sum("paid"))["total"]
    return Money(total or 0, rule.threshold.currency)


def list_latest(rule: AutoFill) -> list[Order]:
    """Its latest moves, the newest first; a few."""
    return list(Order.objects.filter(organisation=rule.organisation_id, auto_fill=rule).order_by("-id")[:_LATEST])


def _fill_quietly(rule_id: UUID, *, now: datetime) -> bool:
    try:
        return fill(rule_id=rule_id, now=now)
    except Exception:  # whatever is odd about one rule, the others are looked at
        logger.exception("the auto-fill %s failed", rule_id)
        _fail(rule_id, now=now)
        return False


def _fail(rule_id: UUID, *, now: datetime) -> None:
    """The first time it waits a little; failing again, it stops and tells."""
    is_failing = AutoFill.objects.filter(pk=rule_id, retry_at__gt=now - _FAILING).exists()
    AutoFill.objects.filter(pk=rule_id).update(retry_at=now + _RETRY_AFTER)  # even if it cannot be stopped
    if not is_failing:
        return
    with transaction.atomic():
        locked = AutoFill.objects.select_for_update(of=("self",)).select_related("product")
        if rule := locked.filter(pk=rule_id, is_on=True).first():
            _stop(rule, read_terms(rule), Reason.FAILED, now=now)


def _is_too_little(amount: Money, product: Product) -> bool:
    """Where no move is possible at all, the move itself says so."""
    try:
        return amount < smallest_move(product)
    except TopUpLimit.DoesNotExist:
        return amount.amount <= 0


def _try_move(rule: AutoFill, terms: Terms, amount: Money, *, now: datetime) -> Reason | None:
    """Move it and count the move; or nothing at all, and why."""
    try:
        with transaction.atomic():
            _move(rule, amount, floor=terms.floor, now=now)
    except (ledger.InsufficientFunds, _FloorReached):
        return Reason.WALLET_TOO_LOW
    except (limits.OutsideLimits, TopUpLimit.DoesNotExist):
        return Reason.OUTSIDE_LIMITS
    except catalogue.NotOffered:
        return Reason.NOT_OFFERED
    except top_ups.FormTokenReused:  # whoever saves the rule again begins with the number after it
        rule.move_count += 1
        rule.save(update_fields=["move_count"])
        return Reason.FAILED
    return None


def _move(rule: AutoFill, amount: Money, *, floor: Money, now: datetime) -> None:
    """The wallet is looked at after the posting, which has locked it: nobody takes from it in between."""
    wish = top_ups.TopUp(
        organisation_id=rule.organisation_id,
        target=rule.product.code,
        method=Method.BALANCE,
        amount=amount,
        form_token=f"auto:{rule.pk}:{rule.move_count}",
        auto_fill_id=rule.pk,
    )
    moves.pay(wish, by=rule.set_by, paid_by=BY, now=now)
    if _balance(rule, chart.WALLET) < floor:
        raise _FloorReached
    rule.move_count += 1
    rule.retry_at = None
    rule.save(update_fields=["move_count", "retry_at"])


def _find_obstacle(rule: AutoFill) -> Reason | None:
    if not access.may_top_up(user=rule.set_by, organisation_id=rule.organisation_id, target=rule.product.code):
        return Reason.NOT_ALLOWED
    if rule.orders.filter(moves.undone(), paid_at__gte=rule.set_at).exists():
        return Reason.UNDONE
    return None


def _stop(rule: AutoFill, terms: Terms, reason: Reason, *, now: datetime) -> None:
    rule.is_on, rule.stopped_at, rule.stop_reason = False, now, reason
    rule.save(update_fields=["is_on", "stopped_at", "stop_reason"])
    Notice.objects.create(
        organisation_id=rule.organisation_id,
        kind=Notice.Kind.AUTO_FILL_STOPPED,
        target=rule.product.code,
        facts={
            "reason": reason.value,
            "balance": f"{_balance(rule, rule.product.code).amount:f}",
            "wallet": f"{_balance(rule, chart.WALLET).amount:f}",
            "floor": f"{terms.floor.amount:f}",
            "threshold": f"{terms.threshold.amount:f}",
            "currency": rule.product.currency,
        },
        roles=[Role.OWNER.value],
        at=now,
    )


def _wait(rule: AutoFill, *, now: datetime) -> None:
    rule.waits_until = _begin_day(now) + timedelta(days=1)
    rule.save(update_fields=["waits_until"])


def _begin_day(now: datetime) -> datetime:
    return datetime.combine(business_date(now), time.min, BOOKS)


def _balance(rule: AutoFill, code: str) -> Money:
    return Account.objects.balance(organisation_id=rule.organisation_id, code=code, currency=rule.product.currency)
