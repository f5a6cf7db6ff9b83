"""GET /balances, /entries and /orders: one's own, page by page, and nothing of anybody else's (P17)."""

from datetime import UTC, datetime, timedelta

import pytest

from billing import moves
from billing.models import Order
from products.models import ProductBalance
from tests import builders
from tests.builders import usd
from tests.innopaas.callers import Caller, back_end_of, error_of, program_of
from wallet.calendar import business_date
from wallet.models import Organisation


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def acme(committed: None, now: datetime) -> Organisation:
    organisation = builders.make_organisation(now=now)
    builders.fill_wallet(organisation, usd(50), now=now)
    return organisation


@pytest.fixture
def whatsapp(acme: Organisation, now: datetime) -> ProductBalance:
    product = builders.make_product(position=1)
    builders.fill_product(acme, product, usd(100), now=now)
    return builders.open_balance(acme, product, now=now)


@pytest.fixture
def gateway(whatsapp: ProductBalance, now: datetime) -> Caller:
    return back_end_of(whatsapp.product, now=now)


@pytest.fixture
def program(acme: Organisation, now: datetime) -> Caller:
    return program_of(acme, now=now)


@pytest.fixture
def stranger(committed: None, now: datetime) -> Caller:
    return program_of(builders.make_organisation(now=now, name="Bob's Bikes"), now=now)


def test_organisation_reads_its_wallet_and_its_products(
    program: Caller, gateway: Caller, whatsapp: ProductBalance, acme: Organisation, now: datetime
) -> None:
    sms = builders.open_balance(acme, builders.make_product("SMS", position=2), now=now)
    gateway.hold(whatsapp.number, "5")
    rows = program.get("/balances").json()["balances"]
    assert [list(row.values()) for row in rows] == [
        ["wallet", None, None, "USD", "50.000000", "0.000000"],
        ["product", whatsapp.number, whatsapp.product.slug, "USD", "95.000000", "5.000000"],
        ["product", sms.number, sms.product.slug, "USD", "0.000000", "0.000000"],
    ]
    assert list(rows[0]) == ["balance", "number", "product", "currency", "available", "held"]
    assert program.get("/balances", number=whatsapp.number).json()["balances"] == [rows[1]]
    assert gateway.get("/balances", number=whatsapp.number).json()["balances"] == [rows[1]]


def test_service_key_names_a_number(gateway: Caller) -> None:
    answer = gateway.get("/balances")
    assert answer.status_code == 422
    assert error_of(answer)["field"] == "number"


def test_new_organisation_has_an_empty_wallet(stranger: Caller) -> None:
    (wallet,) = stranger.get("/balances").json()["balances"]
    assert (wallet["available"], wallet["held"]) == ("0.000000", "0.000000")
    assert stranger.get("/entries", balance="wallet").json() == {"entries": [], "next": None}
    assert stranger.get("/orders").json() == {"orders": [], "next": None}


def test_entries_say_what_moved_the_balance(program: Caller, gateway: Caller, whatsapp: ProductBalance) -> None:
    charge = gateway.charge(whatsapp.number, "0.0525", "sms:1", description="One message").json()
    gateway.hold(whatsapp.number, "5", "call-1")
    entries = program.get("/entries", number=whatsapp.number).json()["entries"]
    assert [(entry["kind"], entry["amount"], entry["balance_after"], entry["request_id"]) for entry in entries] == [
        ("HOLD", "-5.000000", "94.947500", "call-1"),
        ("CHARGE", "-0.052500", "99.947500", "sms:1"),
        (entries[2]["kind"], "100.000000", "100.000000", None),
    ]
    assert (entries[1]["id"], entries[1]["description"], entries[1]["order_number"]) == (
        charge["id"], "One message", None
    )  # fmt: skip
    assert entries[2]["order_number"] == Order.objects.get(target=whatsapp.product.code).number
    assert gateway.get("/entries", number=whatsapp.number).json()["entries"] == entries


def test_move_is_told_as_one_where_it_goes_out_and_as_a_top_up_where_it_comes_in(
    program: Caller, whatsapp: ProductBalance, acme: Organisation, now: datetime
) -> None:
    order = moves.move(builders.move_wish(acme, whatsapp.product, usd(10)), by=builders.owner_of(acme), now=now)
    out = program.get("/entries", balance="wallet").json()["entries"][0]
    arrived = program.get("/entries", number=whatsapp.number).json()["entries"][0]
    assert [(entry["kind"], entry["amount"], entry["order_number"]) for entry in (out, arrived)] == [
        ("MOVE", "-10.000000", order.number), ("TOP_UP", "10.000000", order.number)
    ]  # fmt: skip


def test_wallet_entries_are_the_organisations_alone(program: Caller, gateway: Caller) -> None:
    (entry,) = program.get("/entries", balance="wallet").json()["entries"]
    assert (entry["amount"], entry["balance_after"]) == ("50.000000", "50.000000")
    answer = gateway.get("/entries", balance="wallet")
    assert answer.status_code == 403
    assert error_of(answer)["name"] == "NOT_ALLOWED"


def test_entries_come_page_by_page_each_once(gateway: Caller, whatsapp: ProductBalance) -> None:
    for i in range(7):
        gateway.charge(whatsapp.number, "1", f"r{i}")
    after: dict[str, str] = {}
    seen = []
    while True:
        page = gateway.get("/entries", number=whatsapp.number, limit=3, **after).json()
        seen += [entry["request_id"] for entry in page["entries"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
        gateway.charge(whatsapp.number, "1", f"late{len(seen)}")  # what comes meanwhile moves nothing
    assert seen == ["r6", "r5", "r4", "r3", "r2", "r1", "r0", None]


def test_orders_are_told_newest_first(program: Caller, acme: Organisation, whatsapp: ProductBalance) -> None:
    orders = program.get("/orders").json()["orders"]
    stored = list(Order.objects.filter(organisation=acme).order_by("-id"))
    assert [order["number"] for order in orders] == [order.number for order in stored]
    assert {name: orders[0][name] for name in list(orders[0]) if not name.endswith("_at")} == {
        "number": stored[0].number,
        "state": "PAID",
        "method": "CARD",
        "balance": "product",
        "product": whatsapp.product.slug,
        "paid": "100.000000",
        "paid_currency": "USD",
        "credited": "100.000000",
        "credited_currency": "USD",
        "follows": None,
    }
    assert (orders[1]["balance"], orders[1]["product"]) == ("wallet", None)


def test_orders_come_page_by_page_and_filtered(program: Caller, acme: Organisation, now: datetime) -> None:
    for amount in (10, 20, 30):
        builders.fill_wallet(acme, usd(amount), now=now)
    builders.begin_top_up(acme, now=now)
    after: dict[str, str] = {}
    seen = []
    while True:
        page = program.get("/orders", limit=2, state="PAID", **after).json()
        seen += [order["credited"] for order in page["orders"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert seen == ["30.000000", "20.000000", "10.000000", "50.000000"]
    today = business_date(now)
    assert len(program.get("/orders", **{"from": today, "to": today}).json()["orders"]) == 5
    assert not program.get("/orders", **{"from": today + timedelta(days=1)}).json()["orders"]
    assert not program.get("/orders", to=today - timedelta(days=1)).json()["orders"]


def test_service_key_reads_no_orders(gateway: Caller) -> None:
    answer = gateway.get("/orders")
    assert answer.status_code == 403
    assert error_of(answer)["name"] == "NOT_ALLOWED"


def test_another_organisations_number_is_as_unknown_as_none(stranger: Caller, whatsapp: ProductBalance) -> None:
    for path in ("/balances", "/entries"):
        theirs, none = stranger.get(path, number=whatsapp.number), stranger.get(path, number="999999999999999")
        assert theirs.status_code == 404
        assert theirs.content == none.content
        assert error_of(theirs)["name"] == "UNKNOWN_NUMBER"


def test_service_key_of_another_product_sees_nothing(whatsapp: ProductBalance, now: datetime) -> None:
    stranger = back_end_of(builders.make_product("SMS"), now=now)
    for path in ("/balances", "/entries"):
        assert stranger.get(path, number=whatsapp.number).status_code == 404


def test_another_organisations_places_lead_nowhere(
    stranger: Caller, program: Caller, gateway: Caller, whatsapp: ProductBalance
) -> None:
    gateway.charge(whatsapp.number)
    order = program.get("/orders").json()["orders"][0]["number"]
    theirs, none = stranger.get("/orders", after=order), stranger.get("/orders", after="TU260101NOBODYS0000")
    assert theirs.status_code == 422
    assert theirs.content == none.content
    place = program.get("/entries", number=whatsapp.number, limit=1).json()["next"]
    assert stranger.get("/entries", balance="wallet", after=place).json() == {"entries": [], "next": None}


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/balances", {"numbr": "999999999999999"}),
        ("/balances", {"number": ["100000000000008", "100000000000009"]}),
        ("/balances", {"number": "1\x00"}),
        ("/entries", {}),
        ("/entries", {"balance": "wallet", "number": "100000000000008"}),
        ("/entries", {"balance": "bank"}),
        ("/entries", {"balance": "wallet", "limit": "0"}),
        ("/entries", {"balance": "wallet", "limit": "201"}),
        ("/entries", {"balance": "wallet", "after": "-1"}),
        ("/entries", {"balance": "wallet", "after": "9" * 30}),
        ("/entries", {"balance": "wallet", "after": "x"}),
        ("/orders", {"state": "paid"}),
        ("/orders", {"from": "yesterday"}),
        ("/orders", {"from": "0001-01-01"}),
        ("/orders", {"to": "9999-12-31"}),
        ("/orders", {"after": "x\x00"}),
        ("/orders", {"first_day": "2026-01-01"}),
        ("/orders", {"limit": "1e2"}),
    ],
)
def test_a_question_that_is_not_well_formed_is_refused(path: str, query: dict[str, object], program: Caller) -> None:
    answer = program.get(path, **query)
    assert answer.status_code == 422
    assert error_of(answer)["field"]


def test_wallet_moved_into_a_product_is_an_order_and_two_entries(
    program: Caller, acme: Organisation, whatsapp: ProductBalance, now: datetime
) -> None:
    moved = moves.move(builders.move_wish(acme, whatsapp.product, usd(20)), by=builders.owner_of(acme), now=now)
    newest = program.get("/orders", limit=1).json()["orders"][0]
    assert (newest["number"], newest["method"], newest["state"]) == (moved.number, "BALANCE", "PAID")
    for query in ({"balance": "wallet"}, {"number": whatsapp.number}):
        entry = program.get("/entries", limit=1, **query).json()["entries"][0]
        assert (entry["order_number"], entry["amount"].lstrip("-")) == (moved.number, "20.000000")
