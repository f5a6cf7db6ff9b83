"""Payouts: on their way until their bank line is found, posted once, reversed when they fail."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.db import DatabaseError, transaction

from payments import audit, balance_audit, checkout, clearing, holding, inbox, payouts, sweeps
from payments.models import Allocation, BalanceTransaction, BankAccount, BankLine, InboxEvent, Payment, Payout
from payments.standin.client import StandIn
from tests import builders, people, races
from tests.payments import deliveries, offline, stripe_lists
from tests.payments.offline import usd
from wallet import chart
from wallet.models import HOUSE_ID, Account, Organisation, User

pytestmark = pytest.mark.usefixtures("suspense_as_it_was")

ARRIVAL = stripe_lists.ARRIVAL


@pytest.fixture
def noon() -> datetime:
    """Of the day on which the payouts of these stories are expected."""
    return datetime.fromisoformat("2026-07-15T12:00:00+08:00")


@pytest.fixture
def account(db: None) -> BankAccount:
    return offline.make_account("USD")


@pytest.fixture
def fiona(db: None) -> User:
    return people.make_staff("fiona", "finance")


@pytest.fixture
def bring(account: BankAccount, fiona: User, noon: datetime) -> Callable[..., BankLine]:
    """Lines that a statement brought and that look like Stripe's, in the house's suspense."""

    def do(amount: str = "96.80", *, day: date = ARRIVAL, text: str = "STRIPE PAYMENTS") -> BankLine:
        line = offline.bring_line(account, usd(amount), imported_by=fiona, now=noon, value_on=day, text=text)
        BankLine.objects.filter(pk=line.pk).update(pile=BankLine.Pile.OTHER, pile_reason=BankLine.Why.PAYOUT)
        holding.hold_due(now=noon)
        line.refresh_from_db()
        return line

    return do


def keys_of(payout: Payout) -> tuple[str, ...]:
    start = f"payout:{payout.stripe_id}"
    return start, f"{start}:failed", f"{start}:back"


def check(payout: Payout, *, now: datetime) -> None:
    """The audits that look at payouts and banks name nothing of this one."""
    for said in balance_audit.check_payouts("default", now):
        assert payout.stripe_id not in said
    if payout.line:
        assert not [one for one in audit.check_banks("default", now) if payout.line.account.code in one]


def test_a_payout_is_posted_when_its_bank_line_is_found(bring: Callable[..., BankLine], noon: datetime) -> None:
    payout = stripe_lists.make_payout(now=noon)
    assert payout in Payout.objects.on_their_way()
    line = bring()
    assert payouts.match_due(now=noon) == 1
    payout.refresh_from_db()
    line.refresh_from_db()
    assert (payout.line, line.rest, line.pile) == (line, usd(0), BankLine.Pile.BOOKED)
    assert stripe_lists.moved(chart.STRIPE_CLEARING, *keys_of(payout)) == Decimal("-96.80")
    assert stripe_lists.moved(chart.SUSPENSE, *keys_of(payout)) == Decimal("96.80")
    assert builders.balance_of(HOUSE_ID, line.account.ledger_code) == usd("96.80")
    assert payout not in Payout.objects.on_their_way()
    payouts.match_due(now=noon)
    payouts.match(payout_id=payout.pk, line_id=line.pk, by="InnoPaaS", now=noon)
    assert Allocation.objects.filter(line=line).count() == 1
    check(payout, now=noon)


@pytest.mark.parametrize(
    ("amount", "day", "text"),
    [
        ("96.81", ARRIVAL, "STRIPE"),
        ("96.80", ARRIVAL + timedelta(days=8), "STRIPE"),
        ("96.80", ARRIVAL - timedelta(days=8), "STRIPE"),
    ],
)
def test_another_amount_or_a_far_day_is_not_it(
    bring: Callable[..., BankLine], noon: datetime, amount: str, day: date, text: str
) -> None:
    payout = stripe_lists.make_payout(now=noon)
    bring(amount, day=day, text=text)
    payouts.match_due(now=noon)
    payout.refresh_from_db()
    assert payout.line is None


@pytest.mark.parametrize("days", [7, -7])
def test_five_business_days_early_or_late_is_it(bring: Callable[..., BankLine], noon: datetime, days: int) -> None:
    payout = stripe_lists.make_payout(now=noon)
    line = bring(day=ARRIVAL + timedelta(days=days))
    payouts.match_due(now=noon)
    payout.refresh_from_db()
    assert payout.line == line


def test_two_payouts_of_one_amount_wait_for_a_person(
    bring: Callable[..., BankLine], noon: datetime, fiona: User
) -> None:
    one, other = stripe_lists.make_payout(now=noon), stripe_lists.make_payout(now=noon)
    line = bring()
    assert payouts.match_due(now=noon) == 0
    assert payouts.list_lines(one) == payouts.list_lines(other) == [line]
    payouts.choose(payout_id=other.pk, line_id=line.pk, by=fiona, now=noon)
    with pytest.raises(payouts.NotThisPayout):
        payouts.choose(payout_id=one.pk, line_id=line.pk, by=fiona, now=noon)
    one.refresh_from_db()
    assert one.line is None
    assert stripe_lists.moved(chart.STRIPE_CLEARING, *keys_of(one)) == 0


def test_two_lines_of_one_amount_wait_for_a_person_unless_one_names_the_payout(
    bring: Callable[..., BankLine], noon: datetime
) -> None:
    payout = stripe_lists.make_payout(now=noon, trace="TR4711")
    bring()
    bring()
    assert payouts.match_due(now=noon) == 0
    named = bring(text="STRIPE trace tr4711")
    assert payouts.match_due(now=noon) == 1
    payout.refresh_from_db()
    assert payout.line == named


def test_a_line_that_names_one_payout_is_not_taken_for_another(bring: Callable[..., BankLine], noon: datetime) -> None:
    named, other = stripe_lists.make_payout(now=noon), stripe_lists.make_payout(now=noon)
    line = bring(text=f"STRIPE {named.stripe_id}")
    assert payouts.match_due(now=noon) == 1
    named.refresh_from_db()
    other.refresh_from_db()
    assert (named.line, other.line) == (line, None)


def test_a_payout_that_fails_after_it_was_posted_is_reversed_once(
    bring: Callable[..., BankLine], noon: datetime
) -> None:
    payout = stripe_lists.make_payout(now=noon)
    bring()
    payouts.match_due(now=noon)
    failed = stripe_lists.facts_of(id=payout.stripe_id, status="failed", failure="account_closed")
    for _ in range(2):
        payout = payouts.record(failed, by="Stripe", now=noon)
    assert payout.reversed_at == noon
    assert stripe_lists.moved(chart.STRIPE_CLEARING, *keys_of(payout)) == 0
    assert stripe_lists.moved(chart.SUSPENSE, *keys_of(payout)) == 0
    assert payout in clearing.list_unmatched_failures()
    check(payout, now=noon)


def test_the_bank_line_that_takes_a_failed_payout_back_empties_suspense(
    bring: Callable[..., BankLine], noon: datetime, fiona: User
) -> None:
    payout = stripe_lists.make_payout(now=noon)
    line = bring()
    payouts.match_due(now=noon)
    payout = payouts.record(stripe_lists.facts_of(id=payout.stripe_id, status="failed"), by="Stripe", now=noon)
    gone = stripe_lists.take_out(
        line.account, line.amount, imported_by=fiona, now=noon, day=line.booked_on + timedelta(days=1)
    )
    assert payouts.list_back_lines(payout) == [gone]
    for _ in range(2):
        payouts.give_back(payout_id=payout.pk, line_id=gone.pk, by=fiona, now=noon)
    payout.refresh_from_db()
    assert payout.back_line == gone
    assert stripe_lists.moved(chart.SUSPENSE, *keys_of(payout)) == Decimal("96.80")
    assert builders.balance_of(HOUSE_ID, line.account.ledger_code) == usd(0)
    assert payout not in clearing.list_unmatched_failures()
    check(payout, now=noon)


def test_a_payout_that_failed_before_it_was_found_is_never_posted(
    bring: Callable[..., BankLine], noon: datetime, fiona: User
) -> None:
    payout = stripe_lists.make_payout(now=noon, status="failed")
    line = bring()
    assert payouts.match_due(now=noon) == 0
    with pytest.raises(payouts.NotThisPayout):
        payouts.choose(payout_id=payout.pk, line_id=line.pk, by=fiona, now=noon)
    assert stripe_lists.moved(chart.STRIPE_CLEARING, *keys_of(payout)) == 0


def test_an_older_answer_never_takes_the_place_of_a_newer_one(db: None, noon: datetime) -> None:
    payout = stripe_lists.make_payout(now=noon, status="paid")
    before = stripe_lists.facts_of(id=payout.stripe_id, status="pending")
    payouts.record(before, by="Stripe", now=noon - timedelta(seconds=1))
    payout.refresh_from_db()
    assert payout.state == Payout.State.PAID


@pytest.mark.parametrize("suspense_as_it_was", [None])  # the line is given to somebody by hand, without its posting
def test_money_kept_for_a_customer_is_no_payout(
    bring: Callable[..., BankLine], noon: datetime, fiona: User, suspense_as_it_was: None
) -> None:
    payout, line = stripe_lists.make_payout(now=noon), bring()
    BankLine.objects.filter(pk=line.pk).update(held_by=builders.make_organisation(now=noon))
    with pytest.raises(payouts.NotThisPayout):
        payouts.choose(payout_id=payout.pk, line_id=line.pk, by=fiona, now=noon)


@pytest.mark.parametrize("change", [{"amount": usd(1)}, {"line": None, "matched_at": None, "matched_by": ""}])
def test_what_happened_to_a_payout_is_written_once(
    bring: Callable[..., BankLine], noon: datetime, change: dict[str, object]
) -> None:
    payout = stripe_lists.make_payout(now=noon)
    bring()
    payouts.match_due(now=noon)
    with pytest.raises(DatabaseError), transaction.atomic():
        Payout.objects.filter(pk=payout.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        Payout.objects.filter(pk=payout.pk).delete()


def test_a_bank_line_is_spent_on_no_payout_that_does_not_name_it(
    bring: Callable[..., BankLine], noon: datetime
) -> None:
    line = bring()
    with pytest.raises(DatabaseError), transaction.atomic():
        Allocation.objects.create(
            organisation_id=HOUSE_ID, line=line, kind=Allocation.Kind.PAYOUT, amount=Decimal("96.80"), by="x", at=noon
        )


def test_what_is_five_business_days_late_is_an_alarm(db: None, noon: datetime) -> None:
    payout = stripe_lists.make_payout(now=noon)  # expected on a Wednesday
    in_time, late = noon + timedelta(days=7), noon + timedelta(days=8)
    assert payout not in clearing.list_late_payouts(in_time)
    assert payout in clearing.list_late_payouts(late)
    waiting = stripe_lists.bring(stripe_lists.transaction(available_at=noon, fee="3.20"), now=noon)
    assert waiting not in clearing.list_late_transactions(in_time)
    assert waiting in clearing.list_late_transactions(late)
    odd = stripe_lists.bring(stripe_lists.transaction(type="odd", created_at=noon), now=noon)
    assert odd not in clearing.list_late_differences(in_time)
    assert odd in clearing.list_late_differences(late)


def test_of_a_payout_by_hand_nobody_says_which_transactions_it_holds(db: None, noon: datetime) -> None:
    waiting = stripe_lists.bring(stripe_lists.transaction(available_at=noon, fee="3.20"), now=noon)
    stripe_lists.make_payout(
        now=noon, is_automatic=False, reconciliation="not_applicable", created_at=noon + timedelta(days=1)
    )
    assert not Payout.objects.to_itemise().filter(is_automatic=False).exists()
    assert waiting not in clearing.list_late_transactions(noon + timedelta(days=30))


# --- through the stand-in -----------------------------------------------------------------------------------


def pay(acme: Organisation, stripe: StandIn, amount: int, *, now: datetime) -> Payment:
    payment = builders.open_checkout(acme, now=now, amount=usd(amount))
    stripe.pay(builders.session_of(payment))
    checkout.ask_about(payment_id=payment.pk, by="Stripe", now=now)
    return payment


def clearing_of(acme: Organisation) -> Decimal:
    found = Account.objects.get(organisation=acme, code=chart.STRIPE_CLEARING, currency="USD")
    return found.balance.amount


def tell(stripe: StandIn, payout_id: str, *, now: datetime) -> None:
    for event in deliveries.told_by(stripe, payout_id):
        assert deliveries.deliver(event).status_code == 200
    inbox.handle_due(now=now + timedelta(minutes=1))


def test_what_stripe_pays_out_is_itemised_and_clearing_returns_to_zero(
    acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    stripe.adjust(type_="stripe_fee", category="fee", amount=-1)  # so that whatever others left is in this payout too
    payment = pay(acme, stripe, 100, now=now)
    made = stripe.pay_out()
    stripe.move_payout(made["id"], outcome="paid")
    stripe.move_payout(made["id"], outcome="reconciled")
    tell(stripe, made["id"], now=now)
    payout = Payout.objects.get(stripe_id=made["id"])
    assert payout.state == Payout.State.PAID
    assert payout.itemised_at is not None
    assert clearing.find_missing(payout) == usd(0)
    charge = BalanceTransaction.objects.get(payment_intent_id=Payment.objects.get(pk=payment.pk).payment_intent_id)
    assert (charge.payout, charge.outcome) == (payout, BalanceTransaction.Outcome.POSTED)
    assert clearing_of(acme) == Decimal("96.80") == charge.net
    own = BalanceTransaction.objects.get(type="payout", source_id=made["id"])
    assert own.outcome == BalanceTransaction.Outcome.AGREED
    account = offline.make_account("USD")
    line = offline.bring_line(
        account, payout.amount, imported_by=people.make_staff("fiona", "finance"), now=now,
        value_on=payout.arrival_on, text=f"STRIPE {payout.trace}",
    )  # fmt: skip
    sweeps.settle_bank_lines(now=now)
    payout.refresh_from_db()
    assert payout.line == line
    posted = stripe_lists.moved(chart.STRIPE_CLEARING, f"payout:{payout.stripe_id}")
    assert posted == -sum(item.net for item in payout.transactions.besides_payouts())


def test_a_payout_that_fails_at_stripe_comes_back_in_its_list(
    acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    pay(acme, stripe, 100, now=now)
    made = stripe.pay_out()
    tell(stripe, made["id"], now=now)
    assert Payout.objects.get(stripe_id=made["id"]) in Payout.objects.on_their_way()
    stripe.move_payout(made["id"], outcome="failed")
    sweeps.read_balance(now=now + timedelta(minutes=2))
    payout = Payout.objects.get(stripe_id=made["id"])
    assert (payout.state, payout.line) == (Payout.State.FAILED, None)
    both = BalanceTransaction.objects.filter(source_id=made["id"])
    assert {one.outcome for one in both} == {BalanceTransaction.Outcome.AGREED}
    assert sum(one.net for one in both) == 0
    assert payout not in Payout.objects.on_their_way()
    again = stripe.pay_out()  # nothing may be left for the others
    assert again["amount"] == made["amount"]


def test_an_event_of_no_payout_of_ours_is_put_aside(clean: None, stripe: StandIn, now: datetime) -> None:
    assert payouts.follow("po_nobody", by="Stripe", now=now) == InboxEvent.Outcome.NOT_OURS


def test_ten_who_match_at_once_post_once(clean: None, now: datetime) -> None:
    noon = datetime.fromisoformat("2026-07-15T12:00:00+08:00")
    payout = stripe_lists.make_payout(now=noon)
    account, fiona = offline.make_account("USD"), people.make_staff("fiona", "finance")
    line = offline.bring_line(account, usd("96.80"), imported_by=fiona, now=noon, text="STRIPE")
    match = partial(payouts.match, payout_id=payout.pk, line_id=line.pk, by="InnoPaaS", now=noon)
    races.raise_failures(races.run_at_once([match] * 10))
    payout.refresh_from_db()
    assert Allocation.objects.filter(line=line).count() == 1
    assert stripe_lists.moved(chart.STRIPE_CLEARING, *keys_of(payout)) == Decimal("-96.80")
    check(payout, now=noon)
