"""Checkout Sessions through the real client."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
import stripe

from payments.standin.client import StandIn
from tests.payments.standin.conftest import client_of, wanted

Make = Callable[..., Any]


def refusal(client: stripe.StripeClient, **more: Any) -> stripe.InvalidRequestError:
    given: Any = {**wanted(), **more}
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.checkout.sessions.create(given)
    return caught.value


def test_new_session_is_open_unpaid_and_has_an_address(make_session: Make, stand_in: StandIn) -> None:
    session = make_session()
    assert session.id.startswith("cs_test_")
    assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)
    assert (session.amount_total, session.currency, session.livemode) == (10_000, "usd", False)
    assert session.url == f"{stand_in.base}/c/pay/{session.id}"
    assert (session.client_reference_id, session.metadata["order"]) == ("TU1", "TU1")
    assert session.payment_method_types == ["card", "us_bank_account"]
    assert session.last_response.headers["Request-Id"].startswith("req_")
    assert session.last_response.headers["Stripe-Version"] == "2026-10-28.endive"


def test_line_items_are_listed_and_their_own_notes_are_not_shown(
    make_session: Make, client: stripe.StripeClient
) -> None:
    session = make_session(name="Wallet top-up <b>")
    items = client.v1.checkout.sessions.line_items.list(session.id)
    assert [(item.description, item.amount_total, item.quantity) for item in items.data] == [
        ("Wallet top-up <b>", 10_000, 1)
    ]
    shown = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["line_items"]}).to_dict()
    assert not [key for key in {**shown, **shown["line_items"]["data"][0]} if key.startswith("_")]


@pytest.mark.parametrize(
    ("more", "code", "param"),
    [
        ({"colour": "red"}, "parameter_unknown", "colour"),
        ({"payment_intent_data": {"colour": "red"}}, "parameter_unknown", "payment_intent_data[colour]"),
        ({"line_items": ""}, "parameter_invalid_empty", "line_items"),
        ({"line_items": [{"quantity": 1}]}, "parameter_missing", "line_items[0][price_data]"),
        ({"success_url": "javascript:alert(1)"}, "url_invalid", "success_url"),
        ({"customer_email": "nobody"}, "email_invalid", "customer_email"),
        ({"expires_at": "soon"}, "parameter_invalid_integer", "expires_at"),
        ({"expires_at": 1}, None, "expires_at"),
        ({"expires_at": int(time.time()) + 90_000}, None, "expires_at"),
        ({"mode": "subscription"}, None, "mode"),
        ({"ui_mode": "hosted"}, None, "ui_mode"),
        ({"metadata": "x"}, "parameter_invalid", "metadata"),
        ({"payment_method_types": ["wechat_pay"]}, None, "payment_method_types[0]"),
    ],
)
def test_wrong_parameter_is_named(
    client: stripe.StripeClient, more: dict[str, Any], code: str | None, param: str
) -> None:
    error = refusal(client, **more)
    assert (error.http_status, error.code, error.param) == (400, code, param)


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (49, "amount_too_small"),
        (100_000_000, "amount_too_large"),
        (-1, "parameter_invalid_integer"),
        ("1e3", "parameter_invalid_integer"),
        ("12.5", "parameter_invalid_integer"),
    ],
)
def test_amount_outside_what_stripe_takes_is_refused(client: stripe.StripeClient, amount: int | str, code: str) -> None:
    assert refusal(client, **wanted(amount=amount)).code == code


@pytest.mark.parametrize("amount", [50, 99_999_999])
def test_smallest_and_largest_amount_are_taken(make_session: Make, amount: int) -> None:
    assert make_session(amount=amount).amount_total == amount


def test_missing_parameter_is_named(client: stripe.StripeClient) -> None:
    given = wanted()
    del given["success_url"]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.checkout.sessions.create(given)
    assert (caught.value.code, caught.value.param) == ("parameter_missing", "success_url")


def test_session_that_does_not_exist_is_missing(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.checkout.sessions.retrieve("cs_test_nothing")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


@pytest.mark.parametrize("key", ["sk_live_abcdefgh", "pk_test_abcdefgh", "nonsense"])
def test_only_secret_test_keys_are_taken(stand_in: StandIn, key: str) -> None:
    with pytest.raises(stripe.AuthenticationError):
        client_of(stand_in.base, key=key).v1.checkout.sessions.list()


def test_expired_session_has_no_address_and_cannot_expire_again(
    make_session: Make, client: stripe.StripeClient
) -> None:
    session = make_session()
    expired = client.v1.checkout.sessions.expire(session.id)
    assert (expired.status, expired.payment_status, expired.url) == ("expired", "unpaid", None)
    with pytest.raises(stripe.InvalidRequestError, match="open"):
        client.v1.checkout.sessions.expire(session.id)


def test_session_expires_by_the_clock_when_it_is_read(
    make_session: Make, client: stripe.StripeClient, stand_in: StandIn
) -> None:
    session = make_session()
    stand_in.tamper(session.id, expires_at=int(time.time()) - 1)
    assert client.v1.checkout.sessions.retrieve(session.id).status == "expired"
    assert [event["type"] for event in stand_in.events(session_id=session.id)] == ["checkout.session.expired"]


def test_session_expires_by_the_clock_though_nobody_reads_it(make_session: Make, stand_in: StandIn) -> None:
    session = make_session()
    stand_in.tamper(session.id, expires_at=int(time.time()) - 1)
    deadline = time.monotonic() + 5
    while not stand_in.events(session_id=session.id):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_lists_are_newest_first_and_page_both_ways(make_session: Make, client: stripe.StripeClient) -> None:
    made = [make_session().id for _ in range(5)]
    newest = client.v1.checkout.sessions.list({"limit": 2})
    assert [each.id for each in newest.data] == [made[4], made[3]]
    assert newest.has_more
    older = client.v1.checkout.sessions.list({"limit": 2, "starting_after": made[3]})
    assert [each.id for each in older.data] == [made[2], made[1]]
    newer = client.v1.checkout.sessions.list({"limit": 2, "ending_before": made[1]})
    assert [each.id for each in newer.data] == [made[3], made[2]]
    assert newer.has_more
    walked = [each.id for each in client.v1.checkout.sessions.list({"limit": 2}).auto_paging_iter()]
    assert walked[:5] == made[::-1]
    assert len(walked) == len(set(walked))


@pytest.mark.parametrize("limit", [0, 101])
def test_page_has_between_1_and_100(client: stripe.StripeClient, limit: int) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.checkout.sessions.list({"limit": limit})
    assert caught.value.param == "limit"


def test_lists_are_filtered_by_time_status_and_intent(
    make_session: Make, client: stripe.StripeClient, stand_in: StandIn
) -> None:
    unpaid, paid = make_session(), make_session()
    intent = stand_in.pay(paid.id)["payment_intent"]
    listed = client.v1.checkout.sessions.list({"payment_intent": intent})
    assert [each.id for each in listed.data] == [paid.id]
    complete = client.v1.checkout.sessions.list({"status": "complete", "limit": 100})
    assert paid.id in {each.id for each in complete.data}
    assert unpaid.id not in {each.id for each in complete.data}
    assert client.v1.checkout.sessions.list({"created": {"gt": paid.created}}).data == []
    recent = client.v1.checkout.sessions.list({"created": {"gte": unpaid.created}, "limit": 100})
    assert {unpaid.id, paid.id} <= {each.id for each in recent.data}


def test_expand_reaches_the_fee_and_refuses_what_is_no_object(
    make_session: Make, client: stripe.StripeClient, stand_in: StandIn
) -> None:
    session = make_session()
    stand_in.pay(session.id)
    deep = "payment_intent.latest_charge.balance_transaction"
    found: Any = client.v1.checkout.sessions.retrieve(session.id, {"expand": [deep]})
    transaction = found.payment_intent.latest_charge.balance_transaction
    assert (transaction.amount, transaction.fee, transaction.net) == (10_000, 320, 9_680)
    listed: Any = client.v1.checkout.sessions.list({"limit": 1, "expand": ["data.payment_intent"]})
    assert listed.data[0].payment_intent.status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.v1.checkout.sessions.retrieve(session.id, {"expand": ["amount_total"]})


@pytest.mark.parametrize(
    "body", ["mode=payment&mode[a]=1", "mode[a]=1&mode=payment", "a[b[c]]=1", "a=%ff", "[]=1", "a" * 1_100_000]
)
def test_form_that_makes_no_sense_is_refused_and_no_server_error(stand_in: StandIn, body: str) -> None:
    headers = {"Authorization": "Bearer sk_test_tests", "Content-Type": "application/x-www-form-urlencoded"}
    with requests.post(f"{stand_in.base}/v1/checkout/sessions", data=body, headers=headers, timeout=10) as answer:
        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "invalid_request_error"
