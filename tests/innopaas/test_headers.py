"""What every answer of the site tells browsers, and what no page of it contains: each route of routes.py is asked by a
visitor without a login, by a customer, and, where staff are meant, by somebody who may see everything.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any, Final

import pytest
from django.http import HttpResponseBase, StreamingHttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from payments.standin.client import StandIn
from tests import people
from tests.innopaas.acme import Acme
from tests.innopaas.routes import TABLE, Shows, routes
from tests.innopaas.test_routes import make_root
from tests.innopaas.test_settings import GOOD
from wallet.models import User

pytestmark = pytest.mark.django_db

SAID: Final = {
    "Content-Security-Policy": r".*frame-ancestors 'none'.*",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": r"camera=\(\), .*",
    "Cache-Control": r".*no-store.*",
}
"""Headers of every answer, and what each has to be."""

PLAIN_SOURCES: Final = ("script-src", "style-src", "object-src", "base-uri", "form-action")

LIKE_OTHERS: Final = ("_changelist", "_add", "_history", "_delete", "<path:object_id>/")
"""Pages of the admin's models that are of one template, whatever the model: those of one model stand for all."""


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


class Page(HTMLParser):
    """What of a page a browser would run or paint that did not come from a file of ours."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        if tag == "script" and "src" not in has and has.get("type") != "application/json" and not has.get("nonce"):
            self.scripts.append(str(attrs))
        self.scripts += [f"{tag} {name}" for name in has if name.startswith("on")]
        self.scripts += [f"{tag} {text}" for text in has.values() if (text or "").strip().startswith("javascript:")]
        if (tag == "style" and not has.get("nonce")) or "style" in has:
            self.styles.append(f"{tag} {attrs}")


def find_faults(answer: HttpResponseBase, *, is_admin: object = None) -> list[str]:
    """What the answer should have said and did not; of the admin see `docs/security.md`, V3.4.3."""
    faults = [name for name, shape in SAID.items() if not re.fullmatch(shape, answer.get(name, ""))]
    kind = answer.get("Content-Type", "")
    body = answer.getvalue() if isinstance(answer, StreamingHttpResponse) else getattr(answer, "content", b"")
    if body and (not kind or (kind.startswith("text/") and "charset=" not in kind)):
        faults.append(f"Content-Type: {kind}")
    if kind.startswith("text/html"):
        policy = answer["Content-Security-Policy"]
        page = Page(body.decode())
        faults += page.scripts + [name for name in PLAIN_SOURCES if name not in policy]
        faults += [] if is_admin else page.styles + re.findall(r"'unsafe-[a-z]+'", policy)
    return faults + [cookie.key for cookie in answer.cookies.values() if not cookie["httponly"]]


def list_visits(acme: Acme) -> Iterator[tuple[User | None, str, str]]:
    """Who asks for which route at which address."""
    alice, root, seen = acme.order.created_by, make_root(), set[str]()
    for route in routes():
        address, of_staff = route.address(acme.ids(route)), TABLE[route.name] is Shows.STAFF
        kind = next((ending for ending in LIKE_OTHERS if route.name.endswith(ending)), None)
        if of_staff and not (kind and kind in seen):
            yield root, route.name, address
            seen |= {kind} if kind else set()
        if not of_staff or route.name == "admin:index":
            yield from [(None, route.name, address), (alice, route.name, address)]


def test_every_answer_tells_browsers_what_they_may_do_with_it(acme: Acme, stripe_process: StandIn) -> None:
    clients: dict[User | None, Client] = {}
    kinds, told = set(), []
    for visitor, name, address in list_visits(acme):
        client = clients.setdefault(visitor, Client())
        if visitor and "sessionid" not in client.cookies:
            client.force_login(visitor)
        answer = client.get(address)
        kinds.add(answer.get("Content-Type", "").partition(";")[0])
        told += [f"{visitor} {name} {answer.status_code}: {fault}"
                 for fault in find_faults(answer, is_admin=address.startswith("/admin/") or None)]  # fmt: skip
    assert not told
    assert {"text/html", "text/csv", "application/pdf", "application/json", "image/png", "text/plain"} <= kinds


def test_a_page_that_runs_what_stands_in_it_would_be_seen() -> None:
    """Else the walk would prove nothing."""
    harmless = '<script src="/a.js"></script><script type="application/json">{}</script><script nonce="x">1</script>'
    assert Page(harmless).scripts + Page(harmless).styles == []
    for hostile in ("<script>1</script>", '<a href="javascript:1">', '<img onerror="1">', '<svg onload="1"/>'):
        assert Page(hostile).scripts
    for painted in ("<style>p{}</style>", '<p style="color: red">'):
        assert Page(painted).styles


def test_error_pages_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError

    alice = Client(raise_request_exception=False)
    alice.force_login(people.make_owner().user)
    monkeypatch.setattr("wallet.organisations.create", fail)
    strict = Client(enforce_csrf_checks=True)
    answers = {
        404: alice.get("/nothing/here/"),
        403: strict.post(reverse("account_login"), {"login": "x"}),
        405: alice.get("/payments/stripe/webhook/"),
        500: alice.post(reverse("wallet:create_organisation"), {"name": "Nova"}),
        400: alice.get("/", headers={"host": "evil.example"}),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert not find_faults(answer), status


def test_too_often_says_the_same() -> None:
    client = Client()
    for _ in range(21):
        answer = client.post(reverse("account_signup"), {"email": "nobody"})
    assert answer.status_code == 429
    assert not find_faults(answer)


READ = """
import json
from django.conf import settings
names = [name for name in dir(settings) if name.startswith(("SECURE_", "SESSION_COOKIE", "CSRF_COOKIE", "LANGUAGE_C"))]
print(json.dumps({name: value for name in names if isinstance(value := getattr(settings, name), (bool, int, str))}))
"""


@pytest.fixture
def production(settings: Settings) -> dict[str, Any]:
    """The settings of cookies and transport as production has them."""
    environment = {**GOOD, "PATH": "", "DJANGO_SETTINGS_MODULE": "innopaas.settings", "DEBUG": "0"}
    run = subprocess.run([sys.executable, "-c", READ], env=environment, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(run.stdout)
    for name, value in found.items():
        setattr(settings, name, value)
    return found


def test_production_asks_for_https_for_a_year_of_every_host(production: dict[str, Any]) -> None:
    client = Client()
    answer = client.get(reverse("account_login"), secure=True)
    assert answer["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    plain = client.get(reverse("account_login"))
    assert (plain.status_code, plain["Location"]) == (301, "https://testserver/accounts/login/")


def test_cookies_of_production_are_of_this_host_alone_and_no_scripts(production: dict[str, Any]) -> None:
    alice = people.make_owner().user
    client = Client(enforce_csrf_checks=True)
    page = client.get(reverse("account_login"), secure=True)
    form = {"login": alice.email, "password": people.PASSWORD, "csrfmiddlewaretoken": page.context["csrf_token"]}
    origin = {"referer": "https://testserver/"}
    answer = client.post(reverse("account_login"), form, secure=True, headers=origin)
    assert answer.status_code == 302
    assert set(client.cookies) == {"__Host-sessionid", "__Host-csrftoken", "__Host-language"}
    for cookie in client.cookies.values():
        assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")
        assert (cookie["path"], cookie["domain"]) == ("/", "")


@pytest.mark.parametrize("path", ["/api/v1/balances", "/payments/stripe/webhook/"])
def test_programs_without_https_are_refused_and_not_redirected(path: str, production: dict[str, Any]) -> None:
    plain = Client().post(path, "{}", content_type="application/json", headers={"Authorization": "Bearer ips_x"})
    assert (plain.status_code, plain.content) == (403, b"Use https.\n")
    assert Client().post(path, "{}", content_type="application/json", secure=True).status_code != 403


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "DEBUG"])
def test_methods_that_nobody_needs_are_refused_everywhere(method: str) -> None:
    for path in ("/", "/accounts/login/", "/admin/", "/api/v1/balances", "/healthz"):
        answer = Client().generic(method, path, headers={"X-Secret": "s3cret"})
        assert answer.status_code == 405
        assert b"s3cret" not in answer.content


def test_a_new_session_begins_with_every_login() -> None:
    alice = people.make_owner().user
    client = Client()
    client.cookies["sessionid"] = "planted" * 4
    client.post(reverse("account_login"), {"login": alice.email, "password": people.PASSWORD})
    assert client.cookies["sessionid"].value != "planted" * 4
