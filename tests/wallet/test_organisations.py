"""Organisations, roles, leaving: the verbs."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from structlog.testing import capture_logs

from tests.people import LONG_AGO, make_member, make_owner, make_user
from wallet import organisations
from wallet.models import Member, Organisation, Role, User

pytestmark = pytest.mark.django_db


def test_founder_is_the_owner() -> None:
    alice = make_user("alice")
    acme = organisations.create(name="  Acme Messaging ", owner=alice, now=LONG_AGO)
    assert acme.name == "Acme Messaging"
    assert list(acme.members.values_list("user", "role")) == [(alice.pk, Role.OWNER)]


@pytest.mark.parametrize("name", ["", " ", "\r\n", "\u202e\x00"])
def test_organisation_needs_a_name_that_can_be_read(name: str) -> None:
    with pytest.raises(organisations.EmptyName):
        organisations.create(name=name, owner=make_user("alice"), now=LONG_AGO)


@pytest.mark.parametrize("sign", ["\r", "\n", "\t", "\x01", "\x7f", "\x85", "\u2028", "\u2029"])
def test_database_keeps_names_on_one_line(sign: str) -> None:
    alice = make_owner(organisation="Łódź 创云 O'Neill — café")
    with pytest.raises(IntegrityError, match="organisation_name_is_one_line"), transaction.atomic():
        Organisation.objects.filter(pk=alice.organisation_id).update(name=f"Acme{sign}Pay here")
    with pytest.raises(IntegrityError, match="user_name_is_one_line"), transaction.atomic():
        User.objects.filter(pk=alice.user_id).update(name=f"Alice{sign}Pay here")


def test_role_change_removal_and_leaving_are_logged_with_who_and_whom(
    django_capture_on_commit_callbacks: Any,
) -> None:
    alice = make_owner()
    carol = make_member("carol", alice.organisation, Role.BILLING)
    dora = make_member("dora", alice.organisation, Role.VIEWER)
    org = alice.organisation_id
    with capture_logs() as lines, django_capture_on_commit_callbacks(execute=True):
        organisations.change_role(organisation_id=org, user_id=carol.user_id, role=Role.VIEWER, by=alice.user)
        organisations.remove(organisation_id=org, user_id=carol.user_id, by=alice.user)
        organisations.leave(organisation_id=org, user=dora.user)
    told = [(line["event"], line["by"], line["whom"], line["organisation"]) for line in lines]
    assert told == [
        ("member's role changed", str(alice.user_id), str(carol.user_id), str(org)),
        ("member removed", str(alice.user_id), str(carol.user_id), str(org)),
        ("member left", str(dora.user_id), str(dora.user_id), str(org)),
    ]
    assert (lines[0]["old"], lines[0]["new"]) == ("BILLING", "VIEWER")


def test_only_an_owner_changes_roles() -> None:
    alice = make_owner()
    carol = make_member("carol", alice.organisation, Role.BILLING)
    with pytest.raises(organisations.NotAnOwner):
        organisations.change_role(
            organisation_id=alice.organisation_id, user_id=carol.user_id, role=Role.VIEWER, by=carol.user
        )
    carol.refresh_from_db()
    assert carol.role == Role.BILLING


def test_owner_of_one_organisation_decides_nothing_in_another() -> None:
    alice, bob = make_owner(), make_owner("bob", "Bright Retail")
    with pytest.raises(organisations.NotAnOwner):
        organisations.remove(organisation_id=alice.organisation_id, user_id=alice.user_id, by=bob.user)
    assert Member.objects.filter(pk=alice.pk).exists()


def test_nobody_is_made_owner_without_accepting() -> None:
    alice = make_owner()
    carol = make_member("carol", alice.organisation, Role.VIEWER)
    with pytest.raises(organisations.OwnershipNeedsAcceptance):
        organisations.change_role(
            organisation_id=alice.organisation_id, user_id=carol.user_id, role=Role.OWNER, by=alice.user
        )


def test_last_owner_cannot_be_demoted() -> None:
    alice = make_owner()
    with pytest.raises(organisations.LastOwner):
        organisations.change_role(
            organisation_id=alice.organisation_id, user_id=alice.user_id, role=Role.VIEWER, by=alice.user
        )
    alice.refresh_from_db()
    assert alice.role == Role.OWNER


def test_last_owner_cannot_leave() -> None:
    alice = make_owner()
    make_member("carol", alice.organisation, Role.BILLING)
    with pytest.raises(organisations.LastOwner):
        organisations.leave(organisation_id=alice.organisation_id, user=alice.user)
    assert Member.objects.filter(pk=alice.pk).exists()


def test_one_of_two_owners_may_leave() -> None:
    alice = make_owner()
    dora = make_member("dora", alice.organisation, Role.OWNER)
    organisations.leave(organisation_id=alice.organisation_id, user=alice.user)
    assert list(alice.organisation.members.all()) == [dora]


def test_stranger_cannot_leave_or_be_removed() -> None:
    alice, bob = make_owner(), make_user("bob")
    with pytest.raises(organisations.NotAMember):
        organisations.leave(organisation_id=alice.organisation_id, user=bob)
    with pytest.raises(organisations.NotAMember):
        organisations.remove(organisation_id=alice.organisation_id, user_id=bob.pk, by=alice.user)


def test_database_refuses_a_second_membership_and_an_unknown_role() -> None:
    alice = make_owner()
    with pytest.raises(IntegrityError, match="member_once_per_organisation"), transaction.atomic():
        Member.objects.create(organisation=alice.organisation, user=alice.user, role=Role.VIEWER, joined_at=LONG_AGO)
    with pytest.raises(IntegrityError, match="member_role_is_known"), transaction.atomic():
        Member.objects.filter(pk=alice.pk).update(role="GOD")
