"""From a product number, or a caller's request id, to all that staff may read about it."""

import re
from datetime import datetime

import pytest
from django.urls import reverse
from pytest_django import Settings

from products.models import Hold, ProductBalance
from tests import builders, people
from tests.builders import usd
from tests.payments.desk_people import Desk, text_of
from tests.products import spending
from wallet.models import Posting

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _without_factors(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def olivia(db: None) -> Desk:
    return Desk(people.make_staff("olivia", "ops"))


@pytest.fixture
def sms(now: datetime) -> ProductBalance:
    return spending.open_filled(20, now=now)


def orders_of(balance: ProductBalance) -> list[str]:
    return list(balance.organisation.orders.values_list("number", flat=True))


def test_orders_say_what_they_are_for_and_are_found_by_the_product_number(
    olivia: Desk, sms: ProductBalance, now: datetime
) -> None:
    (own,) = orders_of(sms)
    other = builders.fill_wallet(sms.organisation, usd(50), now=now)
    page = olivia.read("billing_order_changelist", q=sms.number)
    assert own in page
    assert other.number not in page
    assert re.search(r"field-tops_up[^>]*>\s*SMS", page)
    everything = olivia.read("billing_order_changelist", q=sms.organisation.name)
    assert re.search(r"field-tops_up[^>]*>\s*Wallet", everything)
    nobodys = spending.open_filled(now=now)
    assert own not in olivia.read("billing_order_changelist", q=nobodys.number)


def test_posting_is_found_by_the_callers_request_id(olivia: Desk, sms: ProductBalance, now: datetime) -> None:
    charge = spending.charge(sms, 1, "m-1", now=now)
    spending.charge(sms, 1, "xm-1", now=now)
    hold = spending.place(sms, 2, "h-1", now=now)
    capture = spending.capture(hold, 1, "c-1", now=now)
    for request_id, posting_id in (("m-1", charge.id), ("c-1", capture.id)):
        page = olivia.read("wallet_posting_changelist", q=request_id)
        assert reverse("admin:wallet_posting_change", args=[posting_id]) in page
        assert "xm-1" not in page
    assert Posting.objects.get(pk=charge.id).key in olivia.read(
        "wallet_posting_changelist", q=f"charge:{sms.product.slug}:m-1"
    )


def test_balance_leads_to_its_orders_holds_and_entries(olivia: Desk, sms: ProductBalance, now: datetime) -> None:
    other = spending.open_filled(20, now=now)
    spending.place(other, 1, "other-hold", now=now)
    hold = Hold.objects.get(pk=spending.place(sms, 2, "own-hold", now=now).id)
    page = olivia.read("products_productbalance_change", sms.pk)
    pages = [text_of(olivia.client.get(address)) for address in re.findall(r'href="([^"]+\?q=[^"]+)"', page)]
    orders, holds, entries, held = pages
    assert orders_of(sms)[0] in orders
    assert orders_of(other)[0] not in orders
    assert reverse("admin:products_hold_change", args=[hold.pk]) in holds
    assert "other-hold" not in holds
    assert "$20.00" in entries
    assert "$18.00" in entries
    assert "own-hold" in held
    assert "other-hold" not in held
