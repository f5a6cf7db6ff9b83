"""Holds through the API: placed, captured in parts, released; each answer the same when it is asked for again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from products import holds
from products.charges import Usage
from products.models import Hold, ProductBalance
from tests import builders
from tests.builders import usd
from tests.innopaas.callers import Answer, Caller, back_end_of, error_of, program_of


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def whatsapp(committed: None, now: datetime) -> ProductBalance:
    organisation, product = builders.make_organisation(now=now), builders.make_product()
    builders.fill_product(organisation, product, usd(100), now=now)
    return builders.open_balance(organisation, product, now=now)


@pytest.fixture
def gateway(whatsapp: ProductBalance, now: datetime) -> Caller:
    return back_end_of(whatsapp.product, now=now)


def balance_of(gateway: Caller, whatsapp: ProductBalance) -> tuple[str, str]:
    (shown,) = gateway.get("/balances", number=whatsapp.number).json()["balances"]
    return shown["available"], shown["held"]


def test_hold_is_placed_captured_in_part_and_released(gateway: Caller, whatsapp: ProductBalance) -> None:
    placed = gateway.hold(whatsapp.number, "5", "call-1", description="A call", expires_in=600)
    assert placed.status_code == 201
    told = placed.json()
    hold = f"/holds/{told['id']}"
    lasts = datetime.fromisoformat(told["expires_at"]) - datetime.fromisoformat(told["placed_at"])
    assert lasts == timedelta(seconds=600)
    assert (told["amount"], told["balance_after"], told["description"]) == ("5.000000", "95.000000", "A call")
    assert balance_of(gateway, whatsapp) == ("95.000000", "5.000000")
    captured = gateway.post(f"{hold}/capture", {"request_id": "c1", "amount": "3"})
    assert captured.status_code == 200
    assert (captured.json()["hold_id"], captured.json()["amount"]) == (told["id"], "3.000000")
    now_held = gateway.get(hold).json()
    assert (now_held["state"], now_held["captured"], now_held["rest"]) == ("OPEN", "3.000000", "2.000000")
    assert (now_held["number"], now_held["ended_at"]) == (whatsapp.number, None)
    released = gateway.post(f"{hold}/release")
    assert released.status_code == 200
    assert (released.json()["amount"], released.json()["balance_after"]) == ("2.000000", "97.000000")
    assert gateway.get(hold).json()["state"] == "RELEASED"
    assert balance_of(gateway, whatsapp) == ("97.000000", "0.000000")


def test_every_step_asked_for_again_is_answered_the_same(gateway: Caller, whatsapp: ProductBalance) -> None:
    placed = gateway.hold(whatsapp.number)
    hold = f"/holds/{placed.json()['id']}"
    captured = gateway.post(f"{hold}/capture", {"request_id": "c1", "amount": "3"})
    released = gateway.post(f"{hold}/release")
    again = [
        gateway.hold(whatsapp.number),
        gateway.post(f"{hold}/capture", {"request_id": "c1", "amount": "3.00"}),
        gateway.post(f"{hold}/release"),
    ]
    for first, second in zip([placed, captured, released], again, strict=True):
        assert (second.status_code, second.content) == (first.status_code, first.content)
        assert "Idempotent-Replayed" not in first
        assert second["Idempotent-Replayed"] == "true"
    assert balance_of(gateway, whatsapp) == ("97.000000", "0.000000")


def test_capture_without_an_amount_takes_what_is_left(gateway: Caller, whatsapp: ProductBalance) -> None:
    hold = f"/holds/{gateway.hold(whatsapp.number).json()['id']}"
    gateway.post(f"{hold}/capture", {"request_id": "c1", "amount": "3"})
    first, second = (gateway.post(f"{hold}/capture", {"request_id": "c2"}) for _ in range(2))
    assert first.json()["amount"] == "2.000000"
    assert first.content == second.content
    assert gateway.get(hold).json()["state"] == "CAPTURED"


def test_what_a_hold_refuses_has_a_code_each(gateway: Caller, whatsapp: ProductBalance) -> None:
    hold = f"/holds/{gateway.hold(whatsapp.number).json()['id']}"
    gateway.post(f"{hold}/capture", {"request_id": "c1", "amount": "3"})
    refused = {
        "NOT_THAT_MUCH_HELD": gateway.post(f"{hold}/capture", {"request_id": "c2", "amount": "2.000001"}),
        "REQUEST_ID_REUSED": gateway.post(f"{hold}/capture", {"request_id": "c1", "amount": "2"}),
        "INSUFFICIENT_BALANCE": gateway.hold(whatsapp.number, "95.000001", "h2"),
        "UNKNOWN_HOLD": gateway.post(f"/holds/{uuid4()}/release"),
    }
    gateway.post(f"{hold}/capture", {"request_id": "c3"})
    refused["HOLD_ENDED"] = gateway.post(f"{hold}/release")
    assert {name: error_of(answer)["name"] for name, answer in refused.items()} == {name: name for name in refused}
    assert {name: answer.status_code for name, answer in refused.items()} == {
        "NOT_THAT_MUCH_HELD": 409,
        "REQUEST_ID_REUSED": 409,
        "INSUFFICIENT_BALANCE": 402,
        "UNKNOWN_HOLD": 404,
        "HOLD_ENDED": 409,
    }
    assert error_of(gateway.hold(whatsapp.number, "6"))["name"] == "REQUEST_ID_REUSED"
    assert balance_of(gateway, whatsapp) == ("95.000000", "0.000000")


def test_expired_hold_is_captured_no_more(gateway: Caller, whatsapp: ProductBalance, now: datetime) -> None:
    usage = Usage(request_id="old", amount=usd(5))
    before = now - timedelta(hours=2)
    placed = holds.place(
        balance=whatsapp, usage=usage, expires_at=before + timedelta(hours=1), by="Gateway", now=before
    )
    answer = gateway.post(f"/holds/{placed.id}/capture", {"request_id": "c1"})
    assert answer.status_code == 409
    assert error_of(answer)["name"] == "HOLD_ENDED"


@pytest.mark.parametrize("seconds", [0, 59, -1, 604_801, 10**30, "600", 60.5, None, True])
def test_hold_lasts_a_minute_to_a_week(seconds: object, gateway: Caller, whatsapp: ProductBalance) -> None:
    answer = gateway.hold(whatsapp.number, expires_in=seconds)
    assert answer.status_code == 422
    assert error_of(answer)["field"] == "expires_in"
    assert not Hold.objects.filter(organisation_id=whatsapp.organisation_id).exists()


def test_hold_lasts_an_hour_when_nothing_is_said(gateway: Caller, whatsapp: ProductBalance) -> None:
    told = gateway.hold(whatsapp.number).json()
    assert datetime.fromisoformat(told["expires_at"]) - datetime.fromisoformat(told["placed_at"]) == timedelta(hours=1)


def test_hold_of_another_product_is_as_unknown_as_none(
    gateway: Caller, whatsapp: ProductBalance, now: datetime
) -> None:
    stranger = back_end_of(builders.make_product("SMS"), now=now)
    hold = gateway.hold(whatsapp.number).json()["id"]
    nowhere = uuid4()
    asked: list[Callable[[object], Answer]] = [
        lambda hold: stranger.get(f"/holds/{hold}"),
        lambda hold: stranger.post(f"/holds/{hold}/capture", {"request_id": "c1"}),
        lambda hold: stranger.post(f"/holds/{hold}/release"),
    ]
    for ask in asked:
        theirs, none = ask(hold), ask(nowhere)
        assert theirs.status_code == 404
        assert theirs.content == none.content
    assert balance_of(gateway, whatsapp) == ("95.000000", "5.000000")


def test_organisation_key_has_no_business_with_holds(gateway: Caller, whatsapp: ProductBalance, now: datetime) -> None:
    program = program_of(whatsapp.organisation, now=now)
    hold = gateway.hold(whatsapp.number).json()["id"]
    for answer in (
        program.hold(whatsapp.number),
        program.get(f"/holds/{hold}"),
        program.post(f"/holds/{hold}/capture", {"request_id": "c1"}),
        program.post(f"/holds/{hold}/release"),
        program.post("/charges:batch", {"charges": []}),
    ):
        assert answer.status_code == 403
        assert error_of(answer)["name"] == "NOT_ALLOWED"
    assert balance_of(gateway, whatsapp) == ("95.000000", "5.000000")
