"""The order in the admin with all that is internal: objects at Stripe, events, what was sent, who acted."""

import json
from collections.abc import Callable
from datetime import datetime
from html import unescape
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from billing import callback_outbox, documents, mails
from billing.models import CallbackEndpoint
from payments import checkout
from payments.admin import stripe_pages, stripe_stories
from payments.models import InboxEvent, Payment
from payments.standin.client import StandIn
from tests import builders, people
from tests.payments import deliveries, refund_stories
from wallet import ciphers
from wallet.models import Organisation, Posting, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now, name="Zebra Messaging")


@pytest.fixture
def paid(acme: Organisation, stripe: StandIn, now: datetime) -> Payment:
    payment = builders.open_checkout(acme, now=now, amount=builders.usd("123.45"))
    stripe.pay(builders.session_of(payment))
    return checkout.ask_about(payment_id=payment.pk, by="Stripe", now=now)


@pytest.fixture
def enter(client: Client, settings: LazySettings) -> Callable[[str], Client]:
    settings.STAFF_MFA_REQUIRED = False

    def log_in(group: str) -> Client:
        client.force_login(people.make_staff(group.split(maxsplit=1)[0], group))
        return client

    return log_in


def page_of(payment: Payment, client: Client) -> str:
    answer = client.get(f"/admin/billing/order/{payment.order_id}/change/")
    assert answer.status_code == 200
    return " ".join(unescape(answer.content.decode()).split())


def deliver(payment: Payment, **changes: Any) -> InboxEvent:
    sent = deliveries.event_about(builders.session_of(payment), **changes)
    assert deliveries.deliver(sent).status_code == 200
    return InboxEvent.objects.get(event_id=sent["id"])


def charge_event(charge_id: str, *, intent: object) -> dict[str, Any]:
    about = {"object": {"id": charge_id, "object": "charge", "payment_intent": intent}}
    return deliveries.event_about(charge_id, kind="charge.failed", data=about)


def deliver_charge(payment: Payment, charge_id: str, *, whole: bool = False) -> InboxEvent:
    intent = payment.payment_intent_id
    sent = charge_event(charge_id, intent={"id": intent} if whole else intent)
    assert deliveries.deliver(sent).status_code == 200
    return InboxEvent.objects.get(event_id=sent["id"])


@pytest.mark.parametrize(
    ("stripe_id", "page"),
    [
        ("pi_1", "payments/pi_1"),
        ("du_1", "disputes/du_1"),
        ("po_1", "payouts/po_1"),
        ("cs_test_1", "search?query=cs_test_1"),
        ("re_1", "search?query=re_1"),
        ("pi_1/../x?y", "payments/pi_1%2F..%2Fx%3Fy"),
    ],
)
def test_every_object_has_its_page_in_the_dashboard_of_our_mode(
    stripe_id: str, page: str, settings: LazySettings
) -> None:
    assert stripe_pages.find_page(stripe_id) == f"https://dashboard.stripe.com/test/{page}"
    settings.STRIPE_SECRET_KEY = "sk_live_x"
    assert stripe_pages.find_page(stripe_id) == f"https://dashboard.stripe.com/{page}"


def test_objects_at_stripe_lead_to_its_dashboard(enter: Callable[[str], Client], paid: Payment) -> None:
    shown = page_of(paid, enter("ops"))

    assert f'href="https://dashboard.stripe.com/test/payments/{paid.payment_intent_id}"' in shown
    assert builders.session_of(paid) in shown


def test_event_stands_there_with_its_body_and_its_replay(enter: Callable[[str], Client], paid: Payment) -> None:
    event = deliver(paid, odd={"amount": 12345, "name": "<b>é"})

    shown = page_of(paid, enter("ops"))

    assert '"amount": 12345, "name": "<b>é"' in shown
    assert reverse("admin:payments_inboxevent_replay", args=[event.pk]) in shown
    assert "<b>é" not in enter("ops").get(f"/admin/billing/order/{paid.order_id}/change/").content.decode()


def test_event_about_a_charge_stands_with_its_order(
    enter: Callable[[str], Client], acme: Organisation, paid: Payment, now: datetime, stripe: StandIn
) -> None:
    other = builders.open_checkout(acme, now=now)
    stripe.pay(builders.session_of(other))
    checkout.ask_about(payment_id=other.pk, by="Stripe", now=now)
    event = deliver_charge(paid, "ch_ours")
    ops = enter("ops")

    shown, shown_of_other = page_of(paid, ops), page_of(other, ops)
    on_its_own = unescape(ops.get(f"/admin/payments/inboxevent/{event.pk}/change/").content.decode())

    assert event.event_id in shown
    assert 'href="https://dashboard.stripe.com/test/payments/ch_ours"' in shown
    assert event.event_id not in shown_of_other
    assert "ch_ours" not in shown_of_other
    assert paid.order.number in on_its_own
    for found in (ops.get("/admin/billing/order/", {"q": known}) for known in ("ch_ours", event.event_id)):
        assert paid.order.number in found.content.decode()
        assert other.order.number not in found.content.decode()
    assert event.event_id in ops.get("/admin/payments/inboxevent/", {"q": paid.order.number}).content.decode()


@pytest.mark.parametrize("named", [None, 7, [], {}, {"id": None}, {"id": "pi_<b>"}, "pi_\x00", "x" * 101])
def test_event_that_names_no_payment_intent_is_kept_all_the_same(named: object) -> None:
    sent = charge_event("ch_odd", intent=named)

    assert deliveries.deliver(sent).status_code == 200
    assert InboxEvent.objects.get(event_id=sent["id"]).payment_intent_id == ""


def test_payment_intent_that_stands_there_as_a_whole_is_read_as_well(paid: Payment) -> None:
    assert deliver_charge(paid, "ch_whole", whole=True).payment_intent_id == paid.payment_intent_id


def test_finance_reads_events_and_is_offered_nothing_that_it_may_not_do(
    enter: Callable[[str], Client], paid: Payment
) -> None:
    event = deliver(paid)

    shown = page_of(paid, enter("finance"))

    assert event.event_id in shown
    assert reverse("admin:payments_inboxevent_replay", args=[event.pk]) not in shown
    assert reverse("admin:payments_payment_ask", args=[paid.pk]) not in shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b'{"b":1,"a":[2]}', json.dumps({"b": 1, "a": [2]}, indent=2)),
        (b"not json <b>", "not json <b>"),
        (b'{"broken": "\xff"}', '{"broken": "\\xff"}'),
        (b"[" * 200_000, "[" * stripe_stories.SHOWN_BYTES),
        (b'{"long": "' + b"x" * 70_000 + b'"}', '{"long": "' + "x" * (stripe_stories.SHOWN_BYTES - 10)),
    ],
)
def test_body_is_laid_out_where_it_is_json_and_else_shown_as_it_came(raw: bytes, shown: str) -> None:
    told = unescape(stripe_stories.show_body(InboxEvent(event_id="evt_x", raw=raw)))
    assert told.partition(">")[2].removesuffix("</pre>") == shown


def test_mails_callbacks_documents_and_acts_of_staff_stand_there(
    enter: Callable[[str], Client], acme: Organisation, paid: Payment, now: datetime
) -> None:
    owner = builders.owner_of(acme)
    endpoint = CallbackEndpoint.objects.create(
        organisation=acme,
        url="https://zebra.example/hook",
        username="cb_zebra",
        secret_encrypted=ciphers.encrypt(text="s"),
        events=["order.paid"],
        created_by=owner,
        created_by_name="Alice",
        created_at=paid.created_at,
    )
    callback_outbox.collect(now=now)
    mails.send_due(now=now)
    receipt = documents.issue_receipt(order_id=paid.order_id, now=now)
    ops = enter("ops")
    ops.post(reverse("admin:payments_payment_ask", args=[paid.pk]))

    shown = page_of(paid, ops)

    assert owner.email in shown
    assert endpoint.url in shown
    assert receipt.number in shown
    assert "Asked Stripe: complete / paid" in shown
    assert "Olivia" not in shown
    assert str(User.objects.get(pk=ops.session["_auth_user_id"])) in shown


def test_whoever_approved_a_refund_stands_among_what_staff_did(
    enter: Callable[[str], Client], paid: Payment, now: datetime
) -> None:
    order = paid.order
    order.refresh_from_db()
    refund = refund_stories.approve(order, builders.usd(5), now=now)

    shown = page_of(paid, enter("ops"))

    acts = shown[shown.index("What staff did") :]
    assert refund.number in acts
    assert "Refund approved" in acts
    assert str(refund.approved_by_name) in acts


def test_postings_show_the_balance_before_and_lead_to_their_story(
    enter: Callable[[str], Client], acme: Organisation, paid: Payment, now: datetime
) -> None:
    again = builders.fill_wallet(acme, builders.usd(20), now=now)
    posting = Posting.objects.get(order_number=again.number)

    answer = enter("finance").get(f"/admin/billing/order/{again.pk}/change/").content.decode()

    assert "USD $123.45" in answer
    assert "USD $143.45" in answer
    assert f"/admin/postings/show/?q={posting.pk}" in answer


def test_page_costs_the_same_however_much_happened(
    enter: Callable[[str], Client], paid: Payment, django_assert_max_num_queries: Any
) -> None:
    ops = enter("ops")
    page_of(paid, ops)
    for _ in range(5):
        deliver(paid)
        ops.post(reverse("admin:payments_payment_ask", args=[paid.pk]))
    with django_assert_max_num_queries(60):
        page_of(paid, ops)
