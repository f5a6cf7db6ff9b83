"""How acme comes about: by the site's own verbs, a card order, transfers at every stage, what the bank says."""

import secrets
from datetime import datetime, timedelta
from decimal import Decimal

from djmoney.money import Money

from billing import card_blocks, disputes, documents, flags, mails, rates
from billing.card_blocks import Rule
from billing.models import CardBlock, Fapiao, Flag
from payments import bank_refunds, card_refunds, checkout, findings, inbox, matching, slip_files, stripe_api
from payments.bank_refunds import Facts
from payments.models import ApprovalLimit, BankLine, BankRefund, Heartbeat, InboxEvent, Slip, Transfer
from payments.payees import Payee
from payments.standin.client import StandIn
from tests import builders, people
from tests.billing import disputing, fapiaos, refunding
from tests.innopaas import house
from tests.innopaas.acme import Acme, Offline
from tests.innopaas.goods import make_goods
from tests.payments import offline
from tests.payments.offline import usd
from tests.payments.refunding import send_line
from wallet import chart, details, invitations
from wallet.calendar import business_date
from wallet.models import Organisation, Role, User


def make_acme(stripe_process: StandIn, *, now: datetime) -> Acme:
    """Needs Stripe at the stand-in, and slips in a folder of the test's own."""
    alice = builders.make_person("alice")
    organisation = builders.make_organisation(now=now, owner=alice, name=f"Quetzal {secrets.token_hex(4)}")
    builders.make_member(organisation, role=Role.BILLING, now=now, name="carolina")
    invitation = invitations.invite(
        organisation_id=organisation.pk, email="dora@quetzal.example", role=Role.VIEWER, by=alice, now=now
    ).invitation
    paid = builders.open_checkout(organisation, now=now, amount=usd("8765.43"))
    stripe_process.pay(builders.session_of(paid))
    event = _bring_event(builders.session_of(paid), now=now)
    checkout.ask_about(payment_id=paid.pk, by="Stripe", now=now)
    paid.refresh_from_db()
    flags.raise_flag(order=paid.order, reason=Flag.Reason.LATE_MONEY, now=now, detail=organisation.name)
    open_order = builders.open_checkout(organisation, now=now).order
    flags.raise_flag(order=open_order, reason=Flag.Reason.LATE_MONEY, now=now, detail=organisation.name)
    by_bank = _make_offline(organisation, alice, now=now)
    goods = make_goods(organisation, alice, now=now)
    refund = refunding.ask_refund(paid.order, amount=usd("1.07"), now=now)
    to_card = refunding.approved_refund(paid.order, amount=usd("1.08"), now=now)
    card_refunds.prepare(refund_id=to_card.pk, now=now)
    fapiao = _make_fapiao(organisation, now=now)
    _make_disputes(organisation, now=now)
    mails.send_due(now=now)
    documents.issue_receipt(order_id=paid.order_id, now=now)
    documents.issue_receipt(order_id=goods.hidden_order.pk, now=now)
    Heartbeat.objects.get_or_create(name="inbox", defaults={"beat_at": now})
    return Acme(
        organisation=organisation,
        order=paid.order,
        open_order=open_order,
        payment=paid,
        invitation=invitation,
        event=event,
        offline=by_bank,
        goods=goods,
        house=house.found(
            importer=by_bank.importer, proposer=people.make_staff("frank", "finance lead"), owner=alice, now=now
        ),
        refund=refund,
        fapiao=fapiao,
    )


def _make_fapiao(organisation: Organisation, *, now: datetime) -> Fapiao:
    """Issued; of the same order another one is asked for."""
    order = refunding.credit_rmb(organisation, "7200", by=people.make_staff("fiona", "finance"), now=now)
    issued = fapiaos.issue_fapiao(fapiaos.ask_fapiao(order, 100, title="Quetzal Legal Ltd", now=now), now=now)
    fapiaos.ask_fapiao(order, 100, title="Quetzal Legal Ltd", now=now)
    return issued


def _make_disputes(organisation: Organisation, *, now: datetime) -> None:
    """One that was paid out of the wallet, whose card block is lifted; one that is owed."""
    frank = people.make_staff("frank", "finance lead")
    for amount, held_in, rule in (("7.14", "", Rule.NOT_BLOCKING), ("8.72", chart.SUSPENSE, Rule.BLOCKING)):
        order = builders.fill_wallet(organisation, usd(amount), now=now)
        told = disputing.told(disputing.taken(amount), now=now, amount=amount)
        disputes.follow(order_id=order.pk, told=told, held_in=held_in, by="Stripe", now=now)
        for block in CardBlock.objects.filter(organisation=organisation, lifted_at=None):
            card_blocks.lift(block_id=block.pk, by=frank, note=organisation.name, now=now)
        card_blocks.decide(rule=rule, reason="A test", by=frank, now=now)


def _bring_event(session_id: str, *, now: datetime) -> InboxEvent:
    event = stripe_api.Event(
        id=f"evt_{secrets.token_hex(8)}",
        type="checkout.session.completed",
        object_id=session_id,
        payment_intent_id="",
        api_version=stripe_api.API_VERSION,
        raw=b"{}",
    )
    inbox.store_missed([event], now=now)
    return InboxEvent.objects.get(event_id=event.id)


def _make_offline(organisation: Organisation, alice: User, *, now: datetime) -> Offline:
    felix, frank = people.make_staff("felix", "finance"), people.make_staff("frank", "finance lead")
    _describe(organisation, alice, now=now)
    ApprovalLimit.objects.filter(currency="USD").update(single_up_to=50_000)
    ApprovalLimit.objects.filter(currency="CNY").delete()  # so that one can be added
    account = offline.make_account("USD")
    offline.set_rate("7.2", at=now - timedelta(minutes=1))
    amount = usd("4321.09")

    def declare(payer: str, asked: Money = amount) -> Transfer:
        begun = offline.begin(organisation, asked, account=account, now=now)
        return offline.declare(begun, now=now, payer=f"Quetzal {payer}", bank_number=f"QZ{secrets.token_hex(6)}")

    def bring(text: str = "", brought: Money = amount) -> BankLine:
        return offline.bring_line(account, brought, imported_by=felix, now=now, text=f"Quetzal {text}")

    declared, found, paid, by_hand = (declare(f"payer {place}") for place in range(4))
    awaited = declare("payer 4", usd("4321.10"))  # no line typed by hand is of this amount
    pending = offline.begin(organisation, amount, account=account, now=now)
    other = offline.begin(organisation, amount, account=account, now=now)
    slip = _store_slip(declared, by=alice, now=now)
    offline.approve(offline.record(paid, offline.by_line(bring()), by=frank, now=now), by=frank, now=now)
    typed = offline.by_hand(account, amount, on=business_date(now))
    offline.approve(offline.record(by_hand, typed, by=felix, now=now), by=frank, now=now)
    exact, loose, twin = bring(awaited.reference, awaited.amount), bring(), bring()
    matching.match_lines(now=now)
    part = offline.bring_line(account, usd("321.09"), imported_by=felix, now=now)
    finding = offline.record(found, offline.by_line(bring()), by=felix, now=now)
    unasked = findings.record_unasked(
        organisation_id=organisation.pk,
        target=chart.WALLET,
        facts=offline.by_line(bring(), reason="Quetzal told us"),
        by=frank,
        now=now,
    )
    to_pay, paid_back = (_prepare_refund(paid, usd(amount), by=felix, now=now) for amount in ("2.07", "3.07"))
    bank_refunds.record_paid(
        bank_refund_id=paid_back.pk, paid_on=business_date(now), bank_reference="QZ3", by=felix, now=now
    )
    return Offline(
        asked=refunding.ask_refund(paid.order, amount=usd("4.07"), now=now),
        to_pay=to_pay,
        went=send_line(account, to_pay.amount, imported_by=felix, now=now, text=f"Quetzal {to_pay.refund}"),
        paid_back=paid_back,
        came=bring("came back", paid_back.amount),
        account=account,
        pending=(pending, other),
        declared=declared,
        found=found,
        paid=paid,
        slip=slip,
        finding=finding,
        unasked=unasked,
        exact=exact,
        loose=loose,
        part=part,
        twin=twin,
        rate=rates.enter(rate=Decimal(9), source="Bank of China", by=felix, now=now),
        importer=felix,
    )


def _prepare_refund(transfer: Transfer, amount: Money, *, by: User, now: datetime) -> BankRefund:
    """Asked for, prepared, approved: to be paid at the bank."""
    asked = refunding.ask_refund(transfer.order, amount=amount, now=now)
    payee = Payee(name="Quetzal payer 2", account="QZ2", bank="Quetzal Bank")
    facts = Facts(account=transfer.account, payee=payee, reason="Quetzal moved its account")
    prepared = bank_refunds.prepare(refund_id=asked.pk, facts=facts, by=by, now=now)
    approver = people.make_staff("fiona", "finance")
    return bank_refunds.approve(bank_refund_id=prepared.pk, by=approver, now=now)


def _store_slip(transfer: Transfer, *, by: User, now: datetime) -> Slip:
    """As an upload leaves it; its content tells on it wherever it is shown."""
    clean = slip_files.CleanSlip(
        kind=Slip.Kind.PNG,
        content=b"Quetzal content",
        previews=(b"Quetzal preview",),
        pages=1,
        sha256=secrets.token_hex(32),
        scan=Slip.Scan.UNSCANNED,
    )
    stored = slip_files.store(clean, now=now)
    return Slip.objects.create(
        organisation=transfer.organisation,
        transfer=transfer,
        kind=clean.kind,
        size=len(clean.content),
        sha256=clean.sha256,
        original_name="quetzal-slip.png",
        stored_name=stored.name,
        preview_names=list(stored.preview_names),
        uploaded_by=by,
        uploaded_at=now,
    )


def _describe(organisation: Organisation, alice: User, *, now: datetime) -> None:
    facts = details.Facts(legal_name_en="Quetzal Legal Ltd", address="7 Quetzal Road", tax_number="91350100M000100Y43")
    details.record(facts, organisation_id=organisation.pk, seen_version=0, by=alice, now=now)
    details.add_payer(organisation_id=organisation.pk, name="Quetzal Payments GmbH", by=alice, now=now)
