"""POST /charges and /charges:batch: one effect, the same answer, and nothing but the product's own balance."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from products.models import ProductBalance
from tests import builders
from tests.builders import usd
from tests.innopaas.callers import Caller, back_end_of, error_of, program_of
from wallet.models import Organisation, Posting


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def acme(committed: None, now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def whatsapp(acme: Organisation, now: datetime) -> ProductBalance:
    product = builders.make_product()
    builders.fill_product(acme, product, usd(100), now=now)
    return builders.open_balance(acme, product, now=now)


@pytest.fixture
def gateway(whatsapp: ProductBalance, now: datetime) -> Caller:
    return back_end_of(whatsapp.product, now=now)


def left_in(balance: ProductBalance) -> str:
    return str(builders.balance_of(balance.organisation_id, balance.product.code).amount)


def test_charge_takes_the_amount_from_the_product_alone(
    gateway: Caller, whatsapp: ProductBalance, acme: Organisation, now: datetime
) -> None:
    builders.fill_wallet(acme, usd(50), now=now)
    answer = gateway.charge(whatsapp.number, "0.0525", "sms-1", description="One message to +49 …")
    assert answer.status_code == 201
    body = answer.json()
    assert UUID(body.pop("id")) == Posting.objects.get(organisation=acme, kind="CHARGE").pk
    assert datetime.fromisoformat(body.pop("charged_at")) >= now
    assert body == {
        "number": whatsapp.number,
        "request_id": "sms-1",
        "amount": "0.052500",
        "currency": "USD",
        "description": "One message to +49 …",
        "balance_after": "99.947500",
    }
    assert left_in(whatsapp) == "99.947500"
    assert builders.balance_of(acme.pk) == usd(50)
    assert "Idempotent-Replayed" not in answer


def test_same_charge_twice_has_one_effect_and_the_same_answer(gateway: Caller, whatsapp: ProductBalance) -> None:
    first, second = (gateway.charge(whatsapp.number, "30") for _ in range(2))
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second["Idempotent-Replayed"] == "true"
    assert left_in(whatsapp) == "70.000000"


def test_replay_is_answered_when_nothing_is_left(gateway: Caller, whatsapp: ProductBalance) -> None:
    first = gateway.charge(whatsapp.number, "100")
    again = gateway.charge(whatsapp.number, "100.000000")
    assert (again.status_code, again.content) == (201, first.content)


def test_same_request_id_with_other_content_is_refused(gateway: Caller, whatsapp: ProductBalance) -> None:
    gateway.charge(whatsapp.number, "30", description="first")
    for other in (
        gateway.charge(whatsapp.number, "31", description="first"),
        gateway.charge(whatsapp.number, "30", description="second"),
    ):
        assert other.status_code == 409
        assert error_of(other) | {"message": ""} == {
            "code": 4090, "name": "REQUEST_ID_REUSED", "message": "", "request_id": "r1"
        }  # fmt: skip
    assert left_in(whatsapp) == "70.000000"


def test_insufficient_balance_is_innopaas_own_code_110(gateway: Caller, whatsapp: ProductBalance) -> None:
    answer = gateway.charge(whatsapp.number, "100.000001", "too-much")
    assert answer.status_code == 402
    assert error_of(answer) == {
        "code": 110,
        "name": "INSUFFICIENT_BALANCE",
        "message": "Account balance is insufficient",
        "request_id": "too-much",
    }
    assert left_in(whatsapp) == "100.000000"


def test_charge_is_three_statements_and_no_transaction(gateway: Caller, whatsapp: ProductBalance) -> None:
    """Who asks, whose number it is, and the posting; once a minute the key's last use besides."""
    gateway.charge(whatsapp.number, "1", "before")
    with CaptureQueriesContext(connection) as seen:
        gateway.charge(whatsapp.number, "1", "counted")
    statements = [query["sql"] for query in seen]
    assert len(statements) == 3, statements
    for part, statement in zip(["products_apikey", "products_productbalance", "ledger_post"], statements, strict=True):
        assert part in statement


@pytest.mark.parametrize(
    "amount",
    [
        1, 1.5, 1e3, True, None, "", "0", "0.0", "0.000000", "-1", "+1", "1e3", "1_000", "1,000", " 1", "1 ", "1\n",
        "01", ".5", "5.", "0.0000001", "1000000000000", "１", "١", "NaN", "Infinity", "0x10", "1\u0000", "$1",
        ["1"], {"a": 1},
    ],
)  # fmt: skip
def test_amount_is_an_exact_decimal_string_or_refused(
    amount: object, gateway: Caller, whatsapp: ProductBalance
) -> None:
    body = {"number": whatsapp.number, "amount": amount, "request_id": "r1"}
    answer = gateway.post("/charges", body)
    assert answer.status_code == 422
    assert error_of(answer)["field"] == "amount"
    assert left_in(whatsapp) == "100.000000"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        *(({"amount": wrong}, 'Write the amount as a string above zero with at most 6 decimals, like "0.0525".')
          for wrong in (0.1, None, "1e3", "-1")),
        *(({"request_id": wrong}, 'Write 1 to 100 printable ASCII characters without blanks, like "sms-1".')
          for wrong in (7, "", "a b")),
        *(({"number": wrong}, 'Write the 15 digits of a product number as a string, like "100000000000008".')
          for wrong in (1, "1", "a")),
        ({"description": 1}, "Write one line of at most 200 characters, as a string."),
        ({"description": "x" * 201}, "Write one line of at most 200 characters, as a string."),
        ({"descripton": "x"}, "There is no such field here."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_our_own_words(
    change: dict[str, object], message: str, gateway: Caller, whatsapp: ProductBalance
) -> None:
    body = {"number": whatsapp.number, "amount": "1", "request_id": "r1", **change}
    assert error_of(gateway.post("/charges", body))["message"] == message
    batch = error_of(gateway.post("/charges:batch", {"charges": [body]}))
    assert (batch["field"], batch["message"]) == (f"charges.0.{next(iter(change))}", message)


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/charges", {}, "This field is missing."),
        ("/charges", [], "Write an object with named fields."),
        ("/charges:batch", {"charges": []}, "Give at least 1."),
        ("/charges:batch", {"charges": [{}] * 1001}, "Give at most 1000."),
        ("/charges:batch", {"charges": {}}, "Write a list."),
        ("/holds", {"number": "100000000000008", "amount": "1", "request_id": "r", "expires_in": 59},
         "Write 60 or more."),
        ("/holds", {"number": "100000000000008", "amount": "1", "request_id": "r", "expires_in": "60"},
         "Write a whole number, without quotation marks."),
    ],
)  # fmt: skip
def test_what_is_wrong_about_the_whole_is_told_too(path: str, body: object, message: str, gateway: Caller) -> None:
    assert error_of(gateway.post(path, body))["message"] == message


def test_wrong_check_digit_is_as_unknown_as_no_number_without_a_look(gateway: Caller, whatsapp: ProductBalance) -> None:
    wrong = whatsapp.number[:-1] + str((int(whatsapp.number[-1]) + 1) % 10)
    with CaptureQueriesContext(connection) as asked:
        answer = gateway.charge(wrong)
        batch = gateway.post("/charges:batch", {"charges": [{"number": wrong, "amount": "1", "request_id": "r1"}]})
    assert answer.status_code == 404
    assert error_of(answer)["name"] == batch.json()["outcomes"][0]["error"]["name"] == "UNKNOWN_NUMBER"
    assert not any(ProductBalance._meta.db_table in query["sql"] for query in asked)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("description", "a\u0000b"), ("description", "two\nlines"), ("description", "\ud800"), ("description", "\x7f"),
        ("description", "\u2028"), ("description", "x" * 201), ("description", None), ("description", 7),
        ("request_id", ""), ("request_id", "x" * 101), ("request_id", "a b"), ("request_id", "ä"),
        ("request_id", "a\n"), ("request_id", "\ud800"), ("request_id", None), ("request_id", 1),
        ("number", ""), ("number", "12"), ("number", "0" * 15), ("number", "1" * 16), ("number", "１" * 15),
        ("number", 100000000000008), ("number", None), ("surprise", "x"), ("description", "\x85"),
    ],
)  # fmt: skip
def test_what_is_not_well_formed_is_named_and_refused(
    field: str, value: object, gateway: Caller, whatsapp: ProductBalance
) -> None:
    body = {"number": whatsapp.number, "amount": "1", "request_id": "r1"} | {field: value}
    answer = gateway.post("/charges", body)
    assert answer.status_code == 422
    assert error_of(answer)["field"] == field
    assert left_in(whatsapp) == "100.000000"


def test_astral_and_chinese_descriptions_come_back_as_given(gateway: Caller, whatsapp: ProductBalance) -> None:
    told = "验证码 📱 é"
    assert gateway.charge(whatsapp.number, "1", description=told).json()["description"] == told
    assert gateway.charge(whatsapp.number, "1", description=told)["Idempotent-Replayed"] == "true"


def test_unknown_number_and_another_products_number_are_told_alike(
    gateway: Caller, whatsapp: ProductBalance, acme: Organisation, now: datetime
) -> None:
    sms = builders.make_product("SMS")
    builders.fill_product(acme, sms, usd(100), now=now)
    other = builders.open_balance(acme, sms, now=now)
    nobodys, anothers = gateway.charge("999999999999999"), gateway.charge(other.number)
    assert nobodys.status_code == anothers.status_code == 404
    assert nobodys.content == anothers.content
    assert error_of(anothers)["name"] == "UNKNOWN_NUMBER"
    assert left_in(other) == "100.000000"


def test_organisation_key_never_charges(whatsapp: ProductBalance, acme: Organisation, now: datetime) -> None:
    answer = program_of(acme, now=now).charge(whatsapp.number)
    assert answer.status_code == 403
    assert error_of(answer)["name"] == "NOT_ALLOWED"
    assert left_in(whatsapp) == "100.000000"


# --- several at once ------------------------------------------------------------------------------------------


def test_batch_tells_each_charge_its_own_outcome(gateway: Caller, whatsapp: ProductBalance) -> None:
    wanted = [
        {"number": whatsapp.number, "amount": "60", "request_id": "a"},
        {"number": whatsapp.number, "amount": "60", "request_id": "b"},
        {"number": "999999999999999", "amount": "1", "request_id": "c"},
        {"number": whatsapp.number, "amount": "40", "request_id": "d"},
        {"number": whatsapp.number, "amount": "61", "request_id": "a"},
    ]
    answer = gateway.post("/charges:batch", {"charges": wanted})
    assert answer.status_code == 200
    outcomes = answer.json()["outcomes"]
    assert [outcome["request_id"] for outcome in outcomes] == ["a", "b", "c", "d", "a"]
    assert [outcome.get("error", {}).get("code") for outcome in outcomes] == [None, 110, 4041, None, 4090]
    assert [outcome["charge"]["balance_after"] for outcome in outcomes if "charge" in outcome] == [
        "40.000000",
        "0.000000",
    ]
    assert left_in(whatsapp) == "0.000000"


def test_batch_twice_has_one_effect_and_the_same_answer(gateway: Caller, whatsapp: ProductBalance) -> None:
    body = {"charges": [{"number": whatsapp.number, "amount": "7", "request_id": f"r{i}"} for i in range(10)]}
    first, second = (gateway.post("/charges:batch", body) for _ in range(2))
    assert second.content == first.content
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert left_in(whatsapp) == "30.000000"


def test_batch_charge_and_single_charge_of_one_request_id_are_one(gateway: Caller, whatsapp: ProductBalance) -> None:
    single = gateway.charge(whatsapp.number, "7", "r1").json()
    batch = gateway.post(
        "/charges:batch", {"charges": [{"number": whatsapp.number, "amount": "7", "request_id": "r1"}]}
    )
    assert batch.json()["outcomes"][0]["charge"] == single
    assert left_in(whatsapp) == "93.000000"


def test_batch_is_refused_whole_when_one_is_not_well_formed(gateway: Caller, whatsapp: ProductBalance) -> None:
    good = {"number": whatsapp.number, "amount": "7", "request_id": "r1"}
    answer = gateway.post("/charges:batch", {"charges": [good, good | {"request_id": "r2", "amount": 7}]})
    assert answer.status_code == 422
    assert error_of(answer)["field"] == "charges.1.amount"
    assert left_in(whatsapp) == "100.000000"


def test_batch_of_a_thousand_with_the_longest_texts_fits(gateway: Caller, whatsapp: ProductBalance) -> None:
    body = {
        "charges": [
            {"number": whatsapp.number, "amount": "0.050000", "request_id": f"{i:0100}", "description": "📱" * 200}
            for i in range(1000)
        ]
    }
    answer = gateway.post("/charges:batch", body)
    assert answer.status_code == 200
    assert all("charge" in outcome for outcome in answer.json()["outcomes"])
    assert left_in(whatsapp) == "50.000000"


@pytest.mark.parametrize("count", [0, 1001])
def test_batch_has_one_to_a_thousand(count: int, gateway: Caller, whatsapp: ProductBalance) -> None:
    body = {"charges": [{"number": whatsapp.number, "amount": "1", "request_id": f"r{i}"} for i in range(count)]}
    answer = gateway.post("/charges:batch", body)
    assert answer.status_code == 422
    assert error_of(answer)["field"] == "charges"
