"""What does not agree with the banks' statements."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Final

from django.db.models import F, Q
from djmoney.money import Money

from payments.closing.found import Found, Span, of_line
from payments.models import Allocation, BankAccount, BankLine, BankRefund, Difference

_DAY: Final = timedelta(days=1)

Kind = Difference.Kind


def find(span: Span) -> list[Found]:
    """All of it, one kind after the other."""
    return [
        *_find_missing_statements(span),
        *_find_lines(span),
        *_find_typed_lines(span),
        *_find_strange_payouts(span),
        *_find_waiting_money(span),
        *_find_bank_refunds(span),
        *_find_sent_back(span),
    ]


def _find_missing_statements(span: Span) -> Iterator[Found]:
    """Accounts of which no statement reaches the day: statements leave no day out, so the newest one decides."""
    for account in BankAccount.objects.filter(lines__booked_on__lte=span.day).distinct().order_by("code"):
        newest = account.files.order_by("-last_day").first()
        if newest and newest.last_day >= span.day:
            continue
        since = newest.last_day + _DAY if newest else span.day
        yield Found(
            key=f"statement:{account.code}:{newest.last_day if newest else 'none'}",
            kind=Kind.STATEMENT_MISSING,
            amount=Money(0, account.currency),
            subject=account.code,
            facts={"since": since.isoformat()},
            is_timing=True,
        )


def _find_lines(span: Span) -> Iterator[Found]:
    """Bank lines that the ledger does not know."""
    on_statement = BankLine.objects.filter(file__isnull=False, booked_on__lte=span.day, allocated__lt=F("amount"))
    unposted = on_statement.filter(
        Q(held_by__isnull=True, direction=BankLine.Direction.IN, is_reversal=False)
        | Q(direction=BankLine.Direction.OUT)
    )
    for line in unposted.select_related("account").order_by("id"):
        yield of_line(line, Kind.LINE_UNPOSTED, day=span.day)


def _find_typed_lines(span: Span) -> Iterator[Found]:
    """What was typed by hand and no statement has brought."""
    typed = BankLine.objects.filter(file__isnull=True, created_at__lt=span.end, seen_again__isnull=True)
    for line in typed.select_related("account").order_by("id"):
        yield replace(
            of_line(line, Kind.LINE_TYPED, day=span.day),
            amount=line.amount,
            is_timing=span.is_today(line.created_at),
        )


def _find_strange_payouts(span: Span) -> Iterator[Found]:
    """What the bank says is of Stripe, and none of the payouts we know."""
    unknown = BankLine.objects.with_rest().filter(pile_reason=BankLine.Why.PAYOUT, booked_on__lte=span.day)
    for line in unknown.select_related("account").order_by("id"):
        yield of_line(line, Kind.PAYOUT_UNKNOWN, day=span.day)


def _find_waiting_money(span: Span) -> Iterator[Found]:
    """What arrived, is in suspense, and nobody was credited with."""
    waiting = BankLine.objects.with_rest().filter(held_by__isnull=False, booked_on__lte=span.day, is_reversal=False)
    for line in waiting.exclude(pile_reason=BankLine.Why.PAYOUT).select_related("account").order_by("id"):
        yield of_line(line, Kind.LINE_WAITING, day=span.day)


def _find_bank_refunds(span: Span) -> Iterator[Found]:
    """Refunds recorded as paid at the bank by hand, which no statement shows."""
    for paid in BankRefund.objects.paid_by_hand().filter(paid_at__lt=span.end).select_related("refund"):
        yield Found(
            key=f"bankrefund:{paid.refund.number}",
            kind=Kind.BANK_REFUND,
            amount=paid.amount,
            subject=paid.refund.number,
            detail=paid.bank_reference,
            is_timing=paid.paid_at is not None and span.is_today(paid.paid_at),
            order_id=paid.refund.order_id,
        )


def _find_sent_back(span: Span) -> Iterator[Found]:
    """Money recorded as sent back by the bank, which no statement shows going out."""
    recorded = Allocation.objects.filter(kind=Allocation.Kind.RETURNED, sent_as=None, at__lt=span.end)
    for sent in recorded.select_related("line__account").order_by("at", "id"):
        yield Found(
            key=f"sentback:{sent.pk}",
            kind=Kind.SENT_BACK,
            amount=Money(sent.amount, sent.line.amount.currency),
            subject=f"{sent.line.account.code} {sent.line.booked_on} {sent.line.bank_reference}".strip(),
            detail=sent.note,
            is_timing=span.is_today(sent.at),
            line_id=sent.line_id,
        )
