"""Balance transactions and payouts as Stripe lists them, without a Stripe; and money that left the bank."""

import secrets
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from djmoney.money import Money

from payments import balance_transactions, continuity, payouts
from payments.models import BalanceTransaction, BankAccount, BankLine, Payout, StatementFile
from payments.stripe_api import PayoutFacts, Transaction
from tests.payments.offline import usd
from wallet.calendar import business_date
from wallet.ids import new_id
from wallet.models import HOUSE_ID, Entry, Side, User

CREATED = datetime(2026, 7, 13, 3, tzinfo=UTC)
ARRIVAL = date(2026, 7, 15)


def transaction(*, amount: Money | None = None, fee: str = "0", **facts: Any) -> Transaction:
    """A charge of $100 by nobody, unless it is said otherwise."""
    gross = usd(100) if amount is None else amount
    given: dict[str, Any] = {
        "id": f"txn_{new_id().hex}",
        "type": "charge",
        "category": "charge",
        "amount": gross,
        "fee": Decimal(fee),
        "net": gross.amount - Decimal(fee),
        "source_id": f"ch_{new_id().hex}",
        "payment_intent_id": "",
        "claimed_payment": "",
        "description": "",
        "created_at": CREATED,
        "available_at": CREATED,
    }
    return Transaction(**given | facts)


def bring(one: Transaction, *, now: datetime) -> BalanceTransaction:
    """Store one transaction, and decide about it."""
    balance_transactions.store([one], now=now)
    return balance_transactions.settle(BalanceTransaction.objects.get(stripe_id=one.id), now=now)


def facts_of(**changes: Any) -> PayoutFacts:
    """A payout of $96.80 by schedule, on its way."""
    given: dict[str, Any] = {
        "id": f"po_{new_id().hex}",
        "amount": usd("96.80"),
        "status": "in_transit",
        "is_automatic": True,
        "reconciliation": "in_progress",
        "arrival_on": ARRIVAL,
        "trace": "",
        "failure": "",
        "created_at": CREATED,
    }
    return PayoutFacts(**given | changes)


def make_payout(*, now: datetime, **changes: Any) -> Payout:
    return payouts.record(facts_of(**changes), by="Stripe", now=now)


def take_out(
    account: BankAccount, amount: Money, *, imported_by: User, now: datetime, day: date | None = None, text: str = ""
) -> BankLine:
    """An outgoing line that a statement has brought."""
    booked_on = day or business_date(now)
    chain = continuity.find_chain(account)
    opening = chain.closing if chain else amount.amount
    file = StatementFile.objects.create(
        account=account,
        name="statement.sta",
        sha256=secrets.token_hex(32),
        size=100,
        format="MT940",
        first_day=booked_on,
        last_day=booked_on,
        opening=opening,
        closing=opening - amount.amount,
        lines_read=1,
        lines_added=1,
        imported_by=imported_by,
        imported_at=now,
    )
    return BankLine.objects.create(
        account=account,
        direction=BankLine.Direction.OUT,
        amount=amount,
        booked_on=booked_on,
        value_on=booked_on,
        bank_reference=secrets.token_hex(6).upper(),
        text=text,
        file=file,
        line_number=1,
        created_at=now,
        pile=BankLine.Pile.OTHER,
        pile_reason=BankLine.Why.MONEY_OUT,
    )


def moved(code: str, *keys: str, organisation_id: Any = HOUSE_ID, currency: str = "USD") -> Decimal:
    """What postings of these keys did to an account, debits as plus."""
    found = Entry.objects.filter(
        organisation_id=organisation_id, account__code=code, account__currency=currency, posting__key__in=keys
    )
    amounts = (entry.amount.amount if entry.side == Side.DEBIT else -entry.amount.amount for entry in found)
    return sum(amounts, Decimal(0))
