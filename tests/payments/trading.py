"""A shop that trades for days on end at Stripe's stand-in and two banks, and closes each day the morning after."""

import random
import secrets
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from djmoney.money import Money

from billing import moves
from billing.models import Refund
from payments import checkout, disputing, imports, refunding, sweeps
from payments.closing import days
from payments.models import BankAccount, BankLine, CardRefund, DayClose, Payment, Transfer
from payments.standin.client import Json, StandIn
from tests import builders, people
from tests.payments import bank_files, offline, refund_stories
from tests.payments.bank_files import Row
from tests.products.spending import charge
from wallet.calendar import BOOKS
from wallet.models import Organisation, User

MONDAY: Final = date(2026, 3, 2)
A_DAY: Final = timedelta(days=1)


def at(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """A moment on Shanghai's clocks."""
    return datetime.combine(day, time(hour, minute, second), BOOKS)


@dataclass
class Shop:
    """`today` is the business day that goes on; `rows` is what the banks will show of each day."""

    stripe: StandIn
    today: date = MONDAY
    acme: Organisation = field(init=False)
    usd: BankAccount = field(init=False)
    cny: BankAccount = field(init=False)
    fiona: User = field(init=False)
    felix: User = field(init=False)
    rows: dict[tuple[str, date], list[Row]] = field(default_factory=dict)
    closing: dict[str, Decimal] = field(default_factory=dict)
    payments: list[Payment] = field(default_factory=list)
    transfers: list[tuple[Transfer, str]] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(MONDAY.toordinal()))  # a story's

    def __post_init__(self) -> None:
        opened = at(self.today, 8)
        self.acme = builders.make_organisation(now=opened)
        self.usd, self.cny = offline.make_account("USD"), offline.make_account("CNY")
        self.fiona, self.felix = people.make_staff("fiona", "finance"), people.make_staff("felix", "finance")

    def turn(self, moment: datetime) -> datetime:
        """Let it be that moment at Stripe too."""
        self.stripe.switch(clock=moment.timestamp() - datetime.now(UTC).timestamp())
        return moment

    def sell(self, *, to: Organisation | None = None, hour: int = 10, minute: int = 0) -> Payment:
        """A card top-up, paid and credited."""
        now = self.turn(at(self.today, hour, minute))
        payment = builders.open_checkout(to or self.acme, now=now, amount=self._some())
        self.stripe.pay(builders.session_of(payment))
        return self._hear_of(payment, now=now)

    def sell_over_midnight(self) -> Payment:
        """Paid two seconds before midnight, and known here after it: the day goes over."""
        now = self.turn(at(self.today, 23, 59, 50))
        payment = builders.open_checkout(self.acme, now=now, amount=self._some())
        self.turn(at(self.today, 23, 59, 58))
        self.stripe.pay(builders.session_of(payment))
        return self._hear_of(payment, now=self.turn(at(self.today + A_DAY, 0, 0, 5)))

    def refund(self, payment: Payment, amount: Money, *, outcome: str = "succeeded") -> CardRefund:
        """A part of a payment goes back to its card; `outcome` may be `failed` after it had succeeded."""
        now = self.turn(at(self.today, 15))
        sent = refund_stories.send(payment.order, amount, now=now)
        if outcome == "failed":
            self.stripe.settle_refund(str(sent.stripe_id), outcome="failed")
            refunding.follow(object_id=str(sent.stripe_id), by="Stripe", now=now + timedelta(minutes=30))
        self.refunds.append(sent.refund)
        return sent

    def spend(self) -> None:
        """Money goes on from the wallet to a product, and some of it is used."""
        now = at(self.today, 14)
        sms = builders.make_product("SMS")
        moves.move(builders.move_wish(self.acme, sms, offline.usd(20)), by=builders.owner_of(self.acme), now=now)
        charge(builders.open_balance(self.acme, sms, now=now), "0.0525", now=now)

    def dispute(self) -> Json:
        """Somebody new pays by card, and his bank takes the money back; his next card is not taken."""
        payment = self.sell(to=builders.make_organisation(now=at(self.today, 8)), hour=12)
        self.turn(at(self.today, 16))
        dispute = self.stripe.dispute(builders.session_of(payment))
        disputing.follow(object_id=dispute["id"], by="Stripe", now=at(self.today, 16, 1))
        return dispute

    def win(self, dispute: Json) -> None:
        self.turn(at(self.today, 17))
        self.stripe.decide(dispute["id"], outcome="win")
        disputing.follow(object_id=dispute["id"], by="Stripe", now=at(self.today, 17, 1))

    def transfer(self, amount: str, *, currency: str = "USD") -> Transfer:
        """Declared today, and at the bank today; finance approves it when the statement is there."""
        account = self.usd if currency == "USD" else self.cny
        now = at(self.today, 11)
        if currency == "CNY":
            offline.set_rate(at=now)
        transfer = offline.declared(self.acme, Money(Decimal(amount), currency), account=account, now=now)
        number = secrets.token_hex(6).upper()
        self.show(account, amount, text=transfer.reference, number=number)
        self.transfers.append((transfer, number))
        return transfer

    def pay_out(self) -> Json:
        """Everything at Stripe, on the bank's statement the day after tomorrow."""
        self.turn(at(self.today, 18))
        arrival = self.today + 2 * A_DAY
        payout = self.stripe.pay_out(arrival=int(at(arrival, 12).timestamp()))
        self.stripe.move_payout(payout["id"], outcome="paid")
        self.stripe.move_payout(payout["id"], outcome="reconciled")
        amount = f"{Decimal(payout['amount']) / 100:.2f}"
        self.show(self.usd, amount, text=f"STRIPE {payout['trace_id']['value']}", payer="STRIPE", day=arrival)
        return payout

    def show(self, account: BankAccount, amount: str, *, day: date | None = None, number: str = "", **row: Any) -> None:
        """Let the bank show a line; below zero it goes out."""
        shown = Row(amount=amount, reference=number or secrets.token_hex(6).upper(), day=day or self.today, **row)
        self.rows.setdefault((account.code, shown.day), []).append(shown)

    def end_day(self) -> DayClose:
        """The morning after: statements, Stripe's list, approvals, and the close of the day."""
        self.bring_statements()
        return self.close()

    def bring_statements(self) -> None:
        now = self.turn(at(self.today + A_DAY, 9))
        for account in (self.usd, self.cny):
            self.bring_statement(account, now=now)
        sweeps.settle_bank_lines(now=now)
        for transfer, number in self.transfers:
            line = BankLine.objects.get(bank_reference=number)
            finding = offline.record(transfer, offline.by_line(line), by=self.felix, now=now)
            offline.approve(finding, by=self.fiona, now=now)
        self.transfers.clear()

    def bring_statement(self, account: BankAccount, *, now: datetime) -> None:
        rows = self.rows.pop(
            (account.code, self.today),
            [Row(amount="-1.00", reference=secrets.token_hex(6), text="ACCOUNT FEE", payer="", day=self.today)],
        )
        opening = self.closing.get(account.code, Decimal(1000))
        upload = bank_files.upload(account, *rows, opening=str(opening), name=f"{account.code}-{self.today}.csv")
        imports.import_statement(upload, by=self.felix, now=now)
        self.closing[account.code] = Decimal(upload.closing.amount) if upload.closing else opening

    def close(self) -> DayClose:
        """Read Stripe's list, draw the day up and go over to the next."""
        now = self.turn(at(self.today + A_DAY, 9, 30))
        sweeps.read_balance(now=now)
        sweeps.settle_bank_lines(now=now)
        close = days.draw_up(day=self.today, now=now)
        self.today += A_DAY
        return close

    def _hear_of(self, payment: Payment, *, now: datetime) -> Payment:
        checkout.ask_about(payment_id=payment.pk, by="Stripe", now=now)
        payment = Payment.objects.select_related("order").get(pk=payment.pk)
        assert payment.state == Payment.State.CONFIRMED
        self.payments.append(payment)
        return payment

    def _some(self) -> Money:
        return Money(Decimal(self.chance.randrange(5000, 50000)) / 100, "USD")


def told(close: DayClose) -> list[tuple[str, str, str]]:
    """What a close names that is more than timing."""
    found = close.differences.open().filter(is_timing=False).order_by("kind", "subject")
    return [(one.kind, one.subject, one.detail) for one in found]


def timing(close: DayClose) -> set[str]:
    return set(close.differences.open().filter(is_timing=True).values_list("kind", flat=True))
