"""Finance's pages of refunds: started, decided, prepared, paid and come back, each by its own person."""

from datetime import datetime
from typing import Any

import pytest
from django.urls import reverse
from pytest_django import Settings

from billing.models import Refund, State
from innopaas.dashboard import list_counts
from payments.models import BankRefund
from payments.models.bank_refunds import BankRefundQuerySet
from tests import builders, people
from tests.payments.desk_people import Desk, said, text_of
from tests.payments.offline import usd
from tests.payments.refunding import PAYER, Bank
from wallet.models import Member, Role

pytestmark = pytest.mark.django_db

FACTS = {"payee_name": PAYER.name, "payee_account": PAYER.account, "payee_bank": PAYER.bank}


@pytest.fixture(autouse=True)
def _without_factors(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def bank(db: None, now: datetime) -> Bank:
    return Bank(now)


@pytest.fixture
def fiona(bank: Bank) -> Desk:
    return Desk(bank.fiona)


@pytest.fixture
def frank(bank: Bank) -> Desk:
    return Desk(bank.frank)


def start(desk: Desk, order: Any, **form: Any) -> Any:
    page = desk.client.get(reverse("admin:billing_refund_start", args=[order.pk]))
    given = {"amount": "40", "reason": "Paid twice", "form_token": page.context["form_token"]} | form
    return desk.post("billing_refund_start", order.pk, **given)


def prepare(desk: Desk, refund: Refund, **form: Any) -> Any:
    page = desk.client.get(reverse("admin:billing_refund_prepare", args=[refund.pk]))
    given = {"account": str(page.context["form"]["account"].value()), "seen": page.context["seen"]} | FACTS
    return desk.post("billing_refund_prepare", refund.pk, **given | form)


def approve(desk: Desk, refund: Refund) -> Any:
    page = desk.client.get(reverse("admin:billing_refund_approve", args=[refund.pk]))
    return desk.post("billing_refund_approve", refund.pk, seen=page.context["seen"])


def count(bank: Bank) -> list[int]:
    counts = {
        str(one.title): int(one.figure) for one in list_counts(bank.fiona, now=bank.now) if "efund" in one.address
    }
    return [counts["Refunds waiting"], counts["To be paid at the bank"], counts["Refunds failed"]]


def test_starting_begins_on_the_orders_page(bank: Bank, fiona: Desk) -> None:
    order = bank.paid_order(usd(1000))
    assert reverse("admin:billing_refund_start", args=[order.pk]) in fiona.read("billing_order_change", order.pk)
    waiting = builders.begin_top_up(bank.acme, now=bank.now).order
    assert "/start/" not in fiona.read("billing_order_change", waiting.pk)


def test_finance_starts_a_part_and_another_decides(bank: Bank, fiona: Desk, frank: Desk) -> None:
    order = bank.paid_order(usd(1000))
    assert said(start(fiona, order)) == "Started. Somebody else has to approve it before anything is paid back."
    refund = Refund.objects.get(order=order)
    assert (refund.origin, refund.amount, refund.asked_by) == (Refund.Origin.FINANCE, usd(40), bank.fiona)
    own = fiona.read("billing_refund_approve", refund.pk)
    assert "You started it yourself: somebody else has to approve it." in own
    assert "Held aside from Wallet: USD $40.00" in frank.read("billing_refund_change", refund.pk)
    assert said(frank.post("billing_refund_decline", refund.pk, reason="Not paid twice")) == (
        "Declined; the amount is usable again."
    )
    refund.refresh_from_db()
    assert (refund.state, refund.failure) == (Refund.State.DECLINED, "Not paid twice")
    assert "Not paid twice" in frank.read("billing_refund_change", refund.pk)
    assert bank.holds("wallet") == 1000


def test_the_same_form_sent_twice_starts_one(bank: Bank, fiona: Desk) -> None:
    order = bank.paid_order(usd(1000))
    token = fiona.client.get(reverse("admin:billing_refund_start", args=[order.pk])).context["form_token"]
    for _ in range(2):
        start(fiona, order, form_token=token)
    assert Refund.objects.filter(order=order).count() == 1
    assert "was sent before with other content" in text_of(start(fiona, order, form_token=token, amount="41"))


@pytest.mark.parametrize("amount", ["0", "-1", "1e2", "1,000", "40.001", "１０", "NaN", ""])
def test_only_exact_amounts_start_one(bank: Bank, fiona: Desk, amount: str) -> None:
    order = bank.paid_order(usd(1000))
    assert start(fiona, order, amount=amount).status_code == 200
    assert not Refund.objects.filter(order=order).exists()


def test_more_than_is_there_is_refused_with_the_reason(bank: Bank, fiona: Desk) -> None:
    order = bank.paid_order(usd(1000))
    page = text_of(start(fiona, order, amount="1001"))
    assert "At most USD $1,000.00 can be refunded." in page
    assert not Refund.objects.filter(order=order).exists()


def test_prepared_by_one_approved_by_another_and_listed_for_the_bank(bank: Bank, fiona: Desk, frank: Desk) -> None:
    refund = bank.ask(bank.paid_order(usd(1000)), usd(400))
    assert "Nobody has prepared its payment at the bank yet." in frank.read("billing_refund_approve", refund.pk)
    page = fiona.read("billing_refund_prepare", refund.pk)
    assert f'value="{PAYER.name}"' in page
    assert f'value="{PAYER.account}"' in page
    assert said(prepare(fiona, refund)) == "Prepared. Somebody else has to approve it."
    own = fiona.read("billing_refund_approve", refund.pk)
    assert "You prepared this payment: somebody else has to approve it." in own
    answer = approve(fiona, refund)
    assert "You prepared this payment" in said(answer)
    way = reverse("admin:billing_refund_approve", args=[refund.pk])
    own = fiona.read("billing_refund_change", refund.pk)
    assert "You prepared this payment: somebody else has to approve it." in own
    assert way not in own
    assert way in frank.read("billing_refund_change", refund.pk)
    page = frank.read("billing_refund_approve", refund.pk)
    for fact in (PAYER.name, PAYER.account, PAYER.bank, "USD $400.00", refund.number, "Alice says: We moved"):
        assert fact in page
    assert said(approve(frank, refund)) == "Approved; it is to be paid at the bank now."
    listed = fiona.read("billing_refund_to_pay")
    for fact in (refund.number, PAYER.account, bank.account.number, "USD $400.00"):
        assert fact in listed


def test_what_was_prepared_anew_is_not_approved_unseen(bank: Bank, fiona: Desk, frank: Desk) -> None:
    refund = bank.ask(bank.paid_order(usd(1000)))
    prepare(fiona, refund)
    seen = frank.client.get(reverse("admin:billing_refund_approve", args=[refund.pk])).context["seen"]
    answer = prepare(fiona, refund, payee_account="999", reason="Their account was closed")
    assert "It goes to another account than the money came from." in said(answer)
    answer = frank.post("billing_refund_approve", refund.pk, seen=seen)
    assert "prepared anew; nothing was done" in said(answer)
    assert Refund.objects.get(pk=refund.pk).state == Refund.State.ASKED
    page = frank.read("billing_refund_approve", refund.pk)
    assert "This is not the account the money came from. Look twice." in page
    assert "Their account was closed" in page


def test_another_payee_without_a_reason_stays_on_the_page(bank: Bank, fiona: Desk) -> None:
    refund = bank.ask(bank.paid_order(usd(1000)))
    assert "Say why it goes there." in text_of(prepare(fiona, refund, payee_account="999"))
    assert not BankRefund.objects.filter(refund=refund).exists()


def test_recorded_by_hand_then_confirmed_by_its_line(bank: Bank, fiona: Desk) -> None:
    paid = bank.approved(bank.paid_order(usd(1000)), usd(400))
    day = f"{bank.now:%Y-%m-%d}"
    future = fiona.post("billing_refund_paid", paid.refund_id, paid_on="2999-01-01", bank_reference="4711")
    assert "This day has not come yet." in text_of(future)
    answer = fiona.post("billing_refund_paid", paid.refund_id, paid_on=day, bank_reference="4711")
    assert said(answer) == "Recorded as paid; the statement confirms it."
    assert "Recorded by hand, not yet on a statement" in fiona.read("billing_refund_to_pay")
    line = bank.outgoing(usd(400), text=paid.refund.number)
    assert "It quotes the refund's number" in fiona.read("billing_refund_to_pay")
    assert f"It paid refund {paid.refund}" in fiona.read("payments_bankline_change", line.pk)
    answer = fiona.post("billing_refund_line", paid.refund_id, line=str(line.pk))
    assert said(answer) == "The bank line is this payment; the refund is paid."
    assert paid.refund.number not in fiona.read("billing_refund_to_pay")
    assert bank.at_bank() == 600
    page = fiona.read("billing_refund_change", paid.refund_id)
    assert "Paid back: USD $400.00" in page
    assert f"refund:{paid.refund.number}:out" in page


def test_recorded_with_the_number_of_a_line_it_takes_that_line(bank: Bank, fiona: Desk) -> None:
    paid = bank.approved(bank.paid_order(usd(1000)), usd(400))
    line = bank.outgoing(usd(400), bank_reference="FT-77")
    day = f"{bank.now:%Y-%m-%d}"
    answer = fiona.post("billing_refund_paid", paid.refund_id, paid_on=day, bank_reference="ft-77")
    assert said(answer) == "Recorded as paid, with its bank line."
    assert BankRefund.objects.get(pk=paid.pk).line == line


def test_never_paid_or_come_back_it_is_in_the_balance(bank: Bank, fiona: Desk) -> None:
    order = bank.paid_order(usd(1000))
    never, back = bank.approved(order, usd(100)), bank.approved(order, usd(200))
    answer = fiona.post("billing_refund_refuse", never.refund_id, failure="Account unknown")
    assert said(answer) == "Recorded: it was never paid. The amount is usable again."
    bank.record(back)
    assert "Import the statement that shows it first." in fiona.read("billing_refund_returned", back.refund_id)
    line = bank.incoming(usd(190), text=f"RETURN {back.refund.number}")
    page = fiona.read("billing_refund_returned", back.refund_id)
    assert "USD $10.00 less than was paid: our bank charge" in page
    answer = fiona.post("billing_refund_returned", back.refund_id, line=str(line.pk), failure="Closed")
    assert said(answer) == "Recorded: it came back. The amount is in the balance again."
    assert (bank.holds("wallet"), bank.holds("bank_charges")) == (1000, 10)
    order.refresh_from_db()
    assert order.state == State.PAID


def test_a_card_refund_is_approved_without_a_bank(bank: Bank, frank: Desk) -> None:
    order = builders.fill_wallet(bank.acme, usd(100), now=bank.now)
    refund = bank.ask(order, usd(40))
    page = frank.read("billing_refund_approve", refund.pk)
    assert "It goes to the card through Stripe." in page
    assert "Prepare the payment" not in frank.read("billing_refund_change", refund.pk)
    assert said(approve(frank, refund)) == "Approved; it goes to the card through Stripe."
    assert Refund.objects.get(pk=refund.pk).state == Refund.State.APPROVED


def test_nobody_acts_on_his_own_organisation_and_ops_only_look(bank: Bank) -> None:
    refund = bank.ask(bank.paid_order(usd(1000)))
    own = people.make_staff("olga", "finance")
    Member.objects.create(organisation=bank.acme, user=own, role=Role.VIEWER, joined_at=bank.now)
    desk = Desk(own)
    assert "You belong to this organisation." in text_of(prepare(desk, refund))
    assert "You belong to this organisation." in desk.read("billing_refund_start", refund.order_id)
    bank.prepare(refund)
    assert "You belong to this organisation." in desk.read("billing_refund_approve", refund.pk)
    olivia = Desk(people.make_staff("olivia", "ops"))
    page = olivia.read("billing_refund_change", refund.pk)
    for act in ("approve", "decline", "prepare", "start", "paid", "refuse", "returned", "line"):
        pk = refund.order_id if act == "start" else refund.pk
        assert olivia.post(f"billing_refund_{act}", pk, reason="x").status_code == 403
        assert reverse(f"admin:billing_refund_{act}", args=[pk]) not in page
    assert "To be paid at the bank" in olivia.read("billing_refund_to_pay")


def test_found_by_number_order_organisation_and_payee(bank: Bank, fiona: Desk) -> None:
    order = bank.paid_order(usd(1000))
    refund = bank.ask(order, usd(10))
    bank.prepare(refund)
    other = Bank(bank.now)
    hidden = other.ask(other.paid_order(usd(500)))
    for text in (refund.number.lower(), order.number, PAYER.name):
        page = fiona.read("billing_refund_changelist", q=text)
        assert refund.number in page
    for text in (refund.number, order.number):
        assert hidden.number not in fiona.read("billing_refund_changelist", q=text)


def test_each_waits_where_it_is_looked_for(bank: Bank, fiona: Desk) -> None:
    before = count(bank)
    order = bank.paid_order(usd(1000))
    fresh, prepared = bank.ask(order, usd(10)), bank.ask(order, usd(20))
    bank.prepare(prepared)
    to_pay, by_hand = bank.approved(order, usd(30)), bank.record(bank.approved(order, usd(40)))
    failed = bank.approved(order, usd(50))
    fiona.post("billing_refund_refuse", failed.refund_id, failure="Unknown")
    places = {
        "decision": {fresh, prepared},
        "preparing": {fresh},
        "approval": {prepared},
        "bank": {to_pay.refund},
        "statement": {by_hand.refund},
        "failed": {failed.refund},
    }
    for need, wanted in places.items():
        listed = fiona.client.get(reverse("admin:billing_refund_changelist"), {"needs": need}).context["cl"].queryset
        assert set(listed.filter(organisation=bank.acme)) == wanted, need
    assert [after - was for after, was in zip(count(bank), before, strict=True)] == [2, 1, 1]


def test_when_nothing_waits_the_page_says_so(bank: Bank, fiona: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BankRefundQuerySet, "current", BankRefundQuerySet.none)
    page = fiona.read("billing_refund_to_pay")
    assert "Nothing is to be paid at the bank." in page
    assert "Every payment recorded by hand is on a statement." in page
