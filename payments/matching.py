"""Which transfer a bank line may be for: the five piles, each with its reason, and what is suggested to finance."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.db.models.functions import Greatest
from djmoney.money import Money

from payments import expectations, references
from payments.expectations import Expectations, Expected
from payments.models import PAYABLE, BankLine, Suggestion, Transfer
from wallet.models import BillingDetails, PayerName
from wallet.money import labelled

Pile = BankLine.Pile
Why = BankLine.Why

BY_REFERENCE: Final = BankLine.BY_REFERENCE

_WAITING: Final = (Why.QUOTED, Why.SHORT, Why.OVER, Why.MISTYPED, Why.BANK_NUMBER, Why.PAYER)
"""Reasons that hold only while the transfer's money is expected."""

_CHARGE = re.compile(r"手续费|账户管理费|汇划费|结息|利息|\b(?:bank|service|account) (?:charge|fee)s?\b", re.IGNORECASE)
_PAYOUT = re.compile(r"\bstripe\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hint:
    """A transfer that a line may be for, and why."""

    expected: Expected
    reason: Why
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """In which pile a line belongs, why, and what is suggested for it."""

    pile: Pile
    reason: Why | None = None
    detail: str = ""
    hints: tuple[Hint, ...] = ()


def judge(lines: Sequence[BankLine], expected: Expectations) -> list[Verdict]:
    """Where each line belongs; one query for all of them, nothing is written. Lines need not be stored yet."""
    return [_judge(line, quoted, expected) for line, quoted in zip(lines, _read_quoted(lines), strict=True)]


def put(line: BankLine, verdict: Verdict, *, now: datetime) -> list[Suggestion]:
    """Note the verdict on the line, and return what is suggested for it; the caller stores both."""
    line.pile, line.pile_reason, line.pile_detail = verdict.pile, verdict.reason or "", verdict.detail
    line.sorted_at = now
    return [
        Suggestion(line=line, transfer_id=hint.expected.transfer_id, reason=hint.reason, detail=hint.detail)
        for hint in verdict.hints
    ]


def match_lines(*, now: datetime, limit: int = 2000) -> int:
    """Sort lines again for which something may have changed: transfers, declarations and payers' names newer than they
    have seen, or a suggested order that has ended or is paid. Returns how many moved or were given another reason.
    """
    newest = _find_newest()
    unsorted = Q(sorted_at__isnull=True) | (Q(sorted_at__lt=newest) if newest else Q())
    outlived = Suggestion.objects.filter(reason__in=_WAITING).exclude(
        transfer__order__state__in=PAYABLE, transfer__order__paid_at__isnull=True
    )
    open_lines = BankLine.objects.with_rest()
    undecided = open_lines.filter(unsorted, pile__in=[Pile.NONE, Pile.NEAR])
    outrun = open_lines.filter(pk__in=outlived.values("line_id"))
    ids = [*outrun.values_list("pk", flat=True)[:limit], *undecided.values_list("pk", flat=True)[:limit]]
    return sort_again(BankLine.objects.filter(pk__in=ids[:limit]), now=now)


def sort_again(lines: QuerySet[BankLine], *, now: datetime) -> int:
    """Decide anew about the lines that nobody works on at this moment; returns how many moved."""
    with transaction.atomic():
        locked = list(lines.select_for_update(of=("self",), skip_locked=True).order_by("pk"))
        if not locked:
            return 0
        expected = expectations.read()
        expected.spoken_for.difference_update(_suggested_only_for(locked))
        moved = 0
        suggestions: list[Suggestion] = []
        for line, verdict in zip(locked, judge(locked, expected), strict=True):
            before = (line.pile, line.pile_reason, line.pile_detail)
            suggestions += put(line, verdict, now=now)
            moved += before != (line.pile, line.pile_reason, line.pile_detail)
        Suggestion.objects.filter(line__in=[line.pk for line in locked]).delete()
        Suggestion.objects.bulk_create(suggestions, batch_size=1000)
        BankLine.objects.bulk_update(locked, ["pile", "pile_reason", "pile_detail", "sorted_at"], batch_size=500)
        return moved


def still_exact(lines: Sequence[BankLine]) -> dict[UUID, list[Expected]]:
    """For each line the transfers that it pays exactly as things stand now; none when it does not any more. Three
    queries for all of them.
    """
    typed = expectations.read_typed()
    quoted = dict(zip([line.pk for line in lines], _read_quoted(lines), strict=True))
    speakers = _read_speakers({one.transfer_id for found in quoted.values() for one in found})
    doubted = {line.pk for line in lines if not _is_typed(line) and expectations.find_alike(line, typed)}
    return {line.pk: [] if line.pk in doubted else _find_exact(line, quoted[line.pk], speakers) for line in lines}


def _find_exact(line: BankLine, quoted: Sequence[Expected], speakers: Mapping[UUID, set[UUID]]) -> list[Expected]:
    if not quoted or line.rest.amount <= 0 or _recognise_other(line, quoted) is not None:
        return []
    spoken_for = {one.transfer_id for one in quoted if speakers.get(one.transfer_id, set()) - {line.pk}}
    verdict = _judge_quoted(line, quoted, spoken_for)
    return [hint.expected for hint in verdict.hints] if verdict.pile == Pile.EXACT else []


def _read_speakers(transfer_ids: Iterable[UUID]) -> dict[UUID, set[UUID]]:
    """Which lines pay these transfers exactly, as they were sorted."""
    exact = BankLine.objects.with_rest().filter(pile=Pile.EXACT)
    speakers: dict[UUID, set[UUID]] = defaultdict(set)
    suggested = Suggestion.objects.filter(line__in=exact, transfer__in=set(transfer_ids))
    for line_id, transfer_id in suggested.values_list("line_id", "transfer_id"):
        speakers[transfer_id].add(line_id)
    return speakers


def _find_newest() -> datetime | None:
    """When anything last changed that a line could be recognised by."""
    payable = Transfer.objects.payable()
    organisations = payable.values("organisation_id")
    newest = (
        payable.aggregate(at=Max(Greatest("created_at", "declared_at", "corrected_at"))),
        PayerName.objects.filter(organisation__in=organisations).aggregate(at=Max(Greatest("added_at", "removed_at"))),
        BillingDetails.objects.filter(organisation__in=organisations).aggregate(at=Max("recorded_at")),
    )
    return max((found["at"] for found in newest if found["at"]), default=None)


def _suggested_only_for(lines: Sequence[BankLine]) -> set[UUID]:
    """Transfers that these lines alone speak for."""
    exact = BankLine.objects.with_rest().filter(pile=Pile.EXACT)
    mine = Suggestion.objects.filter(line__in=[line.pk for line in lines]).values_list("transfer_id", flat=True)
    others = Suggestion.objects.filter(line__in=exact.exclude(pk__in=[line.pk for line in lines]), transfer_id__in=mine)
    return set(mine) - set(others.values_list("transfer_id", flat=True))


def _read_quoted(lines: Sequence[BankLine]) -> list[list[Expected]]:
    quoted = [_quotes(line) for line in lines]
    known = expectations.find_quoted(reference for found in quoted for reference in found)
    return [[known[reference] for reference in found if reference in known] for found in quoted]


def _quotes(line: BankLine) -> list[str]:
    if line.direction == BankLine.Direction.OUT:
        return []
    parts = filter(expectations.may_quote, (line.text, line.bank_reference))
    found = (reference for part in parts for reference in references.find(part))
    return list(dict.fromkeys(found))


def _judge(line: BankLine, quoted: Sequence[Expected], expected: Expectations) -> Verdict:
    if (other := _recognise_other(line, quoted)) is not None:
        return Verdict(pile=Pile.OTHER, reason=other)
    if line.rest.amount <= 0:
        return Verdict(pile=Pile.BOOKED)
    typed = None if _is_typed(line) else expected.find_typed(line)
    spoken_for = expected.spoken_for if typed is None else set(expected.spoken_for)
    verdict = _judge_quoted(line, quoted, spoken_for) if quoted else _judge_unquoted(line, expected)
    return verdict if typed is None else _doubt(line, typed, verdict)


def _is_typed(line: BankLine) -> bool:
    return line.file_id is None and line.entered_by_id is not None


def _doubt(line: BankLine, typed: BankLine, verdict: Verdict) -> Verdict:
    """Money that may be booked already is never exact."""
    detail = f"{typed.bank_reference} · {typed.value_on.isoformat()}"
    if typed.amount == line.amount:
        return Verdict(pile=Pile.NEAR, reason=Why.MAYBE_TYPED, detail=detail, hints=verdict.hints)
    detail = f"{detail} · {labelled(typed.amount)}"
    return Verdict(pile=Pile.NEAR, reason=Why.TYPED_OTHERWISE, detail=detail, hints=verdict.hints)


def _recognise_other(line: BankLine, quoted: Sequence[Expected]) -> Why | None:
    """Why a line is no money from a customer; None when it may be."""
    if line.is_reversal:
        return Why.REVERSAL
    if line.direction == BankLine.Direction.OUT:
        return Why.CHARGE if _CHARGE.search(line.text) else Why.MONEY_OUT
    if quoted:
        return None
    if _PAYOUT.search(line.payer_name) or _PAYOUT.search(line.text):
        return Why.PAYOUT
    return Why.CHARGE if _CHARGE.search(line.text) else None


def _judge_quoted(line: BankLine, quoted: Sequence[Expected], spoken_for: set[UUID]) -> Verdict:
    """A line that pays its transfers exactly speaks for them from now on."""
    hints = tuple(_look_at(line, one) for one in quoted)
    odd = next((hint for hint in hints if hint.reason != Why.QUOTED), None)
    if odd:
        return Verdict(pile=Pile.NEAR, reason=odd.reason, detail=odd.detail, hints=hints)
    asked: Money = sum((one.amount for one in quoted[1:]), start=quoted[0].amount)
    if line.rest == asked:
        ids = {one.transfer_id for one in quoted}
        if ids & spoken_for:
            return Verdict(pile=Pile.NEAR, reason=Why.QUOTED_TWICE, detail=_names(quoted), hints=hints)
        spoken_for.update(ids)
        return Verdict(pile=Pile.EXACT, reason=Why.QUOTED, detail=_names(quoted), hints=hints)
    reason = Why.SHORT if line.rest < asked else Why.OVER
    detail = labelled(abs(line.rest - asked))
    off = tuple(Hint(expected=one, reason=reason, detail=detail) for one in quoted)
    return Verdict(pile=Pile.NEAR, reason=reason, detail=detail, hints=off)


def _look_at(line: BankLine, quoted: Expected) -> Hint:
    if quoted.amount.currency != line.amount.currency:
        return Hint(expected=quoted, reason=Why.OTHER_CURRENCY, detail=labelled(quoted.amount))
    if quoted.is_paid:
        return Hint(expected=quoted, reason=Why.PAID_BEFORE, detail=quoted.reference)
    if not quoted.is_payable:
        return Hint(expected=quoted, reason=Why.LATE, detail=quoted.reference)
    return Hint(expected=quoted, reason=Why.QUOTED, detail=quoted.reference)


def _judge_unquoted(line: BankLine, expected: Expectations) -> Verdict:
    found: dict[UUID, Hint] = {}
    for reason, candidates in (
        (Why.MISTYPED, expected.find_mistyped(line.text)),
        (Why.BANK_NUMBER, expected.find_declared(line)),
        (Why.PAYER, expected.find_by_payer(line)),
    ):
        for one in candidates:
            if one.amount.currency == line.amount.currency:
                found.setdefault(one.transfer_id, Hint(expected=one, reason=reason, detail=one.reference))
    hints = tuple(found.values())
    match hints:
        case ():
            return Verdict(pile=Pile.NONE)
        case (only,):
            return Verdict(pile=Pile.NEAR, reason=only.reason, detail=_off(line, only.expected), hints=hints)
    return Verdict(pile=Pile.NEAR, reason=Why.SEVERAL, detail=_names(hint.expected for hint in hints), hints=hints)


def _off(line: BankLine, one: Expected) -> str:
    if line.rest == one.amount:
        return one.reference
    sign = "−" if line.rest < one.amount else "+"
    return f"{one.reference} · {sign}{labelled(abs(line.rest - one.amount))}"


def _names(several: Iterable[Expected]) -> str:
    return " ".join(one.reference for one in several)[:200]
