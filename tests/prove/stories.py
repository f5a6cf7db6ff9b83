"""What people and processes are doing when one of them dies, how it goes on, and what must be true in the end."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from django.test import Client

from billing import callback_outbox, callbacks, documents, mail_retries, mails, moves
from billing.callbacks import Wish
from billing.models import CallbackEndpoint, Document, DocumentSeries, Order, OrderMail, Refund, State
from billing.models.callbacks import CallbackEvent
from payments import card_refunds, checkout, findings, holding, imports, inbox
from payments.models import BankLine, CardRefund, Finding, InboxEvent, Payment, StatementFile
from payments.standin.client import StandIn
from products.charges import find
from tests import builders, people
from tests.billing.receiving import Receiver
from tests.innopaas.callers import back_end_of
from tests.payments import bank_files, deliveries, offline, refund_stories
from tests.payments.bank_files import Row
from tests.payments.desk_people import Desk
from tests.prove import acts
from tests.prove.mortal import Death, Life
from wallet.models import HOUSE_ID, Posting

LEASE_OVER = timedelta(seconds=45)
MAILS_OVER = mail_retries.PAUSES[0] + timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True)
class World:
    """Where a story happens: Stripe, a customer's server for callbacks, and a folder that mails lie in."""

    stripe: StandIn
    receiver: Receiver
    mails: Path
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def life(self, act: Callable[..., None], *arguments: Any, death: Death) -> Life:
        changed = {
            "STRIPE_API_BASE": self.stripe.base,
            "STAFF_MFA_REQUIRED": False,
            "CALLBACK_ALLOWED_HOSTS": [self.receiver.host],
            "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "EMAIL_FILE_PATH": str(self.mails),
        }
        return Life(act=act, arguments=arguments, death=death, settings=changed)


class Story:
    """One organisation's. `points` says where somebody may die in it."""

    points: ClassVar[tuple[str, ...]]

    def __init__(self, world: World) -> None:
        self.world = world
        self.now = world.now
        self.acme = builders.make_organisation(now=self.now)
        self.prepare()

    def prepare(self) -> None:
        """Everything up to the act in which somebody dies."""
        raise NotImplementedError

    def life(self, death: Death) -> Life:
        raise NotImplementedError

    def check_at_once(self) -> None:
        """Nothing is half done, whatever was reached."""
        for order in Order.objects.filter(organisation=self.acme):
            assert _credits_of(order) == int(order.paid_at is not None), f"{order.number} is {order.state}"

    def go_on(self) -> None:
        """What others do then: sweeps when leases are over, people who try again."""
        raise NotImplementedError

    def check(self) -> None:
        raise NotImplementedError

    def assert_credited_once(self, order: Order) -> None:
        order.refresh_from_db()
        assert order.state == State.PAID
        assert _credits_of(order) == 1
        assert builders.balance_of(self.acme.pk) == order.credited


class TopUp(Story):
    """Alice submits TOP UP; she submits again, pays once, and is credited once."""

    points = ("before-session-made", "after-session-made")

    def prepare(self) -> None:
        self.browser = Client()
        self.browser.force_login(builders.owner_of(self.acme))
        page = self.browser.get("/topup/").content.decode()
        token = re.search(r'name="form_token" value="([^"]+)"', page)
        assert token
        self.form = {"form_token": token[1], "method": "card", "currency": "USD", "amount": "100"}

    def life(self, death: Death) -> Life:
        session_key = self.browser.cookies["sessionid"].value
        return self.world.life(acts.post_page, session_key, "/topup/", self.form, death=death)

    def go_on(self) -> None:
        answer = self.browser.post("/topup/", self.form)
        assert answer.status_code == 303, answer
        payment = Payment.objects.get(organisation=self.acme)
        assert answer["Location"] == payment.session_url
        assert deliveries.sessions_of(payment) == [payment.session_id]
        self.world.stripe.pay(builders.session_of(payment))
        checkout.ask_about(payment_id=payment.pk, by="Stripe", now=self.now)

    def check(self) -> None:
        self.assert_credited_once(Order.objects.get(organisation=self.acme))


class Webhook(Story):
    """Stripe tells of a payment; it is not answered, tells again, and the order is credited once."""

    points = ("before-event-stored", "after-event-stored")

    def prepare(self) -> None:
        self.payment = builders.open_checkout(self.acme, now=self.now)
        self.world.stripe.pay(builders.session_of(self.payment))
        self.event = deliveries.event_about(builders.session_of(self.payment))

    def life(self, death: Death) -> Life:
        return self.world.life(acts.deliver_event, self.event, death=death)

    def go_on(self) -> None:
        assert deliveries.deliver(self.event).status_code == 200
        inbox.handle_due(now=self.now + LEASE_OVER)

    def check(self) -> None:
        assert InboxEvent.objects.get(event_id=self.event["id"]).outcome == InboxEvent.Outcome.DONE
        self.assert_credited_once(self.payment.order)


class Fulfilment(Story):
    """A worker handles the event of a payment; another takes it up when the first one's lease is over."""

    points = (
        "after-event-taken",
        "after-session-fetched",
        "before-posting",
        "after-posting",
        "before-payment-commits",
        "after-payment-committed",
    )

    def prepare(self) -> None:
        self.payment = builders.open_checkout(self.acme, now=self.now)
        self.world.stripe.pay(builders.session_of(self.payment))
        self.event = deliveries.event_about(builders.session_of(self.payment))
        assert deliveries.deliver(self.event).status_code == 200

    def life(self, death: Death) -> Life:
        return self.world.life(acts.work_inbox, death=death)

    def check_at_once(self) -> None:
        super().check_at_once()
        self.payment.refresh_from_db()
        self.payment.order.refresh_from_db()
        is_paid = self.payment.order.state == State.PAID
        assert is_paid == (self.payment.state == Payment.State.CONFIRMED)
        assert InboxEvent.objects.get(event_id=self.event["id"]).handled_at is None

    def go_on(self) -> None:
        inbox.handle_due(now=self.now + LEASE_OVER)

    def check(self) -> None:
        assert InboxEvent.objects.get(event_id=self.event["id"]).outcome == InboxEvent.Outcome.DONE
        self.assert_credited_once(self.payment.order)


class CardRefunding(Story):
    """A worker sends an approved refund to Stripe; whoever goes on finds it there, and makes no second one."""

    points = ("after-refund-prepared", "before-refund-made", "after-refund-made")

    def prepare(self) -> None:
        self.payment = refund_stories.pay(self.acme, self.world.stripe, now=self.now)
        self.refund = refund_stories.approve(self.payment.order, builders.usd(40), now=self.now)

    def life(self, death: Death) -> Life:
        return self.world.life(acts.sweep, "refunds", death=death)

    def go_on(self) -> None:
        for minutes in (1, 2):
            card_refunds.send_due(now=self.now + timedelta(minutes=minutes))
            card_refunds.ask_due(now=self.now + timedelta(minutes=minutes))

    def check(self) -> None:
        self.refund.refresh_from_db()
        assert self.refund.state == Refund.State.SUCCEEDED
        assert [made.number for made in refund_stories.at_stripe(self.payment)] == [self.refund.number]
        assert CardRefund.objects.get(refund=self.refund).stripe_id
        assert builders.balance_of(self.acme.pk) == builders.usd(60)


class Approval(Story):
    """Fiona approves a transfer at her desk; she looks again, and it is either approved or still hers to approve."""

    points = ("before-approval-commits", "after-approval-committed")

    def prepare(self) -> None:
        account = offline.make_account("USD")
        self.transfer = offline.declared(self.acme, builders.usd(1000), account=account, now=self.now)
        importer = people.make_staff("ivy", "finance")
        self.line = offline.bring_line(account, builders.usd(1000), imported_by=importer, now=self.now)
        recorder = people.make_staff("felix", "finance")
        facts = offline.by_line(self.line)
        self.finding = offline.record(self.transfer, facts, by=recorder, now=self.now)
        self.fiona = Desk(people.make_staff("fiona", "finance"))

    def life(self, death: Death) -> Life:
        session_key = self.fiona.client.cookies["sessionid"].value
        return self.world.life(acts.approve_at_desk, session_key, self.transfer.pk, self.finding.pk, death=death)

    def check_at_once(self) -> None:
        super().check_at_once()
        finding = Finding.objects.get(pk=self.finding.pk)
        allocated = BankLine.objects.get(pk=self.line.pk).allocated
        assert allocated == (1000 if finding.done_at else 0)
        assert finding.approvals.count() == int(finding.done_at is not None)

    def go_on(self) -> None:
        if Finding.objects.get(pk=self.finding.pk).is_open:
            findings.approve(finding_id=self.finding.pk, by=self.fiona.user, now=self.now + LEASE_OVER)

    def check(self) -> None:
        self.assert_credited_once(Order.objects.get(pk=self.transfer.order_id))
        assert BankLine.objects.get(pk=self.line.pk).allocated == 1000


class Import(Story):
    """A statement is imported; then it is not there at all, and can be imported again."""

    points = ("between-statement-batches",)

    def prepare(self) -> None:
        self.account = offline.make_account("USD")
        self.fiona = people.make_staff("fiona", "finance")
        rows = [Row(amount=str(cents), reference=f"B{cents}") for cents in range(1, 31)]
        self.upload = bank_files.upload(self.account, *rows)

    def life(self, death: Death) -> Life:
        return self.world.life(acts.import_file, self.upload, self.fiona.pk, death=death)

    def check_at_once(self) -> None:
        assert not BankLine.objects.filter(account=self.account).exists()
        assert not StatementFile.objects.filter(account=self.account).exists()

    def go_on(self) -> None:
        assert imports.import_statement(self.upload, by=self.fiona, now=self.now).is_new

    def check(self) -> None:
        assert BankLine.objects.filter(account=self.account).count() == 30


class Holding(Story):
    """The lines of a statement are posted to suspense: all of them, each once."""

    points = ("before-lines-posted",)

    def prepare(self) -> None:
        self.account = offline.make_account("USD")
        fiona = people.make_staff("fiona", "finance")
        rows = [Row(amount=str(dollars), reference=f"B{dollars}") for dollars in range(1, 31)]
        imports.import_statement(bank_files.upload(self.account, *rows), by=fiona, now=self.now)

    def life(self, death: Death) -> Life:
        return self.world.life(acts.sweep, "bank lines", death=death)

    def check_at_once(self) -> None:
        assert (self._posted(), self._unknown()) in {(Decimal(0), 30), (Decimal(465), 0)}

    def go_on(self) -> None:
        holding.hold_due(now=self.now)

    def check(self) -> None:
        assert (self._posted(), self._unknown()) == (Decimal(465), 0)

    def _posted(self) -> Decimal:
        return builders.balance_of(HOUSE_ID, self.account.ledger_code).amount

    def _unknown(self) -> int:
        return BankLine.objects.filter(account=self.account, held_by=None).count()


class Move(Story):
    """Alice moves $50 to a product; the same form again moves them once."""

    points = ("before-move-commits",)

    def prepare(self) -> None:
        builders.fill_wallet(self.acme, builders.usd(100), now=self.now)
        self.product = builders.make_product()
        self.wish = builders.move_wish(self.acme, self.product, builders.usd(50))
        self.alice = builders.owner_of(self.acme)

    def life(self, death: Death) -> Life:
        return self.world.life(acts.move, self.wish, self.alice.pk, death=death)

    def check_at_once(self) -> None:
        super().check_at_once()
        assert builders.balance_of(self.acme.pk) == builders.usd(100)

    def go_on(self) -> None:
        for _time in range(2):
            moves.move(self.wish, by=self.alice, now=self.now)

    def check(self) -> None:
        assert builders.balance_of(self.acme.pk) == builders.usd(50)
        assert builders.balance_of(self.acme.pk, self.product.code) == builders.usd(50)


class Charge(Story):
    """A product's program charges; it gets no answer, asks again, and has charged once."""

    points = ("after-charge-posted",)

    def prepare(self) -> None:
        product = builders.make_product()
        builders.fill_product(self.acme, product, builders.usd(100), now=self.now)
        self.balance = builders.open_balance(self.acme, product, now=self.now)
        self.gateway = back_end_of(product, now=self.now)
        self.given = {"number": self.balance.number, "amount": "1.5", "request_id": secrets.token_hex(8)}

    def life(self, death: Death) -> Life:
        return self.world.life(acts.charge, self.gateway.secret, self.given, death=death)

    def go_on(self) -> None:
        answer = self.gateway.post("/charges", self.given)
        assert (answer.status_code, answer["Idempotent-Replayed"]) == (201, "true")

    def check(self) -> None:
        assert len(find(balance=self.balance, request_ids=[self.given["request_id"]])) == 1
        assert builders.balance_of(self.acme.pk, self.balance.product.code) == builders.usd("98.5")


class Receipt(Story):
    """A receipt is issued; its number is given back with everything else, and no number is missing."""

    points = ("before-document-written",)

    def prepare(self) -> None:
        self.order = builders.fill_wallet(self.acme, builders.usd(100), now=self.now)

    def life(self, death: Death) -> Life:
        return self.world.life(acts.issue_receipt, self.order.pk, death=death)

    def check_at_once(self) -> None:
        super().check_at_once()
        assert not Document.objects.filter(order=self.order).exists()

    def go_on(self) -> None:
        documents.issue_receipt(order_id=self.order.pk, now=self.now)

    def check(self) -> None:
        made = Document.objects.get(order=self.order)
        series = DocumentSeries.objects.get(entity=made.entity, kind=made.kind, year=made.year)
        issued = Document.objects.filter(entity=made.entity, kind=made.kind, year=made.year)
        assert sorted(issued.values_list("sequence", flat=True)) == list(range(1, series.last + 1))


class Mail(Story):
    """The mail about a paid order is sent; nobody knows, so it is sent again, and both are one by their Message-ID."""

    points = ("after-mail-sent",)

    def prepare(self) -> None:
        while mails.send_due(now=self.now + MAILS_OVER):
            pass  # what other stories left
        self.order = builders.fill_wallet(self.acme, builders.usd(100), now=self.now)

    def life(self, death: Death) -> Life:
        return self.world.life(acts.send_mails, death=death)

    def check_at_once(self) -> None:
        super().check_at_once()
        assert OrderMail.objects.get(event__order=self.order).sent_at is None
        assert len(self._told()) == 1

    def go_on(self) -> None:
        assert mails.send_due(now=self.now + MAILS_OVER) == 1

    def check(self) -> None:
        mail = OrderMail.objects.get(event__order=self.order)
        assert mail.sent_at
        assert self._told()[0].startswith(f"<{mail.pk}@")

    def _told(self) -> list[str]:
        written = "".join(path.read_text() for path in self.world.mails.glob("*"))
        mine = [text for text in written.split("-" * 79) if f"X-Order: {self.order.number}" in text]
        return [line.partition(": ")[2] for text in mine for line in text.splitlines() if line.startswith("Message-ID")]


class CallingBack(Story):
    """A customer's server is told; nobody knows, so it is told again, with the same id."""

    points = ("after-callback-sent",)

    def prepare(self) -> None:
        CallbackEndpoint.objects.update(is_on=False)  # of other stories
        wish = Wish(url=self.world.receiver.url(), events=[CallbackEvent.ORDER_PAID.value])
        owner = builders.owner_of(self.acme)
        self.endpoint = callbacks.add(wish, organisation_id=self.acme.pk, by=owner, now=self.now)
        self.order = builders.fill_wallet(self.acme, builders.usd(100), now=self.now)

    def life(self, death: Death) -> Life:
        return self.world.life(acts.send_callbacks, death=death)

    def check_at_once(self) -> None:
        super().check_at_once()
        assert self.endpoint.callbacks.get().delivered_at is None
        assert len(self._told()) == 1

    def go_on(self) -> None:
        callback_outbox.send_due(now=self.now + timedelta(minutes=2))

    def check(self) -> None:
        first, second = self._told()
        assert first == second
        assert self.endpoint.callbacks.get().delivered_at

    def _told(self) -> list[bytes]:
        return [each.body for each in self.world.receiver.received if self.order.number.encode() in each.body]


STORIES: tuple[type[Story], ...] = (
    *(TopUp, Webhook, Fulfilment, CardRefunding, Approval, Import),
    *(Holding, Move, Charge, Receipt, Mail, CallingBack),
)


def story_of(point: str) -> type[Story]:
    return next(story for story in STORIES if point in story.points)


def _credits_of(order: Order) -> int:
    return Posting.objects.filter(organisation_id=order.organisation_id, key=f"order:{order.number}:credit").count()
