"""P1: whatever is done to the ledger, in whatever order, every posting sums to zero and every balance is its entries'.

A model in plain Python says what each call must do; PostgreSQL must agree after every step.
"""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from djmoney.money import Money
from hypothesis import HealthCheck, Phase, settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.races import scaled
from wallet import audit, chart, ledger
from wallet.ledger import Draft, Line, Side
from wallet.models import Account, Organisation

CODES = (
    chart.WALLET,
    chart.held(chart.WALLET),
    chart.product("whatsapp"),
    chart.SUSPENSE,
    chart.STRIPE_CLEARING,
    chart.bank("cmb-usd"),
    chart.RECEIVABLE,
    chart.FX,
    chart.STRIPE_FEES,
    chart.revenue("sms"),
)
GUARDED = frozenset(CODES[:4]) | {chart.RECEIVABLE}
DEBIT_NORMAL = frozenset({chart.STRIPE_CLEARING, chart.bank("cmb-usd"), chart.RECEIVABLE, chart.STRIPE_FEES})

amounts = strategies.decimals(min_value="0.000001", max_value="1000", places=6)
codes = strategies.sampled_from(CODES)
currencies = strategies.sampled_from(("USD", "CNY"))
pairs = strategies.tuples(codes, codes, currencies, amounts)
keys = strategies.integers(0, 12).map("key:{}".format)


def balanced(movements: list[tuple[str, str, str, Decimal]]) -> tuple[Line, ...]:
    return tuple(
        line
        for source, target, currency, amount in movements
        for line in (
            Line(source, Side.DEBIT, Money(amount, currency)),
            Line(target, Side.CREDIT, Money(amount, currency)),
        )
    )


drafts = strategies.builds(
    lambda key, kind, movements: Draft(key=key, kind=kind, lines=balanced(movements)),
    keys,
    strategies.sampled_from(("EXAMPLE", "MOVE")),
    strategies.lists(pairs, min_size=1, max_size=3),
)
Balances = dict[tuple[str, str], Decimal]


class Ledger(RuleBasedStateMachine):
    """One organisation, from its first posting on."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 7, 15, 4, 0, tzinfo=UTC)
        self.id = Organisation.objects.create(name="Acme Messaging", created_at=self.now).id
        self.balances: Balances = defaultdict(Decimal)
        self.written: dict[str, tuple[Any, Any]] = {}
        self.reversed: set[str] = set()

    @rule(batch=strategies.lists(drafts, min_size=1, max_size=3), minutes=strategies.integers(0, 600))
    def post(self, batch: list[Draft], minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        expected, balances, written = self._foresee(batch)
        if isinstance(expected, type):
            with pytest.raises(expected):
                ledger.post(organisation_id=self.id, drafts=batch, now=self.now)
            return
        posted = ledger.post(organisation_id=self.id, drafts=batch, now=self.now)
        assert [p.is_new for p in posted] == expected
        self.balances = balances
        for draft, one in zip(batch, posted, strict=True):
            known = self.written.setdefault(draft.key, (written[draft.key], one.id))
            assert known[1] == one.id

    @rule(batch=strategies.lists(drafts, min_size=1, max_size=2), extra=pairs)
    def post_what_is_out(self, batch: list[Draft], extra: tuple[str, str, str, Decimal]) -> None:
        code, _, currency, amount = extra
        lines = (*batch[-1].lines, Line(code, Side.CREDIT, Money(amount, currency)))
        wrong = Draft(key="out", kind="WRONG", lines=lines)
        of_the_others, *_ = self._foresee(batch[:-1])
        expected = (
            ledger.KeyReused if of_the_others is ledger.KeyReused else ledger.Unbalanced
        )  # keys are looked at first
        with pytest.raises(expected):
            ledger.post(organisation_id=self.id, drafts=[*batch[:-1], wrong], now=self.now)

    @rule(draft=drafts, amount=strategies.sampled_from(("0", "-1", "NaN", "Infinity", "0.0000001")))
    def post_what_is_no_amount(self, draft: Draft, amount: str) -> None:
        lines = (*draft.lines, *(Line(chart.FX, side, Money(amount, "USD")) for side in Side))
        with pytest.raises(ledger.LineRefused):
            ledger.post(organisation_id=self.id, drafts=[Draft(key="no", kind="WRONG", lines=lines)], now=self.now)

    @precondition(lambda self: self.written)
    @rule(data=strategies.data())
    def reverse(self, data: strategies.DataObject) -> None:
        key = data.draw(strategies.sampled_from(sorted(self.written)))
        (_kind, lines), posting_id = self.written[key]
        turned = tuple(
            Line(line.code, Side.CREDIT if line.side == Side.DEBIT else Side.DEBIT, line.amount) for line in lines
        )
        balances = self._apply(self.balances, turned)
        call = {"organisation_id": self.id, "posting_id": posting_id, "now": self.now, "by": "fiona", "memo": ""}
        undo = f"undo:{key}"
        if undo in self.reversed:
            assert not ledger.reverse(key=undo, **call).is_new
            with pytest.raises(ledger.AlreadyReversed):
                ledger.reverse(key="undo-again", **call)
        elif balances is None:
            with pytest.raises(ledger.InsufficientFunds):
                ledger.reverse(key=undo, **call)
        else:
            assert ledger.reverse(key=undo, **call).is_new
            self.reversed.add(undo)
            self.balances = balances

    @invariant()
    def balances_are_the_models(self) -> None:
        stored = {(a.code, a.balance.currency.code): a.balance.amount for a in Account.objects.of(self.id)}
        assert stored == self.balances

    @invariant()
    def postings_sum_to_zero(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT posting_id, currency FROM wallet_entry WHERE organisation_id = %s GROUP BY 1, 2 "
                "HAVING sum(CASE side WHEN 'DEBIT' THEN amount ELSE -amount END) <> 0",
                [self.id],
            )
            assert cursor.fetchall() == []

    def _foresee(self, batch: list[Draft]) -> tuple[Any, Balances, dict[str, Any]]:
        """What the call must answer: an error, or which drafts are new; and the balances afterwards."""
        written = {key: content for key, (content, _) in self.written.items()}
        fresh, balances = [], self.balances
        for draft in batch:
            content = (draft.kind, draft.lines)
            is_new = draft.key not in written
            if not is_new and not self._same(written[draft.key], content):
                return ledger.KeyReused, balances, written
            written.setdefault(draft.key, content)
            fresh.append(is_new)
        for draft, is_new in zip(batch, fresh, strict=True):
            after = self._apply(balances, draft.lines) if is_new else balances
            if after is None:
                return ledger.InsufficientFunds, balances, written
            balances = after
        return fresh, balances, written

    @staticmethod
    def _same(one: Any, other: Any) -> bool:
        def canonical(content: Any) -> Any:
            kind, lines = content
            return kind, sorted((line.code, line.side, line.amount.currency.code, line.amount.amount) for line in lines)

        return bool(canonical(one) == canonical(other))

    @staticmethod
    def _apply(balances: Balances, lines: tuple[Line, ...]) -> Balances | None:
        after = defaultdict(Decimal, balances)
        for line in lines:
            place = (line.code, line.amount.currency.code)
            is_plus = (line.side == Side.DEBIT) == (line.code in DEBIT_NORMAL)
            after[place] += line.amount.amount if is_plus else -line.amount.amount
            if line.code in GUARDED and after[place] < 0:
                return None
        return after


def test_any_sequence_of_postings_keeps_the_books(committed: None, now: datetime) -> None:
    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=scaled(20, full=5000),
            stateful_step_count=scaled(30, full=50),
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert audit.find_problems(checks=audit.CHECKS, now=now) == []
