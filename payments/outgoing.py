"""Money that left the bank, and which refund it may have paid, or what it sent back: by a number, or by its payee."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import models
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from payments.models import Allocation, BankLine, BankRefund
from wallet import bank_numbers, details

_BEFORE: Final = timedelta(days=3)
"""A bank's day may lie before the day on which it is recorded here, and before the approval's day in Shanghai."""

_MOST: Final = 200

_LONG_ENOUGH: Final = 6
"""A bank's number that is shorter may stand in any text."""


class Match(models.TextChoices):
    """Why a line is taken for a refund's payment; account and amount agree in each."""

    NUMBER = "NUMBER", _("It quotes the refund's number")
    BANK_NUMBER = "BANK_NUMBER", _("It has the bank's number that was recorded")
    PAYEE = "PAYEE", _("It went to this payee")


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """An outgoing line, and the refund it has paid as far as one can see."""

    line: BankLine
    paid: BankRefund
    match: Match


def list_free() -> QuerySet[BankLine]:
    """Outgoing lines that nobody has said anything of."""
    lines = BankLine.objects.filter(direction=BankLine.Direction.OUT, is_reversal=False, allocated=0)
    return lines.exclude(file=None).select_related("account")


def suggest_lines(paid: BankRefund) -> list[Suggestion]:
    """The lines that may be this payment, the surest first."""
    if paid.line_id or paid.approved_at is None or paid.refused_at:
        return []
    lines = list_free().filter(
        account_id=paid.account_id, amount=paid.amount.amount, booked_on__gte=(paid.approved_at - _BEFORE).date()
    )
    found = [_look(line, paid) for line in lines.order_by("booked_on", "id")[:_MOST]]
    places = list(Match)
    return sorted(filter(None, found), key=lambda one: places.index(one.match))


def suggest_refunds(line: BankLine) -> list[Suggestion]:
    """The payments that an outgoing line may be, the surest first."""
    if line.direction != BankLine.Direction.OUT or line.is_reversal or line.rest != line.amount:
        return []
    waiting = BankRefund.objects.current().filter(
        line=None,
        approved_at__isnull=False,
        refused_at=None,
        account_id=line.account_id,
        amount=line.amount.amount,
    )
    found = [_look(line, paid) for paid in waiting.select_related("refund").order_by("approved_at", "id")[:_MOST]]
    places = list(Match)
    return sorted(filter(None, found), key=lambda one: places.index(one.match))


def suggest_waiting() -> list[Suggestion]:
    """The surest line of every payment that waits for one; a line stands with one payment."""
    waiting = BankRefund.objects.to_pay() | BankRefund.objects.paid_by_hand()
    found: dict[object, Suggestion] = {}
    for paid in waiting.select_related("refund", "account").order_by("approved_at", "id")[:_MOST]:
        first = next((one for one in suggest_lines(paid) if one.line.pk not in found), None)
        if first:
            found[first.line.pk] = first
    return list(found.values())


def list_sent(line: BankLine) -> list[Allocation]:
    """What was recorded as sent back and the line may show: the same account and amount, and no line shows it yet."""
    if line.direction != BankLine.Direction.OUT or line.is_reversal or line.rest != line.amount or line.file_id is None:
        return []
    recorded = Allocation.objects.filter(
        kind=Allocation.Kind.RETURNED,
        sent_as=None,
        amount=line.amount.amount,
        line__account_id=line.account_id,
        line__booked_on__lte=line.booked_on,
    )
    return list(recorded.select_related("line").order_by("at", "id")[:_MOST])


def find_sent(line: BankLine) -> Allocation | None:
    """What the line sent back beyond doubt: to who had paid it, where neither has another that it could be."""
    sure = [sent for sent in list_sent(line) if _is_sent_to_payer(line, sent.line)]
    if len(sure) != 1:
        return None
    others = list_free().filter(account_id=line.account_id, amount=line.amount.amount).exclude(pk=line.pk)
    others = others.filter(booked_on__gte=sure[0].line.booked_on)
    return None if any(_is_sent_to_payer(other, sure[0].line) for other in others[:_MOST]) else sure[0]


def _is_sent_to_payer(line: BankLine, came: BankLine) -> bool:
    """By the number of the line that brought it, or the payer's account, or his name where a bank shows none."""
    number = bank_numbers.loosen(came.bank_reference)
    if len(number) >= _LONG_ENOUGH and number in bank_numbers.loosen(f"{line.text} {line.bank_reference}"):
        return True
    accounts = [bank_numbers.loosen(each.payer_account) for each in (line, came)]
    if all(accounts):
        return accounts[0] == accounts[1]
    names = [details.fold(each.payer_name) for each in (line, came)]
    return bool(names[0]) and names[0] == names[1]


def _look(line: BankLine, paid: BankRefund) -> Suggestion | None:
    match = _match(line, paid)
    return Suggestion(line=line, paid=paid, match=match) if match else None


def _match(line: BankLine, paid: BankRefund) -> Match | None:
    said = bank_numbers.loosen(f"{line.text} {line.bank_reference} {line.payer_name}")
    if bank_numbers.loosen(paid.refund.number) in said:
        return Match.NUMBER
    number = bank_numbers.loosen(paid.bank_reference)
    if number and number == bank_numbers.loosen(line.bank_reference):
        return Match.BANK_NUMBER
    account = bank_numbers.loosen(line.payer_account)
    if account:
        return Match.PAYEE if account == bank_numbers.loosen(paid.payee_account) else None
    name = details.fold(line.payer_name)
    return Match.PAYEE if name and name == details.fold(paid.payee_name) else None
