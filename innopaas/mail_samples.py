"""Every mail we send, made of things that do not exist: for the page that shows them, and for tests."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from djmoney.money import Money

from billing import mails, notices
from billing.models import Method, Note, Notice, Order, OrderEvent, Refund, State
from payments import digests
from payments.models import DayClose, Transfer
from wallet import chart
from wallet.adapter import write_mail
from wallet.letters import Letter
from wallet.models import Invitation, Organisation, Role

NAME: Final = "Acme Messaging"
WORDS: Final = "The payer's name differs from the organisation's. Please upload a slip that shows both names."
ADDRESS: Final = "https://hooks.example.com/innopaas"
_LINK: Final = "https://pay.example.com/accounts/confirm-email/MTA:1vN2cZ:example/"
_STATES: Final = {Note.METHOD_FAILED: State.FAILED, Note.ENDED_BY_TEAM: State.FAILED, Note.CARD_PAID: State.PAID}
_DETAILS: Final = {
    Note.PART_ARRIVED: "CNY ¥3,000.00",
    Note.TRANSFER_PAID: "",
    Note.METHOD_FAILED: "Your card was declined.",
}
_BY_CARD: Final = (Note.CARD_PAID, Note.METHOD_FAILED, Note.ENDED_BY_TEAM)
_OFFLINE: Final = (
    Note.TRANSFER_PAID,
    Note.TRANSFER_SHORT,
    Note.DECLARED,
    Note.PART_ARRIVED,
    Note.NOT_ACCEPTED,
    Note.OUT_OF_TIME,
)
_AFTERWARDS: Final = (
    Note.MOVED,
    Note.CORRECTED,
    Note.REFUND_ASKED,
    Note.REFUND_SUCCEEDED,
    Note.REFUND_FAILED,
    Note.REFUND_RETURNED,
    Note.REFUND_DECLINED,
    Note.REFUND_GAVE_WAY,
    Note.DISPUTED,
    Note.REINSTATED,
    Note.DISPUTE_LOST,
    Note.FAPIAO_ISSUED,
    Note.FAPIAO_REJECTED,
    Note.FAPIAO_REVERSED,
)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One mail, by the name of what it tells. Written anew each time, in the language of the moment."""

    name: str
    write: Callable[[], Letter]


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Who and what the samples tell of. Nothing of it is saved."""

    organisation: Organisation
    words: str
    address: str
    now: datetime

    def order(self, note: Note) -> Order:
        by_bank = note in _OFFLINE
        paid = Money("7200.00", "CNY") if by_bank else Money("1000.00", "USD")
        order = Order(
            organisation=self.organisation,
            number="TU20261122K7QX2M9PAF",
            target=chart.product("whatsapp") if note in {Note.MOVED, Note.CORRECTED} else chart.WALLET,
            method=Method.OFFLINE if by_bank else Method.CARD,
            paid=paid,
            credited=Money("1000.00", "USD"),
            paid_at=self.now,
        )
        if by_bank:
            order.rate, order.rate_source, order.rate_at = Decimal("7.2"), "Bank of China", self.now
            order.transfer = self.transfer(order)
        if note == Note.CORRECTED:
            order.follows = Order(organisation=self.organisation, number="TU20261120H4WN8TB6RC", target=chart.WALLET)
        return order

    def transfer(self, order: Order) -> Transfer:
        return Transfer(
            order=order,
            reference="TP7K2QX9M4RA",
            amount=order.paid,
            payer_name=self.organisation.name,
            paid_on=self.now.date(),
            expected_by=self.now + timedelta(days=1),
        )

    def refund(self, order: Order, note: Note) -> Refund:
        return Refund(
            order=order,
            number="RF20261122D5PZT6HW3K",
            amount=Money("400.00", "USD"),
            back=Money("400.00", "USD"),
            reason=self.words,
            failure="" if note in {Note.REFUND_ASKED, Note.REFUND_SUCCEEDED} else self.words,
            asked_by_name=self.organisation.name,
        )

    def event(self, note: Note) -> OrderEvent:
        order = self.order(note)
        return OrderEvent(
            organisation=self.organisation,
            order=order,
            state=_STATES.get(note, State.PAID),
            at=self.now,
            note=note,
            detail=_DETAILS.get(note, self.words),
            refund=self.refund(order, note) if note.startswith("REFUND") else None,
        )

    def notice(self, kind: Notice.Kind) -> Notice:
        amounts = {"balance": "4.50", "threshold": "50.00", "wallet": "30.00", "floor": "25.00"}
        facts = {
            "days_left": "2",
            "code": "110",
            "currency": "USD",
            "reason": "WALLET_TOO_LOW",
            "address": self.address,
        }
        target = chart.WALLET if kind == Notice.Kind.LOW_BALANCE else chart.product("whatsapp")
        return Notice(organisation=self.organisation, kind=kind, target=target, facts=facts | amounts, at=self.now)

    def digest(self) -> digests.Digest:
        close = DayClose(pk=UUID(int=1), day=self.now.date() - timedelta(days=1))
        return digests.Digest(
            close=close,
            differences=2,
            timing=1,
            unsigned_since=close.day - timedelta(days=3),
            transfers=4,
            oldest_transfer_at=self.now - timedelta(hours=20),
            refunds=3,
            refunds_to_pay=1,
            disputes=1,
            evidence_due_at=self.now + timedelta(days=6),
            suspense=[Money("1500.00", "USD"), Money("7200.00", "CNY")],
        )

    def account_mails(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The prefix of its templates, and what they are told."""
        for name in ("email_confirmation", "email_confirmation_signup", "password_reset_key", "account_already_exists"):
            yield f"account/email/{name}", {"activate_url": _LINK, "password_reset_url": _LINK}
        yield "account/email/unknown_account", {"signup_url": _LINK}
        yield "wallet/email/second_factor", {"link": _LINK}
        invitation = Invitation(organisation=self.organisation, expires_at=self.now + timedelta(days=7))
        facts = {"invitation": invitation, "role": Role.BILLING.label, "link": _LINK, "by": self.organisation.name}
        yield "wallet/email/invitation", facts


def samples(*, now: datetime, name: str = NAME, words: str = WORDS, address: str = ADDRESS) -> list[Sample]:
    """Every mail we send; `name`, `words` and `address` stand wherever somebody typed his own."""
    cast = Cast(organisation=Organisation(name=name), words=words, address=address, now=now)
    return [
        *(Sample(name=note.lower(), write=_of_event(cast, note)) for note in (*_BY_CARD, *_OFFLINE, *_AFTERWARDS)),
        *(Sample(name=kind.lower(), write=_of_notice(cast, kind)) for kind in Notice.Kind),
        Sample(name="digest", write=lambda: digests.write(cast.digest())),
        *(
            Sample(name=prefix.rpartition("/")[2], write=_of_account(prefix, facts))
            for prefix, facts in cast.account_mails()
        ),
    ]


def _of_event(cast: Cast, note: Note) -> Callable[[], Letter]:
    return lambda: mails.write(cast.event(note))


def _of_notice(cast: Cast, kind: Notice.Kind) -> Callable[[], Letter]:
    return lambda: notices.write(cast.notice(kind))


def _of_account(prefix: str, facts: dict[str, Any]) -> Callable[[], Letter]:
    return lambda: write_mail(prefix=prefix, context={"email": "nina@example.com", **facts})
