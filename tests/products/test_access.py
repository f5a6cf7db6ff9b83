"""Product permissions: what a limited member neither sees nor tops up, and who says so."""

from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing import search
from billing.search import OrderFilter
from products import access
from products.models import Product, ProductAccess
from tests import builders
from wallet import chart, organisations
from wallet.models import Member, Organisation, Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def sms(db: None) -> Product:
    return builders.make_product("SMS")


@pytest.fixture
def voice(db: None) -> Product:
    return builders.make_product("Voice")


@pytest.fixture
def carol(acme: Organisation, now: datetime) -> Member:
    return builders.make_member(acme, role=Role.BILLING, now=now, name="carol")


@pytest.fixture
def limited(acme: Organisation, carol: Member, sms: Product) -> Member:
    """Carol, who may use SMS only."""
    access.limit(member_id=carol.pk, products=[sms], by=builders.owner_of(acme))
    return carol


def owner(acme: Organisation) -> Member:
    return Member.objects.get(organisation=acme, role=Role.OWNER)


def page_of(client: Client, member: Member) -> Client:
    client.force_login(member.user)
    return client


def test_whoever_is_not_limited_may_use_every_product(carol: Member, sms: Product, voice: Product) -> None:
    assert {sms, voice} <= set(access.usable(carol))
    assert access.find_usable(carol, voice.slug) == voice
    assert access.limited_codes([carol]) == {}


def test_a_limited_member_may_use_only_what_is_named(limited: Member, sms: Product, voice: Product) -> None:
    assert list(access.usable(limited)) == [sms]
    assert access.find_usable(limited, sms.slug) == sms
    assert access.find_usable(limited, voice.slug) is None
    assert access.limited_codes([limited]) == {limited.organisation_id: {sms.code}}


def test_limited_to_nothing_leaves_the_wallet_alone(acme: Organisation, carol: Member, sms: Product) -> None:
    access.limit(member_id=carol.pk, products=[], by=builders.owner_of(acme))

    assert not access.usable(carol).exists()
    assert access.limited_codes([carol]) == {carol.organisation_id: frozenset()}


def test_a_limit_is_changed_and_lifted(acme: Organisation, limited: Member, sms: Product, voice: Product) -> None:
    alice = builders.owner_of(acme)
    access.limit(member_id=limited.pk, products=[voice], by=alice)
    access.limit(member_id=limited.pk, products=[voice], by=alice)
    assert list(access.usable(limited)) == [voice]

    access.lift(member_id=limited.pk, by=alice)
    access.lift(member_id=limited.pk, by=alice)
    assert {sms, voice} <= set(access.usable(limited))


def test_an_owner_is_never_limited(acme: Organisation, voice: Product) -> None:
    alice = owner(acme)
    access.limit(member_id=alice.pk, products=[], by=alice.user)

    assert voice in access.usable(alice)
    assert access.limited_codes([alice]) == {}


def test_a_limit_counts_in_its_own_organisation_only(limited: Member, voice: Product, now: datetime) -> None:
    other = builders.make_organisation(now=now, owner=limited.user, name="Carol's own")
    elsewhere = owner(other)
    here = builders.fill_product(limited.organisation, voice, builders.usd(60), now=now)
    there = builders.fill_product(other, voice, builders.usd(60), now=now)

    assert voice in access.usable(elsewhere)
    assert set(search.own([limited, elsewhere])) == {there}
    assert set(search.own([elsewhere])) == {there}
    assert here.organisation_id == limited.organisation_id


def test_orders_of_other_products_are_hidden_and_those_of_the_wallet_are_not(
    limited: Member, acme: Organisation, sms: Product, voice: Product, now: datetime
) -> None:
    wallet = builders.fill_wallet(acme, builders.usd(100), now=now)
    seen = builders.fill_product(acme, sms, builders.usd(60), now=now)
    hidden = builders.fill_product(acme, voice, builders.usd(70), now=now)

    assert set(search.own([limited])) == {wallet, seen}
    assert set(search.readable([limited])) == {wallet, seen}
    assert set(search.select_own(limited, narrowed_to=OrderFilter())) == {wallet, seen}
    assert not search.select_own(limited, narrowed_to=OrderFilter(q=hidden.number)).exists()
    assert not search.select_own(limited, narrowed_to=OrderFilter(target=voice.code)).exists()
    assert set(search.own([owner(acme)])) == {wallet, seen, hidden}
    assert set(search.select(organisation_id=acme.pk, narrowed_to=OrderFilter())) == {wallet, seen, hidden}


def test_no_page_shows_a_limited_member_what_is_hidden(
    client: Client, limited: Member, acme: Organisation, sms: Product, voice: Product, now: datetime
) -> None:
    seen = builders.fill_product(acme, sms, builders.usd(60), now=now)
    hidden = builders.fill_product(acme, voice, builders.usd(77), now=now)
    page = page_of(client, limited)

    for address in (reverse("home"), reverse("products"), reverse("billing:orders"), reverse("billing:orders_csv")):
        response = page.get(address)
        body = response.getvalue() if response.streaming else response.content
        assert hidden.number not in body.decode(), address
        assert voice.slug not in body.decode(), address
        assert "77.00" not in body.decode(), address
    for name in ("billing:order", "billing:receipt", "billing:receipt_pdf"):
        assert page.get(reverse(name, args=[hidden.number])).status_code == 404
        assert page.get(reverse(name, args=[seen.number])).status_code == 200
    assert page.get(reverse("product", args=[voice.slug])).status_code == 404
    assert page.get(reverse("product", args=[sms.slug])).status_code == 200


def test_the_list_offers_only_usable_products_as_filter(
    client: Client, limited: Member, acme: Organisation, sms: Product, voice: Product, now: datetime
) -> None:
    builders.fill_product(acme, sms, builders.usd(60), now=now)
    wallet = builders.fill_wallet(acme, builders.usd(100), now=now)

    shown = page_of(client, limited).get(reverse("billing:orders"), {"target": sms.code})

    assert shown.context["form"].fields["target"].choices == [
        ("", "Any"),
        (chart.WALLET, "Wallet"),
        (sms.code, "SMS"),
    ]
    assert wallet.number not in shown.content.decode()
    assert shown.context["page"].orders[0].target == sms.code


def address(member: Member) -> str:
    return reverse("product_access", args=[member.pk])


def test_an_owner_limits_a_member_and_lifts_it_again(
    client: Client, acme: Organisation, carol: Member, sms: Product, voice: Product
) -> None:
    page = page_of(client, owner(acme))
    assert address(carol) in page.get(reverse("wallet:members")).content.decode()
    assert page.get(address(carol)).context["scope"] == "all"

    response = page.post(address(carol), {"scope": "some", "products": [sms.slug]}, follow=True)
    assert response.redirect_chain[-1][0] == reverse("wallet:members")
    assert "Carol may use SMS only." in response.content.decode()
    assert "Only SMS" in response.content.decode()
    assert list(access.usable(carol)) == [sms]
    shown = page.get(address(carol))
    assert (shown.context["scope"], shown.context["chosen"]) == ("some", [sms.slug])

    response = page.post(address(carol), {"scope": "all", "products": [sms.slug]})
    assert response.status_code == 422
    assert "Nothing was changed." in response.content.decode()
    assert list(access.usable(carol)) == [sms]

    response = page.post(address(carol), {"scope": "all"}, follow=True)
    assert "Carol may use every product." in response.content.decode()
    assert {sms, voice} <= set(access.usable(carol))


@pytest.mark.parametrize("given", [{}, {"scope": "few"}, {"scope": "some", "products": ["no-such-product"]}])
def test_anything_odd_changes_nothing(
    client: Client, acme: Organisation, limited: Member, sms: Product, given: dict[str, Any]
) -> None:
    response = page_of(client, owner(acme)).post(address(limited), given)

    assert response.status_code == 422
    assert "Nothing was changed" in response.content.decode()
    assert list(access.usable(limited)) == [sms]


@pytest.mark.parametrize("role", [Role.BILLING, Role.VIEWER])
def test_nobody_but_an_owner_sets_permissions(
    client: Client, limited: Member, acme: Organisation, role: Role, now: datetime
) -> None:
    page = page_of(client, builders.make_member(acme, role=role, now=now))

    assert page.get(address(limited)).status_code == 403
    assert page.post(address(limited), {"scope": "all"}).status_code == 403
    assert ProductAccess.objects.filter(member=limited).exists()


def test_an_owner_of_another_organisation_finds_no_such_member(client: Client, limited: Member, now: datetime) -> None:
    other = builders.make_organisation(now=now, owner=builders.make_person("bob"))
    page = page_of(client, owner(other))

    assert page.get(address(limited)).status_code == 404
    assert page.post(address(limited), {"scope": "all"}).status_code == 404
    assert ProductAccess.objects.filter(member=limited).exists()


def test_who_is_no_owner_any_more_limits_nobody(limited: Member, sms: Product) -> None:
    with pytest.raises(organisations.NotAnOwner):
        access.limit(member_id=limited.pk, products=[], by=limited.user)
    with pytest.raises(organisations.NotAnOwner):
        access.lift(member_id=limited.pk, by=limited.user)
    assert list(access.usable(limited)) == [sms]


def test_a_limit_goes_with_its_member(client: Client, acme: Organisation, limited: Member) -> None:
    page_of(client, owner(acme)).post(reverse("wallet:remove"), {"email": limited.user.email})

    assert not ProductAccess.objects.filter(member_id=limited.pk).exists()
