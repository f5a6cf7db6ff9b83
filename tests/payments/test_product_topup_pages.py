"""A product topped up by card and by transfer, from its page to its balance, through the wallet's own corridor."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing import mails, receipts
from billing.models import Order, State
from payments import sheets
from payments.models import BankAccount, Payment, Transfer
from payments.standin.client import StandIn
from products.models import Product
from products.templatetags.products import grouped
from tests import builders, people
from tests.builders import usd
from tests.payments import offline
from wallet.models import Organisation, User

pytestmark = pytest.mark.django_db
Form = Callable[..., dict[str, str]]


@pytest.fixture
def alice() -> User:
    return builders.make_person("alice")


@pytest.fixture
def acme(alice: User, now: datetime) -> Organisation:
    return builders.make_organisation(now=now, owner=alice)


@pytest.fixture
def voice(db: None) -> Product:
    return builders.make_product("Voice", smallest_top_up=Decimal(20), largest_top_up=Decimal(500))


@pytest.fixture
def page(client: Client, alice: User, acme: Organisation) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def address(voice: Product) -> str:
    return reverse("payments:product_topup", args=[voice.slug])


@pytest.fixture
def form(page: Client, address: str) -> Form:
    """What the page's form sends."""

    def fill(**typed: str) -> dict[str, str]:
        token = page.get(address).context["form_token"]
        sent = {"form_token": token, "step": "review", "method": "card", "currency": "USD", "amount": "100"}
        return sent | typed

    return fill


@pytest.fixture
def account(db: None) -> BankAccount:
    BankAccount.objects.filter(is_open=True).update(is_open=False)
    return offline.make_account("USD")


def text_of(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def held(acme: Organisation, voice: Product) -> list[str]:
    return [f"{builders.balance_of(acme.pk, code).amount:.2f}" for code in ("wallet", voice.code)]


def number_of(acme: Organisation, voice: Product) -> str:
    return voice.balances.get(organisation=acme).number


def test_a_product_paid_by_card_holds_the_money_and_the_wallet_none_of_it(
    page: Client, form: Form, address: str, acme: Organisation, voice: Product, stripe: StandIn
) -> None:
    answer = page.post(address, form())
    assert answer.status_code == 303
    assert answer["Location"].startswith(stripe.base)
    payment = Payment.objects.get(organisation=acme)

    stripe.pay(builders.session_of(payment))
    told = text_of(page.get(reverse("payments:return", args=[payment.order.number]), {"session_id": "returned"}))

    assert held(acme, voice) == ["0.00", "100.00"]
    assert f"USD $100.00 → Voice · {number_of(acme, voice)}" in told
    assert "New balance: USD $100.00" in told
    told = text_of(page.get(reverse("billing:order", args=[payment.order.number])))
    assert grouped(number_of(acme, voice)) in told


def test_stripes_page_says_that_the_money_stays_in_the_product(
    page: Client, form: Form, address: str, acme: Organisation, voice: Product, stripe: StandIn
) -> None:
    page.post(address, form())
    (item,) = Payment.objects.get(organisation=acme).session_request["line_items"]
    order = acme.orders.get()
    assert item["price_data"]["product_data"] == {
        "name": f"InnoPaaS Voice {order.number}",
        "description": "Can only be used within Voice.",
    }


def test_a_product_paid_by_transfer_holds_the_money_once_it_is_approved(
    page: Client, form: Form, address: str, acme: Organisation, voice: Product, account: BankAccount, now: datetime
) -> None:
    answer = page.post(address, form(method="offline"))
    transfer = Transfer.objects.get(organisation=acme)
    assert answer["Location"] == reverse("payments:transfer", args=[transfer.order.number])
    sheet = text_of(page.get(answer["Location"]))
    for said in ("What it tops up", "充值对象", "Only within Voice", "仅限Voice", number_of(acme, voice)):
        assert said in sheet

    offline.declare(transfer, now=now)
    fiona, felix, ivan = (people.make_staff(name, "finance") for name in ("fiona", "felix", "ivan"))
    line = offline.bring_line(account, usd(100), imported_by=ivan, now=now)
    finding = offline.record(transfer, offline.by_line(line), by=fiona, now=now)
    offline.approve(finding, by=felix, now=now)

    assert held(acme, voice) == ["0.00", "100.00"]
    assert offline.entries_of(transfer.order)[-1] == ("credit", voice.code, Decimal(100), "USD")


def test_receipt_and_mail_name_the_product_and_its_number(acme: Organisation, voice: Product, now: datetime) -> None:
    order = builders.fill_product(acme, voice, usd(100), now=now)
    said = dict(receipts.lines(order, readable=Order.objects.all()))
    assert (said["Credited to"], said["Product number"]) == ("Voice", number_of(acme, voice))
    assert said["Use"] == "Only within Voice"
    mails.send_due(now=now)
    (message,) = [one for one in mail.outbox if one.extra_headers["X-Order"] == order.number]
    assert f"For: Voice · {number_of(acme, voice)}" in message.body


def test_a_sheet_for_the_wallet_alone_says_nothing_of_products(
    acme: Organisation, account: BankAccount, now: datetime
) -> None:
    transfer = offline.begin(acme, usd(100), account=account, now=now)
    assert "What it tops up" not in [section.en for section in sheets.compose([transfer]).sections]


def test_one_sheet_for_several_says_which_order_tops_up_what(
    page: Client, form: Form, address: str, acme: Organisation, voice: Product, account: BankAccount, now: datetime
) -> None:
    page.post(address, form(method="offline"))
    together = [Transfer.objects.get(organisation=acme), offline.begin(acme, usd(200), account=account, now=now)]
    (section,) = [one for one in sheets.compose(together).sections if one.en == "What it tops up"]
    said = [value.text for row in section.rows for value in row.values]
    assert said == [
        together[0].order.number,
        *("Voice", number_of(acme, voice), "仅限Voice", "Only within Voice"),
        *(together[1].order.number, "钱包", "Wallet"),
    ]


def test_the_page_tells_the_products_limits_and_offers_no_amount_outside_them(
    page: Client, address: str, voice: Product
) -> None:
    shown = page.get(address)
    assert "At least $20.00, at most $500.00 at a time." in text_of(shown)
    assert "Voice takes" not in text_of(shown).partition("offline-cny")[0]
    assert [preset.text for preset in shown.context["offers"].card.presets] == ["50", "100", "200", "500"]
    assert "it can only be used within Voice" in text_of(shown)


@pytest.mark.parametrize(
    ("method", "amount", "said"),
    [
        ("card", "19.99", "at least $20.00"),
        ("card", "500.01", "at most $500.00"),
        ("balance", "19.99", "at least $20.00"),
        ("balance", "500.01", "at most $500.00"),
        ("offline", "19.99", "smallest top-up is"),
        ("offline", "500.01", "at most $500.00"),
    ],
)
def test_an_amount_outside_the_products_limits_makes_no_order(
    *,
    page: Client,
    form: Form,
    address: str,
    acme: Organisation,
    account: BankAccount,
    method: str,
    amount: str,
    said: str,
) -> None:
    answer = page.post(address, form(method=method, amount=amount))
    assert answer.status_code == 422
    assert said in str(answer.context["form"].errors["amount"])
    assert answer.context["form"]["amount"].value() == amount
    assert not acme.orders.exists()


@pytest.mark.parametrize("method", ["card", "offline"])
def test_a_product_that_is_offered_no_more_takes_no_payment(
    page: Client, form: Form, address: str, acme: Organisation, voice: Product, account: BankAccount, method: str
) -> None:
    sent = form(method=method)
    Product.objects.filter(pk=voice.pk).update(is_active=False)
    answer = page.post(address, sent)
    assert answer.status_code == 409
    assert "cannot be topped up any more" in text_of(answer)
    assert not acme.orders.exists()


def test_a_form_of_the_wallet_tops_up_no_product(
    page: Client, form: Form, address: str, acme: Organisation, stripe: StandIn
) -> None:
    token = page.get("/topup/").context["form_token"]
    assert page.post(address, form(form_token=token)).status_code == 422
    assert page.post("/topup/", form()).status_code == 422
    assert not acme.orders.exists()


def test_topping_up_again_leads_back_to_the_product(
    page: Client, form: Form, address: str, acme: Organisation, stripe: StandIn
) -> None:
    page.post(address, form())
    order = acme.orders.get()
    Order.objects.filter(pk=order.pk).update(state=State.EXPIRED)
    shown = text_of(page.get(reverse("billing:order", args=[order.number])))
    assert f'href="{address}?amount=100.00"' in shown


def test_lists_of_orders_name_their_products_with_one_query(page: Client, acme: Organisation, now: datetime) -> None:
    for name in ("Voice", "OTP", "SMS"):
        builders.fill_product(acme, builders.make_product(name), usd(50), now=now)
    with CaptureQueriesContext(connection) as queries:
        shown = text_of(page.get("/billing/orders/"))
    assert all(f'"For">{name}<' in shown for name in ("Voice", "OTP", "SMS"))
    assert sum('FROM "products_product"' in query["sql"] for query in queries) <= 2  # the filter's choices, the rows
