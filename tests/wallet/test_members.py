"""The members page, switching, and who may do what there."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from tests.people import LONG_AGO, make_member, make_owner, make_user
from wallet import organisations
from wallet.models import Member, Role

pytestmark = pytest.mark.django_db


def log_in_as(member: Member) -> Client:
    client = Client()
    client.force_login(member.user)
    return client


def test_members_page_lists_the_members_of_the_current_organisation_only() -> None:
    alice, bob = make_owner(), make_owner("bob", "Bright Retail")
    page = log_in_as(alice).get(reverse("wallet:members")).content.decode()
    assert alice.user.email in page
    assert bob.user.email not in page


def test_owner_changes_a_role() -> None:
    alice = make_owner()
    carol = make_member("carol", alice.organisation, Role.VIEWER)
    log_in_as(alice).post(reverse("wallet:change_role"), {"email": carol.user.email, "role": "BILLING"})
    carol.refresh_from_db()
    assert carol.role == Role.BILLING


@pytest.mark.parametrize("role", [Role.BILLING, Role.VIEWER])
@pytest.mark.parametrize("action", ["change_role", "remove", "invite", "withdraw", "offer_ownership"])
def test_other_roles_manage_nobody_and_are_told_who_does(role: Role, action: str) -> None:
    alice = make_owner()
    carol = make_member("carol", alice.organisation, role)
    response = log_in_as(carol).post(reverse(f"wallet:{action}"), {"email": alice.user.email, "role": "VIEWER"})
    assert response.status_code == 403
    assert alice.user.email in response.content.decode()
    alice.refresh_from_db()
    assert alice.role == Role.OWNER
    assert not alice.organisation.invitations.exists()


@pytest.mark.parametrize("action", ["change_role", "remove", "offer_ownership"])
def test_member_of_another_organisation_is_not_found(action: str) -> None:
    alice, bob = make_owner(), make_owner("bob", "Bright Retail")
    response = log_in_as(alice).post(reverse(f"wallet:{action}"), {"email": bob.user.email, "role": "VIEWER"})
    assert response.status_code == 404
    bob.refresh_from_db()
    assert bob.role == Role.OWNER


def test_removed_member_has_no_access_from_the_next_request_on() -> None:
    alice = make_owner()
    carol = make_member("carol", alice.organisation, Role.BILLING)
    hers = log_in_as(carol)
    assert hers.get(reverse("wallet:members")).status_code == 200
    log_in_as(alice).post(reverse("wallet:remove"), {"email": carol.user.email})
    response = hers.get(reverse("wallet:members"))
    assert response.status_code == 403
    assert alice.user.email not in response.content.decode()
    assert carol.user.email in response.content.decode()


def test_last_owner_who_leaves_is_told_what_to_do_first() -> None:
    alice = make_owner()
    response = log_in_as(alice).post(reverse("wallet:leave"), follow=True)
    assert "You are the only owner" in response.content.decode()
    assert Member.objects.filter(pk=alice.pk).exists()


def test_member_leaves() -> None:
    alice = make_owner()
    carol = make_member("carol", alice.organisation, Role.VIEWER)
    log_in_as(carol).post(reverse("wallet:leave"))
    assert not Member.objects.filter(pk=carol.pk).exists()


def test_member_of_two_organisations_acts_for_the_chosen_one() -> None:
    alice, bob = make_owner(), make_owner("bob", "Bright Retail")
    Member.objects.create(
        organisation=bob.organisation, user=alice.user, role=Role.VIEWER, joined_at=alice.organisation.created_at
    )
    client = log_in_as(alice)
    client.post(reverse("wallet:switch"), {"organisation": str(bob.organisation_id)})
    page = client.get(reverse("wallet:members"))
    assert page.context["member"].organisation == bob.organisation
    assert bob.user.email in page.content.decode()


def test_switching_to_a_strange_organisation_changes_nothing() -> None:
    alice, bob = make_owner(), make_owner("bob", "Bright Retail")
    second = organisations.create(name="Second", owner=alice.user, now=LONG_AGO + timedelta(days=1))
    client = log_in_as(alice)
    client.post(reverse("wallet:switch"), {"organisation": str(second.pk)})
    for wanted in (str(bob.organisation_id), "nonsense", ""):
        client.post(reverse("wallet:switch"), {"organisation": wanted})
        assert client.get(reverse("wallet:members")).context["member"].organisation == second


def test_strange_organisation_in_the_session_opens_nothing() -> None:
    alice, bob = make_owner(), make_owner("bob", "Bright Retail")
    client = log_in_as(alice)
    session = client.session
    session["organisation_id"] = str(bob.organisation_id)
    session.save()
    assert client.get(reverse("wallet:members")).context["member"] == alice


def test_only_owners_hear_what_is_wrong_with_an_invitation() -> None:
    carol = make_member("carol", make_owner().organisation, Role.VIEWER)
    assert log_in_as(carol).post(reverse("wallet:invite"), {"email": "no address"}).status_code == 403


@pytest.mark.parametrize(("role", "code"), [(Role.OWNER, 200), (Role.BILLING, 200), (Role.VIEWER, 403)])
def test_viewer_may_not_top_up_and_sees_who_may(role: Role, code: int) -> None:
    alice = make_owner()
    make_member("vera", alice.organisation, Role.VIEWER)
    response = log_in_as(make_member("carol", alice.organisation, role)).get("/topup/")
    assert response.status_code == code
    if code == 403:
        assert [member.user for member in response.context["able"]] == [alice.user]
        assert alice.user.email in response.content.decode()


def test_stranger_without_an_organisation_is_told_how_to_get_in(client: Client) -> None:
    client.force_login(make_user("bob"))
    response = client.get(reverse("wallet:members"))
    assert response.status_code == 403
    assert reverse("wallet:create_organisation") in response.content.decode()


def test_roles_and_removal_need_a_post() -> None:
    alice = make_owner()
    for name in ("change_role", "remove", "leave", "invite", "withdraw", "offer_ownership", "switch"):
        assert log_in_as(alice).get(reverse(f"wallet:{name}")).status_code == 405
