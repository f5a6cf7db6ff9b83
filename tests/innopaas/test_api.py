"""What holds for the whole API: who may ask, how often, the one shape of errors, its description, and its page."""

import json
import re
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis import ConnectionError as RedisAway

from products import api_access, api_reads, keys
from products.api_answers import Problem
from products.models import ApiKey, ProductBalance
from tests import builders
from tests.builders import usd
from tests.innopaas.callers import API, Caller, back_end_of, error_of, program_of


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


@pytest.fixture
def program(whatsapp: ProductBalance, now: datetime) -> Caller:
    return program_of(whatsapp.organisation, now=now)


# --- who asks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        None, "", "Bearer", "Bearer ", "Bearer x", "Basic {secret}", "{secret}", "Bearer {prefix}",
        "Bearer {secret}x", "Bearer {secret} x", "Bearer  {secret}", "Bearer ips_" + "A" * 43, "Bearer ips_" + "é" * 43,
        "Bearer {secret}\u0000", "Bearer " + "x" * 5000,
    ],
)  # fmt: skip
def test_stranger_is_told_nothing(header: str | None, program: Caller) -> None:
    assert program.key
    said = {} if header is None else {"Authorization": header.format(secret=program.secret, prefix=program.key.prefix)}
    answer = Client(raise_request_exception=False).get(f"{API}/balances", headers=said)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert error_of(answer) == {
        "code": 4010, "name": "UNAUTHENTICATED", "message": "The API key is missing, unknown or revoked"
    }  # fmt: skip


def test_revoked_key_is_a_strangers_at_once(gateway: Caller, whatsapp: ProductBalance, now: datetime) -> None:
    assert gateway.key
    assert gateway.charge(whatsapp.number, request_id="before").status_code == 201
    keys.revoke(key_id=gateway.key.pk, by=builders.make_person("olivia"), now=now)
    assert gateway.charge(whatsapp.number, request_id="after").status_code == 401
    assert gateway.charge(whatsapp.number, request_id="before").status_code == 401


def test_logged_in_customer_without_a_key_is_a_stranger(whatsapp: ProductBalance) -> None:
    client = Client()
    client.force_login(builders.owner_of(whatsapp.organisation))
    assert client.get(f"{API}/balances").status_code == 401


def test_caller_needs_no_csrf_token_and_gets_no_cookie(gateway: Caller, whatsapp: ProductBalance) -> None:
    answer = gateway.charge(whatsapp.number)
    assert answer.status_code == 201
    assert not answer.cookies
    assert answer["Cache-Control"] == "no-store"


def test_last_use_is_known_to_the_minute(gateway: Caller, whatsapp: ProductBalance, now: datetime) -> None:
    assert gateway.key
    ApiKey.objects.filter(pk=gateway.key.pk).update(last_used_at=now - timedelta(hours=1))
    gateway.charge(whatsapp.number)
    first = ApiKey.objects.get(pk=gateway.key.pk).last_used_at
    assert first
    assert first >= now
    gateway.charge(whatsapp.number)
    assert ApiKey.objects.get(pk=gateway.key.pk).last_used_at == first


# --- how often ------------------------------------------------------------------------------------------------


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> api_access.Counter:
    fresh = api_access.Counter()
    monkeypatch.setattr(api_access, "_counter", fresh)
    return fresh


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch, counter: api_access.Counter) -> list[str]:
    """Redis does not answer; each time it is asked stands in the list."""
    asked: list[str] = []

    def ask(*_args: object, **_more: object) -> None:
        asked.append("asked")
        raise RedisAway

    limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
    monkeypatch.setattr(limiter, "hit", ask)
    monkeypatch.setattr(api_access, "_redis", lambda _url: limiter)
    return asked


def test_who_asks_too_often_is_told_how_long_to_wait(
    whatsapp: ProductBalance, counter: api_access.Counter, now: datetime
) -> None:
    slow = back_end_of(whatsapp.product, now=now, requests_per_minute=3)
    answers = [slow.charge(whatsapp.number, "1", f"r{i}") for i in range(5)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429, 429]
    assert error_of(answers[4])["name"] == "TOO_MANY_REQUESTS"
    assert 1 <= int(answers[4]["Retry-After"]) <= 60
    assert builders.balance_of(whatsapp.organisation_id, whatsapp.product.code) == usd(97)


def test_one_key_does_not_use_up_anothers_requests(whatsapp: ProductBalance, now: datetime) -> None:
    one, other = (back_end_of(whatsapp.product, now=now, requests_per_minute=1) for _ in range(2))
    assert one.charge(whatsapp.number, "1", "a").status_code == 201
    assert one.charge(whatsapp.number, "1", "b").status_code == 429
    assert other.charge(whatsapp.number, "1", "c").status_code == 201


def test_processes_count_together(whatsapp: ProductBalance, now: datetime) -> None:
    slow = back_end_of(whatsapp.product, now=now, requests_per_minute=4)
    assert slow.key
    waits = [api_access.Counter().count(slow.key, now=now) for _ in range(6)]
    assert [bool(wait) for wait in waits] == [False] * 4 + [True] * 2


def test_without_redis_callers_are_answered_and_still_counted(
    whatsapp: ProductBalance, away: list[str], now: datetime
) -> None:
    slow = back_end_of(whatsapp.product, now=now, requests_per_minute=3)
    answers = [slow.charge(whatsapp.number, "1", f"r{i}").status_code for i in range(4)]
    assert answers == [201, 201, 201, 429]


def test_redis_that_was_away_is_left_alone_for_a_while(
    whatsapp: ProductBalance, away: list[str], counter: api_access.Counter, now: datetime
) -> None:
    key = back_end_of(whatsapp.product, now=now).key
    assert key
    for second in range(10):
        counter.count(key, now=now + timedelta(seconds=second))
    assert len(away) == 1
    counter.count(key, now=now + api_access.REDIS_PAUSE)
    assert len(away) == 2


def test_redis_that_refuses_connections_costs_one_attempt(
    whatsapp: ProductBalance, counter: api_access.Counter, settings: LazySettings, now: datetime
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    fast = back_end_of(whatsapp.product, now=now)
    assert fast.charge(whatsapp.number).status_code == 201


def test_redis_that_never_answers_is_asked_once(
    whatsapp: ProductBalance, counter: api_access.Counter, settings: LazySettings, now: datetime
) -> None:
    fast = back_end_of(whatsapp.product, now=now)
    with socket.create_server(("127.0.0.1", 0), backlog=20) as silent:
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        assert {fast.charge(whatsapp.number, "1", f"r{i}").status_code for i in range(5)} == {201}
        silent.settimeout(0.05)
        silent.accept()[0].close()
        with pytest.raises(TimeoutError):
            silent.accept()


# --- what goes wrong ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "/", "/x", "/charges/", "/holds/1", "/holds/x/capture", "/charges:batch/x", "/é"])
def test_unknown_address_is_told_in_the_same_shape(path: str, gateway: Caller) -> None:
    for answer in (gateway.post(f"/..{API}{path}" if path == "/é" else path or "/"), gateway.get(path or "/")):
        assert answer.status_code == 404
        assert error_of(answer)["name"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("get", "/charges", "POST"),
        ("delete", "/charges", "POST"),
        ("post", "/balances", "GET"),
        ("put", "/holds/01890000-0000-7000-8000-000000000001", "GET"),
        ("options", "/orders", "GET"),
    ],
)
def test_other_methods_are_told_in_the_same_shape(method: str, path: str, allowed: str) -> None:
    answer = getattr(Client(), method)(API + path)
    assert answer.status_code == 405
    assert answer["Allow"] == allowed
    assert error_of(answer)["name"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize(
    "body",
    [
        "{", "nothing", "\x00", b"\xff\xfe\x00", "{'a': 1}", '{"amount": 1,}', "[" * 100_000, "9" * 10_000,
        '{"number": "100000000000008", "amount": "1", "amount": "100", "request_id": "r"}',
        '{"a": {"b": 1, "b": 2}}',
    ],
)  # fmt: skip
def test_unreadable_body_is_told_in_the_same_shape(body: str | bytes, gateway: Caller) -> None:
    answer = gateway.post("/charges", body)
    assert answer.status_code == 400
    assert error_of(answer)["name"] == "UNREADABLE_BODY"


@pytest.mark.parametrize("body", ["", "null", "[]", "1", '"x"', "{}", "NaN", "true", '[{"number": "1"}]'])
def test_body_of_another_kind_is_not_valid(body: str, gateway: Caller) -> None:
    answer = gateway.post("/charges", body)
    assert answer.status_code == 422
    assert error_of(answer)["name"] == "INVALID"


def test_body_that_is_too_large_is_not_read(gateway: Caller, settings: LazySettings) -> None:
    body = '{"description": "' + "x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE + '"}'
    answer = gateway.post("/charges:batch", body)
    assert answer.status_code == 413
    assert error_of(answer)["name"] == "BODY_TOO_LARGE"


def test_failure_of_ours_is_told_in_the_same_shape_and_tells_no_secret(
    gateway: Caller, whatsapp: ProductBalance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise RuntimeError("something secret")

    monkeypatch.setattr(api_reads, "visible", fail)
    answer = gateway.charge(whatsapp.number)
    assert answer.status_code == 500
    assert error_of(answer)["name"] == "FAILED"
    assert "secret" not in answer.content.decode()


def test_every_problem_has_a_code_of_its_own_which_the_documentation_names() -> None:
    codes = [problem.code for problem in Problem]
    assert len(set(codes)) == len(codes)
    told = set(re.findall(r"^\| (\d+) \| `(\w+)` \| (\d+) \|", read_documentation(), flags=re.MULTILINE))
    assert told == {(str(problem.code), problem.name, str(problem.status)) for problem in Problem}
    described = Client().get(f"{API}/openapi.json").json()["info"]["description"]
    assert all(f"| {problem.code} | `{problem.name}` |" in described for problem in Problem)


def read_documentation() -> str:
    return Path("docs/api.md").read_text("utf-8")


# --- its description ------------------------------------------------------------------------------------------


def test_description_is_public_and_names_every_operation() -> None:
    described = Client().get(f"{API}/openapi.json").json()
    operations = {
        f"{method.upper()} {path.removeprefix(API)}"
        for path, methods in described["paths"].items()
        for method in methods
    }
    assert operations == {
        "POST /charges", "POST /charges:batch", "POST /holds", "GET /holds/{hold_id}", "POST /holds/{hold_id}/capture",
        "POST /holds/{hold_id}/release", "GET /balances", "GET /entries", "GET /orders",
    }  # fmt: skip


def test_every_operation_declares_its_errors_in_the_one_shape() -> None:
    described: dict[str, Any] = Client().get(f"{API}/openapi.json").json()
    for methods in described["paths"].values():
        for operation in methods.values():
            errors = {code: told for code, told in operation["responses"].items() if int(code) >= 400}
            assert {"401", "403", "422", "429", "500"} <= set(errors)
            for told in errors.values():
                assert told["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ErrorAnswer"}
            assert operation["security"]


def test_every_operation_is_closed_to_strangers(program: Caller) -> None:
    described: dict[str, Any] = Client().get(f"{API}/openapi.json").json()
    for path, methods in described["paths"].items():
        address = path.replace("{hold_id}", "01890000-0000-7000-8000-000000000001")
        for method in methods:
            for said in ({}, {"Authorization": f"Bearer {program.secret[:-1]}"}):
                answer = getattr(Client(), method)(address, content_type="application/json", headers=said)
                assert answer.status_code == 401, f"{method} {path}"


def test_page_of_documentation_needs_no_network_and_no_inline_script() -> None:
    answer = Client().get(f"{API}/docs")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert not answer.cookies
    assert not re.findall(r"""(?:src|href)=["'](?!/[^/])""", page)
    assert not re.findall(r"<style|\son\w+=|\sstyle=", page)
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", page, flags=re.DOTALL)
    assert all("src=" in marks or 'type="application/json"' in marks for marks, _text in scripts)
    settings_ = json.loads(next(text for marks, text in scripts if "json" in marks))
    assert settings_["validatorUrl"] is None
    assert settings_["url"] == f"{API}/openapi.json"


def test_question_of_a_caller_reads_no_session(program: Caller) -> None:
    client = Client(headers={"Authorization": f"Bearer {program.secret}"})
    with CaptureQueriesContext(connection) as seen:
        client.get(f"{API}/balances")
    assert not [query["sql"] for query in seen if "session" in query["sql"]]


def test_address_with_too_many_parameters_is_refused(program: Caller) -> None:
    for path in ("/balances", "/orders"):
        answer = program.get(path, **{f"p{place}": "x" for place in range(2_000)})
        assert answer.status_code == 422
        assert error_of(answer)["name"] == "INVALID"
        assert "too many parameters" in error_of(answer)["message"]


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_address_without_its_slash_is_not_found(method: str, settings: LazySettings) -> None:
    settings.DEBUG = True
    answer = getattr(Client(raise_request_exception=False), method)(API)
    assert answer.status_code == 404
    assert error_of(answer)["name"] == "NOT_FOUND"


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
def test_documentation_is_only_read(path: str) -> None:
    assert Client().head(API + path).status_code == 200
    for method in ("post", "put", "patch", "delete", "options"):
        answer = getattr(Client(), method)(API + path)
        assert answer.status_code == 405
        assert answer["Allow"] == "GET, HEAD"
        assert error_of(answer)["name"] == "METHOD_NOT_ALLOWED"


def test_description_asks_for_one_key_and_its_page_leads_back_without_javascript() -> None:
    assert list(Client().get(f"{API}/openapi.json").json()["components"]["securitySchemes"]) == ["Bearer"]
    page = Client().get(f"{API}/docs").content.decode()
    told = page[page.index("<noscript>") : page.index("</noscript>")]
    assert f'href="{API}/openapi.json"' in told
    assert 'href="/"' in page
