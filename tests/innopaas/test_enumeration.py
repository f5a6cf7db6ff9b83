"""Nobody learns by asking whether a person, an order, a document or a reference exists: the answer is the same, and so
is what it costs to give. Time itself decides no test: hashes of passwords, mails and statements are counted instead.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from payments.standin.client import StandIn
from products import numbers
from tests import builders, people
from tests.innopaas.acme import Acme
from tests.innopaas.callers import Caller, back_end_of, program_of
from tests.innopaas.routes import TABLE, Shows, routes
from wallet.models import Member, User

pytestmark = pytest.mark.django_db

NOBODY = "nobody-at-all@example.com"


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def alice() -> Member:
    return people.make_owner()


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What whoever asked can see of an answer, and what it cost."""

    status: int
    leads_to: str
    body: str
    hashes: int
    mails: int
    statements: int | None = None


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Seen]:
    """Asks, and counts."""
    hashed: list[str] = []
    for name in ("encode", "verify"):
        real = getattr(Argon2PasswordHasher, name)

        def counted(self: Any, *args: Any, _real: Any = real, _name: str = name, **kwargs: Any) -> Any:
            hashed.append(_name)
            return _real(self, *args, **kwargs)

        monkeypatch.setattr(Argon2PasswordHasher, name, counted)

    def ask(question: Callable[[], Any], *hidden: str) -> Seen:
        hashed.clear()
        mails = len(mail.outbox)
        with CaptureQueriesContext(connection) as statements:
            answer = question()
        return Seen(
            status=answer.status_code,
            leads_to=answer.get("Location", ""),
            body=blank(answer.content.decode("utf-8", "replace"), *hidden),
            hashes=len(hashed),
            mails=len(mail.outbox) - mails,
            statements=len(statements),
        )

    return ask


def blank(body: str, *hidden: str) -> str:
    """Without what was asked for, and what is drawn anew for every page."""
    body = re.sub(r'name="csrfmiddlewaretoken" value="\w+"|nonce="[^"]*"|[A-Za-z0-9_-]{64}', "…", body)
    for word in hidden:
        body = body.replace(word, "…")
    return body


def post(page: str, **form: str) -> Callable[[], Any]:
    return lambda: Client().post(reverse(page), form)


def without_statements(seen: Seen) -> Seen:
    return Seen(**{**vars(seen), "statements": None})


def test_login_tells_neither_who_exists_nor_who_is_active(alice: Member, look: Callable[..., Seen]) -> None:
    left = people.make_user("left")
    left.set_unusable_password()
    left.is_active = False
    left.save()
    post("account_login", login="eve@example.com", password="a wrong password")()  # the first one begins the counters
    asked = [
        look(post("account_login", login=email, password="a wrong password"), email)
        for email in (alice.user.email, left.email, NOBODY)
    ]
    assert len({without_statements(seen) for seen in asked}) == 1
    assert asked[0].hashes == 1
    counts = [seen.statements or 0 for seen in asked]
    assert max(counts) - min(counts) <= 1  # an address that nobody confirmed is looked for among the users as well


def test_forgotten_password_tells_nobody_who_exists(alice: Member, look: Callable[..., Seen]) -> None:
    known, unknown = (look(post("account_reset_password", email=email), email) for email in (alice.user.email, NOBODY))
    assert without_statements(known) == without_statements(unknown)
    assert (known.hashes, known.mails) == (0, 1)


def test_sign_up_tells_nobody_who_exists(alice: Member, look: Callable[..., Seen]) -> None:
    form = {"organisation": "Nova", "name": "Nina", "password1": people.PASSWORD, "password2": people.PASSWORD}
    known, unknown = (look(post("account_signup", email=email, **form), email) for email in (alice.user.email, NOBODY))
    assert without_statements(known) == without_statements(unknown)
    assert (known.hashes, known.mails) == (1, 1)


def test_owner_who_invites_does_not_learn_who_has_an_account(alice: Member, look: Callable[..., Seen]) -> None:
    bob, client = people.make_owner("bob", "Bob's Bikes").user, Client()
    client.force_login(alice.user)
    asked = [
        look(partial(client.post, reverse("wallet:invite"), {"email": email, "role": "VIEWER"}), email)
        for email in (bob.email, NOBODY)
    ]
    assert asked[0] == asked[1]
    assert asked[0].mails == 1


def unlike(number: str) -> str:
    """A number of the same shape that nobody has; its check character is right where the shape has one."""
    return "TU20200101" + "2" * 9 + "2" if number.startswith("TU") else re.sub(r"\d(?=\D*$)", "0", number)


@pytest.fixture
def bob(acme: Acme, now: datetime) -> User:
    owner = builders.make_person("bob")
    builders.make_organisation(now=now, owner=owner, name="Bob's Bikes")
    return owner


def test_another_organisations_numbers_are_as_unknown_as_invented_ones(
    acme: Acme, bob: User, look: Callable[..., Seen], stripe_process: StandIn
) -> None:
    """Orders with all that hangs on them, refunds, documents, fapiao and slips, by every address that names one."""
    client, tried = Client(), 0
    client.force_login(bob)
    client.get("/")
    for route in routes():
        real = acme.ids(route)
        numbered = {shape: value for shape, value in real.items() if shape in route.pattern and "number" in shape}
        if TABLE[route.name] is not Shows.NAMED or not numbered:
            continue
        invented = real | {shape: unlike(value) for shape, value in numbered.items()}
        addresses = [route.address(real), route.address(invented)]
        assert addresses[0] != addresses[1]
        client.get(addresses[1])  # the first one reads what later ones need not
        for method, body in (("get", {}), ("post", acme.body(route.name))):
            theirs, nobodys = (look(partial(getattr(client, method), where, body), where) for where in addresses)
            assert theirs == nobodys, f"{method} {route.name}"
            tried += 1
    assert tried >= 20


@pytest.mark.parametrize("kind", ["order", "reference", "fapiao"])
def test_search_for_another_organisations_number_finds_what_an_invented_one_finds(
    kind: str, acme: Acme, bob: User, look: Callable[..., Seen]
) -> None:
    number = {
        "order": acme.order.number,
        "reference": acme.offline.declared.reference,
        "fapiao": str(acme.fapiao.number),
    }[kind]
    client = Client()
    client.force_login(bob)
    theirs, nobodys = (
        look(partial(client.get, reverse("billing:orders"), {"q": text}), text) for text in (number, unlike(number))
    )
    assert theirs == nobodys


def test_program_learns_nothing_of_what_another_ones_key_reaches(
    acme: Acme, look: Callable[..., Seen], now: datetime
) -> None:
    other = back_end_of(builders.make_product("Voice"), now=now)
    reader = program_of(builders.make_organisation(now=now), now=now)
    number, hold = acme.goods.balance.number, str(acme.goods.hold.pk)
    questions: list[tuple[Caller, str, str]] = [
        (other, f"/holds/{hold}", f"/holds/{hold[:-4]}0000"),
        (reader, f"/entries?number={number}", f"/entries?number={numbers.draw()}"),
    ]
    for caller, real, invented in questions:
        caller.get("/balances")
        theirs, nobodys = (look(partial(caller.get, path), path) for path in (real, invented))
        assert (theirs.status, theirs.body) == (nobodys.status, nobodys.body)
        assert theirs.status == 404
