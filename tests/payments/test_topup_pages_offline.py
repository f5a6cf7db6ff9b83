"""TOP UP by bank transfer through its page: what may be chosen, what it is told to give, and what makes an order."""

from collections.abc import Callable
from datetime import datetime
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing import rates
from billing.models import Method, Order, State, TopUpLimit
from payments.models import BankAccount, Payment, Transfer
from tests import builders
from tests.payments import offline
from wallet.models import Organisation

pytestmark = pytest.mark.django_db

Form = Callable[..., dict[str, str]]


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def page(client: Client, acme: Organisation) -> Client:
    client.force_login(builders.owner_of(acme))
    return client


@pytest.fixture
def accounts(now: datetime) -> None:
    """We can receive both currencies, and RMB has a rate."""
    offline.make_account("USD")
    offline.make_account("CNY")
    offline.set_rate("7.2", at=now)


@pytest.fixture
def form(page: Client, accounts: None) -> Form:
    def fill(**typed: str) -> dict[str, str]:
        token = page.get("/topup/").context["form_token"]
        return {"form_token": token, "method": "offline", "currency": "USD", "amount": "1000"} | typed

    return fill


@pytest.fixture
def stale(monkeypatch: pytest.MonkeyPatch, now: datetime) -> Callable[[], None]:
    def age() -> None:
        def refuse(**_: Any) -> None:
            raise rates.RateStale(come_back_at=now)

        monkeypatch.setattr(rates, "quote", refuse)

    return age


def text_of(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def test_offline_top_up_makes_one_order_and_leads_to_its_bank_sheet(
    page: Client, form: Form, acme: Organisation
) -> None:
    response = page.post("/topup/", form())

    order = Order.objects.get(organisation=acme)
    assert (order.method, order.state, order.paid) == (Method.OFFLINE, State.PENDING, builders.usd(1000))
    assert (response.status_code, response["Location"]) == (303, reverse("payments:transfer", args=[order.number]))
    assert not Payment.objects.filter(order=order).exists()


def test_rmb_is_quoted_and_credited_in_dollars(page: Client, form: Form, acme: Organisation) -> None:
    page.post("/topup/", form(currency="CNY", amount="7200"))

    order = Order.objects.get(organisation=acme)
    assert (order.paid, order.credited) == (offline.cny(7200), builders.usd(1000))


def test_the_same_offline_form_sent_twice_makes_one_order(page: Client, form: Form, acme: Organisation) -> None:
    sent = form()
    first, second = page.post("/topup/", sent), page.post("/topup/", sent)

    assert first["Location"] == second["Location"]
    assert Transfer.objects.filter(organisation=acme).count() == 1
    other = page.post("/topup/", sent | {"amount": "2000"})
    assert other.status_code == 409
    assert Order.objects.get(organisation=acme).number in text_of(other)


def test_the_page_tells_the_rate_its_source_and_what_an_amount_gives(page: Client, accounts: None) -> None:
    shown = text_of(page.get("/topup/"))

    assert "1 USD = 7.2000 CNY" in shown
    assert "Bank of China, as of" in shown
    assert "CNY ¥7,200.00 gives USD $1,000.00." in shown


def test_each_way_has_its_own_limits_and_amounts(page: Client, form: Form, acme: Organisation) -> None:
    TopUpLimit.objects.filter(method=Method.OFFLINE, currency="CNY").update(minimum=700, maximum=9000, presets=[1440])

    shown = page.get("/topup/")
    assert "At least ¥700.00, at most ¥9,000.00" in text_of(shown)
    assert "USD $200.00" in text_of(shown)
    sent = form(currency="CNY", amount="", preset="100", preset_offline_usd="5000", preset_offline_cny="1440")
    assert page.post("/topup/", sent).status_code == 303
    assert Order.objects.get(organisation=acme).paid == offline.cny(1440)


def test_an_amount_chosen_for_another_way_to_pay_does_not_count(page: Client, form: Form, acme: Organisation) -> None:
    response = page.post("/topup/", form(amount="", preset="100", preset_offline_cny="5000"))

    assert response.status_code == 422
    assert "Choose an amount or write one." in text_of(response)
    assert not acme.orders.exists()


@pytest.mark.parametrize(
    ("currency", "amount"), [("CNY", "499.99"), ("CNY", "1500000.01"), ("USD", "99"), ("USD", "1e3")]
)
def test_an_offline_amount_outside_its_limits_makes_no_order(
    page: Client, form: Form, acme: Organisation, currency: str, amount: str
) -> None:
    response = page.post("/topup/", form(currency=currency, amount=amount))

    assert response.status_code == 422
    assert response.context["form"].errors["amount"]
    assert f'value="{amount}"' in text_of(response)
    assert not acme.orders.exists()


def test_a_card_is_charged_in_dollars_only_and_what_was_chosen_stays(
    page: Client, form: Form, acme: Organisation
) -> None:
    response = page.post("/topup/", form(method="card", currency="CNY"))

    assert response.status_code == 422
    assert "Cards are charged in USD. Choose USD, or pay offline in RMB." in text_of(response)
    assert 'class="field invalid" data-for="offline"' in text_of(response)
    assert not acme.orders.exists()


def test_offline_needs_a_currency(page: Client, form: Form, acme: Organisation) -> None:
    sent = form()
    del sent["currency"]

    assert "Choose a currency." in text_of(page.post("/topup/", sent))
    assert not acme.orders.exists()


def test_without_a_fresh_rate_rmb_cannot_be_chosen_and_says_when_to_come_back(
    page: Client, accounts: None, stale: Callable[[], None]
) -> None:
    stale()

    shown = text_of(page.get("/topup/"))

    assert 'name="currency" value="CNY" disabled' in shown
    assert "we cannot quote RMB just now. Please come back after" in shown
    assert "gives USD" not in shown
    assert 'name="currency" value="USD" checked>' in shown


def test_a_rate_that_grew_old_while_the_form_was_open_says_so_and_loses_nothing(
    page: Client, form: Form, acme: Organisation, stale: Callable[[], None]
) -> None:
    sent = form(currency="CNY", amount="7200")
    stale()

    response = page.post("/topup/", sent)

    assert response.status_code == 422
    assert "we cannot quote RMB just now" in text_of(response)
    assert 'value="7200"' in text_of(response)
    assert not acme.orders.exists()


@pytest.mark.parametrize("currency", ["USD", "CNY"])
def test_a_currency_we_have_no_account_for_cannot_be_chosen(
    page: Client, form: Form, acme: Organisation, currency: str
) -> None:
    sent = form(currency=currency, amount="7200")
    BankAccount.objects.filter(currency=currency).update(is_open=False)

    shown, posted = page.get("/topup/"), page.post("/topup/", sent)

    sentence = "We cannot receive transfers in this currency at the moment."
    assert sentence in text_of(shown)
    assert (posted.status_code, sentence in text_of(posted)) == (422, True)
    assert not acme.orders.exists()


def test_without_any_account_offline_is_off_and_a_card_still_pays(page: Client, form: Form) -> None:
    BankAccount.objects.update(is_open=False)

    shown = text_of(page.get("/topup/"))

    assert 'name="method" value="offline" disabled' in shown
    assert 'name="method" value="card" checked' in shown


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        ("7200", "CNY ¥7,200.00 gives USD $1,000.00."),
        ("720.05", "gives USD $100.01."),
        ("", ""),
        ("1e3", ""),
        ("<b>", ""),
    ],
)
def test_a_typed_amount_of_rmb_is_converted_as_one_types(page: Client, accounts: None, amount: str, told: str) -> None:
    response = page.get(reverse("payments:conversion"), {"amount": amount})

    assert response.status_code == 200
    assert told in text_of(response)
    assert bool(told) == bool(text_of(response))


def test_the_conversion_says_when_there_is_no_rate(page: Client, stale: Callable[[], None]) -> None:
    stale()
    assert "come back after" in text_of(page.get(reverse("payments:conversion"), {"amount": "7200"}))


def test_a_link_may_ask_for_a_way_to_pay(page: Client, accounts: None) -> None:
    shown = text_of(page.get("/topup/?method=offline&currency=CNY&amount=7200.00"))

    assert 'name="method" value="offline" checked' in shown
    assert 'name="currency" value="CNY" checked' in shown
    assert 'value="7200.00"' in shown
    odd = text_of(page.get("/topup/?method=gold&currency=XAU"))
    assert 'name="method" value="card" checked' in odd


def test_the_page_with_all_ways_to_pay_needs_at_most_twelve_queries(
    page: Client, accounts: None, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(12):
        page.get("/topup/")
