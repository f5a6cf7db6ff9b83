"""P17: another organisation sees nothing. Every address of the site is walked with acme's ids by people who have no
business with acme; a route that is not in the table of routes.py fails until somebody says whose data it shows.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from django.http import HttpResponseBase, StreamingHttpResponse
from django.test import Client

from billing import form_tokens
from billing.models import AutoFill, LowBalanceAlert, Order
from payments.standin.client import StandIn
from tests import builders
from tests.innopaas.acme import Acme, undone
from tests.innopaas.routes import FOR_ANY_STAFF, TABLE, Shows, routes
from wallet import chart
from wallet.models import Role, User

pytestmark = pytest.mark.django_db(databases=["default"])


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


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

    def ask(self, method: str, address: str, body: dict[str, Any]) -> HttpResponseBase:
        if self.client is None or "sessionid" not in self.client.cookies:
            self.client = Client()
            if self.visitor is not None:
                self.client.force_login(self.visitor)
        answer: HttpResponseBase = getattr(self.client, method)(address, body)
        if "logout" in address or self.visitor is None:
            self.client = None
        return answer


def make_root() -> User:
    root = builders.make_person("root")
    root.is_staff = root.is_superuser = True
    root.save()
    return root


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
    query = acme.query
    for route in routes():
        if who == "a viewer elsewhere" and TABLE[route.name] is Shows.STAFF:
            continue  # the admin knows no organisation's roles: for it she is bob
        address = route.address(acme.ids(route))
        is_read_only = TABLE[route.name] is Shows.STAFF and who != "staff without a role"
        for method, body in [("get", query), *([] if is_read_only else [("post", acme.body(route.name))])]:
            answer = browser.ask(method, address, body)
            what = f"{who}: {method} {address} ({route.name}) -> {answer.status_code}"
            text, sent = text_of(answer), f"{address} {body}"
            told = {secret for secret in secrets_ if secret in text and secret not in sent}
            assert not told, f"{what} tells {told}"
            assert answer.status_code < 500 or route.name == "readyz", what
            if TABLE[route.name] is Shows.NAMED:
                assert answer.status_code in ({302} if browser.visitor is None else {403, 404, 405}), what
            if TABLE[route.name] is Shows.KEYED:
                assert answer.status_code in {401, 404, 405}, what
            if TABLE[route.name] is Shows.STAFF and route.name not in FOR_ANY_STAFF:
                assert answer.status_code in {301, 302, 403, 404, 405}, what
            if method == "post" and answer.status_code < 400 and TABLE[route.name] is not Shows.STAFF:
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


def of_the_hidden(acme: Acme) -> list[Any]:
    """What somebody could have changed about the product that Lina may not use."""
    code, product = acme.goods.hidden.code, acme.goods.hidden
    return [
        list(Order.objects.filter(organisation=acme.organisation, target=code).order_by("pk").values_list()),
        list(LowBalanceAlert.objects.filter(organisation=acme.organisation, target=code).values_list()),
        list(AutoFill.objects.filter(organisation=acme.organisation, product=product).values_list()),
        acme.goods.lina.product_access.products.count(),
    ]


def test_member_limited_to_some_products_sees_and_changes_nothing_of_the_others(
    acme: Acme, stripe_process: StandIn
) -> None:
    lina, hidden = acme.goods.lina.user, acme.goods.hidden
    secrets_, before, browser = acme.goods.hidden_secrets(), of_the_hidden(acme), Browser(visitor=lina)
    query = acme.query | {"q": acme.goods.hidden_order.number, "order": [acme.goods.hidden_order.number]}
    token = form_tokens.issue(user_id=lina.pk, organisation_id=acme.organisation.pk, target=hidden.code)
    of_several = form_tokens.issue(user_id=lina.pk, organisation_id=acme.organisation.pk, target="products")
    for route in routes():
        if TABLE[route.name] not in {Shows.OWN, Shows.NAMED}:
            continue
        own = of_several if route.name == "payments:move_several" else token
        body = acme.body(route.name) | {"form_token": own, "target": hidden.code, hidden.code: "20"}
        asked = [("get", {}), ("get", query), ("get", {"target": hidden.code, "change": hidden.code}), ("post", body)]
        for method, sent in asked:
            for ids in (acme.ids(route), acme.hidden_ids(route)):
                address = route.address(ids)
                with undone():
                    answer = browser.ask(method, address, sent)
                    what = f"{method} {address} ({route.name}) -> {answer.status_code}"
                    told = {secret for secret in secrets_ if secret in text_of(answer)} - {
                        secret for secret in secrets_ if secret in f"{address} {sent}"
                    }
                    assert not told, f"{what} tells {told}"
                    assert of_the_hidden(acme) == before, what


@pytest.mark.parametrize("route", ["billing:order", "product", "payments:product_topup", "billing:auto_fill"])
def test_alice_sees_what_lina_does_not(route: str, acme: Acme) -> None:
    (found,) = (one for one in routes() if one.name == route)
    address = found.address(acme.hidden_ids(found))
    seen = Browser(visitor=acme.order.created_by).ask("get", address, {})
    assert seen.status_code == 200
    assert any(secret in text_of(seen) for secret in acme.goods.hidden_secrets()) or acme.goods.hidden.name in text_of(
        seen
    )
    assert Browser(visitor=acme.goods.lina.user).ask("get", address, {}).status_code == 404


POSTED = {"payments:continue", "payments:remove_slip", "billing:refund_withdraw"}
"""These take no GET."""


def test_alice_sees_her_own(acme: Acme, stripe_process: StandIn) -> None:
    """The walk would prove nothing if its addresses led nowhere."""
    browser = Browser(visitor=acme.order.created_by)
    for route in routes():
        if TABLE[route.name] is Shows.NAMED and route.name not in POSTED:
            answer = browser.ask("get", route.address(acme.ids(route)), {})
            assert answer.status_code == 200, route.name
            assert text_of(answer)


CUSTOMERS_FORMS = {
    "payments:topup", "payments:cancel", "payments:transfer", "payments:transfers", "payments:remove_slip",
    "wallet:details", "wallet:add_payer", "wallet:remove_payer", "wallet:invite", "wallet:withdraw",
    "wallet:change_role", "wallet:remove", "wallet:offer_ownership",
    "payments:product_topup", "payments:move_several", "billing:undo", "billing:alerts", "billing:auto_fill",
    "billing:auto_fill_off", "billing:callbacks", "billing:callback_rotate", "billing:callback_events",
    "billing:callback_off",
    "billing:callback_remove", "billing:callback_test", "billing:callback_again", "products:keys",
    "products:revoke_key", "product_access", "billing:fapiao",
}  # fmt: skip
STAFFS_FORMS = {
    f"admin:{name}"
    for name in [
        "billing_exchangerate_approve", "billing_exchangerate_enter", "billing_exchangerate_refuse",
        "billing_fapiao_issue", "billing_fapiao_reject", "billing_fapiao_reverse",
        "billing_flag_resolve", "billing_order_end", "billing_raterule_change", "billing_specialday_delete",
        "billing_topuplimit_change", "billing_correction_propose", "billing_correction_approve",
        "billing_callback_again", "billing_correction_withdraw", "products_product_add", "products_product_change",
        "products_apikey_issue", "products_apikey_revoke",
        "payments_approvallimit_add", "payments_approvallimit_change", "payments_assignment_approve",
        "payments_assignment_withdraw",
        "payments_bankaccount_add", "payments_bankaccount_change", "payments_exact_approve", "payments_line_assign",
        "payments_line_return", "payments_line_same", "payments_rejectionreason_change",
        "payments_transfer_approve", "payments_transfer_keep", "payments_transfer_propose", "payments_transfer_reject",
        "payments_transfer_take", "wallet_user_change",
    ]
}  # fmt: skip


def names_that_change(acme: Acme, names: set[str], *, visitor: User) -> set[str]:
    """Which of the routes change something of acme when this visitor posts what the walk posts, each by itself."""
    browser, before, changing = Browser(visitor=visitor), acme.state(), set()
    whose = {"wallet:withdraw": acme.invitation.email, "wallet:invite": "eve@example.com"}
    browser.ask("get", "/", {})
    for route in routes():
        if route.name in names:
            with undone():
                email = {"email": whose.get(route.name, acme.carol.email)}
                browser.ask("post", route.address(acme.ids(route)), acme.body(route.name) | email)
                changing |= {route.name} if acme.state() != before else set()
    return changing


def test_owner_changes_acme_by_the_very_forms_that_strangers_send(acme: Acme) -> None:
    """Else it would be the validation that refused them, and not the walls."""
    assert names_that_change(acme, CUSTOMERS_FORMS, visitor=acme.order.created_by) == CUSTOMERS_FORMS


def test_superuser_changes_acme_by_the_very_forms_that_other_staff_send(acme: Acme) -> None:
    assert names_that_change(acme, STAFFS_FORMS, visitor=make_root()) == STAFFS_FORMS


def test_admin_pages_of_the_walk_exist(acme: Acme) -> None:
    """An administrator sees each page that staff without a role did not."""
    browser, seen = Browser(visitor=make_root()), 0
    for route in routes():
        if TABLE[route.name] is Shows.STAFF and route.name.endswith(("_change", "_changelist")):
            seen += browser.ask("get", route.address(acme.ids(route)), {}).status_code == 200
    assert seen >= 45
    for name in ("admin:payments_transfer_desk", "admin:payments_slip_preview", "admin:payments_slip_download"):
        (route,) = (route for route in routes() if route.name == name)
        assert "Quetzal" in text_of(browser.ask("get", route.address(acme.ids(route)), {})), name
