"""Idempotency keys and API calls that go wrong."""

import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
import requests
import stripe

from payments.standin.client import StandIn, StandInRefused
from tests.payments.standin.conftest import client_of, wanted

Make = Callable[..., Any]

FORM = {
    "mode": "payment",
    "line_items[0][price_data][currency]": "usd",
    "line_items[0][price_data][unit_amount]": "10000",
    "line_items[0][price_data][product_data][name]": "Wallet top-up",
    "line_items[0][quantity]": "1",
    "success_url": "http://127.0.0.1:1/",
}


def post(stand_in: StandIn, key: str, **more: str) -> requests.Response:
    headers = {"Authorization": "Bearer sk_test_tests", "Idempotency-Key": key}
    with requests.post(
        f"{stand_in.base}/v1/checkout/sessions", data={**FORM, **more}, headers=headers, timeout=10
    ) as answer:
        return answer


def test_same_key_gives_the_same_bytes_and_makes_one_session(stand_in: StandIn) -> None:
    key = str(uuid4())
    first, second = post(stand_in, key), post(stand_in, key)
    assert second.content == first.content
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Original-Request"] == first.headers["Request-Id"] != second.headers["Request-Id"]


def test_same_key_with_other_parameters_is_an_error(stand_in: StandIn) -> None:
    client, key = client_of(stand_in.base), str(uuid4())
    client.v1.checkout.sessions.create(wanted(), {"idempotency_key": key})
    with pytest.raises(stripe.IdempotencyError) as caught:
        client.v1.checkout.sessions.create(wanted(amount=10_001), {"idempotency_key": key})
    assert caught.value.http_status == 400


def test_failed_validation_is_not_kept_under_the_key(stand_in: StandIn) -> None:
    key = str(uuid4())
    assert post(stand_in, key, colour="red").status_code == 400
    assert post(stand_in, key).status_code == 200


def test_decline_is_kept_under_the_key(make_session: Make, stand_in: StandIn) -> None:
    session = make_session()
    headers = {"Authorization": "Bearer sk_test_tests", "Idempotency-Key": str(uuid4())}
    form = {
        "email": "alice@example.com",
        "card[number]": "4000000000000002",
        "card[exp_month]": "12",
        "card[exp_year]": "2040",
        "card[cvc]": "123",
    }
    address = f"{stand_in.base}/v1/payment_pages/{session.id}/confirm"
    first, second = (requests.post(address, data=form, headers=headers, timeout=10) for _ in range(2))
    assert (first.status_code, first.content) == (402, second.content)
    assert second.headers["Idempotent-Replayed"] == "true"


def test_key_still_in_use_is_a_conflict(stand_in: StandIn) -> None:
    key = str(uuid4())
    stand_in.switch(faults=[{"kind": "slow", "seconds": 2.5, "when": "before"}])
    slow = threading.Thread(target=post, args=(stand_in, key))
    slow.start()
    time.sleep(0.8)
    conflict = post(stand_in, key)
    slow.join()
    assert conflict.status_code == 409
    assert post(stand_in, key).headers["Idempotent-Replayed"] == "true"


def test_connection_dropped_after_the_work_is_repaired_by_the_sdks_retry(stand_in: StandIn) -> None:
    order = f"TU{uuid4().hex}"
    stand_in.switch(faults=[{"kind": "drop", "method": "POST", "path": "/v1/checkout/sessions"}])
    client = client_of(stand_in.base, retries=2)
    session = client.v1.checkout.sessions.create(wanted(client_reference_id=order))
    assert session.last_response is not None
    assert session.last_response.headers["Idempotent-Replayed"] == "true"
    listed = client.v1.checkout.sessions.list({"limit": 100}).data
    assert [each.id for each in listed if each.client_reference_id == order] == [session.id]


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("kind", ["drop", "error", "html"])
def test_fault_leaves_the_work_done_or_undone(stand_in: StandIn, kind: str, when: str, made: int) -> None:
    order = f"TU{uuid4().hex}"
    client = client_of(stand_in.base)
    stand_in.switch(faults=[{"kind": kind, "when": when, "method": "POST"}])
    started = time.monotonic()
    with pytest.raises(stripe.APIConnectionError if kind == "drop" else stripe.APIError):
        client.v1.checkout.sessions.create(wanted(client_reference_id=order))
    assert time.monotonic() - started < 5
    listed = client.v1.checkout.sessions.list({"limit": 100}).data
    assert len([each for each in listed if each.client_reference_id == order]) == made


def test_server_error_is_kept_and_the_sdk_told_not_to_retry(stand_in: StandIn) -> None:
    key = str(uuid4())
    stand_in.switch(faults=[{"kind": "error"}])
    first, second = post(stand_in, key), post(stand_in, key)
    assert (first.status_code, second.status_code, second.content) == (500, 500, first.content)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Stripe-Should-Retry"] == "false"


def test_rate_limit_does_no_work_and_keeps_nothing(stand_in: StandIn) -> None:
    key = str(uuid4())
    stand_in.switch(faults=[{"kind": "rate_limit", "calls": 2}])
    with pytest.raises(stripe.RateLimitError):
        client_of(stand_in.base).v1.checkout.sessions.list()
    assert post(stand_in, key).status_code == 429
    assert "Idempotent-Replayed" not in post(stand_in, key).headers


def test_slow_answer_runs_into_the_clients_patience(stand_in: StandIn) -> None:
    stand_in.switch(faults=[{"kind": "slow", "seconds": 2}])
    with pytest.raises(stripe.APIConnectionError):
        client_of(stand_in.base, timeout=0.3).v1.checkout.sessions.list()


def test_fault_strikes_only_the_calls_it_names(stand_in: StandIn) -> None:
    stand_in.switch(faults=[{"kind": "error", "path": "/v1/events", "calls": 1}])
    client = client_of(stand_in.base)
    client.v1.checkout.sessions.list()
    with pytest.raises(stripe.APIError):
        client.v1.events.list()
    client.v1.events.list()


@pytest.mark.parametrize(
    "wrong", [{"colour": "red"}, {"duplicate": "2"}, {"deliveries": "maybe"}, {"faults": [{"kind": "flood"}]}]
)
def test_switch_that_does_not_exist_is_refused(stand_in: StandIn, wrong: dict[str, Any]) -> None:
    with pytest.raises(StandInRefused):
        stand_in.switch(**wrong)
