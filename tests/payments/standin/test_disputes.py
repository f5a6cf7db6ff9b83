"""Disputes: inquiries, chargebacks, evidence, and what the bank decides."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from payments.standin.client import StandIn, StandInRefused

Make = Callable[..., Any]

DISPUTED = "4000000000000259"


@pytest.fixture
def paid(make_session: Make, stand_in: StandIn) -> Any:
    """A paid session of $100."""
    return stand_in.pay(make_session().id)


def told(stand_in: StandIn, dispute_id: str) -> list[str]:
    kinds = [event["type"] for event in reversed(stand_in.events(session_id=dispute_id))]
    return [kind.removeprefix("charge.dispute.") for kind in kinds]


def moved(client: stripe.StripeClient, dispute_id: str) -> list[tuple[int, int]]:
    return [(each.amount, each.fee) for each in client.v1.disputes.retrieve(dispute_id).balance_transactions]


def test_disputed_card_pays_and_is_charged_back_at_once(
    make_session: Make, client: stripe.StripeClient, stand_in: StandIn
) -> None:
    session = stand_in.pay(make_session().id, card=DISPUTED)
    assert session["payment_status"] == "paid"
    [dispute] = client.v1.disputes.list({"payment_intent": session["payment_intent"]}).data
    assert (dispute.status, dispute.amount, dispute.currency, dispute.livemode) == (
        "needs_response", 10_000, "usd", False,
    )  # fmt: skip
    assert dispute.evidence_details.due_by == dispute.created + 9 * 24 * 3600
    assert moved(client, dispute.id) == [(-10_000, 1_500)]
    assert told(stand_in, dispute.id) == ["created", "funds_withdrawn"]
    listed = client.v1.balance_transactions.list({"source": dispute.id}).data
    assert [(each.type, each.reporting_category, each.net) for each in listed] == [("adjustment", "dispute", -11_500)]
    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        client.v1.refunds.create({"payment_intent": session["payment_intent"]})


def test_inquiry_moves_no_money_and_may_come_to_nothing(
    paid: Any, client: stripe.StripeClient, stand_in: StandIn
) -> None:
    dispute = stand_in.dispute(paid["id"], kind="inquiry")
    assert (dispute["status"], dispute["is_charge_refundable"]) == ("warning_needs_response", True)
    assert stand_in.decide(dispute["id"], outcome="close")["status"] == "warning_closed"
    assert told(stand_in, dispute["id"]) == ["created", "closed"]
    assert moved(client, dispute["id"]) == []
    with pytest.raises(StandInRefused, match="cannot win"):
        stand_in.decide(dispute["id"], outcome="win")


def test_inquiry_may_become_a_chargeback_that_is_lost(
    paid: Any, client: stripe.StripeClient, stand_in: StandIn
) -> None:
    dispute = stand_in.dispute(paid["id"], kind="inquiry", amount=6_000)
    assert stand_in.decide(dispute["id"], outcome="withdraw")["status"] == "needs_response"
    assert client.v1.disputes.close(dispute["id"]).status == "lost"
    assert moved(client, dispute["id"]) == [(-6_000, 1_500)]
    assert told(stand_in, dispute["id"]) == ["created", "funds_withdrawn", "updated", "closed"]


def test_chargeback_won_with_evidence_brings_the_money_back(
    paid: Any, client: stripe.StripeClient, stand_in: StandIn
) -> None:
    dispute = stand_in.dispute(paid["id"])
    staged = client.v1.disputes.update(
        dispute["id"], {"evidence": {"uncategorized_text": "They used it."}, "submit": False}
    )
    assert (staged.status, staged.evidence_details.has_evidence, staged.evidence_details.submission_count) == (
        "needs_response", True, 0,
    )  # fmt: skip
    sent = client.v1.disputes.update(dispute["id"], {"evidence": {"product_description": "Messages"}})
    assert (sent.status, sent.evidence_details.submission_count) == ("under_review", 1)
    assert stand_in.decide(dispute["id"], outcome="win")["status"] == "won"
    assert moved(client, dispute["id"]) == [(-10_000, 1_500), (10_000, 0)]
    assert told(stand_in, dispute["id"]) == [
        "created", "funds_withdrawn", "updated", "updated", "funds_reinstated", "closed",
    ]  # fmt: skip
    with pytest.raises(stripe.InvalidRequestError, match="no evidence is taken"):
        client.v1.disputes.update(dispute["id"], {"evidence": {"uncategorized_text": "Too late"}})


def test_lost_chargeback_may_be_reinstated_later(paid: Any, client: stripe.StripeClient, stand_in: StandIn) -> None:
    dispute = stand_in.dispute(paid["id"])
    stand_in.decide(dispute["id"], outcome="lose")
    assert stand_in.decide(dispute["id"], outcome="reinstate")["status"] == "won"
    assert moved(client, dispute["id"]) == [(-10_000, 1_500), (10_000, 0)]
    assert told(stand_in, dispute["id"]) == ["created", "funds_withdrawn", "closed", "funds_reinstated", "updated"]


def test_charge_has_one_open_dispute_at_a_time(paid: Any, stand_in: StandIn) -> None:
    stand_in.dispute(paid["id"])
    with pytest.raises(StandInRefused, match="disputed already"):
        stand_in.dispute(paid["id"], kind="inquiry")


def test_unpaid_session_cannot_be_disputed(make_session: Make, stand_in: StandIn) -> None:
    with pytest.raises(StandInRefused, match="was not paid"):
        stand_in.dispute(make_session().id)
