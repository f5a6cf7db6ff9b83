"""The catalogue in staff's hands: who may edit it, and that every edit is kept with who and where."""

import pytest
from django.urls import reverse
from pytest_django import Settings

from innopaas import edits
from innopaas.models import ProductEvent
from products.models import Product
from tests import builders, people
from tests.payments.desk_people import Desk

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _without_factors(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


def rename(desk: Desk, product: Product) -> int:
    form = {"name": "WhatsApp Business", "name_zh": product.name_zh, "icon": product.icon, "is_active": "on"}
    page = reverse("admin:products_product_change", args=[product.pk])
    return int(desk.client.post(page, form | {"position": "7"}).status_code)


@pytest.mark.parametrize("group", ["finance", "finance lead"])
def test_finance_edits_the_catalogue_and_the_trail_keeps_it(group: str) -> None:
    fiona, product = Desk(people.make_staff("fiona", group)), builders.make_product("WhatsApp")
    assert rename(fiona, product) == 302
    kept = ProductEvent.objects.get(pgh_obj=product.pk, pgh_label="update")
    assert kept.pgh_context == {
        "user": str(fiona.user.pk),
        "url": reverse("admin:products_product_change", args=[product.pk]),
    }
    latest = edits.find_all().filter(pgh_obj_id=str(product.pk)).first()
    assert [str(change) for change in edits.list_changes(latest)] == ["WhatsApp → WhatsApp Business", "100 → 7"]


def test_ops_read_the_catalogue_and_edit_nothing() -> None:
    olivia, product = Desk(people.make_staff("olivia", "ops")), builders.make_product("WhatsApp")
    assert "WhatsApp" in olivia.read("products_product_change", product.pk)
    assert rename(olivia, product) == 403
    assert not ProductEvent.objects.filter(pgh_obj=product.pk, pgh_label="update").exists()
