"""TOP UP through its page: what makes an order, what does not, and what the customer is told."""

from collections.abc import Callable
from datetime import datetime
from html import unescape
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from billing import form_tokens
from billing.models import Method, Order, State, TopUpLimit
from payments import stripe_api
from payments.models import Payment
from payments.standin.client import StandIn
from tests import builders
from wallet import organisations
from wallet.middleware import CHOSEN
from wallet.models import Organisation, Role, User

pytestmark = pytest.mark.django_db

Form = Callable[..., dict[str, str]]


@pytest.fixture
def alice() -> User:
    return builders.make_person("alice")


@pytest.fixture
def acme(alice: User, now: datetime) -> Organisation:
    return builders.make_organisation(now=now, owner=alice)


@pytest.fixture
def page(client: Client, alice: User, acme: Organisation) -> Client:
    """A browser in which alice is logged in."""
    client.force_login(alice)
    return client


@pytest.fixture
def form(page: Client) -> Form:
    """What the page's form would send, as it was shown."""

    def fill(**typed: str) -> dict[str, str]:
        shown = page.get("/topup/")
        assert shown.status_code == 200
        return {"form_token": shown.context["form_token"], "method": "card", "currency": "USD", "amount": "100"} | typed

    return fill


def text_of(response: Any) -> str:
    return unescape(response.content.decode())


def test_top_up_makes_one_order_and_leads_to_stripes_page(
    page: Client, form: Form, acme: Organisation, stripe: StandIn
) -> None:
    response = page.post("/topup/", form(amount="100"))

    order = Order.objects.get(organisation=acme)
    assert (order.state, order.paid, order.target, order.method) == (State.PENDING, builders.usd(100), "wallet", "CARD")
    assert response.status_code == 303
    assert response["Location"].startswith(stripe.base)
    payment = Payment.objects.get(order=order)
    assert payment.session_request["success_url"].startswith(
        f"http://testserver/payments/orders/{order.number}/return/"
    )


def test_a_limit_in_another_currency_opens_no_card_top_up_in_it(page: Client, form: Form, acme: Organisation) -> None:
    TopUpLimit.objects.create(method=Method.CARD, currency="CNY", minimum=10, maximum=1000, presets=[])
    response = page.post("/topup/", form(currency="CNY"))
    assert response.status_code == 422
    assert "Cards are charged in USD" in text_of(response)
    assert not acme.orders.exists()


def test_the_same_form_sent_twice_makes_one_order_and_gives_the_same_answer(
    page: Client, form: Form, acme: Organisation, stripe: StandIn
) -> None:
    sent = form()

    first, second = page.post("/topup/", sent), page.post("/topup/", sent)

    assert first["Location"] == second["Location"]
    assert Order.objects.filter(organisation=acme).count() == 1
    assert Payment.objects.filter(organisation=acme).count() == 1


def test_other_content_in_a_form_sent_before_is_refused_and_its_order_named(
    page: Client, form: Form, acme: Organisation, stripe: StandIn
) -> None:
    sent = form()
    page.post("/topup/", sent)

    response = page.post("/topup/", sent | {"amount": "200"})

    order = Order.objects.get(organisation=acme)
    assert response.status_code == 409
    assert order.number in text_of(response)
    assert order.paid == builders.usd(100)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"amount": "", "preset": "50"}, "50"),
        ({"amount": "  ", "preset": "500"}, "500"),
        ({"amount": "75.50", "preset": "50"}, "75.50"),
    ],
)
def test_a_preset_counts_when_no_amount_is_written(
    *, page: Client, form: Form, acme: Organisation, stripe: StandIn, typed: dict[str, str], expected: str
) -> None:
    assert page.post("/topup/", form(**typed)).status_code == 303

    assert Order.objects.get(organisation=acme).paid == builders.usd(expected)


@pytest.mark.parametrize(
    "amount",
    ["", "-5", "1e3", "1_000", "1,000", "100.001", "１００", "NaN", "0", "<b>", "9" * 40, "1\x00", "0.01", "10000.01"],
)
def test_an_amount_that_cannot_be_taken_makes_no_order_and_stays_in_the_field(
    page: Client, form: Form, acme: Organisation, amount: str
) -> None:
    response = page.post("/topup/", form(amount=amount))

    assert response.status_code == 422
    assert response.context["form"].errors["amount"]
    assert 'aria-invalid="true"' in text_of(response)
    assert response.context["form"]["amount"].value() == amount
    assert not Order.objects.filter(organisation=acme).exists()


def test_an_error_keeps_the_form_good_for_another_try(
    page: Client, form: Form, acme: Organisation, stripe: StandIn
) -> None:
    sent = form(amount="nonsense")
    again = page.post("/topup/", sent).context["form_token"]

    assert page.post("/topup/", sent | {"form_token": again, "amount": "100"}).status_code == 303
    assert Order.objects.filter(organisation=acme).count() == 1


def test_the_limits_are_told_before_anything_is_typed(page: Client) -> None:
    TopUpLimit.objects.filter(method=Method.CARD, currency="USD").update(minimum=7, maximum=4321, presets=[11, 22])

    shown = text_of(page.get("/topup/"))

    assert "At least $7.00, at most $4,321.00" in shown
    assert 'value="11"' in shown


@pytest.mark.parametrize("typed", [{"method": "balance"}, {"method": ""}, {"currency": "EUR"}])
def test_a_way_to_pay_that_does_not_exist_is_told_and_makes_no_order(
    page: Client, form: Form, acme: Organisation, typed: dict[str, str]
) -> None:
    response = page.post("/topup/", form(**typed))

    assert response.status_code == 422
    assert 'role="alert"' in text_of(response)
    assert not Order.objects.filter(organisation=acme).exists()


def test_a_forged_or_missing_token_shows_the_form_anew_with_what_was_typed(
    page: Client, form: Form, alice: User, acme: Organisation
) -> None:
    for token in ("", "forged", "a:b:c"):
        response = page.post("/topup/", form(amount="123.45") | {"form_token": token})

        assert response.status_code == 422
        assert 'value="123.45"' in text_of(response)
        assert form_tokens.read(response.context["form_token"], user_id=alice.pk)
    assert not Order.objects.filter(organisation=acme).exists()


def test_somebody_elses_form_counts_for_nobody(page: Client, form: Form, acme: Organisation) -> None:
    stolen = form_tokens.issue(user_id=builders.make_person("mallory").pk, organisation_id=acme.pk, target="wallet")

    assert page.post("/topup/", form(form_token=stolen)).status_code == 422
    assert not Order.objects.filter(organisation=acme).exists()


def test_a_form_for_another_target_does_not_top_up_the_wallet(
    page: Client, form: Form, alice: User, acme: Organisation
) -> None:
    token = form_tokens.issue(user_id=alice.pk, organisation_id=acme.pk, target="product:whatsapp")

    assert page.post("/topup/", form(form_token=token)).status_code == 422
    assert not Order.objects.filter(organisation=acme).exists()


def test_a_form_counts_for_the_organisation_it_was_shown_for(
    *, page: Client, form: Form, alice: User, acme: Organisation, now: datetime, stripe: StandIn
) -> None:
    other = builders.make_organisation(now=now, owner=alice, name="Bright Retail")
    sent = form()
    session = page.session
    session[CHOSEN] = str(other.pk)
    session.save()

    page.post("/topup/", sent)

    assert Order.objects.filter(organisation=acme).count() == 1
    assert not Order.objects.filter(organisation=other).exists()


def test_a_form_of_an_organisation_one_has_left_makes_no_order(
    page: Client, form: Form, alice: User, acme: Organisation, now: datetime
) -> None:
    builders.make_organisation(now=now, owner=alice, name="Bright Retail")
    carol = builders.make_member(acme, role=Role.OWNER, now=now, name="carol").user
    sent = form()
    organisations.remove(organisation_id=acme.pk, user_id=alice.pk, by=carol)

    assert page.post("/topup/", sent).status_code == 403
    assert not Order.objects.filter(organisation=acme).exists()


def test_a_viewer_is_told_who_can_top_up(client: Client, alice: User, acme: Organisation, now: datetime) -> None:
    vera = builders.make_member(acme, role=Role.VIEWER, now=now).user
    client.force_login(vera)
    token = form_tokens.issue(user_id=vera.pk, organisation_id=acme.pk, target="wallet")

    shown = client.get("/topup/")
    posted = client.post("/topup/", {"form_token": token, "method": "card", "currency": "USD", "amount": "100"})

    assert (shown.status_code, posted.status_code) == (403, 403)
    assert str(alice) in text_of(shown)
    assert not Order.objects.filter(organisation=acme).exists()


def test_without_stripe_the_order_waits_and_continue_leads_to_stripe_later(
    *, page: Client, form: Form, acme: Organisation, stripe: StandIn, settings: LazySettings, quick_retries: None
) -> None:
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    stripe_api.connect.cache_clear()

    response = page.post("/topup/", form(), follow=True)

    order = Order.objects.get(organisation=acme)
    assert response.redirect_chain[-1] == (reverse("billing:order", args=[order.number]), 303)
    assert "Nothing was charged. Continue to payment in a minute." in text_of(response)
    settings.STRIPE_API_BASE = stripe.base
    stripe_api.connect.cache_clear()
    gone_on = page.post(reverse("payments:continue", args=[order.number]))
    assert (gone_on.status_code, gone_on["Location"].startswith(stripe.base)) == (303, True)
    assert Payment.objects.filter(order=order).count() == 1


def test_a_page_with_a_money_form_is_never_stored(page: Client) -> None:
    assert "no-store" in page.get("/topup/")["Cache-Control"]


def test_no_page_of_paying_needs_more_than_twelve_queries(page: Client, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(12):
        page.get("/topup/")
