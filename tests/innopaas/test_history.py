"""The audit trail: what staff edit is kept with who and where, stays as it was kept, and money knows nothing of it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pghistory
import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.models import Group, Permission
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from djmoney.money import Money
from pghistory.models import Event
from pytest_django import Settings

from billing.models import TopUpLimit
from innopaas import audit, edits, history
from innopaas.middleware import StaffHistoryMiddleware
from innopaas.models import AuthenticatorEvent, StaffEdit, TopUpLimitEvent, UserEvent, UserGroupsEvent
from tests.people import PASSWORD, make_owner, make_staff
from wallet import chart, ledger
from wallet.models import Account, Organisation, User

pytestmark = pytest.mark.django_db

TRAIL = "admin:innopaas_staffedit_changelist"


@pytest.fixture(autouse=True)
def _demo(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def fiona() -> User:
    return make_staff("fiona", "finance")


@pytest.fixture
def limit() -> TopUpLimit:
    return TopUpLimit.objects.get(method="CARD", currency="USD")


def log_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def make_root() -> User:
    root = make_staff("root", "ops")
    User.objects.filter(pk=root.pk).update(is_superuser=True)
    return root


def page_of(limit: TopUpLimit) -> str:
    return reverse("admin:billing_topuplimit_change", args=[limit.pk])


def change(user: User, limit: TopUpLimit, maximum: str = "4321.09") -> None:
    form = {"minimum": "5.00", "maximum": maximum, "presets": "50 100"}
    log_in(user).post(page_of(limit), form)


def latest(event: Any) -> Any:
    return event.objects.order_by("-pgh_id")[0]


def read_trail(**query: str) -> str:
    olivia = make_staff("olivia", "ops")
    olivia.user_permissions.add(Permission.objects.get(codename="view_staffedit"))
    page = log_in(olivia).get(reverse(TRAIL), query)
    assert page.status_code == 200
    return page.content.decode()


def test_change_of_a_limit_is_kept_with_who_and_where(fiona: User, limit: TopUpLimit) -> None:
    change(fiona, limit)
    kept = latest(TopUpLimitEvent)
    assert (kept.pgh_label, kept.pgh_obj_id, str(kept.maximum)) == ("update", limit.pk, "4321.09")
    assert kept.pgh_context == {"user": str(fiona.pk), "url": page_of(limit)}


def test_trail_shows_what_stood_there_before_also_for_the_first_change(fiona: User, limit: TopUpLimit) -> None:
    change(fiona, limit)
    text = read_trail()
    for told in (fiona.email, "Top-up limit", "Maximum: 10000.00 → 4321.09", page_of(limit)):
        assert told in text
    edit = edits.find_all().get(pgh_model="innopaas.TopUpLimitEvent", pgh_label="update")
    assert {"Maximum", "Amounts offered"} == {done.field for done in edits.list_changes(edit)}


def test_saving_without_a_change_keeps_nothing(limit: TopUpLimit) -> None:
    before = TopUpLimitEvent.objects.count()
    limit.save()
    assert TopUpLimitEvent.objects.count() == before


def test_change_by_no_page_of_the_staff_is_kept_and_names_nobody(limit: TopUpLimit) -> None:
    TopUpLimit.objects.filter(pk=limit.pk).update(maximum=9)
    kept = latest(TopUpLimitEvent)
    assert (kept.maximum, kept.pgh_context) == (9, None)
    assert "9.00" in read_trail()


def test_rights_given_and_taken_are_kept(fiona: User) -> None:
    root = make_root()
    ops, finance = Group.objects.get(name="ops"), Group.objects.get(name="finance")
    form = {"name": "", "language": "en", "is_staff": "on", "groups": [ops.pk]}
    form |= {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    log_in(root).post(reverse("admin:wallet_user_change", args=[fiona.pk]), form)
    kept = UserGroupsEvent.objects.filter(user=fiona.pk, pgh_context__user=str(root.pk))
    assert set(kept.values_list("pgh_label", "group")) == {("insert", ops.pk), ("delete", finance.pk)}
    assert not latest(UserEvent).is_active
    text = read_trail(by=str(root.pk))
    assert "User: groups" in text
    assert "Group: ops" in text
    assert "Active: yes → no" in text or "Active: no" in text


def test_customers_and_logins_are_no_edits() -> None:
    before = UserEvent.objects.count()
    alice = make_owner().user
    Client().post(reverse("account_login"), {"login": alice.email, "password": PASSWORD})
    alice.refresh_from_db()
    assert alice.last_login
    assert UserEvent.objects.count() == before


def test_second_factor_taken_away_is_kept_without_its_secret(fiona: User) -> None:
    root, factor = make_root(), TOTP.activate(fiona, "ABCDEFGH" * 4).instance
    page = reverse("admin:mfa_authenticator_delete", args=[factor.pk])
    log_in(root).post(page, {"post": "yes"})
    kept = latest(AuthenticatorEvent)
    assert (kept.user_id, kept.type, kept.pgh_context["user"]) == (fiona.pk, "totp", str(root.pk))
    assert {field.name for field in AuthenticatorEvent._meta.fields} >= {"user", "type"}
    assert "data" not in {field.name for field in AuthenticatorEvent._meta.fields}
    assert "password" not in {field.name for field in UserEvent._meta.fields}


# --- it stays as it was kept ---


@pytest.mark.parametrize("event", history.list_events(), ids=lambda event: event.__name__)
@pytest.mark.parametrize("way", ["UPDATE", "DELETE FROM", "TRUNCATE"])
def test_application_changes_and_deletes_nothing_of_it(event: type[Event], way: str) -> None:
    statement = f"{way} {event._meta.db_table}" + (" SET pgh_label = 'x'" if way == "UPDATE" else "")
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_every_tracked_table_has_its_triggers() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE 'pgtrigger_%' AND tgenabled = 'O'"
        )
        tables = {row[0] for row in cursor.fetchall()}
    for event in history.list_events():
        assert {event._meta.db_table, history.find_tracked(event)._meta.db_table} <= tables


# --- money knows nothing of it ---


def write_at(path: str, *, method: str = "post") -> dict[str, str] | None:
    """What is kept of who and where when somebody's request at this address writes a tracked row."""
    fiona = make_staff("fiona", "finance")
    request = getattr(RequestFactory(), method)(path)
    request.user = fiona

    def answer(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(str(User.objects.filter(pk=fiona.pk).update(is_active=False)))

    StaffHistoryMiddleware(answer)(request)
    context: dict[str, str] | None = UserEvent.objects.get(id=fiona.pk, pgh_label="update").pgh_context
    return context


EDITING = ["admin:wallet_user_change", "admin:billing_topuplimit_delete", "admin:wallet_user_second_factor"]
OTHERS = ["admin:billing_flag_resolve", "admin:billing_order_end", "admin:payments_inboxevent_replay"]


@pytest.mark.parametrize("name", EDITING)
def test_address_of_a_tracked_model_carries_who_and_where(name: str) -> None:
    path = reverse(name, args=[uuid4()])
    kept = write_at(path)
    assert kept
    assert kept["url"] == path


@pytest.mark.parametrize("name", OTHERS)
def test_no_other_address_of_the_admin_carries_it(name: str) -> None:
    assert write_at(reverse(name, args=[uuid4()])) is None


@pytest.mark.parametrize("path", ["/topup/", "/accounts/login/", "/admin/nothing/", "/nothing/"])
def test_no_address_outside_carries_it(path: str) -> None:
    assert write_at(path) is None


def test_reading_carries_nothing() -> None:
    assert write_at(reverse("admin:wallet_user_changelist"), method="get") is None


def test_no_table_that_money_moves_through_is_tracked() -> None:
    tracked = {history.find_tracked(event)._meta.label for event in history.list_events()}
    moved = {"wallet.Account", "wallet.Posting", "wallet.Entry", "billing.Order", "billing.Flag", "payments.Payment"}
    assert not tracked & moved


def test_posting_is_the_same_inside_an_edit(organisation: Organisation, now: datetime) -> None:
    amount = Money("100", "USD")
    draft = ledger.Draft(
        key="order:TU1:credit",
        kind="EXAMPLE",
        lines=(ledger.debit(chart.STRIPE_CLEARING, amount), ledger.credit(chart.FX_RESULT, amount)),
    )
    with CaptureQueriesContext(connection) as queries, pghistory.context(user="x", url="/admin/x/"):
        ledger.post(organisation_id=organisation.id, drafts=[draft], now=now)
    assert not [query["sql"] for query in queries if "pghistory" in query["sql"]]
    assert Account.objects.get(organisation=organisation, code=chart.FX_RESULT).balance == amount
    assert not audit.run(now=now).problems


# --- the page ---


def test_trail_is_found_by_model_person_and_day(fiona: User, limit: TopUpLimit) -> None:
    frank = make_staff("frank", "finance lead")
    change(fiona, limit, maximum="4321.09")
    change(frank, limit, maximum="1234.56")
    assert "→ 4321.09" not in read_trail(by=str(frank.pk))
    assert "→ 1234.56" in read_trail(by=str(frank.pk))
    assert "→ 1234.56" in read_trail(what="innopaas.TopUpLimitEvent")
    assert "→ 1234.56" not in read_trail(what="innopaas.GroupEvent")
    assert "→ 1234.56" in read_trail(what="no.such.model")
    tomorrow = (timezone.now() + timedelta(days=1)).isoformat()
    assert "→ 1234.56" not in read_trail(pgh_created_at__gte=tomorrow)
    assert "→ 1234.56" in read_trail(pgh_created_at__lt=tomorrow)


def test_trail_is_for_those_who_may_see_it_and_to_read_only(fiona: User, limit: TopUpLimit) -> None:
    change(fiona, limit)
    assert log_in(fiona).get(reverse(TRAIL)).status_code == 403
    slug = StaffEdit.objects.get(pgh_model="innopaas.TopUpLimitEvent", pgh_label="update").pk
    page = reverse("admin:innopaas_staffedit_change", args=[slug])
    root = log_in(make_root())
    assert "4321.09" in root.get(page).content.decode()
    assert root.post(page, {"url": "x"}).status_code == 403
    assert root.post(reverse("admin:innopaas_staffedit_delete", args=[slug]), {"post": "yes"}).status_code == 403
    assert root.get(reverse("admin:innopaas_staffedit_add")).status_code == 403
