"""The page of billing details: who reads, who changes, whose organisation it is; and what staff see."""

from datetime import datetime
from html import unescape
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from tests.people import make_member, make_owner, make_staff
from wallet import details, organisations
from wallet.details import Facts
from wallet.models import BillingDetails, Member, Organisation, PayerName, Role

pytestmark = pytest.mark.django_db

TYPED = {
    "legal_name_zh": "极限信息有限公司",
    "legal_name_en": "Acme Messaging Co., Ltd.",
    "address": "1 Example Road\r\nShanghai",
    "tax_number": "91350100m000100y43",
}


def log_in_as(member: Member) -> Client:
    client = Client()
    client.force_login(member.user)
    return client


def text_of(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def fill(organisation: Organisation, *, seen: int = 0, **typed: str) -> dict[str, str]:
    return {"organisation": str(organisation.pk), "seen_version": str(seen)} | TYPED | typed


def send(member: Member, body: dict[str, str]) -> Any:
    return log_in_as(member).post(reverse("wallet:details"), body, follow=True)


def send_payer(member: Member, name: str, *, way: str = "add_payer", organisation: Organisation | None = None) -> Any:
    body = {"organisation": str((organisation or member.organisation).pk), "name": name}
    return log_in_as(member).post(reverse(f"wallet:{way}"), body, follow=True)


def record(member: Member, now: datetime, *, seen: int = 0, **facts: str) -> BillingDetails:
    said = Facts(**({"legal_name_en": "Acme Messaging Ltd", "address": "1 Example Road"} | facts))
    return details.record(said, organisation_id=member.organisation_id, seen_version=seen, by=member.user, now=now)


def names_of(organisation: Organisation) -> list[str]:
    return [payer.name for payer in PayerName.objects.live(organisation.pk).order_by("added_at")]


@pytest.mark.parametrize("role", [Role.OWNER, Role.BILLING])
def test_owner_and_billing_record_the_details(role: Role) -> None:
    carol = make_member("carol", make_owner().organisation, role)
    response = send(carol, fill(carol.organisation))
    assert response.redirect_chain == [(reverse("wallet:details"), 302)]
    current = details.current(carol.organisation_id)
    assert current is not None
    assert (current.version, current.by, current.tax_number) == (1, carol.user, "91350100M000100Y43")
    assert current.address == "1 Example Road\nShanghai"
    text = text_of(response)
    assert "The billing details of Acme Messaging are recorded" in text
    assert "Version 1, recorded by Carol" in text


def test_details_sent_again_unchanged_make_no_version() -> None:
    alice = make_owner()
    send(alice, fill(alice.organisation))
    again = send(alice, fill(alice.organisation))
    assert "Nothing differs" in text_of(again)
    assert BillingDetails.objects.filter(organisation=alice.organisation).count() == 1


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"legal_name_zh": "", "legal_name_en": " "}, "legal_name_zh", "Write at least one legal name"),
        ({"tax_number": "91350100M000100Y34"}, "tax_number", "one character of it is wrong"),
        ({"address": " \r\n\u2028"}, "address", ""),
        ({"address": "\u202e"}, "address", "Write the address."),
        ({"address": "x" * 501}, "address", "500"),
        ({"legal_name_en": "x" * 201}, "legal_name_en", "200"),
        ({"tax_number": "1" * 31}, "tax_number", "30"),
        ({"legal_name_en": "a\x00b", "address": "a\x00b"}, "address", "Null"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nothing_is_recorded(
    typed: dict[str, str], field: str, words: str
) -> None:
    alice = make_owner()
    response = send(alice, fill(alice.organisation) | typed)
    assert response.status_code == 422
    assert words in " ".join(response.context["form"].errors[field])
    assert details.current(alice.organisation_id) is None


def test_stale_form_is_told_what_changed_and_keeps_what_was_typed(now: datetime) -> None:
    alice = make_owner()
    vera = make_member("vera", alice.organisation, Role.BILLING)
    record(alice, now)
    record(vera, now, seen=1, address="2 New Street")
    stale = send(alice, fill(alice.organisation, seen=1, address="3 Other Square"))
    assert stale.status_code == 409
    text = text_of(stale)
    assert "Somebody changed the billing details meanwhile" in text
    warning = text[text.index("meanwhile") : text.index('name="seen_version"')]
    assert "<del>1 Example Road</del> → <ins>2 New Street</ins>" in warning
    assert "Vera" in warning
    assert "3 Other Square" in text
    assert BillingDetails.objects.filter(organisation=alice.organisation).count() == 2

    seen = stale.context["form"]["seen_version"].value()
    send(alice, fill(alice.organisation, seen=seen, address="3 Other Square"))
    current = details.current(alice.organisation_id)
    assert current is not None
    assert (current.version, current.address) == (3, "3 Other Square")


def test_viewer_reads_and_changes_nothing(now: datetime) -> None:
    alice = make_owner()
    record(alice, now)
    details.add_payer(organisation_id=alice.organisation_id, name="Acme Parent Ltd", by=alice.user, now=now)
    vera = make_member("vera", alice.organisation, Role.VIEWER)
    page = log_in_as(vera).get(reverse("wallet:details"))
    assert page.status_code == 200
    text = text_of(page)
    assert "Acme Messaging Ltd" in text
    assert "Acme Parent Ltd" in text
    assert "payers/remove" not in text
    assert "payers/add" not in text
    assert 'name="seen_version"' not in text
    for response in (
        send(vera, fill(alice.organisation, seen=1)),
        send_payer(vera, "Mallory Ltd"),
        send_payer(vera, "Acme Parent Ltd", way="remove_payer"),
    ):
        assert response.status_code == 403
        assert alice.user.email in text_of(response)
    assert BillingDetails.objects.filter(organisation=alice.organisation).count() == 1
    assert names_of(alice.organisation) == ["Acme Parent Ltd"]


def test_stranger_reaches_neither_the_details_nor_the_payers(now: datetime) -> None:
    alice, bob = make_owner(), make_owner("bob", "Bright Retail")
    record(alice, now)
    details.add_payer(organisation_id=alice.organisation_id, name="Acme Parent Ltd", by=alice.user, now=now)
    text = text_of(log_in_as(bob).get(reverse("wallet:details")))
    assert "Acme" not in text
    for response in (
        send(bob, fill(alice.organisation, seen=1)),
        send_payer(bob, "Mallory Ltd", organisation=alice.organisation),
        send_payer(bob, "Acme Parent Ltd", way="remove_payer", organisation=alice.organisation),
    ):
        assert response.status_code == 404
    assert BillingDetails.objects.filter(organisation=alice.organisation).count() == 1
    assert names_of(alice.organisation) == ["Acme Parent Ltd"]


def test_form_counts_for_the_organisation_it_was_shown_for(now: datetime) -> None:
    """She has two, and chose the other one in another window meanwhile."""
    alice = make_owner()
    other = organisations.create(name="Second Venture", owner=alice.user, now=now)
    client = log_in_as(alice)
    client.post(reverse("wallet:switch"), {"organisation": str(other.pk)})
    client.post(reverse("wallet:details"), fill(alice.organisation))
    client.post(reverse("wallet:add_payer"), {"organisation": str(alice.organisation_id), "name": "Acme Parent Ltd"})
    assert details.current(other.pk) is None
    assert details.current(alice.organisation_id) is not None
    assert (names_of(other), names_of(alice.organisation)) == ([], ["Acme Parent Ltd"])


@pytest.mark.parametrize("organisation", ["", "nonsense", "00000000-0000-7000-8000-000000000001"])
def test_form_of_no_organisation_is_not_found(organisation: str) -> None:
    alice = make_owner()
    assert send(alice, fill(alice.organisation) | {"organisation": organisation}).status_code == 404
    assert details.current(alice.organisation_id) is None


def test_payer_is_added_and_removed_on_the_page() -> None:
    alice = make_owner()
    added = send_payer(alice, "  Acme   Parent Ltd ")
    assert "“Acme Parent Ltd” is a known payer of Acme Messaging now" in text_of(added)
    assert names_of(alice.organisation) == ["Acme Parent Ltd"]
    removed = send_payer(alice, "Acme Parent Ltd", way="remove_payer")
    assert "is no payer of Acme Messaging any more" in text_of(removed)
    assert names_of(alice.organisation) == []
    again = send_payer(alice, "Acme Parent Ltd", way="remove_payer")
    assert "had been removed before" in text_of(again)


@pytest.mark.parametrize("name", ["", "  ", "?!", "x" * 201])
def test_name_that_cannot_be_compared_is_refused_on_the_page(name: str) -> None:
    alice = make_owner()
    response = send_payer(alice, name)
    assert response.status_code == 422
    assert response.context["payer_form"].errors["name"]
    assert names_of(alice.organisation) == []


def test_page_says_when_there_are_as_many_payers_as_there_may_be(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(details, "MOST_PAYER_NAMES", 2)
    alice = make_owner()
    for name in ("One Ltd", "Two Ltd"):
        send_payer(alice, name)
    refused = send_payer(alice, "Three Ltd")
    assert refused.status_code == 422
    assert "There are 2 names, as many as there may be" in text_of(refused)
    assert "There are 2 names already. Remove one first." in " ".join(refused.context["payer_form"].errors["name"])
    assert names_of(alice.organisation) == ["One Ltd", "Two Ltd"]


def test_page_without_details_says_so_to_a_viewer() -> None:
    vera = make_member("vera", make_owner().organisation, Role.VIEWER)
    assert "There are no billing details yet" in text_of(log_in_as(vera).get(reverse("wallet:details")))


def test_names_are_shown_as_text_never_as_markup() -> None:
    alice = make_owner()
    nasty = "<script>alert(1)</script>"
    send(alice, fill(alice.organisation, legal_name_en=nasty, address=nasty))
    response = send_payer(alice, nasty + " Ltd")
    assert "<script>alert" not in response.content.decode()


def test_payers_are_added_and_removed_by_post_only() -> None:
    client = log_in_as(make_owner())
    for name in ("add_payer", "remove_payer"):
        assert client.get(reverse(f"wallet:{name}")).status_code == 405


def test_side_leads_to_the_page() -> None:
    assert reverse("wallet:details") in text_of(log_in_as(make_owner()).get(reverse("wallet:members")))


# --- staff -------------------------------------------------------------------------------------------------------


@pytest.fixture
def fiona(client: Client, settings: LazySettings) -> Client:
    settings.STAFF_MFA_REQUIRED = False
    person = make_staff("fiona", "finance")
    seen = ["view_billingdetails", "view_payername"]
    person.user_permissions.add(*Permission.objects.filter(codename__in=seen, content_type__app_label="wallet"))
    client.force_login(person)
    return client


def test_finance_reads_the_history_on_the_page_of_the_organisation(fiona: Client, now: datetime) -> None:
    alice = make_owner()
    record(alice, now)
    record(alice, now, seen=1, address="2 New Street")
    details.add_payer(organisation_id=alice.organisation_id, name="Acme Parent Ltd", by=alice.user, now=now)
    text = text_of(fiona.get(reverse("admin:wallet_organisation_change", args=[alice.organisation_id])))
    for words in ("1 Example Road", "2 New Street", "Acme Parent Ltd"):
        assert words in text


def test_finance_finds_an_organisation_by_a_payer_as_the_bank_writes_it(fiona: Client, now: datetime) -> None:
    alice = make_owner()
    details.add_payer(organisation_id=alice.organisation_id, name="Quokka Parent Co., Ltd.", by=alice.user, now=now)
    found = text_of(fiona.get("/admin/wallet/payername/?q=QUOKKA PARENT COMPANY LIMITED"))
    assert "Quokka Parent Co., Ltd." in found
    assert "Quokka Parent Co., Ltd." in text_of(fiona.get("/admin/wallet/payername/?live=live"))
    assert "Quokka Parent Co., Ltd." not in text_of(fiona.get("/admin/wallet/payername/?live=removed"))


def test_finance_sees_what_a_version_changed_and_can_change_nothing(fiona: Client, now: datetime) -> None:
    alice = make_owner()
    record(alice, now)
    second = record(alice, now, seen=1, address="2 New Street")
    page = fiona.get(f"/admin/wallet/billingdetails/{second.pk}/change/")
    assert "address: 1 Example Road → 2 New Street" in text_of(page)
    assert fiona.post(f"/admin/wallet/billingdetails/{second.pk}/change/", {"address": "x"}).status_code == 403
    assert fiona.get("/admin/wallet/billingdetails/add/").status_code == 403
    assert fiona.get(f"/admin/wallet/billingdetails/{second.pk}/delete/").status_code == 403
    assert "Acme Messaging Ltd" in text_of(fiona.get("/admin/wallet/billingdetails/?q=Acme"))
