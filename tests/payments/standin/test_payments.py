"""Paying sessions: cards, bank debits, lies."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from payments.standin.client import StandIn, StandInRefused

Make = Callable[..., Any]

PAID = ["checkout.session.completed", "payment_intent.succeeded", "charge.succeeded"]
DECLINED = ["payment_intent.payment_failed", "charge.failed"]


def types_of(stand_in: StandIn, session_id: str, intent_id: str) -> list[str]:
    about = {session_id, intent_id}
    return [
        event["type"]
        for event in stand_in.events()
        if about & {event["data"]["object"]["id"], event["data"]["object"].get("payment_intent")}
    ]


@pytest.mark.parametrize("card", ["4242424242424242", "4000000000007726", "4000000000005126"])
def test_good_card_pays_the_session_with_a_charge_and_its_fee(
    make_session: Make, client: stripe.StripeClient, stand_in: StandIn, card: str
) -> None:
    session = make_session()
    paid = stand_in.pay(session.id, card=card, email="bob@example.com")
    assert (paid["status"], paid["payment_status"], paid["url"]) == ("complete", "paid", None)
    assert paid["customer_details"]["email"] == "bob@example.com"
    intent: Any = client.v1.payment_intents.retrieve(paid["payment_intent"], {"expand": ["latest_charge"]})
    assert (intent.status, intent.amount_received, intent.metadata["order"]) == ("succeeded", 10_000, "TU1")
    assert intent.latest_charge.payment_method_details.card.last4 == card[-4:]
    transactions = client.v1.balance_transactions.list({"source": intent.latest_charge.id})
    assert [(each.type, each.amount, each.fee, each.net) for each in transactions.data] == [
        ("charge", 10_000, 320, 9_680)
    ]
    assert types_of(stand_in, session.id, intent.id) == PAID


def test_session_metadata_does_not_reach_the_intent(
    make_session: Make, client: stripe.StripeClient, stand_in: StandIn
) -> None:
    session = make_session(payment_intent_data={"description": "x"})
    paid = stand_in.pay(session.id)
    assert client.v1.payment_intents.retrieve(paid["payment_intent"]).metadata.to_dict() == {}


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("4000000000000002", "card_declined", "generic_decline"),
        ("4000000000009995", "card_declined", "insufficient_funds"),
        ("4000000000000069", "expired_card", "expired_card"),
        ("4000000000000127", "incorrect_cvc", "incorrect_cvc"),
    ],
)
def test_declined_card_leaves_the_session_open_and_another_card_pays(
    *,
    make_session: Make,
    client: stripe.StripeClient,
    stand_in: StandIn,
    card: str,
    code: str,
    decline_code: str,
) -> None:
    session = make_session()
    with pytest.raises(StandInRefused) as caught:
        stand_in.pay(session.id, card=card)
    assert (caught.value.args[1]["code"], caught.value.args[1]["decline_code"]) == (code, decline_code)
    still: Any = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge"]})
    assert (still.status, still.payment_status) == ("open", "unpaid")
    assert still.payment_intent.status == "requires_payment_method"
    assert still.payment_intent.last_payment_error.code == code
    assert (still.payment_intent.latest_charge.status, still.payment_intent.amount_received) == ("failed", 0)
    assert client.v1.balance_transactions.list({"source": still.payment_intent.latest_charge.id}).data == []
    assert types_of(stand_in, session.id, still.payment_intent.id) == DECLINED
    assert stand_in.pay(session.id)["payment_status"] == "paid"
    charges = client.v1.charges.list({"payment_intent": still.payment_intent.id})
    assert [each.status for each in charges.data] == ["succeeded", "failed"]


@pytest.mark.parametrize("card", ["4111111111111111", "5555555555554444"])
def test_card_that_is_no_test_card_is_refused_and_nothing_is_recorded(
    make_session: Make, client: stripe.StripeClient, stand_in: StandIn, card: str
) -> None:
    session = make_session()
    with pytest.raises(StandInRefused) as caught:
        stand_in.pay(session.id, card=card)
    assert caught.value.args[1]["decline_code"] == "test_mode_live_card"
    assert client.v1.checkout.sessions.retrieve(session.id).payment_intent is None


@pytest.mark.parametrize("card", ["4000002500003155", "4000002760003184"])
def test_challenged_card_pays_only_when_the_bank_is_satisfied(
    make_session: Make, client: stripe.StripeClient, stand_in: StandIn, card: str
) -> None:
    session = make_session()
    with pytest.raises(StandInRefused, match="authenticate"):
        stand_in.pay(session.id, card=card, three_d_secure="fail")
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"
    waiting = stand_in.pay(session.id, card=card, three_d_secure="")
    assert (waiting["status"], waiting["payment_status"]) == ("open", "unpaid")
    assert client.v1.payment_intents.retrieve(waiting["payment_intent"]).status == "requires_action"
    assert stand_in.pay(session.id, card=card)["payment_status"] == "paid"


def test_paying_twice_charges_once(make_session: Make, client: stripe.StripeClient, stand_in: StandIn) -> None:
    session = make_session()
    intent = stand_in.pay(session.id)["payment_intent"]
    with pytest.raises(StandInRefused, match="complete"):
        stand_in.pay(session.id)
    assert len(client.v1.charges.list({"payment_intent": intent}).data) == 1


def test_sixteen_browsers_paying_at_once_charge_once(
    make_session: Make, client: stripe.StripeClient, stand_in: StandIn
) -> None:
    session = make_session()
    results: list[str] = []
    start = threading.Barrier(16)

    def browse() -> None:
        start.wait()
        try:
            results.append(stand_in.pay(session.id)["payment_status"])
        except StandInRefused as refused:
            results.append(refused.args[1]["code"])

    threads = [threading.Thread(target=browse) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["checkout_session_closed"] * 15 + ["paid"]
    intent: Any = client.v1.checkout.sessions.retrieve(session.id).payment_intent
    assert len(client.v1.charges.list({"payment_intent": intent}).data) == 1


def test_expired_session_cannot_be_paid(make_session: Make, client: stripe.StripeClient, stand_in: StandIn) -> None:
    session = make_session()
    client.v1.checkout.sessions.expire(session.id)
    with pytest.raises(StandInRefused, match="expired"):
        stand_in.pay(session.id)
    assert client.v1.checkout.sessions.retrieve(session.id).payment_intent is None


def test_bank_debit_completes_unpaid_and_is_paid_later(
    make_session: Make, client: stripe.StripeClient, stand_in: StandIn
) -> None:
    session = make_session()
    started = stand_in.pay_by_bank_debit(session.id)
    assert (started["status"], started["payment_status"]) == ("complete", "unpaid")
    assert client.v1.payment_intents.retrieve(started["payment_intent"]).status == "processing"
    assert stand_in.settle(session.id)["payment_status"] == "paid"
    assert types_of(stand_in, session.id, started["payment_intent"]) == [
        "checkout.session.async_payment_succeeded",
        "payment_intent.succeeded",
        "charge.succeeded",
        "checkout.session.completed",
    ]
    with pytest.raises(StandInRefused, match="Nothing is processing"):
        stand_in.settle(session.id)


def test_bank_debit_that_fails_stays_unpaid(make_session: Make, client: stripe.StripeClient, stand_in: StandIn) -> None:
    session = make_session()
    started = stand_in.pay_by_bank_debit(session.id)
    failed = stand_in.settle(session.id, outcome="failed")
    assert (failed["status"], failed["payment_status"]) == ("complete", "unpaid")
    intent = client.v1.payment_intents.retrieve(started["payment_intent"])
    assert (intent.status, intent.amount_received) == ("requires_payment_method", 0)
    assert types_of(stand_in, session.id, intent.id) == [
        "checkout.session.async_payment_failed",
        *DECLINED,
        "checkout.session.completed",
    ]


def test_card_only_session_takes_no_bank_debit(make_session: Make, stand_in: StandIn) -> None:
    session = make_session(payment_method_types=["card"])
    with pytest.raises(StandInRefused, match="no bank debit"):
        stand_in.pay_by_bank_debit(session.id)


def test_completed_event_keeps_the_session_as_it_was_then(make_session: Make, stand_in: StandIn) -> None:
    session = make_session()
    stand_in.pay_by_bank_debit(session.id)
    stand_in.settle(session.id)
    newest, oldest = stand_in.events(session_id=session.id)
    assert newest["data"]["object"]["payment_status"] == "paid"
    assert oldest["data"]["object"]["payment_status"] == "unpaid"
    assert oldest["api_version"] == "2026-10-28.endive"
    assert oldest["livemode"] is False


def test_tampered_session_lies_while_its_charge_tells_the_truth(
    make_session: Make, client: stripe.StripeClient, stand_in: StandIn
) -> None:
    session = make_session()
    intent = stand_in.pay(session.id)["payment_intent"]
    stand_in.tamper(session.id, amount_total=10_001, currency="cny", livemode=True, metadata={"order": "TU2"})
    lying = client.v1.checkout.sessions.retrieve(session.id)
    assert (lying.amount_total, lying.currency, lying.livemode) == (10_001, "cny", True)
    assert client.v1.payment_intents.retrieve(intent).amount_received == 10_000


def test_session_tampered_before_paying_charges_the_other_amount(
    make_session: Make, client: stripe.StripeClient, stand_in: StandIn
) -> None:
    session = make_session()
    stand_in.tamper(session.id, amount_total=1_000_000)
    intent = stand_in.pay(session.id)["payment_intent"]
    assert client.v1.payment_intents.retrieve(intent).amount_received == 1_000_000


def test_event_names_the_request_that_caused_it(
    make_session: Make, client: stripe.StripeClient, stand_in: StandIn
) -> None:
    session = make_session()
    client.v1.checkout.sessions.expire(session.id, None, {"idempotency_key": f"expire-{session.id}"})
    [event] = stand_in.events(session_id=session.id)
    assert event["request"]["idempotency_key"] == f"expire-{session.id}"
    assert event["request"]["id"].startswith("req_")
    assert client.v1.events.retrieve(event["id"]).type == "checkout.session.expired"
