"""Bank lines that a transfer's money may have come with: those kept or matched for it, then those that look alike."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from djmoney.money import Money

from payments import keeping, references
from payments.models import BankLine, Share, Suggestion, Transfer
from wallet import bank_numbers, details
from wallet.models import HOUSE_ID, PayerName
from wallet.money import AmountError, parse_amount

_MOST = 10


_WRITTEN_BY_HIM = (BankLine.Why.SHORT, BankLine.Why.OVER)
"""The line quotes this transfer's reference; only the amount differs."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A line, why it is offered, and how much of it would be used. Likely ones are chosen beforehand."""

    line: BankLine
    reason: str
    amount: Money
    is_likely: bool = False
    claimed_by: str = ""
    """Whose recorded facts, not approved yet, rest on the line: another transfer, or an organisation without one."""


def list_for(transfer: Transfer, *, named: Iterable[UUID] = ()) -> list[Candidate]:
    """Only money that came in and is not spent. `named` are lines somebody chose: they stand here in any case."""
    offered = [*_suggested(transfer), *_alike(transfer)]
    found = [*_kept(transfer), *_named(transfer, set(named), offered), *offered]
    first: dict[UUID, Candidate] = {}
    for candidate in found:
        first.setdefault(candidate.line.pk, candidate)
    return _mark(list(first.values()), transfer)


def search(transfer: Transfer, text: str) -> list[Candidate]:
    """Lines of the transfer's currency by amount, reference, bank's number, payer or text; newest first."""
    text = text.strip().replace("\x00", "")
    if not text:
        return []
    wanted = Q(bank_reference__icontains=text) | Q(payer_name__icontains=text) | Q(text__icontains=text)
    if reference := references.read(text):
        wanted |= Q(text__icontains=reference)
    with suppress(AmountError):
        wanted |= Q(amount=parse_amount(text.replace(",", ""), transfer.amount.currency.code).amount)
    lines = _unspent(transfer).filter(wanted).order_by("-booked_on", "-pk")[: 2 * _MOST]
    return _mark([Candidate(line=line, reason=_("found"), amount=line.rest) for line in lines], transfer)


def list_arrived(transfer: Transfer) -> list[BankLine]:
    """The lines of which something is left that were kept for it, or quote its reference: its money is at the bank."""
    quoted = Suggestion.objects.filter(transfer=transfer, reason__in=BankLine.BY_REFERENCE)
    named = Q(kept_for=transfer) | Q(pk__in=quoted.values("line_id"))
    return list(BankLine.objects.with_rest().filter(named).select_related("account").order_by("booked_on", "pk"))


def _kept(transfer: Transfer) -> list[Candidate]:
    return [
        Candidate(line=line, reason=_("kept for this transfer"), amount=line.rest, is_likely=True)
        for line in keeping.list_kept(transfer)
    ]


def _named(transfer: Transfer, ids: set[UUID], offered: Sequence[Candidate]) -> list[Candidate]:
    """Chosen ones; why they are offered anyway stays with them."""
    reasons = {candidate.line.pk: candidate.reason for candidate in reversed(offered)}
    return [
        Candidate(line=line, reason=reasons.get(line.pk) or _("chosen"), amount=line.rest, is_likely=True)
        for line in _unspent(transfer).filter(pk__in=ids)
    ]


def _suggested(transfer: Transfer) -> list[Candidate]:
    suggestions = Suggestion.objects.filter(transfer=transfer, line__in=_unspent(transfer))
    found = [
        Candidate(
            line=suggestion.line,
            reason=_say_why(suggestion),
            amount=suggestion.line.rest,
            is_likely=suggestion.line.pile == BankLine.Pile.EXACT or suggestion.reason in _WRITTEN_BY_HIM,
        )
        for suggestion in suggestions.select_related("line__account", "line__file", "line__held_by")
    ]
    return sorted(found, key=lambda candidate: (not candidate.is_likely, candidate.line.booked_on, candidate.line.pk))


def _alike(transfer: Transfer) -> list[Candidate]:
    names = _payers(transfer)
    alike = Q(amount=transfer.amount.amount) | Q(payer_name__in=names) | Q(text__contains=transfer.reference)
    if transfer.bank_number:
        alike |= Q(folded_number=bank_numbers.fold(transfer.bank_number))
    ours = Q(held_by__isnull=True) | Q(held_by__in=[HOUSE_ID, transfer.organisation_id])
    lines = _unspent(transfer).filter(alike, ours).order_by("-booked_on", "-pk")[:_MOST]
    return [Candidate(line=line, reason=_why_alike(line, transfer, names), amount=line.rest) for line in lines]


def _unspent(transfer: Transfer) -> QuerySet[BankLine]:
    lines = BankLine.objects.with_rest().filter(is_reversal=False, account__currency=transfer.amount.currency.code)
    return lines.select_related("account", "file", "held_by")


def _payers(transfer: Transfer) -> list[str]:
    facts = details.read(details.current(transfer.organisation_id))
    live = PayerName.objects.live(transfer.organisation_id).values_list("name", flat=True)
    return [name for name in (transfer.payer_name, facts.legal_name_zh, facts.legal_name_en, *live) if name]


def _why_alike(line: BankLine, transfer: Transfer, names: Sequence[str]) -> str:
    reasons = {
        _("quotes the reference"): transfer.reference in line.text,
        _("the bank's number declared"): bool(transfer.bank_number)
        and line.folded_number == bank_numbers.fold(transfer.bank_number),
        _("same amount"): line.amount == transfer.amount,
        _("known payer"): line.payer_name in names,
    }
    return ", ".join(reason for reason, holds in reasons.items() if holds)


def _say_why(suggestion: Suggestion) -> str:
    why = suggestion.get_reason_display()
    return f"{why}: {suggestion.detail}" if suggestion.detail else why


def _mark(found: Sequence[Candidate], transfer: Transfer) -> list[Candidate]:
    """With whom others have claimed the lines for: those are not chosen beforehand. Of a line that other transfers wait
    for too, this one would use what it asked for.
    """
    lines = [candidate.line.pk for candidate in found]
    claims = _read_claims(lines, transfer)
    others = Suggestion.objects.filter(line__in=lines, transfer__order__paid_at__isnull=True)
    shared = set(others.exclude(transfer=transfer).values_list("line_id", flat=True))
    return [
        replace(
            candidate,
            amount=min(candidate.amount, transfer.amount) if candidate.line.pk in shared else candidate.amount,
            claimed_by=claims.get(candidate.line.pk, ""),
            is_likely=candidate.is_likely and candidate.line.pk not in claims,
        )
        for candidate in found
    ]


def _read_claims(lines: Sequence[UUID], transfer: Transfer) -> dict[UUID | None, str]:
    waiting = Share.objects.filter(line__in=lines, finding__superseded_at=None, finding__done_at=None)
    others = waiting.exclude(finding__transfer=transfer)
    return {
        share.line_id: str(share.finding.transfer or share.finding.organisation)
        for share in others.select_related("finding__transfer", "finding__organisation")
    }
