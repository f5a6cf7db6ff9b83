"""How the prepaid balances came, in a month, from their opening to their closing."""

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.db import DEFAULT_DB_ALIAS, models
from django.utils.translation import gettext_lazy as _

from payments.closing import trials
from payments.closing.months import Month
from payments.closing.trials import TrialLine
from wallet import chart
from wallet.audit import read


class Flow(models.TextChoices):
    """What changes prepaid balances; usage is revenue."""

    TOP_UPS = "TOP_UPS", _("Top-ups")
    MOVES = "MOVES", _("Moves between balances")
    USAGE = "USAGE", _("Usage (revenue)")
    REFUNDS = "REFUNDS", _("Refunds")
    DISPUTES = "DISPUTES", _("Disputes and what is owed for them")
    CORRECTIONS = "CORRECTIONS", _("Corrections")
    OTHER = "OTHER", _("Other")


@dataclass(frozen=True, kw_only=True)
class RollForward:
    """How the prepaid balances of one kind came from their opening to their closing, what is held included."""

    code: str
    currency: str
    opening: Decimal
    flows: dict[str, Decimal]
    closing: Decimal

    @property
    def adds_up(self) -> bool:
        return self.opening + sum(self.flows.values(), Decimal(0)) == self.closing

    @property
    def cells(self) -> list[Decimal]:
        return [self.opening, *(self.flows.get(flow, Decimal(0)) for flow in Flow.values), self.closing]


def roll_forward(month: Month) -> list[RollForward]:
    """One row for the wallets and one for each product, by currency."""
    rows = read(DEFAULT_DB_ALIAS, _ROLL_FORWARD, {"first": month.first, "last": month.last})
    openings: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    flows: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(dict)
    for code, currency, flow, amount in rows:
        if flow == "OPENING":
            openings[code, currency] += amount
        else:
            flows[code, currency][flow] = amount
    closings = {
        (line.code.removesuffix(":held"), line.currency): Decimal(0)
        for line in trials.balance_trial(month)
        if _is_prepaid(line)
    }
    for line in trials.balance_trial(month):
        if _is_prepaid(line):
            closings[line.code.removesuffix(":held"), line.currency] -= line.balance
    return [
        RollForward(
            code=code,
            currency=currency,
            opening=openings[code, currency],
            flows=flows.get((code, currency), {}),
            closing=closing,
        )
        for (code, currency), closing in sorted(closings.items(), key=lambda item: (item[0][0] != "wallet", item[0]))
    ]


def _is_prepaid(line: TrialLine) -> bool:
    return line.code.startswith((chart.WALLET, "product:"))


_ROLL_FORWARD: Final = """
    WITH moved AS (
        SELECT regexp_replace(account.code, ':held$', '') AS code, entry.currency, posting.business_date,
               coalesce(first.kind, posting.kind) AS kind, posting.kind = 'REVERSAL' AS is_reversal,
               coalesce(first.id, posting.id) AS fact,
               CASE entry.side WHEN 'CREDIT' THEN entry.amount ELSE -entry.amount END AS amount
        FROM wallet_entry AS entry
        JOIN wallet_account AS account ON account.id = entry.account_id
         AND account.code ~ '^(wallet|product:[^:]+)(:held)?$'
        JOIN wallet_posting AS posting ON posting.id = entry.posting_id
        LEFT JOIN wallet_posting AS first ON first.id = posting.reverses_id
        WHERE posting.business_date <= %(last)s
    )
    SELECT code, currency,
           CASE WHEN business_date < %(first)s THEN 'OPENING'
                WHEN kind = 'TOP_UP' AND EXISTS (
                    SELECT FROM wallet_entry AS source JOIN wallet_account AS account ON account.id = source.account_id
                    WHERE source.posting_id = moved.fact AND source.side = 'DEBIT' AND account.code = 'wallet'
                ) THEN 'MOVES'
                WHEN kind = 'TOP_UP' AND is_reversal THEN 'CORRECTIONS'
                WHEN kind = 'TOP_UP' THEN 'TOP_UPS'
                WHEN kind IN ('CHARGE', 'CAPTURE', 'HOLD', 'RELEASE') THEN 'USAGE'
                WHEN kind ~ '^REFUND' THEN 'REFUNDS'
                WHEN kind ~ '^(DISPUTE|DEBT)' THEN 'DISPUTES'
                ELSE 'OTHER' END,
           sum(amount)
    FROM moved GROUP BY 1, 2, 3
"""
"""Holds stay within the balance they are held of: their two lines come to nothing."""
