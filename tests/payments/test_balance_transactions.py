"""What moved in our balance at Stripe: loaded, judged, and posted where it has to be."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction
from djmoney.money import Money

from billing import refunds
from payments import balance_audit, balance_transactions, checkout, settlement, stripe_api
from payments.models import BalanceTransaction, CardRefund, Payment
from payments.standin.client import StandIn
from tests import builders
from tests.billing import refunding
from tests.payments import stripe_lists
from tests.payments.offline import usd
from wallet import chart
from wallet.ids import new_id
from wallet.models import HOUSE_ID, Organisation, Posting

Outcome, Reason = BalanceTransaction.Outcome, BalanceTransaction.Reason


@pytest.fixture
def pay(open_checkout: Callable[..., Payment], stripe: StandIn, now: datetime) -> Callable[..., Payment]:
    """Top-ups of acme that were paid by card and credited."""

    def do(amount: str | int = 100) -> Payment:
        payment = open_checkout(amount=usd(amount))
        stripe.pay(builders.session_of(payment))
        checkout.ask_about(payment_id=payment.pk, by="Stripe", now=now)
        payment.refresh_from_db()
        assert payment.state == Payment.State.CONFIRMED
        return payment

    return do


def later(now: datetime) -> datetime:
    """A moment at which Stripe has listed what was done since."""
    return now + timedelta(seconds=5)


def read(*, now: datetime) -> None:
    balance_transactions.load_recent(now=later(now))
    balance_transactions.judge_due(now=later(now))


def fees_of(organisation: Organisation) -> int:
    return Posting.objects.filter(organisation=organisation, kind="STRIPE_FEE").count()


# --- through the stand-in -----------------------------------------------------------------------------------


def test_the_fee_of_a_card_top_up_is_our_cost_in_its_customers_books(
    pay: Callable[..., Payment], acme: Organisation, now: datetime
) -> None:
    payment = pay(100)
    read(now=now)
    read(now=now)
    fee = BalanceTransaction.objects.get(payment_intent_id=payment.payment_intent_id)
    assert (fee.outcome, fee.organisation_id) == (Outcome.POSTED, acme.pk)
    assert stripe_lists.moved(chart.STRIPE_FEES, *fee.posting_keys, organisation_id=acme.pk) == Decimal("3.20")
    assert stripe_lists.moved(chart.STRIPE_CLEARING, *fee.posting_keys, organisation_id=acme.pk) == Decimal("-3.20")
    assert builders.balance_of(acme.pk) == usd(100)
    assert payment.credited_order is not None
    posted = Posting.objects.get(organisation=acme, key=fee.posting_keys[0])
    assert posted.order_number == payment.credited_order.number
    assert fees_of(acme) == 1


def test_a_run_that_died_is_gone_on_with_by_the_next(
    pay: Callable[..., Payment], acme: Organisation, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay(10)
    pay(20)
    settled: list[str] = []
    real = balance_transactions.settle

    def die_after_one(transaction: BalanceTransaction, *, now: datetime) -> BalanceTransaction:
        if settled:
            raise stripe_api.StripeUnavailable("killed")
        settled.append(transaction.stripe_id)
        return real(transaction, now=now)

    balance_transactions.load_recent(now=later(now))
    mine = BalanceTransaction.objects.filter(claimed_payment__in=[str(one.pk) for one in Payment.objects.all()])
    assert mine.filter(outcome=Outcome.NEW).count() >= 2
    monkeypatch.setattr(balance_transactions, "settle", die_after_one)
    with pytest.raises(stripe_api.StripeUnavailable):
        balance_transactions.judge_due(now=later(now))
    monkeypatch.undo()
    read(now=now)
    assert fees_of(acme) == 2


def test_what_one_transaction_posts_is_posted_with_what_is_written_of_it(
    pay: Callable[..., Payment], acme: Organisation, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the posting and the row: neither stays."""
    payment = pay(10)
    balance_transactions.load_recent(now=later(now))
    found = BalanceTransaction.objects.get(payment_intent_id=payment.payment_intent_id)
    real = settlement.post_fee

    def die(*args: object, **facts: object) -> str:
        real(*args, **facts)  # type: ignore[arg-type]  # whatever it is called with
        raise RuntimeError("killed")

    monkeypatch.setattr(settlement, "post_fee", die)
    with pytest.raises(RuntimeError):
        balance_transactions.settle(found, now=now)
    monkeypatch.undo()
    assert fees_of(acme) == 0
    assert balance_transactions.settle(found, now=now).outcome == Outcome.POSTED
    assert fees_of(acme) == 1


def test_the_next_run_begins_three_days_before_the_last_one_seen(db: None, now: datetime) -> None:
    newest = now + timedelta(days=400)  # newer than whatever other tests left
    balance_transactions.store([stripe_lists.transaction(created_at=newest)], now=now)
    assert balance_transactions.find_start(now=newest + timedelta(days=1)) == newest - timedelta(days=3)


# --- by type ------------------------------------------------------------------------------------------------


def test_a_fee_that_is_given_back_is_posted_the_other_way(db: None, now: datetime) -> None:
    given = stripe_lists.transaction(type="stripe_fee", category="fee", amount=usd(2))
    found = stripe_lists.bring(given, now=now)
    assert (found.outcome, found.organisation_id) == (Outcome.POSTED, HOUSE_ID)
    assert stripe_lists.moved(chart.STRIPE_CLEARING, *found.posting_keys) == 2
    assert stripe_lists.moved(chart.STRIPE_FEES, *found.posting_keys) == -2


@pytest.mark.parametrize("type_", ["stripe_fee", "tax_fee", "stripe_fx_fee"])
def test_what_stripe_takes_for_itself_is_the_houses_cost(db: None, now: datetime, type_: str) -> None:
    found = stripe_lists.bring(stripe_lists.transaction(type=type_, amount=usd("-7.50")), now=now)
    assert stripe_lists.moved(chart.STRIPE_FEES, *found.posting_keys) == Decimal("7.50")
    assert stripe_lists.moved(chart.STRIPE_CLEARING, *found.posting_keys) == Decimal("-7.50")


def test_a_charge_by_no_payment_of_ours_waits_in_the_houses_suspense(db: None, now: datetime) -> None:
    found = stripe_lists.bring(stripe_lists.transaction(fee="3.20"), now=now)
    assert (found.outcome, found.organisation_id, len(found.posting_keys)) == (Outcome.POSTED, HOUSE_ID, 2)
    assert stripe_lists.moved(chart.SUSPENSE, *found.posting_keys) == -100
    assert stripe_lists.moved(chart.STRIPE_CLEARING, *found.posting_keys) == Decimal("96.80")
    assert stripe_lists.moved(chart.STRIPE_FEES, *found.posting_keys) == Decimal("3.20")


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"type": "contribution"}, Reason.UNKNOWN_TYPE),
        ({"type": "adjustment", "category": "other_adjustment"}, Reason.UNKNOWN_TYPE),
        ({"amount": Money(100, "EUR")}, Reason.OTHER_CURRENCY),
        ({"net": Decimal("99.99")}, Reason.NOT_ITS_SUM),
        ({"type": "refund", "amount": usd(-5), "source_id": "re_nobody"}, Reason.UNKNOWN_REFUND),
        ({"type": "refund_failure", "amount": usd(5), "source_id": "re_nobody"}, Reason.UNKNOWN_REFUND),
        ({"type": "adjustment", "category": "dispute", "amount": usd(-5)}, Reason.UNKNOWN_DISPUTE),
        ({"type": "payout", "amount": usd(-5), "source_id": "po_nobody"}, Reason.UNKNOWN_PAYOUT),
    ],
)
def test_what_cannot_be_posted_is_named_and_looked_at_again(
    db: None, now: datetime, facts: dict[str, object], reason: BalanceTransaction.Reason
) -> None:
    before = Posting.objects.count()
    found = stripe_lists.bring(stripe_lists.transaction(**facts), now=now)  # type: ignore[arg-type]  # as listed
    assert (found.outcome, found.reason, found.posting_keys) == (Outcome.DIFFERENCE, reason, [])
    assert Posting.objects.count() == before
    assert BalanceTransaction.objects.to_judge().filter(pk=found.pk).exists()


def claimed(payment: Payment, **facts: object) -> BalanceTransaction:
    """A charge of a payment's, as Stripe lists it."""
    one = stripe_lists.transaction(payment_intent_id=payment.payment_intent_id, **facts)  # type: ignore[arg-type]
    balance_transactions.store([one], now=payment.created_at)
    return BalanceTransaction.objects.get(stripe_id=one.id)


def confirmed(organisation: Organisation, *, now: datetime, amount: str = "100") -> Payment:
    """A payment that credited its order, without a Stripe."""
    payment = builders.begin_top_up(organisation, now=now, amount=usd(amount))
    order = builders.pay_by_card(
        builders.wish_for(organisation, amount=usd(amount)), by=builders.owner_of(organisation), now=now
    )
    Payment.objects.filter(pk=payment.pk).update(
        state=Payment.State.CONFIRMED, confirmed_at=now, credited_order=order, payment_intent_id=f"pi_{new_id().hex}"
    )
    payment.refresh_from_db()
    return payment


@pytest.fixture
def bob(db: None, now: datetime) -> Organisation:
    return builders.make_organisation(now=now, name="Bob's")


@pytest.mark.parametrize("amount", ["99.99", "100.01", "10000"])
def test_a_charge_of_another_amount_than_its_payments_is_named(bob: Organisation, now: datetime, amount: str) -> None:
    payment = confirmed(bob, now=now)
    found = balance_transactions.settle(claimed(payment, amount=usd(amount), fee="3.20"), now=now)
    assert (found.outcome, found.reason) == (Outcome.DIFFERENCE, Reason.OTHER_AMOUNT)
    assert fees_of(bob) == 0


def test_a_charge_whose_payment_is_not_confirmed_waits_for_it(bob: Organisation, now: datetime) -> None:
    payment = builders.begin_top_up(bob, now=now)
    Payment.objects.filter(pk=payment.pk).update(payment_intent_id=f"pi_{new_id().hex}")
    payment.refresh_from_db()
    found = balance_transactions.settle(claimed(payment, fee="3.20"), now=now)
    assert (found.reason, found.is_timing) == (Reason.NOT_CONFIRMED, True)
    order = builders.pay_by_card(builders.wish_for(bob), by=builders.owner_of(bob), now=now)
    Payment.objects.filter(pk=payment.pk).update(state=Payment.State.CONFIRMED, confirmed_at=now, credited_order=order)
    assert balance_transactions.settle(found, now=now).outcome == Outcome.POSTED
    assert fees_of(bob) == 1


@pytest.mark.parametrize(
    ("end", "kind", "amount", "reason"),
    [
        ("SUCCEEDED", "refund", "-40", ""),
        ("RETURNED", "refund", "-40", ""),
        ("FAILED", "refund", "-40", ""),
        ("APPROVED", "refund", "-40", Reason.REFUND_OPEN),
        ("SUCCEEDED", "refund", "-41", Reason.OTHER_AMOUNT),
        ("SUCCEEDED", "refund", "40", Reason.OTHER_AMOUNT),
        ("RETURNED", "refund_failure", "40", ""),
        ("FAILED", "refund_failure", "40", ""),
        ("SUCCEEDED", "refund_failure", "40", Reason.REFUND_OPEN),
    ],
)
def test_a_refund_at_stripe_agrees_with_the_one_posted_here(
    bob: Organisation, now: datetime, end: str, kind: str, amount: str, reason: str
) -> None:
    stripe_id = refunded(confirmed(bob, now=now), end=end, now=now)
    told = stripe_lists.transaction(type=kind, category=kind, amount=usd(amount), source_id=stripe_id)
    found = stripe_lists.bring(told, now=now)
    assert (found.outcome, found.reason) == (Outcome.DIFFERENCE if reason else Outcome.AGREED, reason)


def refunded(payment: Payment, *, end: str, now: datetime) -> str:
    """$40 of a payment that went as far as `end`; its id at Stripe."""
    assert payment.credited_order is not None
    refund = refunding.approved_refund(payment.credited_order, amount=usd(40), now=now)
    sent = CardRefund.objects.create(
        organisation_id=payment.organisation_id,
        refund=refund,
        payment=payment,
        amount=usd(40),
        stripe_id=f"re_{new_id().hex}",
        created_at=now,
    )
    if end in {"SUCCEEDED", "RETURNED"}:
        refunds.succeed(refund_id=refund.pk, source=chart.STRIPE_CLEARING, by="Stripe", now=now)
    if end == "RETURNED":
        refunds.return_to_balance(
            refund_id=refund.pk, source=chart.STRIPE_CLEARING, failure="lost card", by="Stripe", now=now
        )
    if end == "FAILED":
        refunds.fail(refund_id=refund.pk, failure="lost card", by="Stripe", now=now)
    assert sent.stripe_id
    return sent.stripe_id


# --- what the database keeps --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [{"amount": usd(1)}, {"fee": 1}, {"type": "payout"}, {"outcome": Outcome.NEW}, {"posting_keys": ["txn:other:fee"]}],
)
def test_a_balance_transaction_is_never_changed(db: None, now: datetime, change: dict[str, object]) -> None:
    found = stripe_lists.bring(stripe_lists.transaction(fee="3.20"), now=now)
    with pytest.raises(DatabaseError), transaction.atomic():
        BalanceTransaction.objects.filter(pk=found.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        BalanceTransaction.objects.filter(pk=found.pk).delete()


def test_the_audit_names_nothing_where_all_agrees(db: None, now: datetime) -> None:
    found = stripe_lists.bring(stripe_lists.transaction(fee="3.20"), now=now)
    said = list(balance_audit.check_transactions("default", now))
    assert not [one for one in said if found.stripe_id in one]
