"""The way back from Stripe, going on, and cancelling: the pages tell what is true."""

from collections.abc import Callable
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from billing import orders
from billing.models import Order, State
from payments import stripe_api
from payments.models import Payment
from payments.standin.client import StandIn, StandInRefused
from tests import builders
from wallet.models import Organisation, Posting, Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def payment(acme: Organisation, stripe: StandIn, now: datetime) -> Payment:
    """Alice stands on Stripe's page."""
    return builders.open_checkout(acme, now=now)


@pytest.fixture
def page(client: Client, acme: Organisation) -> Client:
    client.force_login(builders.owner_of(acme))
    return client


@pytest.fixture
def part_from_stripe(stripe: StandIn, settings: LazySettings, quick_retries: None) -> Callable[[], None]:
    def part() -> None:
        settings.STRIPE_API_BASE = "http://127.0.0.1:9"
        stripe_api.connect.cache_clear()

    return part


def address(name: str, order: Order) -> str:
    return reverse(f"payments:{name}", args=[order.number])


def text_of(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def let_it_be_asked_again(payment: Payment) -> None:
    Payment.objects.filter(pk=payment.pk).update(asked_at=payment.created_at - timedelta(minutes=1))


def test_who_paid_and_comes_back_sees_it_paid_credited_and_the_receipt(
    page: Client, payment: Payment, stripe: StandIn
) -> None:
    stripe.pay(builders.session_of(payment))

    shown = text_of(page.get(address("return", payment.order), {"session_id": "cs_any"}))

    payment.order.refresh_from_db()
    assert payment.order.state == State.PAID
    assert shown.count('<li class="done">') == 3
    assert "New balance: USD $100.00" in shown
    assert reverse("billing:receipt", args=[payment.order.number]) in shown
    assert "hx-get" not in shown


def test_who_comes_back_without_paying_is_told_so_and_may_go_on_or_cancel(page: Client, payment: Payment) -> None:
    shown = text_of(page.get(address("return", payment.order)))

    assert "You came back without paying. Nothing was charged." in shown
    assert "as far as we know" not in shown
    assert address("continue", payment.order) in shown
    assert address("cancel", payment.order) in shown
    assert "no-store" in page.get(address("return", payment.order))["Cache-Control"]


def test_who_comes_back_after_a_declined_card_is_told_that_it_was_declined(
    page: Client, payment: Payment, stripe: StandIn
) -> None:
    with pytest.raises(StandInRefused):
        stripe.pay(builders.session_of(payment), card="4000000000000002")

    shown = text_of(page.get(address("return", payment.order)))

    assert "The card was declined" in shown
    assert "Stripe says: Your card was declined. Nothing was charged." in shown
    assert "without paying" not in shown
    assert address("continue", payment.order) in shown


def test_a_cancelled_payment_is_told_of_once(page: Client, payment: Payment) -> None:
    page.post(address("cancel", payment.order), follow=True)

    shown = text_of(page.get(address("return", payment.order)))

    assert shown.count("nothing was charged") == 1
    assert "Nothing was charged" not in shown
    assert "yet" not in shown.partition('id="status"')[2]


def test_who_paid_is_not_asked_to_pay_again_while_stripe_has_not_confirmed(page: Client, payment: Payment) -> None:
    shown = text_of(page.get(address("return", payment.order), {"session_id": "cs_any"}))

    assert "Waiting for Stripe's confirmation" in shown
    assert address("continue", payment.order) not in shown


def test_the_page_refreshes_itself_until_the_end(page: Client, payment: Payment, stripe: StandIn) -> None:
    first = page.get(address("return", payment.order), {"session_id": "cs_any"})
    poll = first.context["poll_address"]
    assert '<meta http-equiv="refresh"' in text_of(first)

    unchanged = page.get(poll, headers={"HX-Request": "true"})
    stripe.pay(builders.session_of(payment))
    let_it_be_asked_again(payment)
    changed = page.get(poll, headers={"HX-Request": "true"})

    assert unchanged.status_code == 204
    assert changed.status_code == 286
    assert "<html" not in text_of(changed)
    assert "Paid and credited" in text_of(changed)


def test_stripe_is_not_asked_at_every_refresh(page: Client, payment: Payment) -> None:
    page.get(address("return", payment.order))
    payment.refresh_from_db()
    asked_at = payment.asked_at

    page.get(address("return", payment.order))

    payment.refresh_from_db()
    assert asked_at is not None
    assert payment.asked_at == asked_at


def test_without_stripe_the_page_says_not_to_pay_again(
    page: Client, payment: Payment, part_from_stripe: Callable[[], None]
) -> None:
    part_from_stripe()

    shown = text_of(page.get(address("return", payment.order), {"session_id": "cs_any"}))

    assert "If you paid, it will be credited: do not pay again. We ask Stripe every minute." in shown
    assert "support@" in shown
    payment.order.refresh_from_db()
    assert payment.order.state == State.PENDING


def test_a_payment_that_does_not_agree_is_told_to_be_checked_and_not_to_be_paid_again(
    page: Client, payment: Payment, stripe: StandIn
) -> None:
    stripe.pay(builders.session_of(payment))
    stripe.tamper(builders.session_of(payment), amount_total=9999)

    shown = text_of(page.get(address("return", payment.order)))

    assert "Being checked by our team" in shown
    assert "do not pay again" in shown
    assert address("continue", payment.order) not in shown


def test_money_in_suspense_is_not_shown_as_the_customers(page: Client, payment: Payment, stripe: StandIn) -> None:
    stripe.pay(builders.session_of(payment))
    stripe.tamper(builders.session_of(payment), amount_total=9999)
    page.get(address("return", payment.order))

    shown = text_of(page.get(reverse("billing:order", args=[payment.order.number])))

    assert Posting.objects.filter(order_number=payment.order.number).exists()
    assert "Nothing has been credited for this order." in shown


def test_a_delayed_payment_is_told_to_be_processed(page: Client, payment: Payment, stripe: StandIn) -> None:
    stripe.pay_by_bank_debit(builders.session_of(payment))

    shown = page.get(address("return", payment.order))

    assert "Your bank is processing the payment" in text_of(shown)
    assert shown.context["poll_seconds"] == 30


def test_strangers_find_no_page_of_an_order(client: Client, payment: Payment, now: datetime) -> None:
    bob = builders.owner_of(builders.make_organisation(now=now, owner=builders.make_person("bob")))
    client.force_login(bob)

    assert client.get(address("return", payment.order)).status_code == 404
    assert client.get(address("cancel", payment.order)).status_code == 404
    assert client.post(address("cancel", payment.order)).status_code == 404
    assert client.post(address("continue", payment.order)).status_code == 404
    payment.refresh_from_db()
    assert (payment.asked_at, payment.cancel_wished_by) == (None, "")


def test_a_viewer_sees_the_return_page_and_can_neither_go_on_nor_cancel(
    client: Client, acme: Organisation, payment: Payment, now: datetime
) -> None:
    client.force_login(builders.make_member(acme, role=Role.VIEWER, now=now).user)

    shown = client.get(address("return", payment.order))

    assert shown.status_code == 200
    assert address("continue", payment.order) not in text_of(shown)
    assert client.post(address("continue", payment.order)).status_code == 403
    assert client.post(address("cancel", payment.order)).status_code == 403
    payment.refresh_from_db()
    assert payment.cancel_wished_by == ""


def test_looking_at_the_cancel_page_cancels_nothing(page: Client, payment: Payment) -> None:
    assert page.get(address("cancel", payment.order)).status_code == 200

    payment.order.refresh_from_db()
    assert payment.order.state == State.PENDING


def test_cancelling_ends_the_order_and_says_that_nothing_was_charged(page: Client, payment: Payment) -> None:
    response = page.post(address("cancel", payment.order), follow=True)

    payment.order.refresh_from_db()
    assert payment.order.state == State.CANCELLED
    assert "The order is cancelled. Nothing was charged." in text_of(response)
    assert "nothing to cancel" in text_of(page.post(address("cancel", payment.order), follow=True))


def test_cancelling_what_was_paid_meanwhile_credits_it(page: Client, payment: Payment, stripe: StandIn) -> None:
    stripe.pay(builders.session_of(payment))

    response = page.post(address("cancel", payment.order), follow=True)

    payment.order.refresh_from_db()
    assert payment.order.state == State.PAID
    assert "paid before it could be cancelled" in text_of(response)


def test_without_stripe_the_wish_to_cancel_is_kept_and_told(
    page: Client, payment: Payment, part_from_stripe: Callable[[], None]
) -> None:
    part_from_stripe()

    response = page.post(address("cancel", payment.order), follow=True)

    payment.refresh_from_db()
    assert payment.cancel_wished_by
    assert payment.order.state == State.PENDING
    assert "cancelled as soon as Stripe answers" in text_of(response)
    assert "Being cancelled" in text_of(response)
    assert address("continue", payment.order) not in text_of(response)


def test_what_stripe_refuses_to_tell_is_not_promised_to_be_cancelled(page: Client, payment: Payment) -> None:
    Payment.objects.filter(pk=payment.pk).update(session_id="cs_test_unknown")

    response = page.post(address("cancel", payment.order), follow=True)

    assert "our team looks into it" in text_of(response)
    assert "as soon as Stripe answers" not in text_of(response)


def test_an_order_that_has_ended_cannot_be_gone_on_with(page: Client, payment: Payment) -> None:
    page.post(address("cancel", payment.order))

    response = page.post(address("continue", payment.order), follow=True)

    assert "not waiting for a card payment any more" in text_of(response)


def test_continue_leads_back_to_the_same_page_of_stripes(page: Client, payment: Payment) -> None:
    response = page.post(address("continue", payment.order))

    assert (response.status_code, response["Location"]) == (303, payment.session_url)
    assert page.get(address("continue", payment.order)).status_code == 405


def test_the_return_page_needs_at_most_twelve_queries(
    page: Client, payment: Payment, django_assert_max_num_queries: Any
) -> None:
    page.get(address("return", payment.order))
    with django_assert_max_num_queries(12):
        page.get(address("return", payment.order))


def test_order_that_follows_another_has_no_way_back_from_stripe_and_shows_itself(
    page: Client, payment: Payment, now: datetime
) -> None:
    for _ in range(2):
        locked = orders.lock(payment.order_id)
        credited = orders.mark_paid(order=locked, arrival=builders.by_card(locked), by="Stripe", now=now)
    assert credited.follows_id == payment.order_id

    response = page.get(address("return", credited))

    assert (response.status_code, response["Location"]) == (302, reverse("billing:order", args=[credited.number]))
