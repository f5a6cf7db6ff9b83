"""What may go wrong between orders, Stripe, banks and ledger: each mishap happens to a shop and says how the close has
to name it.
"""

import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from django.db import transaction

from payments import checkout, payouts
from payments.models import BalanceTransaction, BankLine, Difference, Payment
from tests import builders
from tests.payments import offline, refund_stories, stripe_lists
from tests.payments.offline import usd
from tests.payments.refunding import Bank
from tests.payments.trading import A_DAY, Shop, at
from wallet import chart, ledger
from wallet.ids import new_id
from wallet.models import AuditResult, AuditRun

Named = set[tuple[str, str]]
Kind = Difference.Kind


def _charge_of(shop: Shop, payment: Payment) -> dict[str, str]:
    """The charge's id and its balance transaction's."""
    intent = shop.stripe.ask(f"/v1/payment_intents/{payment.payment_intent_id}")
    charge = shop.stripe.ask(f"/v1/charges/{intent['latest_charge']}")
    return {"charge": charge["id"], "txn": charge["balance_transaction"]}


def charge_not_listed(shop: Shop) -> Named:
    payment = shop.sell()
    shop.stripe.tamper(_charge_of(shop, payment)["txn"], created=int(at(shop.today + 60 * A_DAY, 12).timestamp()))
    return {(Kind.PAYMENT_UNKNOWN_THERE, payment.order.number)}


def charge_of_another_amount(shop: Shop) -> Named:
    txn = _charge_of(shop, shop.sell())["txn"]
    listed = shop.stripe.ask(f"/v1/balance_transactions/{txn}")
    shop.stripe.tamper(txn, amount=listed["amount"] + 1, net=listed["net"] + 1)
    return {(Kind.NAMED_TRANSACTION, txn)}


def charge_in_another_currency(shop: Shop) -> Named:
    txn = _charge_of(shop, shop.sell())["txn"]
    shop.stripe.tamper(txn, currency="cny")
    return {(Kind.NAMED_TRANSACTION, txn)}


def charge_that_does_not_add_up(shop: Shop) -> Named:
    txn = _charge_of(shop, shop.sell())["txn"]
    listed = shop.stripe.ask(f"/v1/balance_transactions/{txn}")
    shop.stripe.tamper(txn, net=listed["net"] - 7)
    return {(Kind.NAMED_TRANSACTION, txn)}


def charge_of_nobody(shop: Shop) -> Named:
    """The charge names another payment intent: one payment has none, and one charge has no payment."""
    payment = shop.sell()
    charge = _charge_of(shop, payment)["charge"]
    shop.stripe.tamper(charge, payment_intent=f"pi_{secrets.token_hex(8)}", metadata={})
    return {(Kind.PAYMENT_UNKNOWN_THERE, payment.order.number), (Kind.CHARGE_UNKNOWN_HERE, charge)}


def charge_that_does_not_fit_its_order(shop: Shop) -> Named:
    now = shop.turn(at(shop.today, 13))
    payment = builders.open_checkout(shop.acme, now=now)
    session = builders.session_of(payment)
    shop.stripe.tamper(session, amount_total=9900, amount_subtotal=9900)
    shop.stripe.pay(session)
    checkout.ask_about(payment_id=payment.pk, by="Stripe", now=now)
    return {(Kind.CHARGE_HELD, payment.order.number)}


def movement_of_unknown_type(shop: Shop) -> Named:
    shop.turn(at(shop.today, 14))
    txn = shop.stripe.adjust(type_="topup", category="topup", amount=12345)["id"]
    return {(Kind.NAMED_TRANSACTION, txn)}


def reserve_kept_by_stripe(shop: Shop) -> Named:
    shop.turn(at(shop.today, 14))
    txn = shop.stripe.adjust(type_="reserve_transaction", category="risk_reserved_funds", amount=-500)["id"]
    return {(Kind.NAMED_TRANSACTION, txn)}


def adjustment_without_dispute(shop: Shop) -> Named:
    shop.turn(at(shop.today, 14))
    txn = shop.stripe.adjust(type_="adjustment", category="other_adjustment", amount=-250)["id"]
    return {(Kind.NAMED_TRANSACTION, txn)}


def payout_of_nobody(shop: Shop) -> Named:
    shop.turn(at(shop.today, 14))
    txn = shop.stripe.adjust(type_="payout", category="payout", amount=-100)["id"]
    return {(Kind.NAMED_TRANSACTION, txn)}


def refund_nobody_told_us_of(shop: Shop) -> Named:
    payment = shop.sell()
    refund = shop.stripe.refund(builders.session_of(payment), amount=500)
    return {(Kind.NAMED_TRANSACTION, refund["balance_transaction"])}


def refund_not_listed(shop: Shop) -> Named:
    sent = shop.refund(shop.sell(), usd(5))
    refund = shop.stripe.ask(f"/v1/refunds/{sent.stripe_id}")
    shop.stripe.tamper(refund["balance_transaction"], created=int(at(shop.today + 60 * A_DAY, 12).timestamp()))
    return {(Kind.REFUND_UNKNOWN_THERE, sent.refund.number)}


def refund_of_another_amount(shop: Shop) -> Named:
    sent = shop.refund(shop.sell(), usd(5))
    txn = shop.stripe.ask(f"/v1/refunds/{sent.stripe_id}")["balance_transaction"]
    shop.stripe.tamper(txn, amount=-600, net=-600)
    return {(Kind.NAMED_TRANSACTION, txn)}


def refund_under_way(shop: Shop) -> Named:
    """Stripe has taken it out of the balance, and does not know yet whether the card takes it."""
    now = shop.turn(at(shop.today, 13))
    payment = refund_stories.pay(shop.acme, shop.stripe, now=now, card=refund_stories.TAKES_TIME)
    sent = refund_stories.send(payment.order, usd(5), now=now)
    return {(Kind.NAMED_TRANSACTION, shop.stripe.ask(f"/v1/refunds/{sent.stripe_id}")["balance_transaction"])}


def dispute_nobody_told_us_of(shop: Shop) -> Named:
    payment = shop.sell(to=builders.make_organisation(now=at(shop.today, 8)))
    dispute = shop.stripe.dispute(builders.session_of(payment))
    return {(Kind.NAMED_TRANSACTION, one["id"]) for one in dispute["balance_transactions"]}


def fee_posted_otherwise(shop: Shop) -> Named:
    """A row that calls another one's posting its own, as somebody may write it in the database."""
    moment = at(shop.today - A_DAY, 12)
    posted = BalanceTransaction.objects.filter(
        organisation=shop.acme, outcome="POSTED", type="charge", stripe_created_at__gte=moment - timedelta(hours=8)
    ).first()
    assert posted
    forged = BalanceTransaction.objects.get(pk=posted.pk)
    forged.pk, forged.stripe_id = new_id(), f"txn_{secrets.token_hex(8)}"
    forged.fee, forged.net = posted.fee + 1, posted.net - 1
    forged.payment_intent_id, forged.stripe_created_at = "", at(shop.today, 12)
    forged.save(force_insert=True)
    return {(Kind.FEE_AT_STRIPE, forged.stripe_id)}


def payout_late(shop: Shop) -> Named:
    payout = stripe_lists.make_payout(
        now=at(shop.today, 8), arrival_on=shop.today - 14 * A_DAY, created_at=at(shop.today - 16 * A_DAY, 12)
    )
    return {(Kind.PAYOUT_LATE, payout.stripe_id)}


def payout_the_bank_alone_has(shop: Shop) -> Named:
    return _line(shop, "4711.11", Kind.PAYOUT_UNKNOWN, text="STRIPE PAYOUT TR0815", payer="STRIPE")


def payout_that_failed_at_last(shop: Shop) -> Named:
    payout = stripe_lists.make_payout(
        now=at(shop.today, 8), amount=usd("33.44"), arrival_on=shop.today, created_at=at(shop.today - A_DAY, 12)
    )
    line = offline.bring_line(offline.make_account("USD"), usd("33.44"), imported_by=shop.felix, now=at(shop.today, 9))
    payouts.match(payout_id=payout.pk, line_id=line.pk, by="InnoPaaS", now=at(shop.today, 10))
    facts = stripe_lists.facts_of(id=payout.stripe_id, amount=payout.amount, status="failed", failure="account closed")
    payouts.record(facts, by="Stripe", now=at(shop.today, 11))
    return {(Kind.PAYOUT_FAILED, payout.stripe_id)}


def statement_missing(shop: Shop) -> Named:
    account = offline.make_account("USD")
    yesterday = shop.today - A_DAY
    line = offline.bring_line(account, usd(1), imported_by=shop.felix, now=at(yesterday, 9))
    payout = stripe_lists.make_payout(
        now=at(yesterday, 8), amount=usd(1), arrival_on=yesterday, created_at=at(yesterday, 7)
    )
    payouts.match(payout_id=payout.pk, line_id=line.pk, by="InnoPaaS", now=at(yesterday, 10))
    return {(Kind.STATEMENT_MISSING, account.code)}


def money_that_fits_no_order(shop: Shop) -> Named:
    return _line(shop, "77.70", Kind.LINE_WAITING, text="thank you")


def transfer_that_came_twice(shop: Shop) -> Named:
    transfer = shop.transfer("181.00")
    return _line(shop, "181.00", Kind.LINE_WAITING, text=transfer.reference)


def money_that_left_unexplained(shop: Shop) -> Named:
    return _line(shop, "-950.00", Kind.LINE_UNPOSTED, text="rent", payer="Landlord")


def line_typed_by_hand(shop: Shop) -> Named:
    account = offline.make_account("USD")
    now = at(shop.today, 12)
    transfer = offline.declared(shop.acme, usd(160), account=account, now=now)
    facts = offline.by_hand(account, usd(160), on=shop.today)
    finding = offline.record(transfer, facts, by=shop.felix, now=now)
    offline.approve(finding, by=shop.fiona, now=now)
    line = BankLine.objects.get(account=account)
    subject = f"{account.code} {line.booked_on} {line.bank_reference}"
    return {(Kind.LINE_TYPED, subject), (Kind.STATEMENT_MISSING, account.code)}


def refund_paid_by_hand(shop: Shop) -> Named:
    bank = Bank(now=at(shop.today, 12))
    paid = bank.approved(bank.paid_order(usd(190)), usd(190))
    bank.record(paid, number=secrets.token_hex(5))
    return {(Kind.BANK_REFUND, paid.refund.number)}


def order_that_says_more(shop: Shop) -> Named:
    order = shop.sell().order
    order.refresh_from_db()
    order.credited = order.credited + usd(1)
    order.save()
    return {(Kind.ORDER_UNPOSTED, order.number)}


def posting_without_order(shop: Shop) -> Named:
    key = f"order:TU{secrets.token_hex(6)}:credit"
    lines = (ledger.debit(chart.STRIPE_CLEARING, usd(9)), ledger.credit(chart.WALLET, usd(9)))
    draft = ledger.Draft(key=key, kind="TOP_UP", lines=lines, order_number=key.split(":")[1], memo="", by="nobody")
    with transaction.atomic():
        ledger.post(organisation_id=shop.acme.pk, drafts=[draft], now=at(shop.today, 12))
    return {(Kind.POSTING_ORPHANED, key)}


def audit_that_found_something(shop: Shop) -> Named:
    moment = at(shop.today, 3, 30)
    AuditRun.objects.create(
        started_at=moment, finished_at=moment, result=AuditResult.DIFFERENT, problems=["Account 1 holds too much."]
    )
    return {(Kind.AUDIT, f"Audit of {shop.today - A_DAY} 19:30 UTC")}


def _line(shop: Shop, amount: str, kind: Kind, *, text: str, payer: str = "Somebody") -> Named:
    number = secrets.token_hex(6).upper()
    shop.show(shop.usd, amount, number=number, text=text, payer=payer)
    return {(kind, f"{shop.usd.code} {shop.today} {number}")}


ONCE: Final[tuple[Callable[[Shop], Named], ...]] = (audit_that_found_something,)
MISHAPS: Final[tuple[Callable[[Shop], Named], ...]] = (
    charge_not_listed,
    charge_of_another_amount,
    charge_in_another_currency,
    charge_that_does_not_add_up,
    charge_of_nobody,
    charge_that_does_not_fit_its_order,
    movement_of_unknown_type,
    reserve_kept_by_stripe,
    adjustment_without_dispute,
    payout_of_nobody,
    refund_nobody_told_us_of,
    refund_not_listed,
    refund_of_another_amount,
    refund_under_way,
    dispute_nobody_told_us_of,
    fee_posted_otherwise,
    payout_late,
    payout_the_bank_alone_has,
    payout_that_failed_at_last,
    statement_missing,
    money_that_fits_no_order,
    transfer_that_came_twice,
    money_that_left_unexplained,
    line_typed_by_hand,
    refund_paid_by_hand,
    order_that_says_more,
    posting_without_order,
)
