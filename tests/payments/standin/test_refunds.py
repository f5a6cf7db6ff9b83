"""Refunds: partial, pending, failing, and made in the dashboard."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from payments.standin.client import StandIn, StandInRefused

Make = Callable[..., Any]

TAKES_TIME = "4000000000007726"
FAILS_LATER = "4000000000005126"


@pytest.fixture
def paid(make_session: Make, stand_in: StandIn) -> Callable[..., Any]:
    """A paid session of $100."""

    def pay(card: str = "4242424242424242") -> Any:
        return stand_in.pay(make_session().id, card=card)

    return pay


def told(stand_in: StandIn, refund_id: str) -> list[str]:
    return [event["type"] for event in reversed(stand_in.events(session_id=refund_id))]


def moved(client: stripe.StripeClient, source: str) -> list[tuple[str, int, int]]:
    listed = client.v1.balance_transactions.list({"source": source}).data
    return [(each.type, each.amount, each.fee) for each in reversed(listed)]


def test_parts_are_refunded_up_to_the_charge_and_no_cent_more(
    paid: Make, client: stripe.StripeClient, stand_in: StandIn
) -> None:
    intent = paid()["payment_intent"]
    part = client.v1.refunds.create({"payment_intent": intent, "amount": 4_000, "metadata": {"refund": "RF1"}})
    assert (part.status, part.amount, part.currency, part.payment_intent) == ("succeeded", 4_000, "usd", intent)
    assert moved(client, part.id) == [("refund", -4_000, 0)]
    with pytest.raises(stripe.InvalidRequestError, match=r"greater than unrefunded amount") as caught:
        client.v1.refunds.create({"payment_intent": intent, "amount": 6_001})
    assert caught.value.http_status == 400
    rest = client.v1.refunds.create({"charge": str(part.charge)})
    assert rest.amount == 6_000
    charge = client.v1.charges.retrieve(str(part.charge))
    assert (charge.amount_refunded, charge.refunded) == (10_000, True)
    with pytest.raises(stripe.InvalidRequestError, match="already been refunded") as caught:
        client.v1.refunds.create({"payment_intent": intent})
    assert caught.value.code == "charge_already_refunded"
    assert [each.id for each in client.v1.refunds.list({"payment_intent": intent}).data] == [rest.id, part.id]
    assert told(stand_in, part.id) == ["refund.created"]


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({}, "parameter_missing"),
        ({"payment_intent": "pi_none"}, "resource_missing"),
        ({"charge": "ch_none"}, "resource_missing"),
        ({"charge": "ch_none", "amount": 0}, "parameter_invalid_integer"),
        ({"charge": "ch_none", "reason": "because"}, None),
        ({"charge": "ch_none", "currency": "usd"}, "parameter_unknown"),
    ],
)
def test_odd_wish_is_refused(client: stripe.StripeClient, wish: Any, code: str | None) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create(wish)
    assert caught.value.code == code


def test_unpaid_intent_cannot_be_refunded(make_session: Make, client: stripe.StripeClient, stand_in: StandIn) -> None:
    intent = stand_in.pay_by_bank_debit(make_session().id)["payment_intent"]
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        client.v1.refunds.create({"payment_intent": intent})


def test_same_key_makes_one_refund_however_often_it_is_sent(paid: Make, client: stripe.StripeClient) -> None:
    intent = paid()["payment_intent"]
    made: set[str] = set()
    start = threading.Barrier(8)

    def send() -> None:
        start.wait()
        while True:
            try:
                wish: Any = {"payment_intent": intent, "amount": 1_000}
                made.add(client.v1.refunds.create(wish, {"idempotency_key": f"key-{intent}"}).id)
            except stripe.StripeError as error:
                assert error.http_status == 409  # noqa: PT017  # another is at it: ask again
                continue
            return

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len(client.v1.refunds.list({"payment_intent": intent}).data) == 1


def test_card_that_takes_its_time_is_pending_first(paid: Make, client: stripe.StripeClient, stand_in: StandIn) -> None:
    refund = client.v1.refunds.create({"payment_intent": paid(TAKES_TIME)["payment_intent"]})
    assert refund.status == "pending"
    stand_in.settle_refund(refund.id)
    assert client.v1.refunds.retrieve(refund.id).status == "succeeded"
    assert told(stand_in, refund.id) == ["refund.created", "refund.updated", "charge.refund.updated"]
    newest = stand_in.events(session_id=refund.id)[0]
    assert newest["data"]["previous_attributes"] == {"status": "pending"}
    with pytest.raises(StandInRefused, match="cannot become succeeded"):
        stand_in.settle_refund(refund.id)


def test_refund_that_fails_after_it_succeeded_brings_its_money_back(
    paid: Make, client: stripe.StripeClient, stand_in: StandIn
) -> None:
    refund = client.v1.refunds.create({"payment_intent": paid(FAILS_LATER)["payment_intent"], "amount": 4_000})
    assert refund.status == "succeeded"
    stand_in.settle_refund(refund.id, outcome="failed", failure="lost_or_stolen_card")
    failed: Any = client.v1.refunds.retrieve(refund.id, {"expand": ["charge", "failure_balance_transaction"]})
    assert (failed.status, failed.failure_reason) == ("failed", "lost_or_stolen_card")
    assert (failed.charge.amount_refunded, failed.charge.refunded) == (0, False)
    assert failed.failure_balance_transaction.amount == 4_000
    assert moved(client, refund.id) == [("refund", -4_000, 0), ("refund_failure", 4_000, 0)]
    assert told(stand_in, refund.id) == ["refund.created", "refund.updated", "charge.refund.updated", "refund.failed"]


def test_pending_refund_that_is_cancelled_gives_the_room_back(
    paid: Make, client: stripe.StripeClient, stand_in: StandIn
) -> None:
    intent = paid(TAKES_TIME)["payment_intent"]
    refund = client.v1.refunds.create({"payment_intent": intent})
    stand_in.settle_refund(refund.id, outcome="canceled")
    assert client.v1.refunds.retrieve(refund.id).status == "canceled"
    assert client.v1.refunds.create({"payment_intent": intent}).amount == 10_000


def test_refund_of_the_dashboard_bears_no_mark(paid: Make, client: stripe.StripeClient, stand_in: StandIn) -> None:
    refund = stand_in.refund(paid()["id"], amount=2_500)
    assert (refund["amount"], refund["metadata"]) == (2_500, {})
    assert told(stand_in, refund["id"]) == ["refund.created"]
    marked = client.v1.refunds.update(refund["id"], {"metadata": {"note": "by hand"}})
    assert marked.metadata is not None
    assert marked.metadata["note"] == "by hand"


def test_refund_of_a_slow_card_ends_by_itself(stand_in: StandIn, paid: Make, client: stripe.StripeClient) -> None:
    refund = client.v1.refunds.create({"payment_intent": paid(TAKES_TIME)["payment_intent"]})
    stand_in.tamper(refund.id, _settles_at=0)
    for _ in range(100):
        if client.v1.refunds.retrieve(refund.id).status == "succeeded":
            return
        threading.Event().wait(0.05)
    raise AssertionError("it is still pending")
