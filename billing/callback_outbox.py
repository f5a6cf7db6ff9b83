"""The outbox of callbacks: facts become rows, rows are sent until they are taken or given up.

Sending happens outside any transaction. A row is claimed by moving its next attempt on, so a sender that dies only
delays it. Calls run in threads, one a time for each endpoint, so a slow endpoint holds up nobody but itself; the
threads see no database.
"""

import logging
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, Min, OuterRef, QuerySet

from billing import callback_calls, callbacks
from billing.callback_calls import Call, Outcome
from billing.models import Callback, CallbackEndpoint, Notice, OrderEvent, State
from billing.models.callbacks import CallbackEvent, Failure
from products.charges import INSUFFICIENT_CODE
from products.models import ProductBalance
from wallet import kill_points
from wallet.models import Role
from wallet.money import WALLET_CURRENCY

logger = logging.getLogger(__name__)

RETRIES: Final = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
    timedelta(hours=24),
)
"""How long after each failed attempt the next one follows; after the last of them it is given up."""

_REACH = timedelta(days=3)
_LEASE = timedelta(minutes=1)
"""How long a claimed row is left to its sender; longer than any attempt."""

_AT_ONCE = 16
_SWEEP_SECONDS = 20.0
"""No attempt begins later in a sweep; the next sweep goes on."""
_CHUNK = 200
_ROUNDS = 20
_MOST_ENDPOINTS = 1000


def collect(*, now: datetime) -> None:
    """Write a row for each fact of the last three days that an endpoint wants and has no row for.

    Repeating it, or two at once, writes nothing twice.
    """
    earlier = OrderEvent.objects.filter(order=OuterRef("order"), state=State.PAID, pk__lt=OuterRef("pk"))
    paid = OrderEvent.objects.filter(~Exists(earlier), state=State.PAID).select_related("order")
    _collect(CallbackEvent.ORDER_PAID, paid, now=now)
    _collect(CallbackEvent.BALANCE_LOW, Notice.objects.filter(kind=Notice.Kind.LOW_BALANCE), now=now)


def send_due(*, now: datetime) -> int:
    """Send what is due and try again what failed; returns how many were taken.

    After a failure an endpoint waits for the next sweep, so that it costs each sweep one attempt at the most.
    """
    stop_at = time.monotonic() + _SWEEP_SECONDS
    waiting = deque(_endpoints_due(now=now))
    under_way: dict[Future[Outcome], Callback] = {}
    taken = 0
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        while True:
            while waiting and len(under_way) < _AT_ONCE and time.monotonic() < stop_at:
                if callback := _claim_next(waiting.popleft(), now=now):
                    under_way[pool.submit(_send, callback, now=now)] = callback
            if not under_way:
                return taken
            for done in wait(under_way, return_when=FIRST_COMPLETED).done:
                callback = under_way.pop(done)
                kill_points.reach("after-callback-sent")
                if _record(callback, _outcome_of(done), now=now):
                    taken += 1
                    waiting.append(callback.endpoint_id)


def _collect(event: CallbackEvent, facts: "QuerySet[Any]", *, now: datetime) -> None:
    endpoints = CallbackEndpoint.objects.on().filter(events__contains=[event])
    unwritten = ~Exists(Callback.objects.filter(endpoint=OuterRef("pk"), fact_id=OuterRef(OuterRef("pk"))))
    existed = endpoints.filter(organisation=OuterRef("organisation"), created_at__lte=OuterRef("at"))
    untold = facts.filter(Exists(existed.filter(unwritten)), at__gte=now - _REACH).order_by("pk")
    for _round in range(_ROUNDS):
        found = list(untold[:_CHUNK])
        theirs = {fact.organisation_id for fact in found}
        listeners = list(endpoints.filter(organisation__in=theirs))
        Callback.objects.bulk_create(_compose(event, found, listeners, now=now), ignore_conflicts=True)
        if len(found) < _CHUNK:
            return


def _compose(
    event: CallbackEvent, facts: Sequence[Any], listeners: Sequence[CallbackEndpoint], *, now: datetime
) -> Iterator[Callback]:
    numbers = _numbers_of(facts)
    for fact in facts:
        data = _tell_paid(fact, numbers) if event == CallbackEvent.ORDER_PAID else _tell_low(fact, numbers)
        for listener in listeners:
            if listener.organisation_id == fact.organisation_id and listener.created_at <= fact.at:
                yield callbacks.compose(listener, event=event, fact_id=fact.pk, at=fact.at, data=data, now=now)


def _tell_paid(event: OrderEvent, numbers: Mapping[tuple[UUID, str], str]) -> dict[str, Any]:
    order = event.order
    return {
        "number": order.number,
        "target": order.target,
        "product_number": numbers.get((order.organisation_id, order.target)),
        "method": order.method,
        "paid": f"{order.paid.amount:.6f}",
        "paid_currency": order.paid.currency.code,
        "credited": f"{order.credited.amount:.6f}",
        "credited_currency": order.credited.currency.code,
    }


def _tell_low(notice: Notice, numbers: Mapping[tuple[UUID, str], str]) -> dict[str, Any]:
    return {
        "target": notice.target,
        "product_number": numbers.get((notice.organisation_id, notice.target)),
        "balance": notice.facts.get("balance"),
        "threshold": notice.facts.get("threshold"),
        "currency": notice.facts.get("currency", WALLET_CURRENCY),
        "code": INSUFFICIENT_CODE,
    }


def _numbers_of(facts: Sequence[Any]) -> dict[tuple[UUID, str], str]:
    """Product numbers by organisation and account code."""
    theirs = ProductBalance.objects.filter(organisation__in={fact.organisation_id for fact in facts})
    return {(held.organisation_id, held.product.code): held.number for held in theirs.select_related("product")}


def _endpoints_due(*, now: datetime) -> list[UUID]:
    """Those with something to send, whoever waits longest first."""
    due = CallbackEndpoint.objects.on().filter(callbacks__next_at__lte=now)
    return list(
        due.annotate(since=Min("callbacks__next_at"))
        .order_by("since", "pk")
        .values_list("pk", flat=True)[:_MOST_ENDPOINTS]
    )


def _claim_next(endpoint_id: UUID, *, now: datetime) -> Callback | None:
    """The endpoint's callback that waits longest, now left to us; None when there is none, or another has it."""
    due = Callback.objects.filter(endpoint=endpoint_id, endpoint__in=CallbackEndpoint.objects.on(), next_at__lte=now)
    callback = due.select_related("endpoint").order_by("next_at", "pk").first()
    if callback is None:
        return None
    mine = Callback.objects.filter(pk=callback.pk, next_at=callback.next_at)
    if not mine.update(next_at=now + _LEASE, attempts=F("attempts") + 1):
        return None
    callback.next_at, callback.attempts = now + _LEASE, callback.attempts + 1
    return callback


def _send(callback: Callback, *, now: datetime) -> Outcome:
    return callback_calls.send(_call_of(callback, now=now))


def _call_of(callback: Callback, *, now: datetime) -> Call:
    return Call(
        url=callback.endpoint.url,
        username=callback.endpoint.username,
        secret=callback.endpoint.secret,
        body=callback.body.encode(),
        timestamp=int(now.timestamp()),
        nonce=callback_calls.draw_nonce(),
    )


def _outcome_of(done: Future[Outcome]) -> Outcome:
    try:
        return done.result()
    except Exception:  # whatever is odd about one address, the others are called
        logger.exception("a callback could not be sent")
        return Outcome(failure=Failure.NO_ANSWER)


def _record(callback: Callback, outcome: Outcome, *, now: datetime) -> bool:
    """Write down what became of an attempt; returns whether it was taken."""
    if outcome.failure is None:
        unended = Callback.objects.filter(pk=callback.pk, next_at__isnull=False)
        unended.update(delivered_at=now, next_at=None, last_status=outcome.status, last_error="")
        CallbackEndpoint.objects.filter(pk=callback.endpoint_id, given_up_at__isnull=False).update(given_up_at=None)
        return True
    retries = () if callback.event == CallbackEvent.TEST else RETRIES  # whoever pressed the button looks at it now
    mine = Callback.objects.filter(pk=callback.pk, next_at=callback.next_at, attempts=callback.attempts)
    seen = {"last_status": outcome.status, "last_error": outcome.failure}
    if callback.attempts <= len(retries):
        mine.update(next_at=now + retries[callback.attempts - 1], **seen)
    else:
        with transaction.atomic(durable=True):
            if mine.update(next_at=None, **seen) and retries:
                _tell_owners(callback, outcome.failure, now=now)
    return False


def _tell_owners(callback: Callback, failure: Failure, *, now: datetime) -> None:
    """Once until the endpoint takes a callback again."""
    told = CallbackEndpoint.objects.live().filter(pk=callback.endpoint_id, given_up_at__isnull=True)
    if told.update(given_up_at=now):
        Notice.objects.create(
            organisation_id=callback.organisation_id,
            kind=Notice.Kind.CALLBACKS_FAILING,
            facts={"address": callback.endpoint.url, "failure": failure.value},
            roles=[Role.OWNER.value],
            at=now,
        )
