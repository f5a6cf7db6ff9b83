"""An owner asks all members for a second factor: who has none is led to set one up, and reaches nothing else."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.cache import cache
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse

from tests.people import LONG_AGO, PASSWORD, make_member, make_owner
from tests.wallet.test_second_factors import set_up
from wallet import factor_demands, organisations
from wallet.models import Member, Organisation, Role, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Member:
    cache.clear()
    owner = make_owner()
    TOTP.activate(owner.user, generate_totp_secret())
    return owner


@pytest.fixture
def vera(alice: Member) -> Member:
    return make_member("vera", alice.organisation, Role.BILLING)


def enter(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def press(client: Client, name: str) -> HttpResponseBase:
    """The button, and the password that it asks for."""
    asked = client.post(reverse(f"wallet:{name}"))
    return client.post(asked["Location"], {"password": PASSWORD})


def demand(member: Member) -> None:
    factor_demands.demand(organisation_id=member.organisation_id, by=member.user)


def is_demanded(member: Member) -> bool:
    return Organisation.objects.get(pk=member.organisation_id).demands_second_factor


def test_member_without_a_factor_is_led_to_set_one_up_and_then_goes_on(alice: Member, vera: Member) -> None:
    client = enter(vera.user)
    assert client.get(reverse("home")).status_code == 200
    demand(alice)
    page = client.get(reverse("home"))
    assert page.status_code == 403
    assert reverse("mfa_activate_totp") in page.content.decode()
    assert alice.organisation.name in page.content.decode()
    set_up(client)
    assert client.get(reverse("home")).status_code == 200
    assert enter(alice.user).get(reverse("home")).status_code == 200


@pytest.mark.parametrize(
    "name", ["billing:orders", "billing:orders_csv", "payments:topup", "products:keys", "wallet:members", "products"]
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_nothing_is_read_or_done_without_the_factor(name: str, method: str, alice: Member, vera: Member) -> None:
    demand(alice)
    client = enter(vera.user)
    answer = getattr(client, method)(reverse(name), {"amount": "20", "method": "card", "currency": "USD"})
    assert answer.status_code == 403
    assert "second factor" in answer.content.decode()


def test_other_organisation_of_the_same_person_opens_no_way_round(alice: Member, vera: Member) -> None:
    own = organisations.create(name="Verbena", owner=vera.user, now=LONG_AGO)
    demand(alice)
    client = enter(vera.user)
    client.post(reverse("wallet:switch"), {"organisation": str(own.pk)})
    assert client.get(reverse("billing:orders")).status_code == 403
    client.post(reverse("wallet:switch"), {"organisation": str(alice.organisation_id)})
    client.post(reverse("wallet:leave"))
    assert client.get(reverse("billing:orders")).status_code == 200


def test_recovery_codes_alone_are_no_factor(alice: Member, vera: Member) -> None:
    demand(alice)
    Authenticator.objects.create(user=vera.user, type=Authenticator.Type.RECOVERY_CODES, data={})
    assert enter(vera.user).get(reverse("home")).status_code == 403


def test_owner_asks_it_of_all_and_takes_it_back(alice: Member, vera: Member) -> None:
    client = enter(alice.user)
    assert "1 member has none yet." in client.get(reverse("wallet:members")).content.decode()
    assert press(client, "demand_second_factor")["Location"] == reverse("wallet:members")
    assert is_demanded(alice)
    assert reverse("wallet:waive_second_factor") in client.get(reverse("wallet:members")).content.decode()
    client.post(reverse("wallet:waive_second_factor"))
    assert not is_demanded(alice)
    assert enter(vera.user).get(reverse("home")).status_code == 200


def test_owner_without_a_factor_is_not_the_first_to_be_shut_out(alice: Member) -> None:
    Authenticator.objects.filter(user=alice.user).delete()
    assert press(enter(alice.user), "demand_second_factor")["Location"] == reverse("mfa_index")
    assert not is_demanded(alice)


@pytest.mark.parametrize("name", ["demand_second_factor", "waive_second_factor"])
def test_only_an_owner_decides_and_only_after_saying_again_who_he_is(name: str, alice: Member, vera: Member) -> None:
    if name == "waive_second_factor":
        TOTP.activate(vera.user, generate_totp_secret())
        demand(alice)
    before = is_demanded(alice)
    assert enter(vera.user).post(reverse(f"wallet:{name}")).status_code == 403
    asked = enter(alice.user).post(reverse(f"wallet:{name}"))
    assert asked["Location"].startswith(reverse("account_reauthenticate"))
    with pytest.raises(organisations.NotAnOwner):
        getattr(factor_demands, name.partition("_")[0])(organisation_id=alice.organisation_id, by=vera.user)
    assert is_demanded(alice) == before
