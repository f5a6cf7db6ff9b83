"""Log lines: what people type stays within one line, and what is secret stays out of it."""

import json
import logging
from io import StringIO
from typing import Any, Final

import pytest
from django.test import Client
from django.urls import reverse

from innopaas import logs
from tests import people

HOSTILE: Final = "\r\n2026-11-23T00:00:00Z [info     ] order paid\x1b[31m\x9b31m\u2028\u2029\x85\x00\u202egnp\x7f"


def write(renderer: Any, *, event: str, logger: str = "attacked", **facts: Any) -> str:
    """A line as the settings' own formatter writes it."""
    configured = logs.configure(level="INFO", renderer=renderer)["formatters"]["line"]
    formatter = configured.pop("()")(**configured)
    out = StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    record = logging.LogRecord(logger, logging.INFO, __file__, 1, event, (), None)
    if facts:
        record.msg = {"event": event, **facts}
        record._logger, record._name = None, "info"  # as structlog's own loggers mark what they hand on
    handler.emit(record)
    return out.getvalue()


@pytest.mark.parametrize("renderer", [logs.json(), logs.readable()], ids=["production", "DEBUG"])
@pytest.mark.parametrize("facts", [{}, {"name": HOSTILE}, {"names": [HOSTILE], "error": ValueError(HOSTILE)}])
def test_what_people_type_stays_within_one_line(renderer: Any, facts: dict[str, Any]) -> None:
    line = write(renderer, event=f"signed up: {HOSTILE}", **facts)
    assert line.count("\n") == 1
    assert line.endswith("\n")
    assert line[:-1].isprintable() or not set(line[:-1]) & set(HOSTILE) - {" "} - set(map(chr, range(32, 127)))


def test_line_of_production_is_json_that_keeps_chinese_names_and_numbers() -> None:
    read = json.loads(write(logs.json(), event="paid", name="小明", seconds=1.5, code=200, nothing=None))
    assert (read["name"], read["seconds"], read["code"], read["nothing"]) == ("小明", 1.5, 200, None)


@pytest.mark.django_db
def test_line_about_a_request_names_its_address_and_not_what_was_asked_there(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = Client()
    client.force_login(people.make_owner().user)
    client.get("/nothing/here/", {"email": "carol@example.com", "token": "s3cret"})
    told = " ".join(str(record.msg) + record.getMessage() for record in caplog.records)
    assert "GET /nothing/here/" in told
    assert "carol" not in told
    assert "s3cret" not in told


@pytest.mark.django_db
def test_password_and_key_stand_in_no_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        alice = people.make_owner().user
        for password in (people.PASSWORD, "a wrong password"):
            Client().post(reverse("account_login"), {"login": alice.email, "password": password})
        Client().get("/api/v1/balances", headers={"Authorization": "Bearer ips_" + "x" * 43})
    told = " ".join(str(record.msg) + record.getMessage() for record in caplog.records)
    assert people.PASSWORD not in told
    assert "a wrong password" not in told
    assert "x" * 43 not in told


@pytest.mark.django_db
def test_login_and_failed_login_are_told_with_the_network_address(caplog: pytest.LogCaptureFixture) -> None:
    alice = people.make_owner().user
    for password in (people.PASSWORD, "a wrong password"):
        Client().post(reverse("account_login"), {"login": alice.email, "password": password})
    told = {str(record.msg.get("event")): record.msg for record in caplog.records if isinstance(record.msg, dict)}
    assert told["logged in"]["user"] == str(alice.pk)
    assert told["logged in"]["ip"] == told["login failed"]["ip"] == "127.0.0.1"
    assert alice.email not in str(told)
