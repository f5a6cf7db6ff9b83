"""The outbox of callbacks: each fact is told once to whoever wants it, until it is taken or given up."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from socket import socket
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import IntegrityError, connections, transaction

from billing import callback_calls, callback_outbox, callbacks, moves
from billing.callback_calls import Outcome
from billing.callbacks import Wish
from billing.models import Callback, CallbackEndpoint, Notice
from billing.models.callbacks import CallbackEvent, Failure
from tests import builders, races
from tests.billing import receiving
from tests.billing.receiving import Receiver
from wallet.ids import new_id
from wallet.models import Organisation, Role

BOTH = [CallbackEvent.ORDER_PAID.value, CallbackEvent.BALANCE_LOW.value]
RETRIES = callback_outbox.RETRIES


@pytest.fixture
def acme(committed: None, now: datetime) -> Iterator[Organisation]:
    yield builders.make_organisation(now=now)
    CallbackEndpoint.objects.update(is_on=False)  # sweeps look at every row


@pytest.fixture
def server(settings: LazySettings) -> Iterator[Receiver]:
    with receiving.receiver() as mine:
        settings.CALLBACK_ALLOWED_HOSTS = [mine.host]
        yield mine


def listen(organisation: Organisation, url: str, *, now: datetime, events: list[str] | None = None) -> CallbackEndpoint:
    owner = builders.owner_of(organisation)
    wish = Wish(url=url, events=events or BOTH)
    return callbacks.add(wish, organisation_id=organisation.pk, by=owner, now=now)


def paid(organisation: Organisation, *, now: datetime, dollars: int = 100) -> str:
    return builders.fill_wallet(organisation, builders.usd(dollars), now=now).number


def low(organisation: Organisation, *, now: datetime, target: str = "wallet") -> Notice:
    facts = {"balance": "4.500000", "threshold": "50.00"}
    kind = Notice.Kind.LOW_BALANCE
    return Notice.objects.create(
        organisation=organisation, kind=kind, target=target, facts=facts, roles=[Role.OWNER], at=now
    )


def sweep(now: datetime) -> int:
    callback_outbox.collect(now=now)
    return callback_outbox.send_due(now=now)


def told(server: Receiver) -> list[dict[str, Any]]:
    return [json.loads(each.body) for each in server.received]


def only(organisation: Organisation) -> Callback:
    return Callback.objects.get(organisation=organisation)


def fail_with(monkeypatch: pytest.MonkeyPatch, failure: Failure = Failure.TOO_SLOW) -> None:
    monkeypatch.setattr(callback_calls, "send", lambda _call: Outcome(failure=failure))


def give_up(organisation: Organisation, *, now: datetime) -> datetime:
    """Attempt after attempt fails until nothing is left to try; returns the moment of the last one."""
    for wait in (*RETRIES, timedelta()):
        callback_outbox.send_due(now=now)
        now += wait
    return now


# --- what is told -----------------------------------------------------------------------------------------------


def test_paid_order_is_told_once(acme: Organisation, server: Receiver, now: datetime) -> None:
    listen(acme, server.url(), now=now)
    number = paid(acme, now=now)
    assert sweep(now) == 1
    assert sweep(now + timedelta(days=1)) == 0
    [event] = told(server)
    assert event == {
        "id": str(only(acme).event_id),
        "type": "order.paid",
        "created_at": now.isoformat().replace("+00:00", "Z"),
        "organisation_id": str(acme.pk),
        "data": {
            "number": number,
            "target": "wallet",
            "product_number": None,
            "method": "CARD",
            "paid": "100.000000",
            "paid_currency": "USD",
            "credited": "100.000000",
            "credited_currency": "USD",
        },
    }
    assert server.received[0].headers.keys() >= {"X-CALLBACK-ID", "X-CALLBACK-BODY"}


def test_order_of_a_product_is_told_with_its_number(acme: Organisation, server: Receiver, now: datetime) -> None:
    paid(acme, now=now - timedelta(hours=1))
    product = builders.make_product()
    number = builders.open_balance(acme, product, now=now).number
    listen(acme, server.url(), now=now)
    moves.move(builders.move_wish(acme, product, builders.usd(30)), by=builders.owner_of(acme), now=now)
    sweep(now)
    [event] = told(server)
    assert event["data"]["target"] == product.code
    assert event["data"]["product_number"] == number
    assert event["data"]["method"] == "BALANCE"


def test_low_balance_is_told_with_the_code_of_an_empty_one(acme: Organisation, server: Receiver, now: datetime) -> None:
    listen(acme, server.url(), now=now)
    low(acme, now=now)
    sweep(now)
    [event] = told(server)
    assert event["type"] == "balance.low"
    assert event["data"] == {
        "target": "wallet",
        "product_number": None,
        "balance": "4.500000",
        "threshold": "50.00",
        "currency": "USD",
        "code": 110,
    }


def test_other_notices_are_not_told(acme: Organisation, server: Receiver, now: datetime) -> None:
    listen(acme, server.url(), now=now)
    Notice.objects.create(
        organisation=acme, kind=Notice.Kind.AUTO_FILL_STOPPED, target="wallet", roles=[Role.OWNER], at=now
    )
    sweep(now)
    assert not server.received


def test_only_events_that_were_chosen_are_told(acme: Organisation, server: Receiver, now: datetime) -> None:
    listen(acme, server.url("/orders"), now=now, events=["order.paid"])
    listen(acme, server.url("/balances"), now=now, events=["balance.low"])
    paid(acme, now=now)
    low(acme, now=now)
    assert sweep(now) == 2
    assert {(each.path, json.loads(each.body)["type"]) for each in server.received} == {
        ("/orders", "order.paid"),
        ("/balances", "balance.low"),
    }


def test_every_endpoint_hears_of_the_same_event(acme: Organisation, server: Receiver, now: datetime) -> None:
    for path in ("/a", "/b"):
        listen(acme, server.url(path), now=now)
    paid(acme, now=now)
    assert sweep(now) == 2
    assert len({event["id"] for event in told(server)}) == 1
    assert {each.path for each in server.received} == {"/a", "/b"}


def test_endpoint_added_later_hears_of_its_own_time_alone(acme: Organisation, server: Receiver, now: datetime) -> None:
    listen(acme, server.url("/first"), now=now)
    paid(acme, now=now)
    later = now + timedelta(hours=1)
    listen(acme, server.url("/second"), now=later)
    number = paid(acme, now=later)
    sweep(later)
    heard = [json.loads(each.body)["data"]["number"] for each in server.received if each.path == "/second"]
    assert heard == [number]


def test_another_organisation_is_told_nothing(acme: Organisation, server: Receiver, now: datetime) -> None:
    other = builders.make_organisation(now=now, name="Bob's Bikes")
    listen(other, server.url(), now=now)
    paid(acme, now=now)
    low(acme, now=now)
    assert sweep(now) == 0
    assert not Callback.objects.filter(endpoint__organisation=other).exists()


def test_events_of_many_organisations_go_each_to_its_own(acme: Organisation, server: Receiver, now: datetime) -> None:
    bikes = builders.make_organisation(now=now, name="Bob's Bikes")
    numbers = {}
    for path, organisation in (("/acme", acme), ("/bikes", bikes)):
        listen(organisation, server.url(path), now=now)
        numbers[path] = paid(organisation, now=now)
    assert sweep(now) == 2
    assert {each.path: json.loads(each.body)["data"]["number"] for each in server.received} == numbers


def test_order_that_returns_to_paid_is_not_told_again(acme: Organisation, server: Receiver, now: datetime) -> None:
    """As when a dispute is won: a receiver that credits something must not do it twice."""
    listen(acme, server.url(), now=now)
    number = paid(acme, now=now)
    sweep(now)
    event = acme.orders.get(number=number).events.get(state="PAID")
    event.pk, event._state.adding, event.at = new_id(), True, now + timedelta(days=1)
    event.save()
    assert sweep(now + timedelta(days=1)) == 0


def test_events_older_than_three_days_are_not_told(acme: Organisation, server: Receiver, now: datetime) -> None:
    listen(acme, server.url(), now=now)
    paid(acme, now=now)
    assert sweep(now + timedelta(days=3, seconds=1)) == 0
    assert sweep(now + timedelta(days=3)) == 1


def test_two_that_collect_at_once_write_each_event_once(acme: Organisation, server: Receiver, now: datetime) -> None:
    listen(acme, server.url(), now=now)
    for _ in range(5):
        paid(acme, now=now)
    races.raise_failures(races.run_at_once([lambda: callback_outbox.collect(now=now)] * 6))
    assert Callback.objects.filter(organisation=acme).count() == 5


def test_database_keeps_one_callback_for_each_fact(acme: Organisation, server: Receiver, now: datetime) -> None:
    endpoint = listen(acme, server.url(), now=now)
    fact = new_id()
    given: dict[str, Any] = {"event": CallbackEvent.TEST, "fact_id": fact, "at": now, "data": {}, "now": now}
    callbacks.compose(endpoint, **given).save()
    with pytest.raises(IntegrityError), transaction.atomic():
        callbacks.compose(endpoint, **given).save()


def test_more_facts_than_fit_one_chunk_are_all_told(
    acme: Organisation, server: Receiver, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback_outbox, "_CHUNK", 2)
    listen(acme, server.url(), now=now)
    for _ in range(5):
        low(acme, now=now)
    assert sweep(now) == 5


# --- how often --------------------------------------------------------------------------------------------------


def test_failed_call_comes_again_with_the_same_body_signed_anew(
    acme: Organisation, server: Receiver, now: datetime
) -> None:
    listen(acme, server.url(), now=now)
    paid(acme, now=now)
    server.answers = [receiving.status(500), receiving.status(503)]
    assert sweep(now) == 0
    assert sweep(now + timedelta(seconds=9)) == 0
    assert len(server.received) == 1
    assert sweep(now + timedelta(seconds=10)) == 0
    assert sweep(now + timedelta(seconds=70)) == 1
    assert len({each.body for each in server.received}) == 1
    for part in ("timestamp", "nonce", "signature"):
        assert len({each.id_header[part] for each in server.received}) == 3, part
    callback = only(acme)
    assert (callback.attempts, callback.last_status, callback.last_error) == (3, 200, "")
    assert callback.delivered_at == now + timedelta(seconds=70)


def test_call_is_tried_nine_times_in_two_days_and_then_given_up(
    acme: Organisation, server: Receiver, now: datetime
) -> None:
    listen(acme, server.url(), now=now)
    paid(acme, now=now)
    callback_outbox.collect(now=now)
    server.answers = [receiving.status(500)] * 20
    moment, waits = now, []
    while (callback := only(acme)).next_at:
        waits.append(callback.next_at - moment)
        moment = callback.next_at
        assert callback_outbox.send_due(now=moment) == 0
    assert waits == [timedelta(), *RETRIES]
    assert [wait.total_seconds() for wait in RETRIES] == [10, 60, 300, 1800, 7200, 21600, 43200, 86400]
    assert len(server.received) == 9
    assert (callback.attempts, callback.last_status, callback.last_error) == (9, 500, Failure.REFUSED)
    assert callback.delivered_at is None


def test_owners_are_told_once_until_a_call_is_taken(
    acme: Organisation, server: Receiver, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen(acme, server.url(), now=now)
    notices = Notice.objects.filter(organisation=acme, kind=Notice.Kind.CALLBACKS_FAILING)
    for _ in range(3):
        paid(acme, now=now)
    callback_outbox.collect(now=now)
    with monkeypatch.context() as patch:
        fail_with(patch)
        waiting = Callback.objects.filter(organisation=acme, next_at__isnull=False).order_by("next_at")
        while callback := waiting.first():
            assert callback.next_at
            callback_outbox.send_due(now=callback.next_at)
    [notice] = notices
    assert notice.facts == {"address": server.url(), "failure": "TOO_SLOW"}
    assert notice.roles == [Role.OWNER]

    later = now + timedelta(days=60)
    paid(acme, now=later)
    assert sweep(later) == 1
    assert CallbackEndpoint.objects.get(organisation=acme).given_up_at is None
    paid(acme, now=later)
    callback_outbox.collect(now=later)
    fail_with(monkeypatch)
    give_up(acme, now=later)
    assert notices.all().count() == 2


def test_dead_sender_only_delays_a_call(
    acme: Organisation, server: Receiver, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen(acme, server.url(), now=now)
    paid(acme, now=now)
    callback_outbox.collect(now=now)
    with monkeypatch.context() as patch:
        patch.setattr(callback_outbox, "_call_of", _die)
        with pytest.raises(KeyboardInterrupt):
            callback_outbox.send_due(now=now)
    assert callback_outbox.send_due(now=now + timedelta(seconds=59)) == 0
    assert callback_outbox.send_due(now=now + timedelta(seconds=60)) == 1


def _die(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


def test_two_senders_at_once_call_once(acme: Organisation, server: Receiver, now: datetime) -> None:
    listen(acme, server.url(), now=now)
    for _ in range(4):
        paid(acme, now=now)
    callback_outbox.collect(now=now)
    races.raise_failures(races.run_at_once([lambda: callback_outbox.send_due(now=now)] * 6))
    assert len(server.received) == len({each.body for each in server.received}) == 4


def test_answer_of_a_slow_sender_does_not_undo_what_a_later_one_found(
    acme: Organisation, server: Receiver, now: datetime
) -> None:
    listen(acme, server.url(), now=now)
    paid(acme, now=now)
    callback_outbox.collect(now=now)
    [endpoint_id] = callback_outbox._endpoints_due(now=now)
    slow = callback_outbox._claim_next(endpoint_id, now=now)
    assert slow is not None
    assert callback_outbox.send_due(now=now + timedelta(minutes=1)) == 1
    callback_outbox._record(slow, Outcome(failure=Failure.TOO_SLOW), now=now + timedelta(minutes=2))
    assert only(acme).delivered_at == now + timedelta(minutes=1)


def test_claim_is_committed_before_anything_is_sent(
    acme: Organisation, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls run in threads, whose sessions see only what is committed."""
    listen(acme, "https://example.com/", now=now)
    paid(acme, now=now)
    seen = []

    def look(_call: Any) -> Outcome:
        seen.append(only(acme).attempts)
        connections.close_all()
        return Outcome(status=200)

    monkeypatch.setattr(callback_calls, "send", look)
    assert sweep(now) == 1
    assert seen == [1]


def test_secret_that_no_key_opens_stops_no_other_endpoint(
    acme: Organisation, server: Receiver, now: datetime, settings: LazySettings
) -> None:
    right, settings.DATA_KEYS = settings.DATA_KEYS, ["0" * 64]
    broken = listen(acme, server.url("/odd"), now=now)
    settings.DATA_KEYS = right
    listen(acme, server.url("/fine"), now=now)
    paid(acme, now=now)
    assert sweep(now) == 1
    assert [each.path for each in server.received] == ["/fine"]
    assert Callback.objects.get(endpoint=broken).attempts == 1


def test_endpoint_that_fails_costs_a_sweep_one_attempt(acme: Organisation, server: Receiver, now: datetime) -> None:
    listen(acme, server.url(), now=now)
    for _ in range(3):
        paid(acme, now=now)
    server.answers = [receiving.status(500)]
    assert sweep(now) == 0
    assert len(server.received) == 1
    assert sweep(now + timedelta(seconds=1)) == 2


def test_slow_endpoint_holds_up_nobody_else(
    acme: Organisation, server: Receiver, now: datetime, settings: LazySettings
) -> None:
    """It answers only when all the others have been called; held up by it, they never would be."""
    bikes = builders.make_organisation(now=now, name="Bob's Bikes")
    with receiving.receiver() as slow:
        settings.CALLBACK_ALLOWED_HOSTS = [server.host, slow.host]
        slow.answers = [lambda connection: _answer_after(server, connection, calls=4)]
        listen(bikes, slow.url(), now=now)
        listen(acme, server.url(), now=now)
        for organisation in (bikes, acme, acme, acme, acme):
            paid(organisation, now=now)
        assert sweep(now) == 5


def _answer_after(server: Receiver, connection: socket, *, calls: int) -> None:
    races.wait_until(lambda: len(server.received) == calls)
    connection.sendall(receiving.OK)


def test_sweep_begins_no_call_after_its_time(
    acme: Organisation, server: Receiver, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback_outbox, "_SWEEP_SECONDS", 0.0)
    listen(acme, server.url(), now=now)
    paid(acme, now=now)
    assert sweep(now) == 0
    assert only(acme).attempts == 0


def test_oddity_of_one_call_stops_no_other(
    acme: Organisation, server: Receiver, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("/odd", "/fine"):
        listen(acme, server.url(path), now=now)
    paid(acme, now=now)
    real = callback_calls.send

    def send(call: Any) -> Outcome:
        if call.url.endswith("odd"):
            raise RuntimeError("odd")
        return real(call)

    monkeypatch.setattr(callback_calls, "send", send)
    assert sweep(now) == 1
    assert [each.path for each in server.received] == ["/fine"]


# --- switching, removing, sending again ---------------------------------------------------------------------------


def test_address_switched_off_is_caught_up_when_it_is_on_again(
    acme: Organisation, server: Receiver, now: datetime
) -> None:
    endpoint = listen(acme, server.url(), now=now)
    paid(acme, now=now)
    callback_outbox.collect(now=now)
    callbacks.switch_off(endpoint)
    paid(acme, now=now)
    assert sweep(now + timedelta(days=1)) == 0
    assert not server.received
    callbacks.switch_on(endpoint)
    assert sweep(now + timedelta(days=1)) == 2


def test_removed_address_is_never_called_again(acme: Organisation, server: Receiver, now: datetime) -> None:
    endpoint = listen(acme, server.url(), now=now)
    paid(acme, now=now)
    callback_outbox.collect(now=now)
    callbacks.remove(endpoint, now=now)
    paid(acme, now=now)
    assert sweep(now + timedelta(hours=1)) == 0
    callbacks.switch_on(endpoint)
    assert sweep(now + timedelta(hours=1)) == 0
    assert not callbacks.send_again(only(acme), now=now)
    assert not server.received
    assert only(acme).next_at is None


def test_delivered_call_is_sent_again_with_the_same_body(acme: Organisation, server: Receiver, now: datetime) -> None:
    listen(acme, server.url(), now=now)
    paid(acme, now=now)
    sweep(now)
    later = now + timedelta(days=9)
    assert callbacks.send_again(only(acme), now=later)
    assert not callbacks.send_again(only(acme), now=later)
    assert callback_outbox.send_due(now=later) == 1
    assert callback_outbox.send_due(now=later) == 0
    assert server.received[0].body == server.received[1].body


def test_given_up_call_is_sent_again_with_all_its_attempts(
    acme: Organisation, server: Receiver, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen(acme, server.url(), now=now)
    paid(acme, now=now)
    callback_outbox.collect(now=now)
    with monkeypatch.context() as patch:
        fail_with(patch)
        later = give_up(acme, now=now)
    assert only(acme).next_at is None
    callbacks.send_again(only(acme), now=later)
    server.answers = [receiving.status(500)]
    assert callback_outbox.send_due(now=later) == 0
    assert callback_outbox.send_due(now=later + timedelta(seconds=10)) == 1


def test_new_secret_signs_the_next_attempt(acme: Organisation, server: Receiver, now: datetime) -> None:
    endpoint = listen(acme, server.url(), now=now)
    paid(acme, now=now)
    server.answers = [receiving.status(401)]
    sweep(now)
    callbacks.rotate(endpoint)
    fresh = CallbackEndpoint.objects.get(pk=endpoint.pk)
    assert fresh.secret != endpoint.secret
    assert sweep(now + timedelta(seconds=10)) == 1
    last = server.received[-1]
    call = callback_calls.Call(
        url=fresh.url,
        username=fresh.username,
        secret=fresh.secret,
        body=last.body,
        timestamp=int(last.id_header["timestamp"]),
        nonce=last.id_header["nonce"],
    )
    assert callback_calls.sign(call)["X-CALLBACK-BODY"] == last.headers["X-CALLBACK-BODY"]


def test_test_is_sent_once_and_never_tried_again(acme: Organisation, server: Receiver, now: datetime) -> None:
    endpoint = listen(acme, server.url(), now=now)
    callbacks.send_test(endpoint, now=now)
    with pytest.raises(callbacks.TestUnderWay):
        callbacks.send_test(endpoint, now=now)
    server.answers = [receiving.status(500)]
    assert sweep(now) == 0
    [event] = told(server)
    assert (event["type"], event["data"]) == ("test", {})
    assert only(acme).next_at is None
    assert not Notice.objects.filter(organisation=acme).exists()
    callbacks.send_test(endpoint, now=now)
    assert sweep(now) == 1


# --- endpoints ----------------------------------------------------------------------------------------------------


def test_organisation_has_five_addresses_at_the_most(acme: Organisation, now: datetime) -> None:
    calls = [lambda place=place: listen(acme, f"https://example.com/{place}", now=now) for place in range(8)]
    outcomes = races.run_at_once(calls)
    refused = [outcome for outcome in outcomes if isinstance(outcome, callbacks.TooManyEndpoints)]
    assert len(refused) == 3
    first = acme.callback_endpoints.first()
    assert first is not None
    callbacks.remove(first, now=now)
    listen(acme, "https://example.com/another", now=now)


def test_address_stands_once_in_the_list_of_an_organisation(acme: Organisation, now: datetime) -> None:
    endpoint = listen(acme, "https://example.com", now=now)
    with pytest.raises(callbacks.AlreadyThere):
        listen(acme, "https://EXAMPLE.com/", now=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        CallbackEndpoint.objects.create(
            organisation=acme, url=endpoint.url, username="cb_twin",
            secret_encrypted=endpoint.secret_encrypted, events=BOTH,
            created_by=endpoint.created_by, created_at=now,
        )  # fmt: skip
    callbacks.remove(endpoint, now=now)
    listen(acme, "https://example.com", now=now)


def test_every_address_has_a_name_and_a_secret_of_its_own(acme: Organisation, now: datetime) -> None:
    made = [listen(acme, f"https://example.com/{place}", now=now) for place in range(3)]
    assert len({endpoint.username for endpoint in made}) == len({endpoint.secret for endpoint in made}) == 3
    assert all(len(endpoint.secret) >= 43 for endpoint in made)


@pytest.mark.parametrize("events", [[], ["test"], ["order.paid", "order.lost"]])
def test_database_knows_what_can_be_asked_for(acme: Organisation, now: datetime, events: list[str]) -> None:
    endpoint = listen(acme, "https://example.com/", now=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        CallbackEndpoint.objects.filter(pk=endpoint.pk).update(events=events)


def test_database_refuses_an_address_that_cannot_sign(acme: Organisation, now: datetime) -> None:
    endpoint = listen(acme, "https://example.com/", now=now)
    for field in ("secret_encrypted", "username"):
        with pytest.raises(IntegrityError), transaction.atomic():
            CallbackEndpoint.objects.filter(pk=endpoint.pk).update(**{field: ""})


def test_delivered_call_is_over_in_the_database(acme: Organisation, server: Receiver, now: datetime) -> None:
    listen(acme, server.url(), now=now)
    paid(acme, now=now)
    sweep(now)
    with pytest.raises(IntegrityError), transaction.atomic():
        Callback.objects.filter(organisation=acme).update(next_at=now)
