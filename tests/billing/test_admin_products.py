"""What staff read of auto-fills, alerts, notices and callbacks, and their one act: sending a callback again."""

import json
import secrets
from datetime import datetime

import pytest
from django.urls import reverse
from pytest_django import Settings

from billing import auto_fill, callbacks
from billing.auto_fill_terms import Terms
from billing.models import Callback, LowBalanceAlert, Notice, NoticeMail
from tests import builders, people
from tests.payments.desk_people import Desk, said
from tests.payments.offline import usd
from wallet import chart
from wallet.models import Organisation

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _without_factors(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def acme(db: None, now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def olivia(db: None) -> Desk:
    return Desk(people.make_staff("olivia", "ops"))


@pytest.fixture
def callback(acme: Organisation, now: datetime) -> Callback:
    wish = callbacks.Wish(url=f"https://{secrets.token_hex(6)}.example/told", events=["order.paid"])
    endpoint = callbacks.add(wish, organisation_id=acme.pk, by=builders.owner_of(acme), now=now)
    sent = callbacks.send_test(endpoint, now=now)
    Callback.objects.filter(pk=sent.pk).update(next_at=None, attempts=9, last_error="refused")
    return Callback.objects.select_related("endpoint").get(pk=sent.pk)


def test_secret_that_signs_is_on_no_page(callback: Callback) -> None:
    admin = Desk(people.make_user("admin", is_staff=True, is_superuser=True))
    for page in ("changelist", "change"):
        args = [callback.endpoint_id] if page == "change" else []
        read = admin.read(f"billing_callbackendpoint_{page}", *args)
        assert callback.endpoint.url in read
        assert callback.endpoint.secret not in read


def test_ops_send_again_what_was_given_up(callback: Callback, olivia: Desk) -> None:
    page = olivia.read("billing_callback_change", callback.pk)
    assert reverse("admin:billing_callback_again", args=[callback.pk]) in page
    assert json.loads(callback.body)["id"] in page
    assert "same event id" in olivia.read("billing_callback_again", callback.pk)
    assert "sent again" in said(olivia.post("billing_callback_again", callback.pk))
    again = Callback.objects.get(pk=callback.pk)
    assert again.next_at is not None
    assert (again.attempts, again.body) == (0, callback.body)
    assert "nothing was done" in said(olivia.post("billing_callback_again", callback.pk))
    assert "Send again" not in olivia.read("billing_callback_change", callback.pk)


def test_finance_reads_callbacks_and_sends_none(callback: Callback) -> None:
    fiona = Desk(people.make_staff("fiona", "finance"))
    assert "refused" in fiona.read("billing_callback_changelist")
    assert fiona.post("billing_callback_again", callback.pk).status_code == 403
    assert Callback.objects.get(pk=callback.pk).next_at is None


def test_rules_alerts_and_notices_are_read(acme: Organisation, olivia: Desk, now: datetime) -> None:
    products = [builders.make_product("WhatsApp"), builders.make_product("Voice")]
    for product, size in zip(products, ({"amount": usd(50)}, {"fill_to": usd(200)}), strict=True):
        terms = Terms(threshold=usd(10), floor=usd(1), daily_cap=usd(500), **size)
        auto_fill.set_rule(terms, organisation_id=acme.pk, product=product, by=builders.owner_of(acme), now=now)
    read = olivia.read("billing_autofill_changelist")
    assert "$50.00" in read
    assert "up to $200.00" in read
    LowBalanceAlert.objects.create(organisation=acme, target=products[0].code, threshold=25)
    LowBalanceAlert.objects.create(organisation=acme, target=chart.WALLET, default_threshold=30)
    read = olivia.read("billing_lowbalancealert_changelist")
    assert "$25" in read
    assert "$30.00, from daily use" in read
    notice = Notice.objects.create(
        organisation=acme, kind=Notice.Kind.LOW_BALANCE, target=chart.WALLET, facts={"balance": "3"}, roles=[], at=now
    )
    mail = NoticeMail.objects.create(notice=notice, to="alice@example.com", subject="Low", claimed_at=now)
    assert "balance: 3" in olivia.read("billing_notice_change", notice.pk)
    assert "alice@example.com" in olivia.read("billing_noticemail_change", mail.pk)
