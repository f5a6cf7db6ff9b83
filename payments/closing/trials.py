"""The trial balance of a month: what every code holds at its end."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db import DEFAULT_DB_ALIAS

from payments.closing.months import Month
from wallet.audit import read


@dataclass(frozen=True, kw_only=True)
class TrialLine:
    """What one code holds in one currency at the end of the month, over all organisations."""

    code: str
    currency: str
    account_class: str
    debit: Decimal
    credit: Decimal

    @property
    def balance(self) -> Decimal:
        """Debit less credit."""
        return self.debit - self.credit


def balance_trial(month: Month) -> list[TrialLine]:
    """Every code in every currency at the end of the month."""
    rows = read(
        DEFAULT_DB_ALIAS,
        """
        SELECT account.code, entry.currency, min(account.account_class),
               coalesce(sum(entry.amount) FILTER (WHERE entry.side = 'DEBIT'), 0),
               coalesce(sum(entry.amount) FILTER (WHERE entry.side = 'CREDIT'), 0)
        FROM wallet_entry AS entry
        JOIN wallet_account AS account ON account.id = entry.account_id
        JOIN wallet_posting AS posting ON posting.id = entry.posting_id
        WHERE posting.business_date <= %s
        GROUP BY 1, 2 ORDER BY 2 DESC, 1
        """,
        [month.last],
    )
    return [
        TrialLine(code=code, currency=currency, account_class=account_class, debit=debit, credit=credit)
        for code, currency, account_class, debit, credit in rows
    ]


def sum_up(lines: Iterable[TrialLine]) -> list[TrialLine]:
    """Of each currency one line with the sums of all codes: its debits and credits are the same, or the books are not
    in order.
    """
    sums: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for line in lines:
        sums[line.currency][0] += line.debit
        sums[line.currency][1] += line.credit
    return [
        TrialLine(code="", currency=currency, account_class="", debit=debit, credit=credit)
        for currency, (debit, credit) in sums.items()
    ]


def say(amount: Decimal) -> str:
    """With six places, the last four only where they say something."""
    return f"{amount:,.6f}".removesuffix("0000")


def find_imbalance(lines: Iterable[TrialLine]) -> dict[str, Decimal]:
    """By currency what is left of debits less credits, where that is not nothing."""
    left: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        left[line.currency] += line.balance
    return {currency: amount for currency, amount in left.items() if amount}
