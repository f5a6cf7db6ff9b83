"""Offline transfers in the states that stories begin with, made by the site's own verbs."""

import secrets
from datetime import date, datetime, timedelta
from decimal import Decimal

from djmoney.money import Money

from billing import rates
from billing.models import ExchangeRate, Method, Order
from billing.top_ups import TopUp
from payments import continuity, findings, transfers
from payments.appraisals import Claim, Facts, TypedLine
from payments.models import BankAccount, BankLine, Finding, StatementFile, Transfer
from tests import builders, people
from wallet import chart
from wallet.calendar import business_date
from wallet.models import Account, Entry, Organisation, Side, User


def usd(amount: str | int) -> Money:
    return Money(Decimal(amount), "USD")


def cny(amount: str | int) -> Money:
    return Money(Decimal(amount), "CNY")


def make_account(currency: str = "USD", **fields: object) -> BankAccount:
    """A receiving account of its own, so that what happens on it is the test's alone."""
    return BankAccount.objects.create(
        **{
            "code": f"{currency.lower()}-{secrets.token_hex(5)}",
            "currency": currency,
            "legal_entity": "InnoPaaS Technology Ltd",
            "payee_zh": "英诺帕斯科技有限公司",
            "payee_en": "InnoPaaS Technology Ltd",
            "bank_zh": "中国银行上海市分行",
            "bank_en": "Bank of China, Shanghai Branch",
            "number": secrets.token_hex(8),
            "cnaps": "104290003033" if currency == "CNY" else "",
            "swift": "BKCHCNBJ300",
        }
        | fields
    )


def set_rate(rate: str = "7.2", *, at: datetime) -> None:
    """A rate that counts from `at` on. Only in a test that is rolled back: rates are everybody's."""
    rates.enter(rate=Decimal(rate), source="Bank of China", by=people.make_staff("fiona", "finance"), now=at)
    ExchangeRate.objects.filter(state=ExchangeRate.State.WAITING).update(
        state=ExchangeRate.State.REFUSED, refused_at=at, note="of another test"
    )


def begin(organisation: Organisation, amount: Money, *, account: BankAccount, now: datetime) -> Transfer:
    """An order that waits for its transfer, with the bank sheet of `account`."""
    wish = TopUp(
        organisation_id=organisation.pk,
        target=chart.WALLET,
        method=Method.OFFLINE,
        amount=amount,
        form_token=secrets.token_urlsafe(18),
    )
    transfer = transfers.begin(wish, by=builders.owner_of(organisation), now=now)
    Transfer.objects.filter(pk=transfer.pk).update(account=account)
    return Transfer.objects.select_related("order", "account").get(pk=transfer.pk)


def declare(transfer: Transfer, *, now: datetime, payer: str = "Acme Messaging Ltd", bank_number: str = "") -> Transfer:
    """The customer says that he has paid."""
    owner = builders.owner_of(transfer.organisation)
    declaration = transfers.Declaration(payer_name=payer, paid_on=business_date(now), bank_number=bank_number)
    transfers.declare(transfer_id=transfer.pk, declaration=declaration, by=owner, now=now)
    return Transfer.objects.select_related("order", "account").get(pk=transfer.pk)


def declared(organisation: Organisation, amount: Money, *, account: BankAccount, now: datetime) -> Transfer:
    return declare(begin(organisation, amount, account=account, now=now), now=now)


def bring_line(
    account: BankAccount,
    amount: Money,
    *,
    imported_by: User,
    now: datetime,
    value_on: date | None = None,
    text: str = "",
) -> BankLine:
    """An incoming line that a statement has brought, as an import leaves it; unknown to the ledger."""
    day = value_on or business_date(now)
    opening = Decimal(0)
    if chain := continuity.find_chain(account):
        opening = chain.opening - amount.amount if day < chain.first_day else chain.closing
    statement = StatementFile.objects.create(
        account=account,
        name="statement.sta",
        sha256=secrets.token_hex(32),
        size=100,
        format="MT940",
        first_day=day,
        last_day=day,
        opening=opening,
        closing=opening + amount.amount,
        lines_read=1,
        lines_added=1,
        imported_by=imported_by,
        imported_at=now,
    )
    return BankLine.objects.create(
        account=account,
        direction=BankLine.Direction.IN,
        amount=amount,
        booked_on=day,
        value_on=day,
        bank_reference=secrets.token_hex(6).upper(),
        payer_name="Acme Messaging Ltd",
        text=text,
        file=statement,
        line_number=1,
        created_at=now,
        pile=BankLine.Pile.NONE,
    )


def by_line(line: BankLine, amount: Money | None = None, **facts: object) -> Facts:
    """The facts that a line of a statement gives: all of it, or a part."""
    fresh = BankLine.objects.select_related("account").get(pk=line.pk)
    return Facts(claims=(Claim(amount=amount or fresh.rest, line=fresh),), **facts)  # type: ignore[arg-type]


def by_hand(
    account: BankAccount, amount: Money, *, on: date, number: str = "", claimed: Money | None = None, **facts: object
) -> Facts:
    """The facts that somebody read at the bank himself."""
    typed = TypedLine(account=account, bank_reference=number or secrets.token_hex(6), value_on=on, amount=amount)
    return Facts(claims=(Claim(amount=claimed or amount, typed=typed),), **facts)  # type: ignore[arg-type]


def record(transfer: Transfer, facts: Facts, *, by: User, now: datetime) -> Finding:
    return findings.record(transfer_id=transfer.pk, facts=facts, by=by, now=now)


def approve(finding: Finding, *, by: User, now: datetime) -> Finding:
    return findings.approve(finding_id=finding.pk, by=by, now=now)


def balance(organisation: Organisation, code: str, currency: str = "USD") -> Decimal:
    found = Account.objects.filter(organisation=organisation, code=code, currency=currency).first()
    return found.balance.amount if found else Decimal(0)


def entries_of(order: Order) -> list[tuple[str, str, Decimal, str]]:
    """What an order moved: side, account, amount, currency, in the posting's order."""
    entries = Entry.objects.filter(posting__order_number=order.number, posting__kind="TOP_UP").select_related("account")
    return [
        (
            "debit" if entry.side == Side.DEBIT else "credit",
            entry.account.code,
            entry.amount.amount,
            entry.amount.currency.code,
        )
        for entry in entries.order_by("line")
    ]


def later(now: datetime, **delta: float) -> datetime:
    return now + timedelta(**delta)
