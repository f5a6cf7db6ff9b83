"""Posts what belongs to no order: money at Stripe that nobody may be credited with yet."""

from datetime import datetime
from uuid import UUID

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
