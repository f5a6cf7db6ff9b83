"""Alice tops up by card, from TOP UP to Billing > Order Details, over HTTP, with Stripe's own webhooks."""

from datetime import datetime, timedelta

import pytest
from django.core import mail

from billing import mails
from billing.models import State
from payments import inbox, sweeps
from tests import builders
from tests.journeys.conftest import Browser, Site
from wallet.models import Organisation

AFTER = timedelta(minutes=2)


@pytest.fixture
def acme(site: Site, now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def alice(site: Site, acme: Organisation) -> Browser:
    return Browser(site=site, user=builders.owner_of(acme))


def test_card_top_up_from_home_to_order_details(alice: Browser, acme: Organisation, site: Site, now: datetime) -> None:
    assert "$0.00" in alice.open("/").text
    back = alice.pay(alice.top_up("100"))
    order = acme.orders.get()
    assert back.url.startswith(f"{site.address}/payments/orders/{order.number}/return/")
    assert "$100.00" in back.text

    site.stripe.wait_for_deliveries()
    assert {attempt["status"] for attempt in site.stripe.deliveries()} == {200}
    inbox.handle_due(now=now + AFTER)
    order.refresh_from_db()
    assert order.state == State.PAID
    assert "$100.00" in alice.open("/").text
    assert order.number in alice.open("/billing/orders/").text
    assert "Paid" in alice.open(f"/billing/orders/{order.number}/").text
    assert alice.open(f"/billing/orders/{order.number}/receipt.pdf").content.startswith(b"%PDF")

    while mails.send_due(now=now + AFTER):
        pass  # other stories have left mails of theirs
    assert order.number in " ".join(str(message.subject) for message in mail.outbox)


def test_browser_closed_after_paying_is_credited_by_the_webhook(
    alice: Browser, acme: Organisation, site: Site, now: datetime
) -> None:
    page = alice.top_up("250.50")
    site.stripe.pay(page.url.rsplit("/", 1)[1])
    site.stripe.wait_for_deliveries()
    inbox.handle_due(now=now + AFTER)
    assert acme.orders.get().state == State.PAID
    assert builders.balance_of(acme.pk) == builders.usd("250.50")


def test_return_page_credits_when_no_webhook_comes(alice: Browser, acme: Organisation, site: Site) -> None:
    site.stripe.switch(deliveries="drop")
    alice.pay(alice.top_up("100"))
    assert acme.orders.get().state == State.PAID
    assert builders.balance_of(acme.pk) == builders.usd(100)


def test_declined_card_then_a_good_one_pays_once(alice: Browser, acme: Organisation, site: Site, now: datetime) -> None:
    page = alice.top_up("100")
    declined = alice.pay(page, card="4000 0000 0000 0002")
    assert declined.status_code == 402
    assert acme.orders.get().state == State.PENDING
    alice.pay(page)
    site.stripe.wait_for_deliveries()
    inbox.handle_due(now=now + AFTER)
    assert acme.orders.get().state == State.PAID
    assert builders.balance_of(acme.pk) == builders.usd(100)


def test_submit_pressed_twice_and_pay_pressed_twice_is_one_order_paid_once(
    alice: Browser, acme: Organisation, site: Site, now: datetime
) -> None:
    """What a double click sends: the same form again, and Stripe's page again."""
    form_page = alice.open("/topup/").text
    token = form_page.split('name="form_token" value="')[1].split('"')[0]
    csrf = form_page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    form = {"csrfmiddlewaretoken": csrf, "form_token": token, "method": "card", "currency": "USD", "amount": "100"}
    first, second = alice.send("/topup/", form), alice.send("/topup/", form)
    assert first.url == second.url
    alice.pay(first)
    alice.pay(second)
    site.stripe.wait_for_deliveries()
    inbox.handle_due(now=now + AFTER)
    sweeps.ask_about_open_payments(now=now + AFTER)
    assert acme.orders.get().state == State.PAID
    assert builders.balance_of(acme.pk) == builders.usd(100)


def test_form_without_its_csrf_token_moves_nothing(alice: Browser, acme: Organisation) -> None:
    token = alice.open("/topup/").text.split('name="form_token" value="')[1].split('"')[0]
    answer = alice.send("/topup/", {"form_token": token, "method": "card", "currency": "USD", "amount": "100"})
    assert answer.status_code == 403
    assert not acme.orders.exists()


def test_webhooks_shuffled_doubled_and_delayed_credit_once(
    alice: Browser, acme: Organisation, site: Site, now: datetime
) -> None:
    site.stripe.switch(shuffle=0.3, duplicate=3, parallel=12)
    for amount in ("50", "60", "70"):
        alice.pay(alice.top_up(amount))
    site.stripe.wait_for_deliveries()
    inbox.handle_due(now=now + AFTER)
    assert acme.orders.filter(state=State.PAID).count() == 3
    assert builders.balance_of(acme.pk) == builders.usd(180)
