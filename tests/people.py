"""Builders of people for the tests: alice and bob are customers, fiona, frank and olivia staff."""

from datetime import UTC, datetime
from functools import cache
from uuid import uuid4

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group

from wallet import organisations
from wallet.models import Member, Organisation, Role, User

PASSWORD = "correct horse battery"
LONG_AGO = datetime(2026, 1, 5, 4, 0, tzinfo=UTC)


@cache
def _hash_password() -> str:
    """Once a process: a good hash is slow."""
    return make_password(PASSWORD)


def make_user(name: str, **fields: bool) -> User:
    """A user with a verified address of his own, so that tests without a rollback may run side by side."""
    email = f"{name}.{uuid4().hex[:10]}@example.com"
    user = User.objects.create(email=email, password=_hash_password(), name=name.title(), **fields)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def make_owner(name: str = "alice", organisation: str = "Acme Messaging") -> Member:
    """Somebody who owns an organisation of his own."""
    owner = make_user(name)
    founded = organisations.create(name=organisation, owner=owner, now=LONG_AGO)
    return Member.objects.select_related("user", "organisation").get(user=owner, organisation=founded)


def make_member(name: str, organisation: Organisation, role: Role) -> Member:
    return Member.objects.create(organisation=organisation, user=make_user(name), role=role, joined_at=LONG_AGO)


def make_staff(name: str, group: str) -> User:
    user = make_user(name, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return user
