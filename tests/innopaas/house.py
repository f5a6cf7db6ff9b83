"""What is the house's own: payouts, Stripe's list, and bank lines that no customer has to do with."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Model

from payments import balance_transactions, house_moves, payouts, returns, settlement, sightings, suspense_moves
from payments.closing import days
from payments.models import (
    Allocation,
    BalanceTransaction,
    BankLine,
    DayClose,
    Difference,
    DigestMail,
    GlNumber,
    HouseMove,
    Payout,
    SuspenseMove,
)
from tests.payments import offline, stripe_lists
from tests.payments.offline import cny, usd
from wallet.calendar import business_date
from wallet.ids import new_id
from wallet.models import HOUSE_ID, User

_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class House:
    """One of everything, with the bank lines that acts choose."""

    payout: Payout
    line: BankLine
    failed: Payout
    back_line: BankLine
    listed: BalanceTransaction
    gone: BankLine
    came: BankLine
    waiting: HouseMove
    charge: BalanceTransaction
    sent_back: SuspenseMove
    returned: Allocation
    returning: BankLine
    owner: User
    close: DayClose

    def rows(self) -> dict[str, Model]:
        """By the admin's names."""
        return {
            "payments_payout": self.payout,
            "payments_balancetransaction": self.listed,
            "payments_housemove": self.waiting,
            "payments_suspensemove": self.sent_back,
            "payments_dayclose": self.close,
            "payments_digestmail": DigestMail.objects.all()[0],
            "payments_glnumber": GlNumber.objects.all()[0],
        }

    def acts(self) -> dict[str, Model]:
        """The row that each act is about."""
        return {
            "admin:payments_payout_back": self.failed,
            "admin:payments_difference_explain": self.close.differences.all()[0],
            "admin:payments_housemove_charge": self.gone,
            "admin:payments_housemove_exchange": self.gone,
            "admin:payments_line_sent": self.returning,
            "admin:payments_suspensemove_credit": self.charge,
            "admin:payments_suspensemove_refund": self.charge,
        }

    def body(self, name: str) -> dict[str, Any]:
        """What the form of an act says."""
        if name.startswith(("admin:payments_close_", "admin:payments_difference_")):
            return {"day": f"{self.close.day}", "month": f"{self.close.day:%Y-%m}", "note": "Known"}
        if name.startswith("admin:payments_suspensemove_"):
            return {"reason": "Known", "to": self.owner.email}
        if name == "admin:payments_line_sent":
            return {"sent": str(self.returned.pk)}
        if not name.startswith(("admin:payments_payout_", "admin:payments_housemove_")):
            return {}
        line = self.back_line if name == "admin:payments_payout_back" else self.line
        return {
            "line": str(line.pk),
            "came": str(self.came.pk),
            "reason": "Known",
            "seen": sightings.of_line(BankLine.objects.get(pk=self.gone.pk)),
        }


def found(*, importer: User, proposer: User, owner: User, now: datetime) -> House:
    today = business_date(now)
    DigestMail.objects.create(day=today, person=proposer, claimed_at=now)
    dollars, yuan = offline.make_account("USD"), offline.make_account("CNY")

    def bring(amount: str) -> BankLine:
        return offline.bring_line(dollars, usd(amount), imported_by=importer, now=now, text="STRIPE")

    def take_out(amount: str) -> BankLine:
        return stripe_lists.take_out(yuan, cny(amount), imported_by=importer, now=now)

    payout = stripe_lists.make_payout(now=now, amount=usd("8642.13"), arrival_on=today)
    failed = stripe_lists.make_payout(now=now, amount=usd("8642.14"), arrival_on=today)
    payouts.match(payout_id=failed.pk, line_id=bring("8642.14").pk, by="InnoPaaS", now=now)
    told = stripe_lists.facts_of(id=failed.stripe_id, amount=failed.amount, arrival_on=today, status="failed")
    payouts.record(told, by="Stripe", now=now)
    charged = take_out("864.21")
    strange = bring("8642.18")
    returned = returns.send_back(line_id=strange.pk, amount=strange.amount, note="Whose?", by=proposer, now=now)
    waiting = house_moves.propose_charge(line_id=charged.pk, reason="A fee", by=proposer, now=now)
    return House(
        payout=payout,
        line=bring("8642.13"),
        failed=failed,
        back_line=stripe_lists.take_out(dollars, failed.amount, imported_by=importer, now=now, day=today),
        listed=stripe_lists.bring(stripe_lists.transaction(type="odd", created_at=now - _DAY), now=now),
        gone=take_out("8642.15"),
        came=bring("1200.15"),
        waiting=waiting,
        charge=_charge(now=now),
        sent_back=suspense_moves.propose_refund(source=_charge(now=now), reason="Ours?", by=proposer, now=now),
        returned=returned,
        returning=stripe_lists.take_out(dollars, strange.amount, imported_by=importer, now=now, day=today),
        owner=owner,
        close=_close(now=now),
    )


def _charge(*, now: datetime) -> BalanceTransaction:
    """A charge that no payment of ours knows, in the house's suspense, as if Stripe had been asked about it."""
    listed = stripe_lists.transaction(
        amount=usd("8642.17"), created_at=now - _DAY, payment_intent_id=f"pi_{new_id().hex}"
    )
    balance_transactions.store([listed], now=now)
    charge = BalanceTransaction.objects.get(stripe_id=listed.id)
    charge.posting_keys, charge.organisation_id = [settlement.hold_charge(charge, now=now)], HOUSE_ID
    charge.outcome, charge.judged_at = BalanceTransaction.Outcome.POSTED, now
    charge.save(update_fields=["posting_keys", "organisation", "outcome", "judged_at"])
    return charge


def _close(*, now: datetime) -> DayClose:
    """The day before, with something that nobody has explained."""
    close = days.draw_up(day=business_date(now) - _DAY, now=now)
    Difference.objects.create(
        close=close,
        key="quetzal",
        kind=Difference.Kind.NAMED_TRANSACTION,
        amount=usd("8642.16"),
        subject="quetzal",
        since=close.day,
        found_at=now,
    )
    return close
