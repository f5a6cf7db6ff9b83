"""The demo's mornings: the banks' statements of the day before, Stripe's list, and the day drawn up and signed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from payments import findings, imports, sweeps
from payments.appraisals import Facts, claim_whole
from payments.closing import days
from payments.models import BankAccount, BankLine, DayClose, Difference, Payout, StatementFile, Transfer
from payments.uploads import Upload
from wallet.models import User

A_DAY: Final = timedelta(days=1)

_NOTES: Final = {
    Difference.Kind.LINE_WAITING: "Payer unknown. We asked the bank for the account it came from.",
    Difference.Kind.PAYOUT_LATE: "Asked Stripe's support; the bank was closed.",
}
_OTHER_NOTE: Final = "Known from before the first close; nothing is missing."


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of a statement; `amount` with its sign."""

    amount: Decimal
    reference: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Bank:
    """One receiving account, from `first` on; `opening` is what was there before."""

    code: str
    first: date
    opening: Decimal

    @property
    def account(self) -> BankAccount:
        return BankAccount.objects.get(code=self.code)


def bring_statement(bank: Bank, rows: Sequence[Row], *, day: date, by: User, now: datetime) -> None:
    """The account's statements of every day since the last one that was brought, up to `day`, which has these rows
    beside what is known of that day already. Repeating it changes nothing.
    """
    account = bank.account
    newest = StatementFile.objects.filter(account=account).order_by("-last_day").first()
    first, opening = (newest.last_day + A_DAY, newest.closing) if newest else (bank.first, bank.opening)
    if first > day:
        return
    pages, balance = [], Decimal(opening)
    while first <= day:
        of_day = [*(rows if first == day else ()), *_list_known(account, first)]
        pages.append(_write_page(account, of_day, day=first, opening=balance))
        balance += sum((row.amount for row in of_day), start=Decimal(0))
        first += A_DAY
    raw = "\r\n".join(pages).encode()
    imports.import_statement(Upload(account=account, name=f"{bank.code}-{day}.sta", raw=raw), by=by, now=now)


def settle(*, now: datetime) -> None:
    """What the site's workers do of themselves."""
    sweeps.read_balance(now=now)
    sweeps.settle_bank_lines(now=now)


def approve_arrived(
    transfers: Iterable[Transfer], *, recorded_by: User, approvers: Sequence[User], now: datetime
) -> None:
    """Finance finds these transfers' money on the statements and approves it, by as many as are needed."""
    for transfer in transfers:
        line = BankLine.objects.select_related("account").filter(text__contains=transfer.reference).first()
        if line is None:
            continue
        facts = Facts(claims=(claim_whole(line),))
        finding = findings.record(transfer_id=transfer.pk, facts=facts, by=recorded_by, now=now)
        for approver in approvers:
            if finding.done_at is None:
                finding = findings.approve(finding_id=finding.pk, by=approver, now=now)


def close(*, day: date, owner: User, now: datetime) -> DayClose:
    """Drawn up, and whatever does not agree has an owner with a note."""
    drawn = days.draw_up(day=day, now=now)
    for found in Difference.objects.unexplained().filter(close=drawn):
        note = _NOTES.get(Difference.Kind(found.kind), _OTHER_NOTE)
        days.explain(difference_id=found.pk, owner=owner, note=note, now=now)
    return drawn


def _list_known(account: BankAccount, day: date) -> list[Row]:
    """What was typed by hand before, and payouts that arrive."""
    typed = BankLine.objects.filter(account=account, booked_on=day, file=None)
    rows = [Row(amount=line.amount.amount, reference=line.bank_reference, text=line.payer_name) for line in typed]
    if account.currency == "USD":
        arriving = Payout.objects.filter(arrival_on=day)
        rows += [
            Row(amount=payout.amount.amount, reference=payout.trace[:16], text=f"STRIPE PAYOUT {payout.trace}")
            for payout in arriving
        ]
    return rows


def _write_page(account: BankAccount, rows: Sequence[Row], *, day: date, opening: Decimal) -> str:
    """One day as MT940."""
    closing = opening + sum((row.amount for row in rows), start=Decimal(0))
    lines = [":20:DEMO", f":25:{account.number}", ":28C:1/1", f":60F:C{day:%y%m%d}{account.currency}{_figure(opening)}"]
    for row in rows:
        sign = "C" if row.amount > 0 else "D"
        lines.append(f":61:{day:%y%m%d}{sign}{_figure(abs(row.amount))}NTRFNONREF//{row.reference}")
        lines.append(f":86:{row.text}")
    return "\r\n".join([*lines, f":62F:C{day:%y%m%d}{account.currency}{_figure(closing)}", "-"])


def _figure(amount: Decimal) -> str:
    return f"{amount:.2f}".replace(".", ",")
