"""The pages of products: what each holds and how long it lasts, its chart, its entries."""

import secrets
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from djmoney.money import Money

from innopaas import charts
from products import access, charges, usage
from products.models import Product, ProductBalance
from products.templatetags.products import aligned, axis, exact, grouped
from tests import builders
from wallet import chart, ledger
from wallet.calendar import business_date
from wallet.models import Organisation, Role

pytestmark = pytest.mark.django_db

usd = builders.usd


@pytest.fixture
def now() -> datetime:
    """Pages read the clock themselves."""
    return timezone.now()


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def sms(db: None) -> Product:
    return builders.make_product("SMS", icon="message")


@pytest.fixture
def page(client: Client, acme: Organisation) -> Client:
    client.force_login(builders.owner_of(acme))
    return client


def text_of(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def charge(organisation: Organisation, product: Product, amount: str, *, now: datetime, description: str = "") -> None:
    charges.charge(
        balance=builders.open_balance(organisation, product, now=now),
        usage=charges.Usage(request_id=secrets.token_hex(8), amount=usd(amount), description=description),
        by="test",
        now=now,
    )


def hold(organisation: Organisation, product: Product, amount: str, *, now: datetime) -> None:
    lines = (ledger.debit(product.code, usd(amount)), ledger.credit(chart.held(product.code), usd(amount)))
    draft = ledger.Draft(key=secrets.token_hex(8), kind="HOLD", lines=lines, by="test", memo="Campaign 7")
    ledger.post(organisation_id=organisation.pk, drafts=[draft], now=now)


def address(product: Product) -> str:
    return reverse("product", args=[product.slug])


def test_the_list_shows_each_product_with_number_balance_and_days_left(
    page: Client, acme: Organisation, sms: Product, now: datetime
) -> None:
    builders.fill_product(acme, sms, usd(100), now=now)
    charge(acme, sms, "10.0525", now=now)
    hold(acme, sms, "5", now=now)

    response = page.get(reverse("products"))

    shown = text_of(response)
    number = ProductBalance.objects.get(organisation=acme, product=sms).number
    assert "$84.94" in shown
    assert "and $5.00 held" in shown
    assert "8 days left at the current pace" in shown
    assert grouped(number) in shown
    assert address(sms) in shown
    assert reverse("payments:product_topup", args=[sms.slug]) in shown


def test_the_list_gives_every_product_its_number_once(page: Client, acme: Organisation, sms: Product) -> None:
    assert not ProductBalance.objects.filter(organisation=acme).exists()

    page.get(reverse("products"))
    numbers = list(ProductBalance.objects.filter(organisation=acme).order_by("pk").values_list("number", flat=True))
    page.get(reverse("products"))
    page.get(address(sms))

    assert numbers
    again = ProductBalance.objects.filter(organisation=acme).order_by("pk").values_list("number", flat=True)
    assert list(again) == numbers


def test_names_are_in_the_readers_language(page: Client) -> None:
    Product.objects.create(slug=f"otp-{secrets.token_hex(4)}", name="Passcodes", name_zh="验证码短信")

    assert "Passcodes" in text_of(page.get(reverse("products")))
    assert "验证码短信" in text_of(page.get(reverse("products"), headers={"accept-language": "zh-hans"}))


def test_a_product_not_offered_is_shown_only_where_money_is_left(
    page: Client, acme: Organisation, sms: Product, now: datetime
) -> None:
    builders.fill_product(acme, sms, usd(60), now=now)
    gone = builders.make_product("Fax", is_active=False)
    Product.objects.filter(pk=sms.pk).update(is_active=False)

    shown = text_of(page.get(reverse("products")))

    assert address(sms) in shown
    assert "Not offered any more. What is left can still be used." in shown
    assert reverse("payments:product_topup", args=[sms.slug]) not in shown
    assert address(gone) not in shown
    assert address(gone) not in text_of(page.get("/"))
    assert "$60.00" in text_of(page.get(address(sms)))


def test_no_products_at_all_is_said(page: Client) -> None:
    Product.objects.update(is_active=False)

    shown = text_of(page.get(reverse("products")))

    assert "There are no products yet" in shown
    assert reverse("payments:topup") in shown


def test_a_member_limited_to_nothing_is_told_whom_to_ask(
    client: Client, acme: Organisation, sms: Product, now: datetime
) -> None:
    carol = builders.make_member(acme, role=Role.BILLING, now=now)
    access.limit(member_id=carol.pk, products=[], by=builders.owner_of(acme))
    client.force_login(carol.user)

    shown = text_of(client.get(reverse("products")))

    assert "You may not use any product. An owner of the organisation can change that" in shown
    assert address(sms) not in shown


def test_a_viewer_sees_whom_to_ask_instead_of_buttons(
    client: Client, acme: Organisation, sms: Product, now: datetime
) -> None:
    client.force_login(builders.make_member(acme, role=Role.VIEWER, now=now).user)

    for place in (reverse("products"), address(sms)):
        shown = text_of(client.get(place))
        assert reverse("payments:product_topup", args=[sms.slug]) not in shown
        assert str(builders.owner_of(acme)) in shown


def test_the_page_of_a_product_tells_what_it_holds_and_what_it_is_for(
    page: Client, acme: Organisation, sms: Product, now: datetime
) -> None:
    builders.fill_product(acme, sms, usd(100), now=now)
    charge(acme, sms, "0.0525", now=now, description="12 messages to +86")
    hold(acme, sms, "5", now=now)

    shown = text_of(page.get(address(sms)))

    assert "The money can only be used within SMS." in shown
    assert "$94.94" in shown
    assert "and $5.00 held" in shown
    assert "12 messages to +86" in shown
    assert "−$0.0525" in shown
    assert "$99.9475" in shown  # after the charge
    assert "+$100.00" in shown


def test_figures_of_another_organisation_are_nowhere(
    page: Client, acme: Organisation, sms: Product, now: datetime
) -> None:
    other = builders.make_organisation(now=now, owner=builders.make_person("bob"))
    order = builders.fill_product(other, sms, usd("77.77"), now=now)
    charge(other, sms, "7.01", now=now, description="theirs")
    number = ProductBalance.objects.get(organisation=other, product=sms).number

    for place in (reverse("products"), address(sms), "/"):
        shown = text_of(page.get(place))
        for secret in ("77.77", "7.01", "70.76", "theirs", order.number, number, grouped(number)):
            assert secret not in shown, (place, secret)


def test_a_product_that_does_not_exist_is_not_found(page: Client) -> None:
    assert page.get(reverse("product", args=["no-such-product"])).status_code == 404


def test_entries_come_in_pages_that_neither_repeat_nor_skip(
    page: Client, acme: Organisation, sms: Product, now: datetime
) -> None:
    builders.fill_product(acme, sms, usd(100), now=now)
    for number in range(44):
        charge(acme, sms, "0.5", now=now, description=f"use {number}")

    first = page.get(address(sms)).context["page"]
    second = page.get(address(sms), {"before": first.older}).context["page"]
    third = page.get(address(sms), {"before": second.older}).context["page"]

    told = [line.entry.position for shown in (first, second, third) for line in shown.lines]
    assert told == list(range(45, 0, -1))
    assert third.older == 0
    assert "Older" not in text_of(page.get(address(sms), {"before": second.older})).split("Latest", 1)[1]


@pytest.mark.parametrize("before", ["0", "-1", "abc", "9" * 40, "١٢"])
def test_an_odd_place_shows_the_first_page(
    page: Client, acme: Organisation, sms: Product, now: datetime, before: str
) -> None:
    builders.fill_product(acme, sms, usd(100), now=now)

    response = page.get(address(sms), {"before": before})

    assert response.status_code == 200
    assert response.context["is_first_page"]
    assert len(response.context["page"].lines) == 1


def test_a_balance_below_the_smallest_price_is_named_as_used_up(
    page: Client, acme: Organisation, now: datetime
) -> None:
    voice = builders.make_product("Voice", smallest_price="0.012500")
    builders.fill_product(acme, voice, usd(50), now=now)
    assert "the smallest price" not in text_of(page.get(address(voice)))

    charge(acme, voice, "49.99", now=now)

    assert "The balance is below $0.0125, the smallest price of Voice" in text_of(page.get(address(voice)))


def test_home_shows_products_with_days_left(page: Client, acme: Organisation, sms: Product, now: datetime) -> None:
    builders.fill_product(acme, sms, usd(100), now=now)
    charge(acme, sms, "30", now=now)

    shown = text_of(page.get("/"))

    assert "$70.00" in shown
    assert "2 days left at the current pace" in shown
    assert reverse("payments:product_topup", args=[sms.slug]) in shown


def test_the_list_needs_at_most_as_many_queries_with_many_products(
    page: Client, acme: Organisation, now: datetime, django_assert_max_num_queries: Any
) -> None:
    for _ in range(8):
        builders.fill_product(acme, builders.make_product("Voice"), usd(60), now=now)
    page.get(reverse("products"))

    with django_assert_max_num_queries(12):
        page.get(reverse("products"))


def days(*told: tuple[str, str]) -> list[usage.Day]:
    today = business_date(timezone.now())
    return [
        usage.Day(
            day=today - timedelta(days=back), spent=usd(spent), charge_count=1, credited=usd(0), closing=usd(left)
        )
        for back, (spent, left) in enumerate(told)
    ]


def test_the_chart_begins_at_zero_and_ends_at_a_round_figure() -> None:
    drawn = charts.draw(days(("0", "100"), ("12.5", "87.5"), ("0.05", "0")))

    tops = [frame.lines[-1].amount for frame in (drawn.balance, drawn.spending)]
    assert (tops, drawn.spent) == ([usd(100), usd(15)], usd("12.55"))
    assert drawn.curve.line == "16.67,0 50,12.5 83.34,100"
    assert [(bar.y, bar.height) for bar in drawn.bars] == [("16.67", "83.34"), ("99", "1")]


def test_an_unused_product_has_no_chart_but_says_so(page: Client, sms: Product) -> None:
    assert "Nothing was put in or used in the last 30 days." in text_of(page.get(address(sms)))


def test_the_chart_says_the_same_as_a_table(page: Client, acme: Organisation, sms: Product, now: datetime) -> None:
    builders.fill_product(acme, sms, usd(100), now=now)
    charge(acme, sms, "0.0525", now=now)

    response = page.get(address(sms))

    assert len(response.context["chart"].days) == 30
    table = text_of(response).partition("The same as a table")[2]
    assert "$0.0525" in table
    assert "$99.9475" in table
    assert "style=" not in response.content.decode()


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1", "$1.00"),
        ("1.5", "$1.50"),
        ("0.0525", "$0.0525"),
        ("1234.000001", "$1,234.000001"),
        ("-0.0525", "−$0.0525"),
    ],
)
def test_amounts_finer_than_cents_are_shown_whole(amount: str, text: str) -> None:
    assert exact(usd(amount)) == text


@pytest.mark.parametrize(
    ("amount", "places", "text"),
    [("1", 4, "$1.0000"), ("-1234.5", 4, "−$1,234.5000"), ("0.999999", 6, "$0.999999"), ("-0.0045", 4, "−$0.0045")],
)
def test_amounts_below_each_other_have_as_many_decimals(amount: str, places: int, text: str) -> None:
    assert aligned(usd(amount), places) == text


def test_labels_of_a_scale_are_short() -> None:
    assert [axis(Money(top, "USD")) for top in ("200", "0.5", "0.01")] == ["$200", "$0.50", "$0.01"]


def test_a_number_is_read_in_groups_and_copied_as_digits() -> None:
    assert grouped("412345678901234") == "<span>41234</span><span>56789</span><span>01234</span>"
