"""Events on their way to the webhook."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import stripe
from werkzeug import Response

from payments.standin.client import StandIn
from tests.payments.standin.conftest import SECRET, Webhook

Make = Callable[..., Any]
PAID = {"charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"}


def test_paid_session_tells_the_webhook_in_signed_events(
    make_session: Make, stand_in: StandIn, webhook: Webhook
) -> None:
    session = make_session()
    stand_in.pay(session.id)
    stand_in.wait_for_deliveries()
    assert set(webhook.types()) == PAID
    [completed] = [event for event in webhook.events() if event.type == "checkout.session.completed"]
    assert completed.data.object["id"] == session.id
    assert completed.pending_webhooks == 1
    assert webhook.received[0].headers["Content-Type"] == "application/json; charset=utf-8"


def test_failed_delivery_is_tried_again_with_a_fresh_timestamp(
    make_session: Make, stand_in: StandIn, webhook: Webhook, client: stripe.StripeClient
) -> None:
    webhook.answers = [Response("", 500), Response("", 302, {"Location": webhook.url})]
    stand_in.switch(retry_delays=[1.1, 0.1])
    session = make_session()
    client.v1.checkout.sessions.expire(session.id)
    stand_in.wait_for_deliveries()
    [event] = stand_in.events(session_id=session.id)
    log = stand_in.deliveries(event_id=event["id"])
    assert [attempt["status"] for attempt in log] == [500, 302, 200]
    stamps = [each.headers["Stripe-Signature"].split(",")[0] for each in webhook.received]
    assert len(set(stamps)) >= 2
    assert len({each.get_data() for each in webhook.received}) == 1


def test_event_given_up_is_found_by_listing_and_resent_by_id(
    make_session: Make, stand_in: StandIn, webhook: Webhook, client: stripe.StripeClient
) -> None:
    webhook.answers = [Response("", 500)] * 2
    stand_in.switch(retry_delays=[0.05])
    session = make_session()
    client.v1.checkout.sessions.expire(session.id)
    stand_in.wait_for_deliveries()
    missed = client.v1.events.list({"delivery_success": False, "limit": 100}).data
    [event] = [each for each in missed if each.data.object["id"] == session.id]
    assert stand_in.deliver(event.id) == [{"status": 200, "error": None}]
    missed = client.v1.events.list({"delivery_success": False, "limit": 100}).data
    assert event.id not in {each.id for each in missed}
    delivered = client.v1.events.list({"delivery_success": True, "types": ["checkout.session.expired"]})
    assert event.id in {each.id for each in delivered.data}


def test_dropped_events_never_come_but_are_listed_as_missed(
    make_session: Make, stand_in: StandIn, webhook: Webhook, client: stripe.StripeClient
) -> None:
    stand_in.switch(deliveries="drop")
    session = make_session()
    stand_in.pay(session.id)
    stand_in.wait_for_deliveries()
    assert webhook.received == []
    missed = client.v1.events.list({"delivery_success": False, "type": "checkout.session.completed"})
    assert session.id in {each.data.object["id"] for each in missed.data}


def test_deliveries_held_back_come_when_they_are_on_again(
    make_session: Make, stand_in: StandIn, webhook: Webhook
) -> None:
    stand_in.switch(deliveries="off")
    stand_in.pay(make_session().id)
    time.sleep(0.3)
    assert webhook.received == []
    stand_in.switch(deliveries="on")
    stand_in.wait_for_deliveries()
    assert set(webhook.types()) == PAID


def test_duplicates_come_as_often_as_asked_and_at_once(
    make_session: Make, stand_in: StandIn, webhook: Webhook, client: stripe.StripeClient
) -> None:
    webhook.pause = 0.5
    stand_in.switch(duplicate=16, parallel=16)
    client.v1.checkout.sessions.expire(make_session().id)
    stand_in.wait_for_deliveries()
    assert webhook.types() == ["checkout.session.expired"] * 16
    assert webhook.most_busy > 4


def test_never_more_deliveries_at_once_than_allowed(
    make_session: Make, stand_in: StandIn, webhook: Webhook, client: stripe.StripeClient
) -> None:
    webhook.pause = 0.1
    stand_in.switch(duplicate=4, parallel=1)
    client.v1.checkout.sessions.expire(make_session().id)
    stand_in.wait_for_deliveries()
    assert (len(webhook.received), webhook.most_busy) == (4, 1)


def test_delay_and_shuffle_put_first_attempts_off(make_session: Make, stand_in: StandIn, webhook: Webhook) -> None:
    stand_in.switch(delay=0.5, shuffle=0.2)
    stand_in.pay(make_session().id)
    time.sleep(0.3)
    assert webhook.received == []
    stand_in.wait_for_deliveries()
    assert len(webhook.received) == 3


def test_shuffled_events_arrive_in_another_order_some_time(
    make_session: Make, stand_in: StandIn, webhook: Webhook
) -> None:
    stand_in.switch(shuffle=0.3, parallel=1)
    orders = set()
    for _ in range(8):
        webhook.received.clear()
        stand_in.pay(make_session().id)
        stand_in.wait_for_deliveries()
        orders.add(tuple(webhook.types()))
    assert len(orders) > 1


@pytest.mark.parametrize(("age", "accepted"), [(280, True), (302, False)])
def test_old_timestamp_is_signed_well_and_seen_by_the_sdk(
    *, make_session: Make, stand_in: StandIn, webhook: Webhook, age: int, accepted: bool
) -> None:
    stand_in.switch(timestamp_age=age)
    stand_in.expire(make_session().id)
    stand_in.wait_for_deliveries()
    if accepted:
        assert webhook.types() == ["checkout.session.expired"]
    else:
        with pytest.raises(stripe.SignatureVerificationError, match="tolerance"):
            webhook.types()


def test_wrong_secret_is_seen_by_the_sdk(
    make_session: Make, stand_in: StandIn, webhook: Webhook, client: stripe.StripeClient
) -> None:
    stand_in.switch(wrong_secret=True)
    client.v1.checkout.sessions.expire(make_session().id)
    stand_in.wait_for_deliveries()
    with pytest.raises(stripe.SignatureVerificationError):
        webhook.types()


def test_one_event_resent_sixty_four_times_at_once(
    make_session: Make, stand_in: StandIn, webhook: Webhook, client: stripe.StripeClient
) -> None:
    client.v1.checkout.sessions.expire(make_session().id)
    stand_in.wait_for_deliveries()
    webhook.received.clear()
    [event] = client.v1.events.list({"limit": 1}).data
    assert stand_in.deliver(event.id, copies=64) == [{"status": 200, "error": None}] * 64
    assert {each.id for each in webhook.events()} == {event.id}


def test_webhook_that_is_not_there_is_noted_and_tried_again(
    make_session: Make, stand_in: StandIn, webhook: Webhook, client: stripe.StripeClient
) -> None:
    stand_in.switch(webhook_url="http://127.0.0.1:9/", retry_delays=[0.05, 0.05])
    session = make_session()
    client.v1.checkout.sessions.expire(session.id)
    stand_in.wait_for_deliveries()
    [event] = stand_in.events(session_id=session.id)
    log = stand_in.deliveries(event_id=event["id"])
    assert [(attempt["status"], attempt["error"]) for attempt in log] == [(None, "ConnectionError")] * 3
    assert event["pending_webhooks"] == 0


def test_signature_is_over_the_bytes_sent(
    make_session: Make, stand_in: StandIn, webhook: Webhook, client: stripe.StripeClient
) -> None:
    client.v1.checkout.sessions.expire(make_session(name="充值").id)
    stand_in.wait_for_deliveries()
    [request] = webhook.received
    changed = request.get_data().replace(b"expired", b"Expired")
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(changed, request.headers["Stripe-Signature"], SECRET)
