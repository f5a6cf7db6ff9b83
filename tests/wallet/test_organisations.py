"""Organisations, roles, leaving: the verbs."""

import pytest
from django.db import IntegrityError, transaction

from tests.people import LONG_AGO, make_member, make_owner, make_user
from wallet import organisations
from wallet.models import Member, Role

pytestmark = pytest.mark.django_db


def test_founder_is_the_owner() -> None:
    alice = make_user("alice")
    acme = organisations.create(name="  Acme Messaging ", owner=alice, now=LONG_AGO)
    assert acme.name == "Acme Messaging"
    assert list(acme.members.values_list("user", "role")) == [(alice.pk, Role.OWNER)]


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
