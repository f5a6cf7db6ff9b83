"""What the stand-in was paid against what the site credited."""

import json
import sqlite3
from pathlib import Path
from typing import Final

from tests.load.stack import Stack

_CREDITED: Final = """SELECT p.session_id, o.state, count(c.id)
    FROM payments_payment p JOIN billing_order o ON o.id = p.order_id
    LEFT JOIN wallet_posting c ON c.organisation_id = o.organisation_id AND c.key = 'order:' || o.number || ':credit'
    WHERE p.session_id = ANY(%s) GROUP BY p.session_id, o.state"""
GOOD: Final = frozenset({"PAID", "PARTIALLY_REFUNDED", "REFUNDED"})


def list_paid(folder: Path) -> list[str]:
    """Every session that is paid, as the stand-in kept it; it lets nobody look before it has ended."""
    with sqlite3.connect(folder / "stripe.sqlite3") as store:
        rows = store.execute("SELECT id, body FROM objects WHERE kind = 'checkout.session'").fetchall()
    return [session_id for session_id, body in rows if json.loads(body)["payment_status"] == "paid"]


def find_wrong(stack: Stack, paid: list[str]) -> list[str]:
    """Of the sessions paid, those whose order is not paid, or not credited exactly once."""
    found = {session_id: (state, credits_) for session_id, state, credits_ in stack.query(_CREDITED, paid)}
    return [
        f"{session_id} is paid at Stripe: {found.get(session_id, 'no order')}"
        for session_id in paid
        if session_id not in found or found[session_id][0] not in GOOD or found[session_id][1] != 1
    ]
