"""What ops find in the admin: an order by anything known of it, its whole story, and the inbox with its replay."""

import re
from collections.abc import Callable
from datetime import datetime
from html import unescape
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import transaction
from django.test import Client
from django.urls import reverse

from billing import flags, orders
from billing.models import Flag, Order, State
from payments import checkout, inbox, stripe_api
from payments.models import InboxEvent, Payment
from payments.standin.client import StandIn
from tests import builders, people
from tests.billing import ordering
from tests.payments import deliveries
from wallet.models import Organisation, Posting, User

pytestmark = pytest.mark.django_db
ORDERS = "/admin/billing/order/"


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now, name="Zebra Messaging")


@pytest.fixture
def payment(acme: Organisation, stripe: StandIn, now: datetime) -> Payment:
    return builders.open_checkout(acme, now=now, amount=builders.usd("123.45"))


@pytest.fixture
def paid(payment: Payment, stripe: StandIn, now: datetime) -> Payment:
    stripe.pay(builders.session_of(payment))
    return checkout.ask_about(payment_id=payment.pk, by="Stripe", now=now)


@pytest.fixture
def log_in_as(client: Client, settings: LazySettings) -> Callable[[User], Client]:
    settings.STAFF_MFA_REQUIRED = False

    def log_in(user: User) -> Client:
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def olivia(log_in_as: Callable[[User], Client]) -> Client:
    return log_in_as(people.make_staff("olivia", "ops"))


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(unescape(response.content.decode()).split())


def event_of(payment: Payment, *, now: datetime) -> InboxEvent:
    """What Stripe told us of a session, waiting in the inbox."""
    assert deliveries.deliver(deliveries.event_about(builders.session_of(payment))).status_code == 200
    return InboxEvent.objects.get(object_id=payment.session_id)


def test_ops_find_an_order_by_anything_known_of_it(
    olivia: Client, acme: Organisation, paid: Payment, now: datetime
) -> None:
    other = builders.begin_top_up(
        builders.make_organisation(now=now, owner=builders.make_person("bob")), now=now, amount=builders.usd(77)
    ).order
    mail = builders.owner_of(acme).email

    session_id = builders.session_of(paid)

    for known in (paid.order.number.lower(), session_id, paid.payment_intent_id, "123.45", mail, "zebra"):
        shown = text_of(olivia.get(ORDERS, {"q": known}))
        assert paid.order.number in shown, known
        assert other.number not in shown, known
    assert paid.order.number not in text_of(olivia.get(ORDERS, {"q": "nonsense"}))
    assert olivia.get(ORDERS, {"q": "\x00"}).status_code == 200


def test_ops_find_an_order_by_an_event_and_by_the_beginning_of_an_id(
    olivia: Client, paid: Payment, now: datetime
) -> None:
    event = event_of(paid, now=now)

    for known in (event.event_id, builders.session_of(paid)[:16], paid.payment_intent_id[:14]):
        assert paid.order.number in text_of(olivia.get(ORDERS, {"q": known})), known
    assert paid.order.number in text_of(olivia.get("/admin/payments/payment/", {"q": builders.session_of(paid)[:16]}))
    assert paid.order.number not in text_of(olivia.get(ORDERS, {"q": "evt_nothing_of_ours"}))


def test_ops_find_events_by_the_order_and_by_the_beginning_of_an_id(
    olivia: Client, payment: Payment, acme: Organisation, now: datetime
) -> None:
    event = event_of(payment, now=now)
    other = event_of(builders.open_checkout(acme, now=now), now=now)
    inbox_page = "/admin/payments/inboxevent/"

    for known in (payment.order.number.lower(), event.event_id, event.event_id[:20], builders.session_of(payment)):
        shown = text_of(olivia.get(inbox_page, {"q": known}))
        assert event.event_id in shown, known
        assert other.event_id not in shown, known


@pytest.mark.parametrize("state", State)
def test_the_list_names_every_state_in_words(olivia: Client, payment: Payment, now: datetime, state: State) -> None:
    Order.objects.filter(pk=payment.order_id).update(state=state, paid_at=now)

    assert re.search(rf">\s*{state.label}\s*</span>", olivia.get(ORDERS, {"q": payment.order.number}).content.decode())


def test_amounts_are_labelled_by_what_has_happened(olivia: Client, payment: Payment, now: datetime) -> None:
    def labels() -> str:
        return text_of(olivia.get(f"{ORDERS}{payment.order_id}/change/"))

    assert "To be credited" in labels()

    with transaction.atomic():
        orders.cancel(order=orders.lock(payment.order_id), by="Alice", now=now)
    assert "Would have been credited" in labels()
    assert "To be credited" not in labels()

    ordering.pay(payment.order, now=now)
    assert "Would have been credited" not in labels()


def test_ops_end_an_order_in_doubt_with_a_note_and_a_trace(olivia: Client, payment: Payment, now: datetime) -> None:
    flags.raise_flag(order=payment.order, reason=Flag.Reason.NO_SUCH_SESSION, now=now)
    page, address = f"{ORDERS}{payment.order_id}/change/", reverse("admin:billing_order_end", args=[payment.order_id])
    assert address in text_of(olivia.get(page))

    olivia.post(address, {"note": " "})
    payment.order.refresh_from_db()
    assert payment.order.state == State.PENDING
    shown = text_of(olivia.post(address, {"note": "Stripe lost it."}, follow=True))

    payment.order.refresh_from_db()
    assert payment.order.state == State.FAILED
    assert "The order is ended." in shown
    assert address not in shown
    assert payment.order.flags.filter(resolved_at__isnull=True).exists()
    assert "Ended: Stripe lost it." in text_of(olivia.get(f"{ORDERS}{payment.order_id}/history/"))
    assert "nothing was done" in text_of(olivia.post(address, {"note": "once more"}, follow=True))


def test_an_order_nobody_doubts_is_not_ended(olivia: Client, payment: Payment) -> None:
    address = reverse("admin:billing_order_end", args=[payment.order_id])
    assert address not in text_of(olivia.get(f"{ORDERS}{payment.order_id}/change/"))

    assert "nothing was done" in text_of(olivia.post(address, {"note": "x"}, follow=True))

    payment.order.refresh_from_db()
    assert payment.order.state == State.PENDING


@pytest.mark.parametrize(("group", "status"), [("finance", 403), ("finance lead", 302), ("ops", 302)])
def test_only_ops_and_the_finance_lead_end_orders(
    *, log_in_as: Callable[[User], Client], payment: Payment, now: datetime, group: str, status: int
) -> None:
    flags.raise_flag(order=payment.order, reason=Flag.Reason.NO_SUCH_SESSION, now=now)
    person = log_in_as(people.make_staff("frank", group))
    address = reverse("admin:billing_order_end", args=[payment.order_id])

    assert (address in text_of(person.get(f"{ORDERS}{payment.order_id}/change/"))) is (status == 302)
    assert person.post(address, {"note": "Stripe lost it"}).status_code == status

    payment.order.refresh_from_db()
    assert payment.order.state == (State.FAILED if status == 302 else State.PENDING)


def test_ops_filter_orders_by_state_and_by_open_flag(olivia: Client, payment: Payment, now: datetime) -> None:
    assert payment.order.number not in text_of(olivia.get(ORDERS, {"flag": "any"}))

    flags.raise_flag(order=payment.order, reason=Flag.Reason.WRONG_AMOUNT, now=now)

    assert payment.order.number in text_of(olivia.get(ORDERS, {"flag": "any"}))
    assert payment.order.number in text_of(olivia.get(ORDERS, {"flag": "WRONG_AMOUNT", "state__exact": "PENDING"}))
    assert payment.order.number not in text_of(olivia.get(ORDERS, {"flag": "LATE_MONEY"}))


def test_the_whole_story_of_an_order_stands_on_its_page(
    olivia: Client, paid: Payment, acme: Organisation, now: datetime
) -> None:
    event = event_of(paid, now=now)

    shown = text_of(olivia.get(f"{ORDERS}{paid.order_id}/change/"))

    for part in (
        "The card payment was confirmed by Stripe and credited",
        builders.session_of(paid)[-8:],
        paid.payment_intent_id,
        "stripe_clearing",
        f"order:{paid.order.number}:credit",
        event.event_id,
    ):
        assert part in shown


def test_nobody_changes_or_deletes_orders_payments_or_postings_in_the_admin(
    log_in_as: Callable[[User], Client], paid: Payment
) -> None:
    admin = log_in_as(people.make_user("admin", is_staff=True, is_superuser=True))
    posting = Posting.objects.get(organisation=paid.organisation)

    for model, pk in (("billing/order", paid.order_id), ("payments/payment", paid.pk), ("wallet/posting", posting.pk)):
        assert admin.get(f"/admin/{model}/{pk}/change/").status_code == 200
        assert admin.post(f"/admin/{model}/{pk}/change/", {"state": "REFUNDED", "memo": "x"}).status_code == 403
        assert admin.post(f"/admin/{model}/{pk}/delete/", {"post": "yes"}).status_code == 403
        assert admin.get(f"/admin/{model}/add/").status_code == 403
    paid.order.refresh_from_db()
    assert paid.order.state == State.PAID


@pytest.mark.parametrize(
    "model",
    [
        "billing/order",
        "billing/flag",
        "billing/ordermail",
        "billing/topuplimit",
        "payments/payment",
        "payments/inboxevent",
        "payments/heartbeat",
        "wallet/posting",
        "wallet/account",
        "wallet/entry",
        "wallet/sealedday",
        "wallet/auditrun",
    ],
)
def test_every_list_opens_for_ops_and_for_no_customer(
    *, olivia: Client, client: Client, model: str, paid: Payment, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(15):
        assert olivia.get(f"/admin/{model}/", {"q": "x"}).status_code == 200
    assert olivia.get(f"/admin/{model}/").status_code == 200

    client.force_login(builders.owner_of(paid.organisation))
    assert client.get(f"/admin/{model}/").status_code in {302, 403}


def test_replaying_asks_stripe_and_credits_once(
    olivia: Client, payment: Payment, stripe: StandIn, now: datetime
) -> None:
    stripe.pay(builders.session_of(payment))
    event = event_of(payment, now=now)
    address = reverse("admin:payments_inboxevent_replay", args=[event.pk])
    assert address in text_of(olivia.get(f"/admin/payments/inboxevent/{event.pk}/change/"))

    assert olivia.get(address).status_code == 200
    payment.order.refresh_from_db()
    assert payment.order.state == State.PENDING
    for _ in range(2):
        assert "Outcome: Handled" in text_of(olivia.post(address, follow=True))

    payment.order.refresh_from_db()
    assert payment.order.state == State.PAID
    assert Posting.objects.filter(organisation=payment.organisation).count() == 1
    assert payment.order.events.get(state=State.PAID).by == "Olivia"
    history = text_of(olivia.get(f"/admin/payments/inboxevent/{event.pk}/history/"))
    assert history.count("Replayed. Outcome: Handled") == 2


def test_a_replay_without_stripe_says_what_happened(
    olivia: Client, payment: Payment, settings: LazySettings, quick_retries: None, now: datetime
) -> None:
    event = event_of(payment, now=now)
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    stripe_api.connect.cache_clear()

    shown = text_of(olivia.post(reverse("admin:payments_inboxevent_replay", args=[event.pk]), follow=True))

    assert "Not handled" in shown
    assert "Replayed. Not handled" in text_of(olivia.get(f"/admin/payments/inboxevent/{event.pk}/history/"))
    assert InboxEvent.objects.get(pk=event.pk).handled_at is None


def test_finance_reads_the_inbox_and_replays_nothing(
    log_in_as: Callable[[User], Client], payment: Payment, stripe: StandIn, now: datetime
) -> None:
    stripe.pay(builders.session_of(payment))
    event = event_of(payment, now=now)
    fiona = log_in_as(people.make_staff("fiona", "finance"))
    address = reverse("admin:payments_inboxevent_replay", args=[event.pk])

    assert address not in text_of(fiona.get(f"/admin/payments/inboxevent/{event.pk}/change/"))
    assert fiona.post(address).status_code == 403

    payment.order.refresh_from_db()
    assert payment.order.state == State.PENDING


def test_an_event_of_a_kind_we_do_not_need_is_not_replayed(olivia: Client, payment: Payment, now: datetime) -> None:
    sent = deliveries.event_about(builders.session_of(payment), kind="charge.succeeded")
    assert deliveries.deliver(sent).status_code == 200
    event = InboxEvent.objects.get(event_id=sent["id"])

    assert olivia.post(reverse("admin:payments_inboxevent_replay", args=[event.pk])).status_code == 403
    assert InboxEvent.objects.get(pk=event.pk).outcome == InboxEvent.Outcome.IGNORED


def test_a_body_is_shown_as_text_whatever_it_holds(olivia: Client, now: datetime) -> None:
    event = InboxEvent.objects.create(
        event_id="evt_hostile",
        type="x",
        object_id="cs_x",
        raw=b'{"a": "<script>alert(1)</script>\xff\x00"}',
        received_at=now,
        due_at=now,
        handled_at=now,
        outcome=InboxEvent.Outcome.IGNORED,
    )

    response = olivia.get(f"/admin/payments/inboxevent/{event.pk}/change/")

    assert b"<script>alert(1)" not in response.content
    assert "<script>alert(1)</script>\\xff" in text_of(response)


def test_the_inbox_shows_what_waits_and_what_fails(olivia: Client, payment: Payment, now: datetime) -> None:
    event = event_of(payment, now=now)
    listing = "/admin/payments/inboxevent/"

    assert event.event_id in text_of(olivia.get(listing, {"handled": "no"}))
    assert event.event_id not in text_of(olivia.get(listing, {"handled": "failing"}))
    inbox.replay(event_id=event.pk, by="olivia", now=now)
    assert event.event_id in text_of(olivia.get(listing, {"handled": "yes"}))
    assert event.event_id not in text_of(olivia.get(listing, {"handled": "no"}))


@pytest.mark.parametrize(
    ("address", "sentence"),
    [("/admin/wallet/sealedday/", "Nothing here yet."), (f"{ORDERS}?q=nonsense", "Nothing fits.")],
)
def test_an_empty_list_offers_nothing_to_create(olivia: Client, address: str, sentence: str) -> None:
    shown = text_of(olivia.get(address))

    assert sentence in shown
    assert "Create a new item" not in shown


def test_lists_and_pages_say_which_times_they_show(olivia: Client, payment: Payment) -> None:
    for path in (ORDERS, f"{ORDERS}{payment.order_id}/change/"):
        assert "Times are UTC+8." in text_of(olivia.get(path))


def test_labels_of_the_admin_are_chinese_for_its_chinese_readers(olivia: Client, paid: Payment) -> None:
    olivia.cookies["django_language"] = "zh-hans"
    user = User.objects.get(pk=olivia.session["_auth_user_id"])
    User.objects.filter(pk=user.pk).update(language="zh-hans")

    shown = text_of(olivia.get(f"{ORDERS}{paid.order_id}/change/", headers={"Accept-Language": "zh-hans"}))

    assert 'lang="zh-hans"' in shown
    for english in ("Organisation", "Created by name", "Follows", "Authenticators", ">wallet</div>"):
        assert english not in shown, english
