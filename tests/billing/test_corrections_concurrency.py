"""Many at once: a correction is carried out once, and never with money that is spent."""

import secrets
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest

from billing import corrections, moves
from billing.models import Correction, Order
from innopaas.audit import CHECKS
from products import charges
from tests import builders, people, races
from tests.billing.correcting import Desk, usd
from wallet import audit, chart


@pytest.fixture
def desk(committed: None, now: datetime) -> Desk:
    return Desk(now)


def test_of_many_approvals_at_once_one_credits(desk: Desk) -> None:
    order = desk.by_card("100")
    proposed = desk.propose(order)
    approvers = [people.make_staff(f"felix{place}", "finance") for place in range(races.scaled(16, full=64))]
    outcomes = races.run_at_once([partial(desk.approve, proposed, by=by) for by in approvers])
    assert sum(isinstance(outcome, Order) for outcome in outcomes) == 1
    assert all(isinstance(outcome, corrections.NotWaiting | Order) for outcome in outcomes)
    assert (desk.holds(desk.wrong.code), desk.holds(desk.right.code)) == (0, 100)


def test_of_many_proposals_at_once_one_waits(desk: Desk) -> None:
    order = desk.by_card("100")
    makers = [people.make_staff(f"felix{place}", "finance") for place in range(races.scaled(8, full=64))]
    outcomes = races.run_at_once([partial(desk.propose, order, by=by) for by in makers])
    assert sum(isinstance(outcome, Correction) for outcome in outcomes) == 1
    assert all(isinstance(outcome, corrections.AlreadyProposed | Correction) for outcome in outcomes)


def test_what_is_spent_meanwhile_is_not_credited_again(desk: Desk) -> None:
    for place in range(races.scaled(4, full=100)):
        order = desk.by_card("100")
        proposed = desk.propose(order)
        before = desk.holds(desk.right.code)
        spending = [partial(desk.spend, "30", request_id=f"r{place}-{number}") for number in range(4)]
        *spent, approved = races.run_at_once([*spending, partial(desk.approve, proposed)])
        charged = sum(isinstance(outcome, charges.Charge) for outcome in spent)
        assert all(isinstance(outcome, charges.Charge | charges.InsufficientBalance) for outcome in spent)
        if isinstance(approved, Order):
            assert (charged, desk.holds(desk.right.code) - before) == (0, 100)
            continue
        assert isinstance(approved, corrections.MoneySpent)
        assert (charged, desk.holds(desk.right.code) - before) == (3, 0)
        desk.spend("10", request_id=f"r{place}-rest")
    assert desk.holds(desk.wrong.code) == 0


def test_undone_and_corrected_at_once_goes_one_way(desk: Desk) -> None:
    for _ in range(races.scaled(4, full=100)):
        move = desk.by_move("100")
        before = (desk.holds(chart.WALLET), desk.holds(desk.right.code))
        proposed = desk.propose(move)
        undoing = partial(moves.undo, order_id=move.pk, by="Alice", now=desk.now + timedelta(minutes=1))
        undone, approved = races.run_at_once([undoing, partial(desk.approve, proposed)])
        after = (desk.holds(chart.WALLET) - before[0], desk.holds(desk.right.code) - before[1])
        if isinstance(approved, Order):
            assert isinstance(undone, moves.CannotBeUndone)
            assert after == (0, 100)
        else:
            assert isinstance(approved, corrections.NotCorrectable)
            assert after == (100, 0)


def test_nobody_who_moves_money_meanwhile_loses_to_an_approval(desk: Desk) -> None:
    """The wallet's account is older than the wrong product's, and younger than the right one's."""
    desk.by_card("7", desk.right)
    builders.fill_wallet(desk.acme, usd("5000"), now=desk.now)
    owner = builders.owner_of(desk.acme)

    def move() -> list[Order]:
        token = secrets.token_urlsafe(18)
        wishes = [builders.move_wish(desk.acme, to, usd(5), token=token) for to in (desk.right, desk.wrong)]
        return moves.move_several(wishes, by=owner, now=desk.now)

    rounds = races.scaled(3, full=12)
    for _ in range(rounds):
        proposed = desk.propose(desk.by_card("100"))
        races.raise_failures(races.run_at_once([partial(desk.approve, proposed), *[move] * 4]))
    assert (desk.holds(desk.right.code), desk.holds(desk.wrong.code)) == (7 + 120 * rounds, 20 * rounds)


def test_corrections_both_ways_at_once_wait_for_nobody_in_vain(desk: Desk) -> None:
    """The products' accounts are older than the wallet's, so that two of them lock what the other needs next."""
    desk.by_card("7")
    desk.by_card("7", desk.right)
    pairs = [(desk.by_move("100"), desk.by_move("50", desk.right)) for _ in range(races.scaled(6, full=50))]
    proposed = [desk.propose(one) for one, _ in pairs] + [desk.propose(two, desk.wrong.code) for _, two in pairs]
    races.raise_failures(races.run_at_once([partial(desk.approve, correction) for correction in proposed]))
    expected = (Decimal(7 + 50 * len(pairs)), Decimal(7 + 100 * len(pairs)))
    assert (desk.holds(desk.wrong.code), desk.holds(desk.right.code)) == expected
    numbers = Order.objects.filter(organisation=desk.acme).values_list("number", flat=True)
    problems = audit.find_problems(checks=CHECKS, now=desk.now)
    assert [said for said in problems if any(number in said for number in numbers)] == []
