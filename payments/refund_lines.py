"""Bank lines that are a refund's payment, or that payment come back: found, locked, and spent on it."""

from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _

from payments import allocations, desk, settlement
from payments.models import Allocation, BankLine, BankRefund, DeskAct
from wallet import bank_numbers
from wallet.models import HOUSE_ID, User
from wallet.money import labelled


class NotThisPayment(Exception):
    """The bank line is not this payment, or is spent; the message says why."""


def find_payment(paid: BankRefund, *, bank_reference: str) -> BankLine | None:
    """The outgoing line of a statement with this number of the bank's, account and amount, when there is just one."""
    lines = BankLine.objects.numbered(bank_reference).filter(
        account_id=paid.account_id,
        amount=paid.amount.amount,
        direction=BankLine.Direction.OUT,
        is_reversal=False,
        allocated=0,
        file__isnull=False,
    )
    found = list(lines[:2])
    return found[0] if len(found) == 1 else None


def list_returns(paid: BankRefund) -> list[BankLine]:
    """Incoming lines that may be the payment come back: on the same account, not before it, at most its amount."""
    day = paid.day_paid
    if day is None or paid.returned_at:
        return []
    lines = BankLine.objects.with_rest().filter(
        Q(held_by=None) | Q(held_by__in=[HOUSE_ID, paid.organisation_id]),
        account_id=paid.account_id,
        booked_on__gte=day,
        amount__lte=paid.amount.amount,
    )
    quoting = [line for line in lines.order_by("-amount", "booked_on", "id")[:50] if line.rest == line.amount]
    number = bank_numbers.loosen(paid.refund.number)
    return sorted(quoting, key=lambda line: number not in bank_numbers.loosen(line.text))[:20]


def lock_payment(paid: BankRefund, line_id: UUID) -> BankLine:
    """The outgoing line that is this payment, for this transaction alone. Raises `NotThisPayment`."""
    line = allocations.lock({line_id})[line_id]
    if line.direction != BankLine.Direction.OUT or line.is_reversal:
        raise NotThisPayment(_("Only a line of money that went out is a payment."))
    if (line.account_id, line.amount) != (paid.account_id, paid.amount):
        raise NotThisPayment(_("The line's account or amount is not that of this payment."))
    if line.rest != line.amount:
        raise NotThisPayment(_("This bank line was booked as something else already."))
    return line


def lock_return(paid: BankRefund, line_id: UUID) -> BankLine:
    """The incoming line that is this payment come back, as `lock_payment`."""
    line = allocations.lock({line_id})[line_id]
    if line.direction != BankLine.Direction.IN or line.account_id != paid.account_id:
        raise NotThisPayment(_("Only a line of money that came in on the same account is a payment come back."))
    if line.rest.amount <= 0 or line.rest != line.amount:
        raise NotThisPayment(_("The money of this bank line was used for something else."))
    if line.held_by_id not in {None, HOUSE_ID, paid.organisation_id}:
        raise NotThisPayment(_("The line's money is kept for a customer."))
    if line.amount > paid.amount:
        raise NotThisPayment(_("More came in than was paid: it cannot be this payment alone."))
    return line


def book_payment(line: BankLine, paid: BankRefund, *, by: User, now: datetime) -> None:
    """The line is spoken for; what it moved was posted with the refund."""
    _spend(line, paid, kind=Allocation.Kind.REFUND, note=paid.payee_name, by=by, now=now)
    desk.log(DeskAct.Kind.REFUND_PAID, by=by, now=now, line=line, detail=f"{paid.refund} · {labelled(paid.amount)}")


def book_return(line: BankLine, paid: BankRefund, *, failure: str, by: User, now: datetime) -> None:
    """The line is spoken for; its money stays at the bank, and is nobody's before the refund is returned."""
    _take_out_of_suspense(line, paid, by=by, now=now)
    _spend(line, paid, kind=Allocation.Kind.BOUNCED, note=failure, by=by, now=now)
    desk.log(DeskAct.Kind.REFUND_RETURNED, by=by, now=now, line=line, detail=f"{paid.refund}: {failure}")


def _take_out_of_suspense(line: BankLine, paid: BankRefund, *, by: User, now: datetime) -> None:
    """From whoever's suspense holds it; the money stays at the bank, where the refund takes it up."""
    allocations.hold_in_house(line, by=str(by), now=now)
    settlement.hand_over(line, line.amount, fact=f"refund:{paid.refund.number}:returned", by=str(by), now=now)


def _spend(line: BankLine, paid: BankRefund, *, kind: Allocation.Kind, note: str, by: User, now: datetime) -> None:
    allocations.spend_whole(
        line,
        kind=kind,
        organisation_id=paid.organisation_id,
        note=f"{paid.refund.number}: {note}",
        by=str(by),
        now=now,
    )
