"""The audit of refunds at Stripe: what they became here is what Stripe said, of each once."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from wallet.audit import Check, read


def check_card_refunds(using: str, _now: datetime) -> Iterable[str]:
    """A refund of a card payment succeeded, failed or came back because Stripe said so, and of that very amount; so did
    one of the order that corrections led the money to.
    """
    rows = read(
        using,
        """
        WITH RECURSIVE payer (refund_id, order_id) AS (
            SELECT id, order_id FROM billing_refund
            UNION ALL
            SELECT payer.refund_id, led.order_id
            FROM payer JOIN billing_correction AS led ON led.credited_order_id = payer.order_id
        )
        SELECT r.number, r.state, coalesce(c.stripe_status, ''),
               r.back = c.amount AND r.back_currency = c.amount_currency
        FROM billing_refund AS r JOIN payer ON payer.refund_id = r.id
        JOIN payments_payment AS p ON p.credited_order_id = payer.order_id
        LEFT JOIN payments_cardrefund AS c ON c.refund_id = r.id
        """,
    )
    for number, state, said, agrees in rows:
        if said not in _MEANT.get(state, {said}):
            yield f"Refund {number} is {state}, but Stripe said “{said}” of it."
        if agrees is False:
            yield f"Refund {number} is of another amount at Stripe."


_MEANT: Final = {
    "ASKED": {""},
    "DECLINED": {""},
    "WITHDRAWN": {""},
    "APPROVED": {"", "pending", "requires_action"},
    "SUCCEEDED": {"succeeded"},
    "RETURNED": {"failed", "canceled"},
    "FAILED": {"", "failed", "canceled"},
}
"""What Stripe may have said of a refund in each state; nothing where it was never asked, or refused."""

CHECKS: Final[tuple[Check, ...]] = (check_card_refunds,)
