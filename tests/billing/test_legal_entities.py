"""Our legal entities in staff's hands: who completes them, which of them issues, and what the dashboard says."""

from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from billing import documents, legal_entities
from billing.models import LegalEntity
from innopaas import edits
from innopaas.dashboard import list_counts
from innopaas.models import LegalEntityEvent
from tests import builders, people
from tests.billing import ordering

pytestmark = pytest.mark.django_db

TO_COMPLETE = "Legal entities to complete"


@pytest.fixture
def issuing() -> LegalEntity:
    return LegalEntity.objects.get(issues_by_default=True)


@pytest.fixture
def frank(client: Client, settings: Settings) -> Client:
    settings.STAFF_MFA_REQUIRED = False
    client.force_login(people.make_staff("frank", "finance lead"))
    return client


def send(client: Client, entity: LegalEntity, **changes: str) -> str:
    """Fill the entity's page in and send it; the errors that stand there then."""
    form = {
        "name_en": entity.name_en,
        "name_zh": entity.name_zh,
        "address": entity.address,
        "tax_number": entity.tax_number,
        "is_issuing": "on" if entity.issues_by_default else "",
    }
    given = {name: value for name, value in (form | changes).items() if value or name != "is_issuing"}
    answer = client.post(reverse("admin:billing_legalentity_change", args=[entity.pk]), given)
    return "" if answer.status_code == 302 else answer.content.decode()


def test_lead_completes_the_entity_and_new_documents_say_so(frank: Client, issuing: LegalEntity, now: datetime) -> None:
    acme = builders.make_organisation(now=now)
    before = documents.issue_receipt(order_id=ordering.paid_order(acme, now=now).pk, now=now)
    page = frank.get(reverse("admin:billing_legalentity_change", args=[issuing.pk])).content.decode()
    assert "Its documents are issued without: address, tax number" in page

    assert not send(frank, issuing, address="1 Example Road\nShanghai", tax_number="91310000TEST000000")

    after = documents.issue_receipt(order_id=ordering.paid_order(acme, now=now).pk, now=now)
    before.refresh_from_db()
    assert before.content["issuer"]["details"] == []
    assert after.content["issuer"]["details"] == ["1 Example Road", "Shanghai", "Tax number: 91310000TEST000000"]
    assert after.entity == before.entity == issuing


def test_what_a_lead_changes_is_kept_in_the_audit_trail(frank: Client, issuing: LegalEntity) -> None:
    send(frank, issuing, address="1 Example Road")

    kept = LegalEntityEvent.objects.get(pgh_obj=issuing.pk, pgh_label="update")
    latest = edits.find_all().filter(pgh_obj_id=str(issuing.pk)).first()
    assert kept.pgh_context["url"] == reverse("admin:billing_legalentity_change", args=[issuing.pk])
    assert [change.after for change in edits.list_changes(latest)] == ["1 Example Road"]


@pytest.mark.parametrize("group", ["finance", "ops"])
def test_others_of_the_team_read_it_and_change_nothing(
    client: Client, settings: Settings, issuing: LegalEntity, group: str
) -> None:
    settings.STAFF_MFA_REQUIRED = False
    client.force_login(people.make_staff(group, group))

    answer = client.get(reverse("admin:billing_legalentity_change", args=[issuing.pk]))
    sent = client.post(reverse("admin:billing_legalentity_change", args=[issuing.pk]), {"name_en": "Mine"})

    assert (answer.status_code, sent.status_code) == (200, 403)
    issuing.refresh_from_db()
    assert issuing.name_en != "Mine"


def test_code_stands_in_numbers_given_out_and_is_not_for_changing(frank: Client, issuing: LegalEntity) -> None:
    send(frank, issuing, code="NEW")
    issuing.refresh_from_db()
    assert issuing.code != "NEW"


def test_another_entity_takes_over_and_one_always_issues(frank: Client, issuing: LegalEntity, now: datetime) -> None:
    refused = send(frank, issuing, is_issuing="")
    assert "tick this at the one that is to take over instead" in refused
    new = LegalEntity.objects.create(code="HK", name_en="Harbour Ltd")

    assert not send(frank, new, is_issuing="on", address="2 Quay", tax_number="12345678")

    issuing.refresh_from_db()
    assert not issuing.issues_by_default
    order = ordering.paid_order(builders.make_organisation(now=now), now=now)
    assert documents.issue_receipt(order_id=order.pk, now=now).number.startswith("RC-HK-")


def test_whoever_issues_goes_on_until_another_does(issuing: LegalEntity) -> None:
    issuing.issues_by_default = False
    legal_entities.keep(issuing)
    assert LegalEntity.objects.get(issues_by_default=True) == issuing


def test_lead_adds_an_entity_with_a_code_of_its_own(frank: Client) -> None:
    fields = {"code": "SG", "name_en": "InnoPaaS Singapore", "name_zh": "", "address": "", "tax_number": ""}
    page = reverse("admin:billing_legalentity_add")

    assert frank.post(page, fields | {"code": "s g"}).status_code == 200
    assert frank.post(page, fields).status_code == 302
    assert not LegalEntity.objects.get(code="SG").issues_by_default


def test_dashboard_tells_to_complete_it_until_somebody_did(frank: Client, issuing: LegalEntity) -> None:
    LegalEntity.objects.exclude(pk=issuing.pk).update(address="1 Road", tax_number="1")
    lead = people.make_staff("felix", "finance lead")
    before, page = counted(lead)

    assert issuing.code in frank.get(page).content.decode()
    send(frank, issuing, address="1 Example Road", tax_number="91310000TEST000000")

    assert (before, counted(lead)[0]) == ((1, True), (0, False))


def counted(lead: object) -> tuple[tuple[int | str, bool], str]:
    count = next(count for count in list_counts(lead, now=datetime.now().astimezone()) if count.title == TO_COMPLETE)
    return (count.figure, count.is_bad), count.address
