"""Posts what belongs to no order: money at Stripe that nobody may be credited with yet, what Stripe takes and pays out,
money at the bank until it is credited or sent back, and the house's own there.
"""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from djmoney.money import Money

from payments.card_suspense import CHARGES
from payments.models import BalanceTransaction, BankAccount, BankLine, HouseMove, Payment, Payout
from payments.stripe_api import CheckoutSession, StripeRefund, is_live
from wallet import chart, ledger
from wallet.models import HOUSE_ID, Posting


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


def give_back(payment: Payment, refund: StripeRefund, *, now: datetime) -> None:
    """Book that Stripe gave back money held in suspense for a payment whose facts did not agree, or got it again where
    that failed in the end. Repeating it changes nothing.
    """
    key = f"session:{payment.session_id}:refund:{refund.id}"
    held, at_stripe = (chart.SUSPENSE, refund.amount), (chart.STRIPE_CLEARING, refund.amount)
    gone = Posting.objects.filter(organisation_id=payment.organisation_id, key=key).exists()
    if refund.status == "succeeded":
        lines = (ledger.debit(*held), ledger.credit(*at_stripe))
    elif gone and refund.status in {"failed", "canceled"}:
        key, lines = f"{key}:back", (ledger.debit(*at_stripe), ledger.credit(*held))
    else:
        return
    draft = ledger.Draft(
        key=key,
        kind="SUSPENSE_RETURN",
        lines=lines,
        order_number=payment.order.number,
        memo=f"refunded at Stripe: {refund.id}, {refund.status}",
        by="Stripe",
    )
    ledger.post(organisation_id=payment.organisation_id, drafts=[draft], now=now)


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


def bear_charge(  # noqa: PLR0913  # a posting as it is written down has that many sides
    account: BankAccount,
    amount: Money,
    *,
    organisation_id: UUID,
    fact: str,
    order_number: str,
    by: str,
    now: datetime,
) -> None:
    """Book what the bank kept of money that came back as our charge. `fact` makes the key."""
    ledger.post(
        organisation_id=organisation_id,
        drafts=[
            ledger.Draft(
                key=f"{fact}:charge",
                kind="BANK_CHARGE",
                lines=(ledger.debit(chart.BANK_CHARGES, amount), ledger.credit(account.ledger_code, amount)),
                order_number=order_number,
                memo=f"kept by the bank: {fact}",
                by=by,
            )
        ],
        now=now,
    )


def post_fee(
    transaction: BalanceTransaction, fee: Money, *, organisation_id: UUID, order_number: str, now: datetime
) -> str:
    """Book what Stripe took of a balance transaction, below zero what it gave back; returns the posting's key."""
    key = f"txn:{transaction.stripe_id}:fee"
    taken = (chart.STRIPE_FEES, chart.STRIPE_CLEARING)
    debited, credited = taken if fee.amount > 0 else reversed(taken)
    draft = ledger.Draft(
        key=key,
        kind="STRIPE_FEE",
        lines=(ledger.debit(debited, abs(fee)), ledger.credit(credited, abs(fee))),
        order_number=order_number,
        memo=f"Stripe's fee: {transaction.description or transaction.type}"[:200],
        by="Stripe",
    )
    ledger.post(organisation_id=organisation_id, drafts=[draft], now=now)
    return key


def hold_charge(transaction: BalanceTransaction, *, now: datetime) -> str:
    """Book a charge that no payment of ours knows: at Stripe, and in the house's suspense; below zero what Stripe gave
    back of one, and above what of that failed and came again. Gives its key.
    """
    key = f"txn:{transaction.stripe_id}:gross"
    gross, is_charge = abs(transaction.amount), transaction.type in CHARGES
    came = (chart.STRIPE_CLEARING, chart.SUSPENSE)
    debited, credited = came if transaction.amount.amount > 0 else reversed(came)
    draft = ledger.Draft(
        key=key,
        kind="SUSPENSE" if is_charge else "SUSPENSE_RETURN",
        lines=(ledger.debit(debited, gross), ledger.credit(credited, gross)),
        memo=f"at Stripe, by no payment of ours: {transaction.type} {transaction.source_id}"[:200],
        by="Stripe",
    )
    ledger.post(organisation_id=HOUSE_ID, drafts=[draft], now=now)
    return key


def release(held_key: str, amount: Money, *, organisation_id: UUID, order_number: str, by: str, now: datetime) -> None:
    """Take money at Stripe out of suspense, for a balance to be credited with it from there. `held_key` names what held
    it, and makes the key.
    """
    draft = ledger.Draft(
        key=f"{held_key}:assigned",
        kind="SUSPENSE_OUT",
        lines=(ledger.debit(chart.SUSPENSE, amount), ledger.credit(chart.STRIPE_CLEARING, amount)),
        order_number=order_number,
        memo=f"assigned: {held_key}",
        by=by,
    )
    ledger.post(organisation_id=organisation_id, drafts=[draft], now=now)


def receive_payout(payout: Payout, *, by: str, now: datetime) -> None:
    """Book that a payout arrived: its bank line stood in the house's suspense since it came. Repeating it changes
    nothing.
    """
    draft = ledger.Draft(
        key=_key_of(payout),
        kind="PAYOUT",
        lines=(ledger.debit(chart.SUSPENSE, payout.amount), ledger.credit(chart.STRIPE_CLEARING, payout.amount)),
        memo=f"payout {payout.stripe_id} is at the bank",
        by=by,
    )
    ledger.post(organisation_id=HOUSE_ID, drafts=[draft], now=now)


def reverse_payout(payout: Payout, *, by: str, now: datetime) -> None:
    """Book that a payout failed after it was posted: the money is at Stripe again, and what is at the bank waits in
    suspense until the bank takes it back. Repeating it changes nothing.
    """
    posted = Posting.objects.get(organisation_id=HOUSE_ID, key=_key_of(payout))
    ledger.reverse(
        organisation_id=HOUSE_ID,
        posting_id=posted.pk,
        key=f"{_key_of(payout)}:failed",
        now=now,
        by=by,
        memo=f"payout {payout.stripe_id} failed: {payout.failure}"[:200],
    )


def give_payout_back(payout: Payout, line: BankLine, *, by: str, now: datetime) -> None:
    """Book that the bank sent a failed payout's money back. Repeating it changes nothing."""
    draft = ledger.Draft(
        key=f"{_key_of(payout)}:back",
        kind="SUSPENSE_RETURN",
        lines=(ledger.debit(chart.SUSPENSE, payout.amount), ledger.credit(line.account.ledger_code, payout.amount)),
        memo=f"the bank sent payout {payout.stripe_id} back",
        by=by,
    )
    ledger.post(organisation_id=HOUSE_ID, drafts=[draft], now=now)


def book_charge(line: BankLine, *, by: str, note: str, now: datetime) -> None:
    """Book what the bank took, or interest that it gave, which lowers what it takes. An incoming line is in the house's
    suspense. Repeating it changes nothing.
    """
    amount = line.amount
    lines = (
        (ledger.debit(chart.BANK_CHARGES, amount), ledger.credit(line.account.ledger_code, amount))
        if line.direction == BankLine.Direction.OUT
        else (ledger.debit(chart.SUSPENSE, amount), ledger.credit(chart.BANK_CHARGES, amount))
    )
    draft = ledger.Draft(key=f"bankline:{line.pk}:charge", kind="BANK_CHARGE", lines=lines, memo=note[:200], by=by)
    ledger.post(organisation_id=HOUSE_ID, drafts=[draft], now=now)


def book_exchange(move: HouseMove, *, gone: BankLine, came: BankLine, cost: Money, by: str, now: datetime) -> None:
    """Book one exchange of currencies at the bank: the conversion's two legs at what came, and the difference to what
    the money that left had cost as gain or loss. What came is in the house's suspense. Repeating it changes nothing.
    """
    result = came.amount - cost
    lines = [
        ledger.debit(chart.FX, gone.amount),
        ledger.credit(gone.account.ledger_code, gone.amount),
        ledger.debit(chart.SUSPENSE, came.amount),
        ledger.credit(chart.FX, came.amount),
    ]
    if result.amount > 0:
        lines += [ledger.debit(chart.FX, result), ledger.credit(chart.FX_RESULT, result)]
    if result.amount < 0:
        lines += [ledger.debit(chart.FX_RESULT, -result), ledger.credit(chart.FX, -result)]
    draft = ledger.Draft(key=f"exchange:{move.pk}", kind="EXCHANGE", lines=tuple(lines), memo=move.reason[:200], by=by)
    ledger.post(organisation_id=HOUSE_ID, drafts=[draft], now=now)


def _key_of(payout: Payout) -> str:
    return f"payout:{payout.stripe_id}"


def seal_day(*, day: date, by: str, now: datetime) -> bytes:
    """Close a signed business day in the ledger for good, with every day before it if it is the first; its hash."""
    return ledger.seal_day(day=day, now=now, by=by)
