"""Two owners at once: somebody always stays."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from tests.people import make_member, make_owner
from wallet import organisations
from wallet.models import Member, Role


def _run_together(acts: list[Callable[[], object]]) -> list[BaseException | None]:
    start = Barrier(len(acts))

    def run(act: Callable[[], object]) -> BaseException | None:
        try:
            start.wait(timeout=10)
            act()
        except organisations.LastOwner as refused:
            return refused
        finally:
            connection.close()
        return None

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


@pytest.mark.usefixtures("committed")
def test_two_owners_who_leave_at_once_leave_one_behind() -> None:
    for _ in range(20):
        alice = make_owner()
        dora = make_member("dora", alice.organisation, Role.OWNER)
        ends = _run_together(
            [
                lambda who=who: organisations.leave(organisation_id=who.organisation_id, user=who.user)  # type: ignore[misc]
                for who in (alice, dora)
            ]
        )
        assert sum(end is None for end in ends) == 1
        assert Member.objects.filter(organisation=alice.organisation, role=Role.OWNER).count() == 1


@pytest.mark.usefixtures("committed")
def test_two_owners_who_demote_each_other_at_once_leave_one_owner() -> None:
    for _ in range(20):
        alice = make_owner()
        dora = make_member("dora", alice.organisation, Role.OWNER)
        pairs = ((alice, dora), (dora, alice))
        _run_together(
            [
                lambda by=by, who=who: _demote(by, who)  # type: ignore[misc]
                for by, who in pairs
            ]
        )
        assert Member.objects.filter(organisation=alice.organisation, role=Role.OWNER).count() == 1


def _demote(by: Member, who: Member) -> None:
    try:
        organisations.change_role(
            organisation_id=who.organisation_id, user_id=who.user_id, role=Role.BILLING, by=by.user
        )
    except organisations.NotAnOwner:
        return
