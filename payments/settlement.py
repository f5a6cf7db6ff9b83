"""Posts what belongs to no order: money at Stripe that nobody may be credited with yet, and money at the bank until it
is credited or sent back.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from djmoney.money import Money

from payments.models import BankLine
from payments.stripe_api import CheckoutSession, is_live
from wallet import chart, ledger


def hold_in_suspense(session: CheckoutSession, *, organisation_id: UUID, order_number: str, now: datetime) -> bool:
    """Book what Stripe really holds for a session whose facts do not agree: in suspense, as received.

    Nothing is booked, and the answer is False, for a session that holds no real money: unpaid, or of the other mode.
    Repeating it changes nothing.
    """
    held = session.held  # what arrived, never what the session claims
    if held is None or held.amount <= 0 or session.payment_status != "paid" or session.livemode is not is_live():
        return False
    ledger.post(
        organisation_id=organisation_id,
        drafts=[
            ledger.Draft(
                key=f"session:{session.id}:suspense",
                kind="SUSPENSE",
                lines=(ledger.debit(chart.STRIPE_CLEARING, held), ledger.credit(chart.SUSPENSE, held)),
                order_number=order_number,
                memo=f"paid at Stripe, facts do not agree: {session.id}",
                by="Stripe",
            )
        ],
        now=now,
    )
    return True


def hold_lines(lines: Sequence[BankLine], *, organisation_id: UUID, by: str, now: datetime) -> None:
    """Book the rest of incoming bank lines that the ledger does not know yet: at the bank, and in the suspense of the
    organisation (the house's, while nobody knows whose money it is).

    Call it with the lines locked and the organisation's postings last. Repeating it changes nothing.
    """
    drafts = [
        ledger.Draft(
            key=f"bankline:{line.pk}:suspense",
            kind="SUSPENSE",
            lines=(ledger.debit(line.account.ledger_code, line.rest), ledger.credit(chart.SUSPENSE, line.rest)),
            memo=f"arrived at the bank: {line.bank_reference}"[:200],
            by=by,
        )
        for line in lines
    ]
    ledger.post(organisation_id=organisation_id, drafts=drafts, now=now)
    BankLine.objects.filter(pk__in=[line.pk for line in lines]).update(held_by_id=organisation_id)


def hand_over(line: BankLine, amount: Money, *, fact: str, by: str, now: datetime) -> None:
    """Take money of a line out of the suspense that holds it, for another organisation to book it at the bank: the bank
    summed over organisations does not move. `fact` names what it is for, and makes the key.
    """
    if line.held_by_id is None:
        raise ValueError("the ledger does not know this line yet")
    ledger.post(
        organisation_id=line.held_by_id,
        drafts=[
            ledger.Draft(
                key=f"bankline:{line.pk}:{fact}",
                kind="SUSPENSE_OUT",
                lines=(ledger.debit(chart.SUSPENSE, amount), ledger.credit(line.account.ledger_code, amount)),
                memo=f"handed over: {fact}",
                by=by,
            )
        ],
        now=now,
    )


def take_over(line: BankLine, amount: Money, *, organisation_id: UUID, fact: str, by: str, now: datetime) -> None:
    """The other half of `hand_over`: the money is at the bank and in this organisation's own suspense."""
    ledger.post(
        organisation_id=organisation_id,
        drafts=[
            ledger.Draft(
                key=f"bankline:{line.pk}:{fact}:in",
                kind="SUSPENSE",
                lines=(ledger.debit(line.account.ledger_code, amount), ledger.credit(chart.SUSPENSE, amount)),
                memo=f"taken over: {fact}",
                by=by,
            )
        ],
        now=now,
    )


def send_back(line: BankLine, amount: Money, *, fact: str, by: str, note: str, now: datetime) -> None:
    """Book that money in suspense left the bank again. `fact` makes the key."""
    if line.held_by_id is None:
        raise ValueError("the ledger does not know this line yet")
    ledger.post(
        organisation_id=line.held_by_id,
        drafts=[
            ledger.Draft(
                key=f"bankline:{line.pk}:{fact}",
                kind="SUSPENSE_RETURN",
                lines=(ledger.debit(chart.SUSPENSE, amount), ledger.credit(line.account.ledger_code, amount)),
                memo=note[:200],
                by=by,
            )
        ],
        now=now,
    )
