"""Refunds of offline orders at every stage, made by the site's own verbs."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from djmoney.money import Money

from billing import refunds
from billing.models import Order, Refund
from payments import bank_refunds, continuity, settlement
from payments.bank_refunds import Facts
from payments.models import BankAccount, BankLine, BankRefund, StatementFile
from payments.payees import Payee
from tests import builders, people
from tests.payments import offline
from wallet.calendar import business_date
from wallet.models import Account, Organisation, User

PAYER = Payee(name="Acme Messaging Ltd", account="6222 0012 3456", bank="ICBC Shanghai, CNAPS 102290000017")


@dataclass
class Bank:
    """Acme, which has paid by transfer; fiona prepares, frank approves, felix imports what the bank says."""

    now: datetime
    currency: str = "USD"
    acme: Organisation = field(init=False)
    account: BankAccount = field(init=False)
    fiona: User = field(init=False)
    frank: User = field(init=False)
    felix: User = field(init=False)

    def __post_init__(self) -> None:
        self.acme = builders.make_organisation(now=self.now)
        self.account = offline.make_account(self.currency)
        self.fiona, self.felix = people.make_staff("fiona", "finance"), people.make_staff("felix", "finance")
        self.frank = people.make_staff("frank", "finance lead")

    @property
    def alice(self) -> User:
        return builders.owner_of(self.acme)

    def paid_order(self, amount: Money, *, payer_account: str = PAYER.account) -> Order:
        """Paid by a transfer from PAYER, as a statement said."""
        transfer = offline.declared(self.acme, amount, account=self.account, now=self.now)
        line = offline.bring_line(self.account, amount, imported_by=self.felix, now=self.now)
        BankLine.objects.filter(pk=line.pk).update(payer_account=payer_account)
        finding = offline.record(transfer, offline.by_line(line), by=self.frank, now=self.now)
        offline.approve(finding, by=self.fiona, now=self.now)
        return Order.objects.get(pk=transfer.order_id)

    def ask(self, order: Order, amount: Money | None = None, *, by: User | None = None) -> Refund:
        """Alice asks, or somebody of finance begins it."""
        origin = Refund.Origin.FINANCE if by else Refund.Origin.CUSTOMER
        return refunds.ask(
            order_id=order.pk,
            amount=amount or order.credited,
            reason="We moved to another plan",
            by=by or self.alice,
            origin=origin,
            form_token=secrets.token_urlsafe(18),
            now=self.now + timedelta(minutes=1),
        )

    def prepare(self, refund: Refund, *, by: User | None = None, payee: Payee = PAYER, **more: Any) -> BankRefund:
        facts = Facts(account=more.pop("account", self.account), payee=payee, reason=more.pop("reason", ""))
        return bank_refunds.prepare(
            refund_id=refund.pk, facts=facts, by=by or self.fiona, now=self.now + timedelta(minutes=2), **more
        )

    def approve(self, paid: BankRefund, *, by: User | None = None) -> BankRefund:
        return bank_refunds.approve(bank_refund_id=paid.pk, by=by or self.frank, now=self.now + timedelta(minutes=3))

    def approved(self, order: Order, amount: Money | None = None) -> BankRefund:
        """To be paid at the bank."""
        return self.approve(self.prepare(self.ask(order, amount)))

    def record(self, paid: BankRefund, *, number: str = "ICBC4711", line: BankLine | None = None) -> BankRefund:
        return bank_refunds.record_paid(
            bank_refund_id=paid.pk,
            paid_on=business_date(self.now),
            bank_reference=number,
            by=self.fiona,
            now=self.now + timedelta(minutes=4),
            line_id=line.pk if line else None,
        )

    def confirm(self, paid: BankRefund, line: BankLine, *, by: User | None = None) -> BankRefund:
        return bank_refunds.confirm_by_line(
            bank_refund_id=paid.pk, line_id=line.pk, by=by or self.fiona, now=self.now + timedelta(minutes=6)
        )

    def come_back(self, paid: BankRefund, line: BankLine) -> BankRefund:
        return bank_refunds.record_returned(
            bank_refund_id=paid.pk,
            line_id=line.pk,
            failure="Account closed",
            by=self.fiona,
            now=self.now + timedelta(minutes=7),
        )

    def outgoing(self, amount: Money, *, text: str = "", payee: Payee | None = None, **fields: Any) -> BankLine:
        """Money that left."""
        told = {"payer_name": payee.name, "payer_account": payee.account} if payee else {}
        account = fields.pop("account", self.account)
        return send_line(account, amount, imported_by=self.felix, now=self.now, text=text, **told | fields)

    def incoming(self, amount: Money, *, text: str = "", hold: Organisation | None = None) -> BankLine:
        """Money that came in; in somebody's suspense, if given."""
        line = offline.bring_line(self.account, amount, imported_by=self.felix, now=self.now, text=text)
        if hold:
            with transaction.atomic():
                settlement.hold_lines([line], organisation_id=hold.pk, by="InnoPaaS", now=self.now)
        return BankLine.objects.get(pk=line.pk)

    def holds(self, code: str, currency: str = "USD") -> Decimal | int:
        return offline.balance(self.acme, code, currency)

    def at_bank(self) -> Decimal | int:
        """Over all organisations: what the ledger says we have on the account."""
        accounts = Account.objects.filter(code=self.account.ledger_code)
        return sum((account.balance.amount for account in accounts), start=Decimal(0))


def send_line(
    account: BankAccount, amount: Money, *, imported_by: User, now: datetime, text: str = "", **fields: Any
) -> BankLine:
    """An outgoing line that a statement has brought, as an import leaves it."""
    day = business_date(now)
    chain = continuity.find_chain(account)
    opening = chain.closing if chain else Decimal(0)
    statement = StatementFile.objects.create(
        account=account,
        name="out.sta",
        sha256=secrets.token_hex(32),
        size=100,
        format="MT940",
        first_day=day,
        last_day=day,
        opening=opening,
        closing=opening - amount.amount,
        lines_read=1,
        lines_added=1,
        imported_by=imported_by,
        imported_at=now + timedelta(minutes=5),
    )
    values = {
        "account": account,
        "direction": BankLine.Direction.OUT,
        "amount": amount,
        "booked_on": day,
        "value_on": day,
        "bank_reference": secrets.token_hex(6).upper(),
        "text": text,
        "file": statement,
        "line_number": 1,
        "created_at": now,
        "pile": BankLine.Pile.OTHER,
        "pile_reason": BankLine.Why.MONEY_OUT,
    }
    return BankLine.objects.create(**values | fields)
