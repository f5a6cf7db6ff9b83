"""Posting: the ledger's verb beside the bare function, alone, by the hundred, on one balance; the whole corridor."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from billing import numbers
from billing.models import Method, Note, Order, OrderEvent, State
from payments import confirmation
from payments.models import Payment
from payments.stripe_api import CheckoutSession
from tests import builders
from tests.bench import floor
from tests.bench.rounds import SECONDS, Act, Exhausted, Line, measure, take_turns
from wallet import chart, ledger
from wallet.calendar import business_date
from wallet.ids import new_id
from wallet.models import User
from wallet.money import parse_usage

_HUNDRED: Final = 100
_AMOUNT: Final = parse_usage("0.0001", "USD")
_CONFIRMED_AT_MOST: Final = 1000
"""So many a second one client confirms at the very most: orders are made before for all of them."""


def post(spenders: Sequence[UUID]) -> list[Line]:
    """The verb beside the function it calls, and the function beside the least there can be."""
    verb, statement, function, kept, least = take_turns(
        lambda: posted(spenders[:4]),
        lambda: floor.post_to_many(4),
        lambda: floor.post_prepared(4),
        lambda: floor.keep_prepared(4),
        lambda: floor.post_minimally_prepared(4),
    )
    return [
        Line(
            subject="post",
            what="`ledger.post` from Django, autocommit, 4 clients",
            unit="a second",
            values=verb,
            beside="pgbench calling `ledger_post`",
            floors=statement,
            least=0.70,
        ),
        Line(
            subject="post",
            what="`ledger_post` by pgbench, prepared, 4 clients",
            unit="a second",
            values=function,
            beside="a minimal function, prepared: one journal row, two entries, two balances, no rule",
            floors=least,
            least=0.9,
        ),
        Line(
            subject="post",
            what="the ledger's tables with their keys and triggers, written to by hand, prepared, 4 clients",
            unit="a second",
            values=kept,
            beside="the minimal function: so much the promises cost, whoever writes",
            floors=least,
        ),
        Line(
            subject="post",
            what="`ledger_post` by pgbench, prepared, 4 clients",
            unit="a second",
            values=function,
            beside="the ledger's tables written to by hand",
            floors=kept,
        ),
    ]


def corridor(spenders: Sequence[UUID], payer: User) -> list[Line]:
    """From what Stripe answered to the PAID order: payment, order, event and posting in one transaction."""
    whole, function = take_turns(
        lambda: measure([partial(confirming, spender, payer) for spender in spenders[:4]]).per_second,
        lambda: floor.post_to_many(4),
    )
    return [
        Line(
            subject="corridor",
            what="a confirmed payment to its PAID order, 4 clients",
            unit="a second",
            values=whole,
            beside="pgbench calling `ledger_post`",
            floors=function,
            least=0.40,
        )
    ]


def hundred(spenders: Sequence[UUID]) -> list[Line]:
    """Many postings in one call."""
    together, single = take_turns(
        lambda: measure([partial(_posting, spenders[0], _HUNDRED)]).per_second * _HUNDRED,
        lambda: posted(spenders[:1]),
    )
    return [
        Line(
            subject="hundred",
            what="`ledger.post` with 100 postings a call, 1 client",
            unit="postings a second",
            values=together,
            beside="with 1 posting a call",
            floors=single,
            least=5,
        )
    ]


def hot(spenders: Sequence[UUID]) -> list[Line]:
    """All on one balance beside each on its own; the last is what any lock costs that is held until the commit."""
    pairs = (
        ("`ledger.post` from Django", lambda: posted([spenders[0]] * 16), lambda: posted(spenders), 0.5),
        ("`ledger_post` by pgbench", lambda: floor.post_to_one(16), lambda: floor.post_to_many(16), 0.5),
        (
            "the minimal function by pgbench",
            lambda: floor.post_minimally_to_one(16),
            lambda: floor.post_minimally(16),
            None,
        ),
    )
    return [
        Line(
            subject="hot",
            what=f"{what}, on one wallet, 16 clients",
            unit="a second",
            values=one,
            beside="on 16 wallets",
            floors=many,
            least=least,
        )
        for what, on_one, on_many, least in pairs
        for one, many in [take_turns(on_one, on_many)]
    ]


def posted(spenders: Sequence[UUID]) -> float:
    """`ledger.post` of one posting a second, one client for each of these."""
    return measure([partial(_posting, spender, 1) for spender in spenders]).per_second


def _posting(spender: UUID, size: int) -> Act:
    lines = (ledger.debit(chart.WALLET, _AMOUNT), ledger.credit(chart.revenue("bench"), _AMOUNT))

    def act() -> None:
        drafts = [ledger.Draft(key=f"bench:{secrets.token_hex(12)}", kind="BENCH", lines=lines) for _ in range(size)]
        ledger.post(organisation_id=spender, drafts=drafts, now=datetime.now(tz=UTC))

    return act


def confirming(spender: UUID, payer: User) -> Act:
    """Confirms payments that wait for it, which are written before it begins."""
    now = datetime.now(tz=UTC)
    ready = _await_money(spender, payer, count=int(_CONFIRMED_AT_MOST * SECONDS), now=now)

    def act() -> None:
        if not ready:
            raise Exhausted
        payment, number = ready.pop()
        session = _answer(payment, number)
        at = datetime.now(tz=UTC)
        done = confirmation.confirm_payment(payment_id=payment.pk, session=session, by="Stripe", now=at)
        if done.state != Payment.State.CONFIRMED:
            raise RuntimeError(f"{number} was not confirmed")

    return act


def _await_money(spender: UUID, payer: User, *, count: int, now: datetime) -> list[tuple[Payment, str]]:
    """Orders whose customers stand on Stripe's page, written as checkout writes them, many at a time."""
    amount, day, ends = builders.usd(100), business_date(now), now + timedelta(days=1)
    waiting = [
        Order(
            organisation_id=spender,
            number=numbers.draw(day),
            target=chart.WALLET,
            method=Method.CARD,
            paid=amount,
            credited=amount,
            created_by=payer,
            created_by_name=str(payer),
            created_at=now,
            deadline_at=ends,
        )
        for _ in range(count)
    ]
    opened = [
        OrderEvent(organisation_id=spender, order=order, state=State.PENDING, at=now, by=str(payer), note=Note.OPENED)
        for order in waiting
    ]
    payments = [
        Payment(
            organisation_id=spender,
            order=order,
            amount=amount,
            idempotency_key=str(new_id()),
            session_request={},
            session_id=f"cs_test_{new_id().hex}",
            session_expires_at=ends,
            created_at=now,
            ask_at=ends,
        )
        for order in waiting
    ]
    Order.objects.bulk_create(waiting, batch_size=1000)
    OrderEvent.objects.bulk_create(opened, batch_size=1000)
    Payment.objects.bulk_create(payments, batch_size=1000)
    return [(payment, payment.order.number) for payment in payments]


def _answer(payment: Payment, number: str) -> CheckoutSession:
    """What Stripe says of a session that was paid."""
    return CheckoutSession(
        id=payment.session_id or "",
        url="",
        status="complete",
        payment_status="paid",
        amount=payment.amount,
        livemode=False,
        order_number=number,
        payment_id=str(payment.pk),
        payment_intent_id=f"pi_{payment.pk.hex}",
        payment_intent_status="succeeded",
        held=payment.amount,
        failure="",
        expires_at=payment.session_expires_at,
    )
