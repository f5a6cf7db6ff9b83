"""What others do at Stripe in the demo: customers pay, banks dispute, money is paid out; and the clock there."""

from datetime import datetime
from typing import Any, Final

import requests
from django.conf import settings

_GOOD_CARD: Final = "4242424242424242"
_PATIENCE: Final = 20


def pay(session_id: str, *, email: str) -> None:
    """What a customer does in the browser, done over the stand-in's JSON form of its page."""
    response = requests.post(
        f"{settings.STRIPE_API_BASE}/v1/payment_pages/{session_id}/confirm",
        headers={"Authorization": f"Bearer {settings.STRIPE_SECRET_KEY}"},
        data={
            "email": email,
            "card[number]": _GOOD_CARD,
            "card[exp_month]": "12",
            "card[exp_year]": "2040",
            "card[cvc]": "123",
        },
        timeout=_PATIENCE,
    )
    response.raise_for_status()


def turn_clock(moment: datetime, *, now: datetime) -> None:
    """Let it be `moment` there while it is `now` here."""
    _control("switches", {"clock": (moment - now).total_seconds()})


def dispute(session_id: str, *, reason: str) -> str:
    """The customer's bank takes the money back; the dispute's id."""
    return str(_control("dispute", {"session": session_id, "reason": reason})["id"])


def decide(dispute_id: str, *, outcome: str) -> None:
    _control("decide_dispute", {"dispute": dispute_id, "outcome": outcome})


def pay_out(*, arrival: datetime) -> None:
    """All that is there goes to the bank, as the schedule has it."""
    payout = _control("pay_out", {"arrival": int(arrival.timestamp())})
    _control("move_payout", {"payout": payout["id"], "outcome": "paid"})
    _control("move_payout", {"payout": payout["id"], "outcome": "reconciled"})


def _control(name: str, body: dict[str, Any]) -> dict[str, Any]:
    response = requests.post(f"{settings.STRIPE_API_BASE}/_standin/{name}", json=body, timeout=_PATIENCE)
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer
