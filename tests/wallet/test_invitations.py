"""Invitations, and how ownership passes."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from tests.people import LONG_AGO, PASSWORD, make_member, make_owner, make_user
from wallet import invitations, organisations
from wallet.models import Member, Organisation, Role, User

pytestmark = pytest.mark.django_db


def invite(by: Member, email: str, role: Role = Role.BILLING) -> str:
    issued = invitations.invite(organisation_id=by.organisation_id, email=email, role=role, by=by.user, now=LONG_AGO)
    return issued.token


def test_invited_person_accepts_and_gets_the_role() -> None:
    alice, bob = make_owner(), make_user("bob")
    token = invite(alice, bob.email.upper())
    member = invitations.accept(token=token, user=bob, now=LONG_AGO)
    assert (member.organisation, member.role) == (alice.organisation, Role.BILLING)


def test_accepting_twice_gives_one_membership() -> None:
    alice, bob = make_owner(), make_user("bob")
    token = invite(alice, bob.email)
    first = invitations.accept(token=token, user=bob, now=LONG_AGO)
    assert invitations.accept(token=token, user=bob, now=LONG_AGO) == first
    assert bob.memberships.count() == 1


def test_removed_member_does_not_come_back_by_the_old_invitation() -> None:
    alice, bob = make_owner(), make_user("bob")
    token = invite(alice, bob.email)
    invitations.accept(token=token, user=bob, now=LONG_AGO)
    organisations.remove(organisation_id=alice.organisation_id, user_id=bob.pk, by=alice.user)
    with pytest.raises(invitations.InvitationClosed):
        invitations.accept(token=token, user=bob, now=LONG_AGO)
    assert not bob.memberships.exists()


def test_invitation_is_for_its_address_only() -> None:
    alice, bob, eve = make_owner(), make_user("bob"), make_user("eve")
    token = invite(alice, bob.email)
    with pytest.raises(invitations.SomebodyElsesInvitation):
        invitations.accept(token=token, user=eve, now=LONG_AGO)
    assert not eve.memberships.exists()


@pytest.mark.parametrize(("days", "works"), [(6, True), (7, False)])
def test_invitation_works_for_seven_days(days: int, works: bool) -> None:  # noqa: FBT001  # a table of cases
    alice, bob = make_owner(), make_user("bob")
    token = invite(alice, bob.email)
    if not works:
        with pytest.raises(invitations.InvitationClosed, match="expired"):
            invitations.accept(token=token, user=bob, now=LONG_AGO + timedelta(days=days))
    else:
        invitations.accept(token=token, user=bob, now=LONG_AGO + timedelta(days=days))
    assert bob.memberships.exists() == works


def test_withdrawn_invitation_is_closed() -> None:
    alice, bob = make_owner(), make_user("bob")
    token = invite(alice, bob.email)
    invitations.withdraw(organisation_id=alice.organisation_id, email=bob.email, by=alice.user, now=LONG_AGO)
    with pytest.raises(invitations.InvitationClosed, match="withdrawn"):
        invitations.accept(token=token, user=bob, now=LONG_AGO)


def test_new_invitation_takes_the_place_of_the_open_one() -> None:
    alice, bob = make_owner(), make_user("bob")
    old = invite(alice, bob.email, Role.OWNER)
    new = invite(alice, bob.email, Role.VIEWER)
    with pytest.raises(invitations.InvitationClosed):
        invitations.accept(token=old, user=bob, now=LONG_AGO)
    assert invitations.accept(token=new, user=bob, now=LONG_AGO).role == Role.VIEWER


def test_invitation_of_somebody_who_is_no_owner_any_more_counts_for_nothing() -> None:
    alice, mallory = make_owner(), make_user("mallory")
    dora = make_member("dora", alice.organisation, Role.OWNER)
    token = invite(dora, mallory.email, Role.OWNER)
    organisations.remove(organisation_id=alice.organisation_id, user_id=dora.user_id, by=alice.user)
    with pytest.raises(invitations.InvitationClosed):
        invitations.accept(token=token, user=mallory, now=LONG_AGO)


def test_member_is_not_invited_again() -> None:
    alice = make_owner()
    with pytest.raises(invitations.AlreadyAMember):
        invite(alice, alice.user.email)


def test_only_owners_invite() -> None:
    alice = make_owner()
    carol = make_member("carol", alice.organisation, Role.BILLING)
    with pytest.raises(organisations.NotAnOwner):
        invite(carol, "new@example.com")


def test_ownership_passes_by_acceptance_and_then_the_first_owner_may_leave() -> None:
    alice = make_owner()
    carol = make_member("carol", alice.organisation, Role.BILLING)
    issued = invitations.offer_ownership(
        organisation_id=alice.organisation_id, user_id=carol.user_id, by=alice.user, now=LONG_AGO
    )
    carol.refresh_from_db()
    assert carol.role == Role.BILLING
    invitations.accept(token=issued.token, user=carol.user, now=LONG_AGO)
    organisations.leave(organisation_id=alice.organisation_id, user=alice.user)
    assert list(Member.objects.filter(organisation=alice.organisation).values_list("user", "role")) == [
        (carol.user_id, Role.OWNER)
    ]


def test_database_keeps_one_open_invitation_for_an_address() -> None:
    alice = make_owner()
    invite(alice, "new@example.com")
    row = alice.organisation.invitations.get()
    row.pk, row.token_hash = User().pk, "other"
    row._state.adding = True
    with pytest.raises(IntegrityError, match="invitation_open_once_per_address"), transaction.atomic():
        row.save()


def test_secret_is_not_stored() -> None:
    alice = make_owner()
    token = invite(alice, "new@example.com")
    row = alice.organisation.invitations.values().get()
    assert token not in str(row)


# --- through the pages ---


def send_invitation(by: Member, email: str, role: str = "BILLING") -> str:
    client = Client()
    client.force_login(by.user)
    client.post(reverse("wallet:invite"), {"email": email, "role": role})
    found = re.search(r"http://testserver(/accounts/invitations/\S+)", str(mail.outbox[-1].body))
    assert found
    assert mail.outbox[-1].to == [email]
    return found[1]


def test_newcomer_signs_up_from_the_mail_and_founds_no_organisation(client: Client) -> None:
    alice = make_owner()
    before = Organisation.objects.count()
    link = send_invitation(alice, "newcomer@example.com")
    assert "Acme Messaging" in client.get(link).content.decode()
    form = {"name": "Nora", "email": "newcomer@example.com", "password1": PASSWORD, "password2": PASSWORD}
    client.post(reverse("account_signup"), form)
    page = client.get(reverse("wallet:members"))
    assert page.context["member"].organisation == alice.organisation
    assert page.context["member"].role == Role.BILLING
    assert Organisation.objects.count() == before


def test_newcomer_cannot_sign_up_from_the_mail_with_another_address(client: Client) -> None:
    client.get(send_invitation(make_owner(), "newcomer@example.com"))
    form = {"name": "Eve", "email": "eve@example.com", "password1": PASSWORD, "password2": PASSWORD}
    response = client.post(reverse("account_signup"), form)
    assert "newcomer@example.com" in str(response.context["form"].errors["email"])
    assert not User.objects.filter(email="eve@example.com").exists()


def test_newcomer_may_found_an_organisation_instead(client: Client) -> None:
    client.get(send_invitation(make_owner(), "newcomer@example.com"))
    assert "organisation" not in client.get(reverse("account_signup")).context["form"].fields
    assert "organisation" in client.get(reverse("account_signup") + "?own").context["form"].fields


def test_known_person_accepts_on_the_page_and_acts_for_the_new_organisation(client: Client) -> None:
    alice, bob = make_owner(), make_owner("bob", "Bright Retail")
    link = send_invitation(alice, bob.user.email)
    client.force_login(bob.user)
    client.get(link)
    assert bob.user.memberships.count() == 1
    client.post(link)
    assert client.get(reverse("wallet:members")).context["member"].organisation == alice.organisation


def test_somebody_else_with_the_link_is_refused(client: Client) -> None:
    link = send_invitation(make_owner(), "newcomer@example.com")
    eve = make_owner("eve", "Evil")
    client.force_login(eve.user)
    assert client.post(link).status_code == 403
    assert eve.user.memberships.count() == 1


def test_closed_and_invented_invitations_say_so(client: Client) -> None:
    alice = make_owner()
    link = send_invitation(alice, "newcomer@example.com")
    owner = Client()
    owner.force_login(alice.user)
    owner.post(reverse("wallet:withdraw"), {"email": "newcomer@example.com"})
    assert client.get(link).status_code == 410
    assert client.get(reverse("wallet:accept", args=["invented"])).status_code == 410


def test_name_of_an_organisation_puts_no_lines_into_the_mail() -> None:
    alice = make_owner(organisation="Acme\r\n\r\nPay here:\u2028https://evil.example\x0b\x85now")
    assert alice.organisation.name == "Acme Pay here: https://evil.example now"
    send_invitation(alice, "newcomer@example.com")
    assert "\nPay here" not in str(mail.outbox[-1].body)


def test_members_page_offers_the_mail_only_until_the_invitation_is_used(settings: Settings) -> None:
    settings.DEBUG = True
    alice = make_owner()
    hers = Client()
    hers.force_login(alice.user)
    bob = make_user("bob")
    hers.post(reverse("wallet:invite"), {"email": bob.email, "role": "VIEWER"})
    assert reverse("wallet:mail") in hers.get(reverse("wallet:members")).content.decode()
    found = re.search(r"/accounts/invitations/(\S+)/", str(mail.outbox[-1].body))
    assert found
    invitations.accept(token=found[1], user=bob, now=timezone.now())
    assert reverse("wallet:mail") not in hers.get(reverse("wallet:members")).content.decode()


def test_offer_of_ownership_through_the_page(client: Client) -> None:
    alice = make_owner()
    carol = make_member("carol", alice.organisation, Role.VIEWER)
    client.force_login(alice.user)
    client.post(reverse("wallet:offer_ownership"), {"email": carol.user.email})
    assert alice.organisation.invitations.get().role == Role.OWNER
    assert mail.outbox[-1].to == [carol.user.email]
