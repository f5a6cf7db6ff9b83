"""Staff keep the catalogue and look up balances by their number."""

import secrets
from datetime import datetime
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import IntegrityError, transaction
from django.test import Client

from products.models import Product, ProductBalance
from tests import builders, people
from wallet.models import Organisation

pytestmark = pytest.mark.django_db

LIST = "/admin/products/product/"


@pytest.fixture
def fiona(settings: LazySettings) -> Client:
    settings.STAFF_MFA_REQUIRED = False
    client = Client()
    client.force_login(people.make_staff("fiona", "finance"))
    return client


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


def text_of(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def given(**fields: str) -> dict[str, str]:
    return {
        "slug": f"rcs-{secrets.token_hex(4)}",
        "name": "RCS",
        "name_zh": "富媒体短信",
        "icon": "chat",
        "is_active": "on",
        "smallest_top_up": "50",
        "largest_top_up": "5000.00",
        "smallest_price": "0.0525",
        "position": "10",
        **fields,
    }


def test_finance_adds_a_product(fiona: Client) -> None:
    fields = given()

    response = fiona.post(f"{LIST}add/", fields)

    assert response.status_code == 302, text_of(response)
    product = Product.objects.get(slug=fields["slug"])
    assert (product.name, product.name_zh, product.currency) == ("RCS", "富媒体短信", "USD")
    assert (product.smallest_top_up, product.largest_top_up) == (Decimal(50), Decimal(5000))
    assert product.smallest_price == Decimal("0.0525")


@pytest.mark.parametrize("slug", ["topup", "access", "held"])
def test_a_word_of_our_addresses_is_no_slug(fiona: Client, slug: str) -> None:
    response = fiona.post(f"{LIST}add/", given(slug=slug))

    assert "is a word of the site's own addresses" in text_of(response)
    assert not Product.objects.filter(slug=slug).exists()
    with pytest.raises(IntegrityError, match="product_slug_is_no_word_of_ours"), transaction.atomic():
        Product.objects.create(slug=slug, name="A", name_zh="A")


@pytest.mark.parametrize("slug", ["WhatsApp", "a--b", "-a", "a:held", "ａ", "a_b", "a\n"])
def test_a_slug_is_a_code(fiona: Client, slug: str) -> None:
    before = Product.objects.count()

    response = fiona.post(f"{LIST}add/", given(slug=slug))

    if response.status_code == 302:  # what stood around it was blank
        assert Product.objects.filter(slug=slug.strip()).exists()
    else:
        assert "Small letters a to z and digits" in text_of(response)
        assert Product.objects.count() == before


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("smallest_top_up", "1e3"),
        ("smallest_top_up", "0"),
        ("largest_top_up", "１００"),
        ("largest_top_up", "100.001"),
        ("largest_top_up", "49.99"),
        ("smallest_price", "0.0000001"),
        ("smallest_price", "NaN"),
        ("smallest_price", "-1"),
    ],
)
def test_only_exact_amounts_enter(fiona: Client, field: str, text: str) -> None:
    fields = given(**{field: text})

    response = fiona.post(f"{LIST}add/", fields)

    assert response.status_code == 200
    assert response.context["adminform"].form.errors.keys() == {field}
    assert not Product.objects.filter(slug=fields["slug"]).exists()


def test_both_names_are_needed(fiona: Client) -> None:
    response = fiona.post(f"{LIST}add/", given(name_zh=""))

    assert response.context["adminform"].form.errors.keys() == {"name_zh"}


def test_a_product_is_set_inactive_and_keeps_its_slug(fiona: Client) -> None:
    product = builders.make_product("Fax")
    fields = given(slug="other", name="Telefax")
    del fields["is_active"]

    assert fiona.post(f"{LIST}{product.pk}/change/", fields).status_code == 302

    changed = Product.objects.get(pk=product.pk)
    assert (changed.slug, changed.name, changed.is_active) == (product.slug, "Telefax", False)


def test_a_product_is_never_deleted(fiona: Client, settings: LazySettings) -> None:
    product = builders.make_product("Fax")
    assert fiona.post(f"{LIST}{product.pk}/delete/", {"post": "yes"}).status_code == 403

    root = Client()
    root.force_login(people.make_user("root", is_staff=True, is_superuser=True))
    assert root.post(f"{LIST}{product.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Product.objects.filter(pk=product.pk).exists()


def test_a_balance_is_found_by_its_number(fiona: Client, acme: Organisation, now: datetime) -> None:
    product = builders.make_product("SMS")
    builders.fill_product(acme, product, builders.usd("123.45"), now=now)
    builders.fill_product(acme, builders.make_product("Voice"), builders.usd("67.89"), now=now)
    row = ProductBalance.objects.get(organisation=acme, product=product)

    shown = text_of(fiona.get("/admin/products/productbalance/", {"q": row.number}))

    assert "USD $123.45" in shown
    assert "67.89" not in shown
    assert "USD $123.45" in text_of(fiona.get(f"/admin/products/productbalance/{row.pk}/change/"))
    assert fiona.get("/admin/products/productbalance/add/").status_code == 403


def test_balances_need_few_queries(
    fiona: Client, acme: Organisation, now: datetime, django_assert_max_num_queries: Any
) -> None:
    for _ in range(6):
        builders.fill_product(acme, builders.make_product("SMS"), builders.usd(60), now=now)

    with django_assert_max_num_queries(12):
        fiona.get("/admin/products/productbalance/")


def test_holds_are_read_and_never_changed(fiona: Client) -> None:
    assert fiona.get("/admin/products/hold/").status_code == 200
    assert fiona.get("/admin/products/hold/add/").status_code == 403
