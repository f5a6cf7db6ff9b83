"""A second factor used lately, for what moves money or rights; what was typed when it had lapsed is kept, once."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from billing.models import TopUpLimit
from innopaas import step_up
from tests.innopaas.routes import routes
from tests.innopaas.test_staff import add_second_factor, grow_old, log_in, make_code
from tests.people import PASSWORD, make_staff
from wallet.models import User
from wallet.session_store import SessionStore

pytestmark = pytest.mark.django_db

HALF_AN_HOUR = 0.51
NOW = datetime(2026, 7, 15, 4, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _strict(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = True
    settings.STAFF_STEP_UP_MINUTES = 30
    settings.STAFF_LOGIN_FRESH_FOR = timedelta(hours=12)
    cache.clear()


class Person:
    """Somebody of the staff, at a browser."""

    def __init__(self, name: str = "fiona", group: str = "finance") -> None:
        self.user = make_staff(name, group)
        self.secret = add_second_factor(self.user)
        self.client = Client()
        self.client.force_login(self.user, backend="allauth.account.auth_backends.AuthenticationBackend")
        request = HttpRequest()
        request.session = self.client.session
        record_authentication(request, self.user, "password")
        record_authentication(request, self.user, "mfa", type="totp")
        request.session.save()

    def use_factor(self, asked: Any) -> Any:
        """Answers the page that asks, and follows where it leads."""
        for _ in range(2):  # the code's half minute may end between the two
            cache.clear()  # a code counts once; the next one is half a minute away
            page = self.client.post(asked["Location"], {"code": make_code(self.secret)}, follow=True)
            if page.redirect_chain:
                break
        return page


@pytest.fixture
def fiona() -> Person:
    return Person()


@pytest.fixture
def limit() -> TopUpLimit:
    return TopUpLimit.objects.get(method="CARD", currency="USD")


def page_of(limit: TopUpLimit) -> str:
    return reverse("admin:billing_topuplimit_change", args=[limit.pk])


def typed(maximum: str = "4321.09") -> dict[str, str]:
    return {"minimum": "10.00", "maximum": maximum, "presets": "50 100"}


def maximum_of(limit: TopUpLimit) -> Decimal:
    return TopUpLimit.objects.get(pk=limit.pk).maximum


def key_on(page: Any) -> str:
    found = re.search(r'name="_step_up" value="([\w-]+)"', page.content.decode())
    assert found
    return found[1]


def test_fresh_factor_passes_straight_through(fiona: Person, limit: TopUpLimit) -> None:
    grow_old(fiona.client, hours=0.49)
    assert fiona.client.post(page_of(limit), typed())["Location"] == reverse("admin:billing_topuplimit_changelist")
    assert maximum_of(limit) == Decimal("4321.09")


def test_lapsed_factor_does_nothing_and_keeps_what_was_typed(fiona: Person, limit: TopUpLimit) -> None:
    grow_old(fiona.client, hours=HALF_AN_HOUR)
    asked = fiona.client.post(page_of(limit), typed() | {"csrfmiddlewaretoken": "one of an older page"})
    assert asked["Location"].startswith(reverse("mfa_reauthenticate") + "?next=%2Fadmin%2Fgo-on%2F")
    assert maximum_of(limit) == limit.maximum
    page = fiona.use_factor(asked)
    assert maximum_of(limit) == limit.maximum
    text = page.content.decode()
    assert f'action="{page_of(limit)}"' in text
    assert "4321.09" in text
    assert "csrfmiddlewaretoken" in text
    assert "one of an older page" not in text
    done = fiona.client.post(page_of(limit), {step_up.KEY: key_on(page)})
    assert done.status_code == 302
    limit.refresh_from_db()
    assert (limit.minimum, limit.maximum, limit.presets) == (
        Decimal(10),
        Decimal("4321.09"),
        [Decimal(50), Decimal(100)],
    )


def test_kept_form_is_sent_once_only(fiona: Person, limit: TopUpLimit) -> None:
    grow_old(fiona.client, hours=HALF_AN_HOUR)
    key = key_on(fiona.use_factor(fiona.client.post(page_of(limit), typed())))
    fiona.client.post(page_of(limit), {step_up.KEY: key})
    TopUpLimit.objects.filter(pk=limit.pk).update(maximum=limit.maximum)
    again = fiona.client.post(page_of(limit), {step_up.KEY: key} | typed("99.00"))
    assert again.status_code == 410
    assert "sent already" in again.content.decode()
    assert maximum_of(limit) == limit.maximum
    assert fiona.client.get(reverse("resume", args=[key])).status_code == 404


def test_passkey_is_asked_for_where_it_is_the_factor(limit: TopUpLimit, monkeypatch: pytest.MonkeyPatch) -> None:
    fiona = Person()
    totp = Authenticator.objects.get(user=fiona.user, type=Authenticator.Type.TOTP)
    passkey = Authenticator.objects.create(user=fiona.user, type=Authenticator.Type.WEBAUTHN, data={"name": "Key"})
    totp.delete()
    grow_old(fiona.client, hours=HALF_AN_HOUR)
    asked = fiona.client.post(page_of(limit), typed())
    assert asked["Location"].startswith(reverse("mfa_reauthenticate_webauthn") + "?next=%2Fadmin%2Fgo-on%2F")
    monkeypatch.setattr("allauth.mfa.webauthn.internal.auth.parse_authentication_response", lambda given: given)
    monkeypatch.setattr("allauth.mfa.webauthn.internal.auth.complete_authentication", lambda *_given: passkey)
    page = fiona.client.post(asked["Location"], {"credential": '{"id": "x"}'}, follow=True)
    fiona.client.post(page_of(limit), {step_up.KEY: key_on(page)})
    assert maximum_of(limit) == Decimal("4321.09")


def test_somebody_elses_kept_form_is_not_found(fiona: Person, limit: TopUpLimit) -> None:
    grow_old(fiona.client, hours=HALF_AN_HOUR)
    key = key_on(fiona.use_factor(fiona.client.post(page_of(limit), typed())))
    frank = Person("frank", "finance lead")
    assert frank.client.get(reverse("resume", args=[key])).status_code == 404
    assert frank.client.post(page_of(limit), {step_up.KEY: key} | typed()).status_code == 410
    assert maximum_of(limit) == limit.maximum


def test_kept_form_belongs_to_the_person_also_within_one_session() -> None:
    session, fiona = SessionStore(), uuid4()
    key = step_up.keep(
        session=session, user_id=fiona, name="x", path="/admin/x/", fields=[("a", ["1"])], files=[], now=NOW
    )
    assert step_up.find(session=session, key=key, user_id=fiona, now=NOW).fields == [("a", ["1"])]
    with pytest.raises(step_up.NotKept):
        step_up.find(session=session, key=key, user_id=uuid4(), now=NOW)


def test_kept_form_is_refused_at_any_other_address(fiona: Person, limit: TopUpLimit) -> None:
    grow_old(fiona.client, hours=HALF_AN_HOUR)
    key = key_on(fiona.use_factor(fiona.client.post(page_of(limit), typed())))
    other = TopUpLimit.objects.create(method="CARD", currency="CNY", minimum=10, maximum=100, presets=[])
    for path in (page_of(other), page_of(limit) + "?_popup=1", reverse("admin:billing_topuplimit_add")):
        assert fiona.client.post(path, {step_up.KEY: key} | typed()).status_code == 410
    assert maximum_of(other) == 100
    assert maximum_of(limit) == limit.maximum
    fiona.client.post(page_of(limit), {step_up.KEY: key})
    assert maximum_of(limit) == Decimal("4321.09")


def test_kept_form_ends_after_half_an_hour(fiona: Person, limit: TopUpLimit) -> None:
    session, user_id, then = fiona.client.session, fiona.user.pk, NOW - timedelta(minutes=30)
    key = step_up.keep(session=session, user_id=user_id, name="x", path="/admin/x/", fields=[], files=[], now=then)
    with pytest.raises(step_up.NotKept):
        step_up.find(session=session, key=key, user_id=user_id, now=NOW)
    session.save()
    assert fiona.client.get(reverse("resume", args=[key])).status_code == 404


def test_reading_a_guarded_page_takes_no_step_up(fiona: Person, limit: TopUpLimit) -> None:
    grow_old(fiona.client, hours=11.9)
    for page in (page_of(limit), reverse("admin:billing_topuplimit_changelist")):
        assert fiona.client.get(page).status_code == 200


def test_what_is_not_guarded_takes_no_step_up() -> None:
    admin = Person("admin", "ops")
    User.objects.filter(pk=admin.user.pk).update(is_superuser=True)
    grow_old(admin.client, hours=11.9)
    assert admin.client.post("/admin/account/emailaddress/", {"action": "none"}).status_code in {200, 302}


def test_factor_that_lapses_once_more_is_asked_for_once_more(fiona: Person, limit: TopUpLimit) -> None:
    grow_old(fiona.client, hours=HALF_AN_HOUR)
    key = key_on(fiona.use_factor(fiona.client.post(page_of(limit), typed())))
    grow_old(fiona.client, hours=HALF_AN_HOUR)
    asked = fiona.client.post(page_of(limit), {step_up.KEY: key})
    assert maximum_of(limit) == limit.maximum
    assert key_on(fiona.use_factor(asked)) == key
    fiona.client.post(page_of(limit), {step_up.KEY: key})
    assert maximum_of(limit) == Decimal("4321.09")


def test_form_sent_after_the_twelve_hours_is_kept_too(fiona: Person, limit: TopUpLimit) -> None:
    grow_old(fiona.client, hours=13)
    asked = fiona.client.post(page_of(limit), typed())
    assert maximum_of(limit) == limit.maximum
    assert "4321.09" in fiona.use_factor(asked).content.decode()


def test_step_up_never_lasts_longer_than_the_login(fiona: Person, limit: TopUpLimit, settings: Settings) -> None:
    settings.STAFF_STEP_UP_MINUTES = 24 * 60
    grow_old(fiona.client, hours=13)
    assert fiona.client.post(page_of(limit), typed()).status_code == 302
    assert maximum_of(limit) == limit.maximum


def test_demo_asks_for_nothing(limit: TopUpLimit, settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False
    log_in(make_staff("fiona", "finance")).post(page_of(limit), typed())
    assert maximum_of(limit) == Decimal("4321.09")


def test_strangers_forgery_is_not_kept(fiona: Person, limit: TopUpLimit) -> None:
    grow_old(fiona.client, hours=HALF_AN_HOUR)
    forger = Client(enforce_csrf_checks=True)
    forger.cookies = fiona.client.cookies
    assert forger.post(page_of(limit), typed()).status_code == 403
    assert "step_up_forms" not in fiona.client.session


def test_password_alone_brings_nobody_to_the_kept_form(fiona: Person, limit: TopUpLimit) -> None:
    grow_old(fiona.client, hours=13)
    asked = fiona.client.post(page_of(limit), typed())
    fiona.client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    page = asked["Location"].partition("next=")[2].replace("%2F", "/")
    assert fiona.client.get(page)["Location"].startswith(reverse("mfa_reauthenticate"))


def test_of_files_only_the_names_are_kept_and_the_page_says_so(fiona: Person, limit: TopUpLimit) -> None:
    grow_old(fiona.client, hours=HALF_AN_HOUR)
    form: dict[str, object] = {**typed(), "slip": SimpleUploadedFile("slip <1>.png", b"secret pixels")}
    page = fiona.use_factor(fiona.client.post(page_of(limit), form)).content.decode()
    assert "Files cannot be kept: slip &lt;1&gt;.png" in page
    assert "secret pixels" not in str(fiona.client.session["step_up_forms"])


def test_what_is_too_long_is_not_kept_and_the_form_comes_back(fiona: Person, limit: TopUpLimit) -> None:
    grow_old(fiona.client, hours=HALF_AN_HOUR)
    asked = fiona.client.post(page_of(limit), typed() | {"note": "x" * 100_000})
    assert "step_up_forms" not in fiona.client.session
    page = fiona.use_factor(asked)
    assert page.request["PATH_INFO"] == page_of(limit)
    assert "please type it again" in page.content.decode()


def test_several_values_of_one_field_and_line_ends_are_kept_as_they_were() -> None:
    root = Person("root", "ops")
    User.objects.filter(pk=root.user.pk).update(is_superuser=True)
    fiona = make_staff("fiona", "ops")
    groups = list(Group.objects.order_by("pk")[:2])
    grow_old(root.client, hours=HALF_AN_HOUR)
    path = reverse("admin:wallet_user_change", args=[fiona.pk])
    form = {"name": "Fiona", "language": "en", "is_active": "on", "is_staff": "on", "groups": [g.pk for g in groups]}
    form |= {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    key = key_on(root.use_factor(root.client.post(path, form)))
    root.client.post(path, {step_up.KEY: key})
    assert set(fiona.groups.all()) == set(groups)


def test_form_is_carried_out_by_one_of_two_clicks_at_once(fiona: Person) -> None:
    """Both requests have loaded the session before either has saved it."""
    session, path = fiona.client.session, "/admin/x/"
    key = step_up.keep(session=session, user_id=fiona.user.pk, name="x", path=path, fields=[], files=[], now=NOW)
    session.save()
    first, second = SessionStore(session.session_key), SessionStore(session.session_key)
    assert first.load()
    assert second.load()
    step_up.use_up(session=first, key=key, user_id=fiona.user.pk, path=path, now=NOW)
    with pytest.raises(step_up.NotKept):
        step_up.use_up(session=second, key=key, user_id=fiona.user.pk, path=path, now=NOW)


def test_session_carries_the_last_few_forms_only() -> None:
    session, fiona = SessionStore(), uuid4()
    keys = [
        step_up.keep(session=session, user_id=fiona, name="x", path="/admin/x/", fields=[], files=[], now=NOW)
        for _ in range(7)
    ]
    assert list(session["step_up_forms"]) == keys[2:]


def test_htmx_is_led_to_the_whole_page(fiona: Person, limit: TopUpLimit) -> None:
    grow_old(fiona.client, hours=HALF_AN_HOUR)
    asked = fiona.client.post(page_of(limit), typed(), headers={"HX-Request": "true"})
    assert asked["HX-Redirect"].startswith(reverse("mfa_reauthenticate"))
    assert maximum_of(limit) == limit.maximum


ACTING = re.compile(r"^admin:(billing|payments)_\w+_(approve|keep|reject|refuse|propose|enter|assign|return)$")


def test_every_page_of_the_admin_that_approves_rejects_or_moves_money_is_guarded() -> None:
    assert {route.name for route in routes() if ACTING.match(route.name)} <= step_up.GUARDED
