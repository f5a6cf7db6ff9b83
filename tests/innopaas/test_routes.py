"""P17: another organisation sees nothing. Every address of the site is walked with acme's ids by people who have no
business with acme; a route that is not in the table of routes.py fails until somebody says whose data it shows.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import HttpResponseBase, StreamingHttpResponse
from django.test import Client

from billing import flags, form_tokens, mails
from billing.models import Flag, Order, OrderMail
from payments import checkout, inbox, stripe_api
from payments.models import Heartbeat, InboxEvent, Payment
from payments.standin.client import StandIn
from tests import builders
from tests.innopaas.routes import FOR_ANY_STAFF, TABLE, Route, Shows, routes
from wallet import chart, invitations
from wallet.models import Account, Entry, Invitation, Member, Organisation, Posting, Role, User

pytestmark = pytest.mark.django_db(databases=["default"])


@dataclass(kw_only=True)
class Acme:
    """The organisation nobody else may see, and the words that would give it away."""

    organisation: Organisation
    order: Order
    open_order: Order
    payment: Payment
    invitation: Invitation
    event: InboxEvent

    def secrets(self) -> set[str]:
        posting = Posting.objects.get(organisation=self.organisation)
        carol = Member.objects.get(organisation=self.organisation, role=Role.BILLING).user
        return {
            self.organisation.name, carol.email, carol.name, self.invitation.email, str(self.organisation.pk),
            self.order.number, self.open_order.number, str(self.order.pk), str(self.payment.pk),
            str(self.payment.session_id), self.payment.payment_intent_id, self.event.event_id, posting.key,
            "8,765.43", "8765.43",
        }  # fmt: skip

    def ids(self, route: Route) -> dict[str, str]:
        return {
            "(?P<number>TU[0-9A-Z]{18})": self.order.number if "receipt" in route.name else self.open_order.number,
            "<path:object_id>": self.rows.get("_".join(route.pattern.split("/")[1:3]), str(self.order.pk)),
            "<path:content_type_id>": str(ContentType.objects.get_for_model(Order).pk),
            "<str:token>": secrets.token_urlsafe(32),
            "(?P<key>[-:\\w]+)": "aaa:bbb",
            "(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)": "1-aaa-bbb",
            "<int:pk>": "1",
            "(?P<app_label>wallet|account|mfa|auth|billing|payments)": "billing",
            "(?P<url>.*)": f"billing/order/{self.order.pk}",
        }

    @cached_property
    def rows(self) -> dict[str, str]:
        """The key of acme's row of each model that an admin page shows."""
        mine: dict[str, Model] = {
            "wallet_organisation": self.organisation,
            "wallet_user": self.order.created_by,
            "wallet_posting": Posting.objects.get(organisation=self.organisation),
            "wallet_account": Account.objects.of(self.organisation.pk)[0],
            "wallet_entry": Entry.objects.filter(organisation=self.organisation)[0],
            "billing_order": self.order,
            "billing_flag": Flag.objects.get(organisation=self.organisation),
            "billing_ordermail": OrderMail.objects.get(event__organisation=self.organisation),
            "payments_payment": self.payment,
            "payments_inboxevent": self.event,
            "payments_heartbeat": Heartbeat.objects.all()[0],
        }
        return {name: str(row.pk) for name, row in mine.items()}

    def body(self) -> dict[str, str]:
        """What a form might say to reach acme: its people, its ids, a token of one of its forms."""
        alice = self.order.created_by
        token = form_tokens.issue(user_id=alice.pk, organisation_id=self.organisation.pk, target=chart.WALLET)
        return {
            "email": alice.email, "role": Role.VIEWER, "organisation": str(self.organisation.pk), "amount": "77",
            "method": "card", "currency": "USD", "form_token": token, "note": "resolved", "name": "Bob's second",
            "language": "en", "post": "yes", "_selected_action": str(self.order.pk), "action": "delete_selected",
        }  # fmt: skip

    def state(self) -> list[Any]:
        """Everything of acme that somebody could have changed."""
        mine = {"organisation": self.organisation}
        rows: list[Any] = [Organisation.objects.filter(pk=self.organisation.pk).values_list("name").get()]
        for model, fields in {
            Order: ["number", "state"],
            Payment: ["state", "cancel_wished_by", "session_id"],
            Member: ["user_id", "role"],
            Invitation: ["email", "withdrawn_at", "accepted_at"],
            Flag: ["reason", "resolved_at"],
            Posting: ["key"],
        }.items():
            rows.append(sorted(map(str, model._default_manager.filter(**mine).values_list(*fields))))
        rows.append(InboxEvent.objects.filter(pk=self.event.pk).values_list("attempts", "handled_at").get())
        return rows


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def stripe_process() -> Iterator[StandIn]:
    with StandIn.start() as running:
        yield running


@pytest.fixture
def acme(
    db: None, now: datetime, stripe_process: StandIn, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Acme]:
    settings.STRIPE_API_BASE = stripe_process.base
    settings.STAFF_MFA_REQUIRED = False  # what is left to refuse a visitor are the permissions alone
    stripe_api._client.cache_clear()
    alice = builders.make_person("alice")
    organisation = builders.make_organisation(now=now, owner=alice, name=f"Quetzal {secrets.token_hex(4)}")
    builders.make_member(organisation, role=Role.BILLING, now=now, name="carolina")
    invitation = invitations.invite(
        organisation_id=organisation.pk, email="dora@quetzal.example", role=Role.VIEWER, by=alice, now=now
    ).invitation
    paid = builders.open_checkout(organisation, now=now, amount=builders.usd("8765.43"))
    stripe_process.pay(builders.session_of(paid))
    raw = f"evt_{secrets.token_hex(8)}"
    inbox.store_missed(
        [
            stripe_api.Event(
                id=raw,
                type="checkout.session.completed",
                object_id=builders.session_of(paid),
                api_version=stripe_api.API_VERSION,
                raw=b"{}",
            )
        ],
        now=now,
    )
    checkout.ask_about(payment_id=paid.pk, by="Stripe", now=now)
    paid.refresh_from_db()
    flags.raise_flag(order=paid.order, reason=Flag.Reason.LATE_MONEY, now=now, detail=organisation.name)
    mails.send_due(now=now)
    Heartbeat.objects.get_or_create(name="inbox", defaults={"beat_at": now})
    yield Acme(
        organisation=organisation,
        order=paid.order,
        open_order=builders.open_checkout(organisation, now=now).order,
        payment=paid,
        invitation=invitation,
        event=InboxEvent.objects.get(event_id=raw),
    )
    stripe_api._client.cache_clear()


@pytest.fixture
def visitors(db: None, now: datetime) -> dict[str, User | None]:
    bob, sam = builders.make_person("bob"), builders.make_person("sam")
    other = builders.make_organisation(now=now, owner=bob, name="Bob's Bikes")
    sam.is_staff = True
    sam.save()
    vera = builders.make_member(other, role=Role.VIEWER, now=now)
    return {"bob": bob, "a viewer elsewhere": vera.user, "nobody": None, "staff without a role": sam}


@dataclass(kw_only=True)
class Browser:
    """Somebody's browser. It logs in again after whatever logged it out, and forgets all other cookies."""

    visitor: User | None
    client: Client | None = None

    def ask(self, method: str, address: str, body: dict[str, str]) -> HttpResponseBase:
        if self.client is None or "sessionid" not in self.client.cookies:
            self.client = Client()
            if self.visitor is not None:
                self.client.force_login(self.visitor)
        answer: HttpResponseBase = getattr(self.client, method)(address, body)
        if "logout" in address or self.visitor is None:
            self.client = None
        return answer


def text_of(answer: HttpResponseBase) -> str:
    """What a visitor reads; a PDF's words are no plain text, its name is."""
    body = answer.getvalue() if isinstance(answer, StreamingHttpResponse) else getattr(answer, "content", b"")
    return body.decode("utf-8", "replace") + str(answer.headers)


def test_every_route_is_in_the_table_and_no_other() -> None:
    assert {route.name for route in routes()} == set(TABLE)


@pytest.mark.parametrize("who", ["bob", "a viewer elsewhere", "nobody", "staff without a role"])
def test_stranger_sees_and_changes_nothing_of_acme(
    who: str, acme: Acme, visitors: dict[str, User | None], stripe_process: StandIn
) -> None:
    secrets_, before, browser = acme.secrets(), acme.state(), Browser(visitor=visitors[who])
    query = {
        "q": acme.order.number, "search": acme.organisation.name, "term": acme.organisation.name,
        "app_label": "billing", "model_name": "order", "field_name": "organisation",
    }  # fmt: skip
    both, reading = [("get", query), ("post", acme.body())], [("get", query)]
    asked = {False: both, True: both if who == "staff without a role" else reading}
    for route in routes():
        if who == "a viewer elsewhere" and TABLE[route.name] is Shows.STAFF:
            continue  # the admin knows no organisation's roles: for it she is bob
        address = route.address(acme.ids(route))
        for method, body in asked[TABLE[route.name] is Shows.STAFF]:
            answer = browser.ask(method, address, body)
            what = f"{who}: {method} {address} ({route.name}) -> {answer.status_code}"
            text, sent = text_of(answer), " ".join([address, *body.values()])
            told = {secret for secret in secrets_ if secret in text and secret not in sent}
            assert not told, f"{what} tells {told}"
            assert answer.status_code < 500 or route.name == "readyz", what
            if TABLE[route.name] is Shows.NAMED:
                assert answer.status_code in ({302} if browser.visitor is None else {403, 404, 405}), what
            if TABLE[route.name] is Shows.STAFF and route.name not in FOR_ANY_STAFF:
                assert answer.status_code in {301, 302, 403, 404, 405}, what
        if TABLE[route.name] is not Shows.STAFF:
            assert acme.state() == before, f"{who} changed acme at {address}"
    assert acme.state() == before


def test_own_viewer_changes_nothing(acme: Acme, now: datetime, stripe_process: StandIn) -> None:
    """She sees acme's orders, and moves neither money nor people."""
    vera = builders.make_member(acme.organisation, role=Role.VIEWER, now=now).user
    before, browser = acme.state(), Browser(visitor=vera)
    token = form_tokens.issue(user_id=vera.pk, organisation_id=acme.organisation.pk, target=chart.WALLET)
    for route in routes():
        if TABLE[route.name] in {Shows.OWN, Shows.NAMED} and route.name != "wallet:leave":
            browser.ask("post", route.address(acme.ids(route)), acme.body() | {"form_token": token})
            assert acme.state() == before, route.name


def test_alice_sees_her_own(acme: Acme, stripe_process: StandIn) -> None:
    """The walk would prove nothing if its addresses led nowhere."""
    browser = Browser(visitor=acme.order.created_by)
    for route in routes():
        if TABLE[route.name] is Shows.NAMED and route.name != "payments:continue":
            answer = browser.ask("get", route.address(acme.ids(route)), {})
            assert answer.status_code == 200, route.name


def test_admin_pages_of_the_walk_exist(acme: Acme) -> None:
    """An administrator sees each page that staff without a role did not."""
    root = builders.make_person("root")
    root.is_staff = root.is_superuser = True
    root.save()
    browser, seen = Browser(visitor=root), 0
    for route in routes():
        if TABLE[route.name] is Shows.STAFF and route.name.endswith(("_change", "_changelist")):
            seen += browser.ask("get", route.address(acme.ids(route)), {}).status_code == 200
    assert seen >= 25
