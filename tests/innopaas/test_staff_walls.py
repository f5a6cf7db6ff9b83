"""P18: no page and no act of the admin without a second factor used lately, whatever the address, and whoever asks.

The addresses are those of the resolver, so that a new page stands behind the same walls or fails here.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from allauth.account.internal.flows.login import record_authentication
from django.core import mail
from django.core.cache import cache
from django.http import HttpRequest, HttpResponseBase
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from innopaas import step_up
from tests.innopaas.acme import Acme, undone
from tests.innopaas.routes import TABLE, Route, Shows, routes
from tests.innopaas.test_staff import add_second_factor, grow_old
from tests.people import make_user
from wallet.models import User

pytestmark = pytest.mark.django_db

LAPSED = 0.51  # hours; a factor that moves money is good for half of one
STALE = 12.01

BEHIND_THE_WALL = [route for route in routes() if TABLE.get(route.name, Shows.STAFF) is Shows.STAFF]
GUARDED = [route for route in routes() if route.name in step_up.GUARDED]


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def strict(acme: Acme, settings: Settings) -> None:
    """Acme's making needs no factor; whoever comes after it does."""
    settings.STAFF_MFA_REQUIRED = True
    settings.STAFF_STEP_UP_MINUTES = 30
    settings.STAFF_LOGIN_FRESH_FOR = timedelta(hours=12)
    cache.clear()


def log_in(root: User, *methods: str) -> Client:
    """The browser of somebody who has used these."""
    client = Client()
    client.force_login(root, backend="allauth.account.auth_backends.AuthenticationBackend")
    request = HttpRequest()
    request.session = client.session
    for method in methods:
        record_authentication(request, root, method)
    request.session.save()
    return client


def enter_without_factor(root: User) -> Client:
    return log_in(root, "password")


def enter_by_password(root: User) -> Client:
    add_second_factor(root)
    return log_in(root, "password")


def enter_long_ago(root: User) -> Client:
    add_second_factor(root)
    client = log_in(root, "password", "mfa")
    grow_old(client, hours=STALE)
    return client


def enter_half_an_hour_ago(root: User) -> Client:
    add_second_factor(root)
    client = log_in(root, "password", "mfa")
    grow_old(client, hours=LAPSED)
    return client


@pytest.fixture
def root(db: None) -> User:
    """Nothing but the walls is left to refuse him."""
    return make_user("root", is_staff=True, is_superuser=True)


def is_sent_away(answer: HttpResponseBase) -> bool:
    asked = answer.status_code == 302 and answer.headers["Location"].startswith(reverse("mfa_reauthenticate"))
    return asked or (answer.status_code == 403 and b"a link from an administrator" in getattr(answer, "content", b""))


def ask(client: Client, method: str, acme: Acme, route: Route) -> Any:
    sent = acme.query if method == "get" else acme.body(route.name)
    return getattr(client, method)(route.address(acme.ids(route)), sent)


@pytest.mark.parametrize("enter", [enter_without_factor, enter_by_password, enter_long_ago])
def test_without_a_fresh_second_factor_there_is_no_page_and_no_act(
    acme: Acme, root: User, strict: None, enter: Callable[[User], Client]
) -> None:
    client, before, sent = enter(root), acme.state(), len(mail.outbox)
    for route in BEHIND_THE_WALL:
        for method in ("get", "post"):
            answer = ask(client, method, acme, route)
            assert is_sent_away(answer), f"{method} {route.name} -> {answer.status_code}"
    assert acme.state() == before
    assert len(mail.outbox) == sent


def test_what_moves_money_or_rights_is_not_done_with_a_lapsed_factor(acme: Acme, root: User, strict: None) -> None:
    client, before, sent = enter_half_an_hour_ago(root), acme.state(), len(mail.outbox)
    for route in GUARDED:
        assert is_sent_away(ask(client, "post", acme, route)), route.name
        assert acme.state() == before, route.name
    assert len(mail.outbox) == sent


MOVING = {
    f"admin:{name}"
    for name in [
        "payments_transfer_propose", "payments_transfer_approve", "payments_transfer_keep", "payments_transfer_reject",
        "payments_exact_approve", "payments_line_assign", "payments_line_return", "payments_line_same",
        "payments_line_sent",
        "payments_assignment_approve", "payments_assignment_withdraw",
        "billing_dispute_write_off", "billing_cardrule_decide",
        "billing_refund_start", "billing_refund_approve", "billing_refund_decline", "billing_refund_prepare",
        "billing_refund_paid", "billing_refund_line", "billing_refund_refuse", "billing_refund_returned",
        "billing_fapiao_issue", "billing_fapiao_reject", "billing_fapiao_reverse",
        "payments_payout_match", "payments_payout_back", "payments_housemove_charge", "payments_housemove_exchange",
        "payments_housemove_approve", "payments_housemove_withdraw",
        "payments_suspensemove_credit", "payments_suspensemove_refund",
        "payments_suspensemove_withdraw",
        "billing_correction_propose", "billing_correction_approve", "billing_correction_withdraw",
        "products_product_add", "products_product_change",
        "products_apikey_issue", "products_apikey_revoke",
        "billing_exchangerate_enter", "billing_exchangerate_approve",
        "billing_exchangerate_refuse", "billing_topuplimit_change", "billing_raterule_change",
        "payments_approvallimit_add", "payments_approvallimit_change", "payments_bankaccount_add",
        "payments_bankaccount_change", "wallet_user_change",
    ]
}  # fmt: skip


def test_the_same_is_done_with_a_fresh_one(acme: Acme, root: User, strict: None) -> None:
    """Else something other than the factor had refused it."""
    add_second_factor(root)
    client, before, done = log_in(root, "password", "mfa"), acme.state(), set()
    for route in (route for route in GUARDED if route.name in MOVING):
        with undone():
            ask(client, "post", acme, route)
            done |= {route.name} if acme.state() != before else set()
    assert done == MOVING


def test_what_is_guarded_exists() -> None:
    assert {route.name for route in routes()} >= step_up.GUARDED


# Acts of the admin that move neither money nor rights, each with the reason why a login of the day is enough.
HARMLESS = {
    "admin:billing_callback_again": "the customer's own address is told again what it was told",
    "admin:billing_dispute_ask": "Stripe is asked, as by the sweep every hour",
    "admin:billing_document_pdf": "reads",
    "admin:billing_fapiao_download": "reads",
    "admin:billing_flag_resolve": "a note on a doubt",
    "admin:billing_noticemail_again": "the customer is told again what he was to be told",
    "admin:billing_ordermail_again": "the customer is told again what he was to be told",
    "admin:billing_order_end": "an unpaid order ends; money that comes later is credited all the same",
    "admin:billing_refund_to_pay": "reads",
    "admin:payments_close_charts": "reads",
    "admin:payments_close_csv": "reads",
    "admin:payments_close_figure": "reads",
    "admin:payments_close_journal": "reads",
    "admin:payments_close_month": "reads",
    "admin:payments_close_pdf": "reads",
    "admin:payments_inboxevent_replay": "Stripe is asked again",
    "admin:payments_payment_ask": "Stripe is asked, as by the sweep every minute",
    "admin:payments_slip_download": "reads",
    "admin:payments_slip_preview": "reads",
    "admin:payments_statementfile_import": "whoever imports cannot approve; the money goes to suspense",
    "admin:payments_statementfile_progress": "reads",
    "admin:payments_transfer_desk": "reads, and tries out",
    "admin:payments_transfer_give_back": "says who works on it",
    "admin:payments_transfer_next": "says who works on it",
    "admin:payments_transfer_take": "says who works on it",
}
DJANGOS_OWN = re.compile(r"_(changelist|add|history|delete|change)$")


def test_every_act_of_the_admin_takes_a_fresh_factor_or_says_why_not() -> None:
    acts = {route.name for route in routes() if re.match(r"admin:[a-z]+_[a-z]", route.name)}
    own = {name for name in acts if not DJANGOS_OWN.search(name)} - {
        "admin:app_list", "admin:password_change", "admin:password_change_done", "admin:view_on_site"
    }  # fmt: skip
    assert own - step_up.GUARDED == set(HARMLESS)
