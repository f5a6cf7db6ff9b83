"""P3 with holds: whatever is topped up, moved, undone, charged, held, captured, released, expired and reversed, in
whatever order and however often it is repeated, a plain model in Python says what comes out.
"""

import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from billing import moves
from billing.models import Order
from innopaas.audit import CHECKS
from products import batches, charges, holds
from products.audit import check_days
from products.batches import BatchItem, Refusal
from products.charges import Charge, InsufficientBalance, RequestIdReused, Usage
from products.holds import HoldEnded, NotThatMuchHeld, OutsideLifetime
from tests import builders
from tests.builders import usd
from tests.products import spending
from tests.races import scaled
from wallet import audit, ledger

amounts = strategies.decimals(min_value="0.000001", max_value="20", places=6)
ids = strategies.integers(0, 9).map("r{}".format)
lives = strategies.sampled_from((1, 5, 60, 600, 10080)).map(lambda minutes: timedelta(minutes=minutes))
uses = strategies.tuples(ids, amounts)


@dataclass
class Held:
    """A hold of the model."""

    id: Any
    amount: Decimal
    lasts: timedelta
    expires_at: datetime
    rest: Decimal
    end: str = ""
    captures: dict[str, tuple[Any, Decimal]] = field(default_factory=dict)
    release: Any = None


class Spending(RuleBasedStateMachine):
    """One organisation with a wallet and one product, from its first top-up on."""

    organisations: ClassVar[set[str]] = set()

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 7, 15, 4, 0, tzinfo=UTC)
        self.balance = spending.open_filled(20, now=self.now)
        self.organisations.add(str(self.balance.organisation_id))
        self.owner = builders.owner_of(self.balance.organisation)
        self.wallet, self.available, self.earned = Decimal(0), Decimal(20), Decimal(0)
        self.charges: dict[str, tuple[Any, Decimal]] = {}
        self.reversed: set[str] = set()
        self.holds: dict[str, Held] = {}
        self.moves: dict[str, tuple[Order, Decimal]] = {}
        self.undone: set[str] = set()

    # --- money comes and goes -------------------------------------------------------------------------------

    @rule(minutes=strategies.integers(1, 90))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(amount=strategies.integers(5, 20))
    def top_up_the_wallet(self, amount: int) -> None:
        builders.fill_wallet(self.balance.organisation, usd(amount), now=self.now)
        self.wallet += amount

    @rule(amount=strategies.integers(5, 20))
    def top_up_the_product(self, amount: int) -> None:
        builders.fill_product(self.balance.organisation, self.balance.product, usd(amount), now=self.now)
        self.available += amount

    @rule(amount=strategies.integers(1, 20))
    def move(self, amount: int) -> None:
        token = secrets.token_urlsafe(18)
        wish = builders.move_wish(self.balance.organisation, self.balance.product, usd(amount), token=token)
        if amount > self.wallet:
            with pytest.raises(moves.WalletTooLow) as refused:
                moves.move(wish, by=self.owner, now=self.now)
            assert refused.value.missing == usd(str(amount - self.wallet))
            return
        order = moves.move(wish, by=self.owner, now=self.now)
        assert moves.move(wish, by=self.owner, now=self.now) == order
        self.moves[token] = (order, Decimal(amount))
        self._shift(wallet=-amount, available=amount)

    @precondition(lambda self: self.moves)
    @rule(data=strategies.data())
    def undo(self, data: strategies.DataObject) -> None:
        token = data.draw(strategies.sampled_from(sorted(self.moves)))
        order, amount = self.moves[token]
        if token not in self.undone:
            expected = self._refusal_of_undo(order, amount)
            if expected:
                with pytest.raises(expected):
                    moves.undo(order_id=order.pk, by="alice", now=self.now)
                return
            self.undone.add(token)
            self._shift(wallet=amount, available=-amount)
        moves.undo(order_id=order.pk, by="alice", now=self.now)

    def _refusal_of_undo(self, order: Order, amount: Decimal) -> type[Exception] | None:
        assert order.paid_at
        if self.now >= order.paid_at + moves.UNDOABLE_FOR:
            return moves.CannotBeUndone
        return moves.AlreadySpent if amount > self.available else None

    # --- use ------------------------------------------------------------------------------------------------

    @rule(use=uses)
    def charge(self, use: tuple[str, Decimal]) -> None:
        call: dict[str, Any] = {"balance": self.balance, "usage": self._usage(use), "by": spending.BY, "now": self.now}
        expected = self._foresee(use)
        if isinstance(expected, Refusal):
            raised = {Refusal.INSUFFICIENT_BALANCE: InsufficientBalance, Refusal.REQUEST_ID_REUSED: RequestIdReused}
            with pytest.raises(raised[expected]):
                charges.charge(**call)
            return
        self._charged(use, charges.charge(**call))

    @rule(batch=strategies.lists(uses, min_size=1, max_size=5))
    def charge_a_batch(self, batch: list[tuple[str, Decimal]]) -> None:
        items = [BatchItem(balance=self.balance, usage=self._usage(use)) for use in batch]
        outcomes = batches.charge_each(items=items, by=spending.BY, now=self.now)
        refused: dict[str, Decimal] = {}
        for use, outcome in zip(batch, outcomes, strict=True):
            expected = self._foresee(use)
            if use[0] not in self.charges and refused.get(use[0], use[1]) != use[1]:
                expected = Refusal.REQUEST_ID_REUSED  # told before in this batch, with other content
            if isinstance(expected, Refusal):
                assert outcome == expected
                refused.setdefault(*use)
            else:
                assert isinstance(outcome, Charge)
                self._charged(use, outcome)

    @precondition(lambda self: self.charges)
    @rule(data=strategies.data())
    def reverse_a_charge(self, data: strategies.DataObject) -> None:
        request_id = data.draw(strategies.sampled_from(sorted(self.charges)))
        posting_id, amount = self.charges[request_id]
        done = ledger.reverse(
            organisation_id=self.balance.organisation_id,
            posting_id=posting_id,
            key=f"back:{request_id}",
            now=self.now,
            by="fiona",
            memo="mistaken",
        )
        assert done.is_new == (request_id not in self.reversed)
        if done.is_new:
            self.reversed.add(request_id)
            self._shift(available=amount, earned=-amount)

    # --- holds ----------------------------------------------------------------------------------------------

    @rule(use=uses, lasts=lives)
    def place(self, use: tuple[str, Decimal], lasts: timedelta) -> None:
        request_id, amount = use
        first = self.holds.get(request_id)
        expected: type[Exception] | None = None
        if first is None:
            expected = InsufficientBalance if amount > self.available else None
        elif (first.amount, first.lasts) != (amount, lasts) and (
            first.amount != amount or first.expires_at != self.now + lasts
        ):
            expected = RequestIdReused
        call: dict[str, Any] = {"balance": self.balance, "usage": self._usage(use), "by": spending.BY, "now": self.now}
        if expected:
            with pytest.raises(expected):
                holds.place(expires_at=self.now + lasts, **call)
            return
        placed = holds.place(expires_at=self.now + lasts, **call)
        assert placed.is_new == (first is None)
        if first:
            assert (placed.id, placed.expires_at) == (first.id, first.expires_at)
            return
        self.holds[request_id] = Held(placed.id, amount, lasts, placed.expires_at, amount)
        self._shift(available=-amount)

    @rule(amount=amounts, seconds=strategies.sampled_from((-60, 0, 59, 7 * 86400 + 1)))
    def place_outside_its_lifetime(self, amount: Decimal, seconds: int) -> None:
        with pytest.raises(OutsideLifetime):
            holds.place(
                balance=self.balance,
                usage=spending.usage(str(amount), secrets.token_hex(8)),
                expires_at=self.now + timedelta(seconds=seconds),
                by=spending.BY,
                now=self.now,
            )

    @precondition(lambda self: self.holds)
    @rule(data=strategies.data(), request_id=ids, amount=amounts | strategies.none())
    def capture(self, data: strategies.DataObject, request_id: str, amount: Decimal | None) -> None:
        hold = self.holds[data.draw(strategies.sampled_from(sorted(self.holds)))]
        first = hold.captures.get(request_id)
        expected: type[Exception] | None = None
        if first:
            expected = RequestIdReused if amount not in (None, first[1]) else None
        elif hold.end or self.now >= hold.expires_at:
            expected = HoldEnded
        elif amount is not None and amount > hold.rest:
            expected = NotThatMuchHeld
        call: dict[str, Any] = {"hold_id": hold.id, "product_id": self.balance.product_id, "request_id": request_id}
        call |= {"amount": None if amount is None else usd(str(amount)), "by": spending.BY, "now": self.now}
        if expected:
            with pytest.raises(expected):
                holds.capture(**call)
            return
        done = holds.capture(**call)
        if first:
            assert ((done.id, done.amount.amount), done.is_new) == (first, False)
            return
        taken = hold.rest if amount is None else amount
        assert (done.amount.amount, done.is_new) == (taken, True)
        hold.captures[request_id] = (done.id, taken)
        hold.rest -= taken
        hold.end = "captured" if not hold.rest else ""
        self._shift(earned=taken)

    @precondition(lambda self: self.holds)
    @rule(data=strategies.data())
    def release(self, data: strategies.DataObject) -> None:
        hold = self.holds[data.draw(strategies.sampled_from(sorted(self.holds)))]
        call: dict[str, Any] = {
            "hold_id": hold.id,
            "product_id": self.balance.product_id,
            "by": spending.BY,
            "now": self.now,
        }
        if hold.end == "released":
            assert replace(holds.release(**call), is_new=True) == hold.release
        elif hold.end or self.now >= hold.expires_at:
            with pytest.raises(HoldEnded):
                holds.release(**call)
        else:
            done = holds.release(**call)
            assert (done.amount.amount, done.is_new) == (hold.rest, True)
            hold.release = done
            self._shift(available=hold.rest)
            assert done.balance_after.amount == self.available
            hold.rest, hold.end = Decimal(0), "released"

    @rule()
    def expire(self) -> None:
        spending.expire(now=self.now)
        for hold in self.holds.values():
            if not hold.end and self.now >= hold.expires_at:
                self._shift(available=hold.rest)
                hold.rest, hold.end = Decimal(0), "expired"

    # --- what must be so after each -------------------------------------------------------------------------

    @invariant()
    def balances_are_the_models(self) -> None:
        held = sum((hold.rest for hold in self.holds.values()), Decimal(0))
        assert spending.standing(self.balance) == (self.available, held, self.earned)
        assert builders.balance_of(self.balance.organisation_id).amount == self.wallet

    def _usage(self, use: tuple[str, Decimal]) -> Usage:
        return spending.usage(str(use[1]), use[0])

    def _foresee(self, use: tuple[str, Decimal]) -> Refusal | bool:
        """Whether a charge is new; or why it is refused."""
        request_id, amount = use
        if request_id in self.charges:
            return False if self.charges[request_id][1] == amount else Refusal.REQUEST_ID_REUSED
        return Refusal.INSUFFICIENT_BALANCE if amount > self.available else True

    def _charged(self, use: tuple[str, Decimal], done: Charge) -> None:
        request_id, amount = use
        assert done.is_new == (request_id not in self.charges)
        assert done.amount.amount == amount
        if done.is_new:
            self.charges[request_id] = (done.id, amount)
            self._shift(available=-amount, earned=amount)
            assert done.balance_after.amount == self.available
        assert done.id == self.charges[request_id][0]

    def _shift(self, *, wallet: Decimal | int = 0, available: Decimal | int = 0, earned: Decimal | int = 0) -> None:
        self.wallet += wallet
        self.available += available
        self.earned += earned


def test_any_sequence_of_uses_keeps_the_balances(committed: None, now: datetime) -> None:
    run_state_machine_as_test(
        Spending,
        settings=settings(
            max_examples=scaled(12, full=5000),
            stateful_step_count=scaled(30, full=50),
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
    # Which days are kept is everybody's: sweeps of other tests, at the real moment, keep the days before these uses.
    said = audit.find_problems(checks=[check for check in CHECKS if check is not check_days], now=now)
    assert [problem for problem in said if any(own in problem for own in Spending.organisations)] == []
