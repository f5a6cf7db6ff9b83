"""What does not agree between orders, Stripe, bank and ledger at the end of a business day, each difference by name."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Final

from django.db import DEFAULT_DB_ALIAS
from djmoney.money import Money

from payments.closing import bank_finders, crossings, stripe_finders
from payments.closing.figures import Row
from payments.closing.found import Found, Span
from payments.closing.measures import Measure
from payments.models import DayClose, Difference
from wallet.audit import read
from wallet.models import AuditResult, AuditRun
from wallet.money import WALLET_CURRENCY

_NOTHING: Final = Money(0, WALLET_CURRENCY)

Kind = Difference.Kind


def find(*, day: date, rows: Sequence[Row], now: datetime) -> list[Found]:
    """Everything that does not agree as of the end of `day`, as is known now; `rows` are the day's sums."""
    span = Span(first=min(_oldest_open(day), day), day=day)
    found = [
        *_find_orders(span),
        *stripe_finders.find(span),
        *bank_finders.find(span),
        *_find_other_days(span),
    ]
    return [*found, *_find_unexplained(span, rows, found), *_find_audit(now=now)]


def _oldest_open(day: date) -> date:
    """Since when something is open, by the close before."""
    previous = DayClose.objects.filter(day__lt=day).order_by("-day").first()
    since = previous.differences.open().order_by("since").values_list("since", flat=True).first() if previous else None
    return since or day


def _find_orders(span: Span) -> Iterator[Found]:
    """Orders paid and credits in the ledger, one for one."""
    rows = read(
        DEFAULT_DB_ALIAS,
        """
        WITH paid AS (
            SELECT id, organisation_id, number, credited, credited_currency FROM billing_order
            WHERE paid_at >= %s AND paid_at < %s
        ), credit AS (
            SELECT posting.organisation_id, posting.order_number, posting.key, sum(entry.amount) AS amount,
                   min(entry.currency) AS currency
            FROM wallet_posting AS posting
            JOIN wallet_entry AS entry ON entry.posting_id = posting.id AND entry.side = 'CREDIT'
            JOIN wallet_account AS account ON account.id = entry.account_id
             AND account.code ~ '^(wallet|product:[^:]+)$'
            WHERE posting.kind = 'TOP_UP' AND posting.business_date BETWEEN %s AND %s
            GROUP BY posting.id
        )
        SELECT paid.id, paid.number, paid.credited, paid.credited_currency, credit.key, credit.amount, credit.currency
        FROM paid FULL JOIN credit
          ON credit.organisation_id = paid.organisation_id AND credit.order_number = paid.number
        WHERE (paid.credited, paid.credited_currency) IS DISTINCT FROM (credit.amount, credit.currency)
        ORDER BY paid.number, credit.key
        """,
        [span.start, span.end, span.first, span.day],
    )
    for pk, number, credited, currency, key, posted, posted_currency in rows:
        if pk is None:
            amount = Money(posted, posted_currency)
            yield Found(key=f"posting:{key}", kind=Kind.POSTING_ORPHANED, amount=amount, subject=key)
            continue
        yield Found(
            key=f"order:{number}",
            kind=Kind.ORDER_UNPOSTED,
            amount=Money(credited, currency),
            subject=number,
            facts={"booked": f"{posted:f}", "currency": posted_currency} if key else {},
            order_id=pk,
        )


def _find_other_days(span: Span) -> Iterator[Found]:
    """What Stripe or the bank counts on another day than we do: every fact agrees, and the day's sums do not."""
    for crossing in crossings.list_crossings(span.day):
        yield Found(
            key=f"day:{span.day}:{crossing.measure}:{crossing.amount.currency}:{crossing.there}:{crossing.here}",
            kind=Kind.OTHER_DAY,
            amount=crossing.amount,
            subject=crossing.subject if crossing.count == 1 else "",
            facts={
                "count": str(crossing.count),
                "there": crossing.there.isoformat(),
                "here": crossing.here.isoformat(),
                "measure": crossing.measure,
            },
            is_timing=True,
            measure=crossing.measure,
        )


def _find_unexplained(span: Span, rows: Iterable[Row], found: Iterable[Found]) -> Iterator[Found]:
    """Sums that differ although nothing above says why: what no single fact shows must not go unnamed."""
    told = {
        (measure, str(one.amount.currency))
        for one in found
        for measure in _TOUCHED.get(one.kind, (one.measure, Measure.AT_STRIPE))
    }
    for row in rows:
        if not row.agrees and (row.measure, row.currency) not in told:
            yield Found(
                key=f"sums:{span.day}:{row.measure}:{row.currency}",
                kind=Kind.SUMS,
                amount=Money(row.spread, row.currency),
                subject="",
                detail=" / ".join(said for said in row.sides if said is not None),
                facts={"measure": row.measure},
            )


def _find_audit(*, now: datetime) -> Iterator[Found]:
    """What the newest audit of the ledger found."""
    newest = AuditRun.objects.filter(started_at__lte=now).order_by("-started_at").first()
    if newest is None or newest.result == AuditResult.CLEAN:
        return
    for problem in newest.problems:
        yield Found(
            key=f"audit:{sha256(problem.encode()).hexdigest()[:32]}",
            kind=Kind.AUDIT,
            amount=_NOTHING,
            subject="",
            detail=problem,
            facts={"started_at": f"{newest.started_at:%Y-%m-%d %H:%M} UTC"},
        )


_OF_CARDS: Final = (Measure.CARD, Measure.AT_STRIPE, Measure.STRIPE_FEES)
_OF_STRIPE: Final = (*_OF_CARDS, Measure.CARD_REFUNDS, Measure.DISPUTES, Measure.OTHER_STRIPE)
_OF_PAYOUTS: Final = (Measure.PAYOUTS, Measure.AT_STRIPE)
_OF_BANKS: Final = (Measure.OFFLINE, Measure.BANK_REFUNDS, Measure.OTHER_BANK)

_TOUCHED: Final[Mapping[str, Sequence[str]]] = {
    Kind.ORDER_UNPOSTED: (Measure.CARD, Measure.OFFLINE, Measure.BALANCE, Measure.AT_STRIPE),
    Kind.POSTING_ORPHANED: (Measure.CARD, Measure.OFFLINE, Measure.BALANCE, Measure.AT_STRIPE),
    Kind.PAYMENT_UNKNOWN_THERE: _OF_CARDS,
    Kind.CHARGE_UNKNOWN_HERE: _OF_CARDS,
    Kind.CHARGE_HELD: _OF_CARDS,
    Kind.CHARGE_GIVEN_BACK: (Measure.CARD, Measure.CARD_REFUNDS),
    Kind.REFUND_UNKNOWN_THERE: (Measure.CARD_REFUNDS, Measure.AT_STRIPE),
    Kind.NAMED_TRANSACTION: _OF_STRIPE,
    Kind.FEE_AT_STRIPE: (Measure.STRIPE_FEES, Measure.AT_STRIPE),
    Kind.PAYOUT_UNKNOWN: _OF_PAYOUTS,
    Kind.PAYOUT_FAILED: _OF_PAYOUTS,
    Kind.LINE_UNPOSTED: _OF_BANKS,
    Kind.LINE_WAITING: _OF_BANKS,
    Kind.LINE_TYPED: _OF_BANKS,
    Kind.BANK_REFUND: _OF_BANKS,
    Kind.SENT_BACK: (Measure.OTHER_BANK,),
}
"""Which sums a difference may make differ."""
