"""Finance's pages of payouts, of Stripe's list, and of the house's own bank lines."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.conf import LazySettings

from innopaas.dashboard import list_counts
from payments import holding
from payments.models import BankAccount, BankLine, HouseMove
from tests import people
from tests.payments import offline, stripe_lists
from tests.payments.desk_people import Desk, said, text_of
from tests.payments.offline import cny, usd
from wallet.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _without_factors(settings: LazySettings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def fiona(db: None) -> Desk:
    return Desk(people.make_staff("fiona", "finance"))


@pytest.fixture
def frank(db: None) -> Desk:
    return Desk(people.make_staff("frank", "finance lead"))


@pytest.fixture
def olivia(db: None) -> Desk:
    return Desk(people.make_staff("olivia", "ops"))


@pytest.fixture
def account(db: None) -> BankAccount:
    return offline.make_account("USD")


@pytest.fixture
def bring(account: BankAccount, fiona: Desk, now: datetime) -> Callable[..., BankLine]:
    def do(amount: str = "96.80", text: str = "STRIPE") -> BankLine:
        line = offline.bring_line(account, usd(amount), imported_by=fiona.user, now=now, text=text)
        holding.hold_due(now=now)
        return BankLine.objects.get(pk=line.pk)

    return do


def counts(user: User, *, now: datetime) -> dict[str, Any]:
    return {str(count.title): count.figure for count in list_counts(user, now=now)}


def test_a_payout_that_is_not_beyond_doubt_is_found_by_a_person(
    fiona: Desk, bring: Callable[..., BankLine], now: datetime
) -> None:
    payout, line = stripe_lists.make_payout(now=now), bring()
    listed = fiona.read("payments_payout_changelist")
    assert payout.stripe_id in listed
    assert "What is at Stripe or on its way" in listed
    page = fiona.read("payments_payout_change", payout.pk)
    assert "On its way" in page
    assert "Find the payout at the bank" in page
    assert line.account.code in fiona.read("payments_payout_match", payout.pk)
    answer = fiona.post("payments_payout_match", payout.pk, line=str(line.pk))
    assert said(answer) == "Posted."
    payout.refresh_from_db()
    assert (payout.line, payout.matched_by) == (line, str(fiona.user))
    assert "At the bank" in fiona.read("payments_payout_change", payout.pk)


def test_a_payout_without_a_line_says_what_to_do(fiona: Desk, now: datetime) -> None:
    payout = stripe_lists.make_payout(now=now, amount=usd("1234.56"))
    assert "Import the statement first" in fiona.read("payments_payout_match", payout.pk)


def test_a_payout_shows_what_it_holds(fiona: Desk, now: datetime) -> None:
    payout = stripe_lists.make_payout(now=now, reconciliation="completed")
    item = stripe_lists.bring(stripe_lists.transaction(fee="3.20"), now=now)
    item.payout = payout
    item.save(update_fields=["payout"])
    payout.itemised_at = now
    payout.save(update_fields=["itemised_at"])
    page = fiona.read("payments_payout_change", payout.pk)
    assert "They are just its amount." in page
    assert item.stripe_id in page
    by_hand = stripe_lists.make_payout(now=now, is_automatic=False, reconciliation="not_applicable")
    assert "Stripe cannot say which transactions" in fiona.read("payments_payout_change", by_hand.pk)


def test_differences_are_listed_with_their_reason(fiona: Desk, now: datetime) -> None:
    odd = stripe_lists.bring(stripe_lists.transaction(type="odd"), now=now)
    fine = stripe_lists.bring(stripe_lists.transaction(fee="3.20"), now=now)
    page = fiona.read("payments_balancetransaction_changelist", attention="differences")
    assert odd.stripe_id in page
    assert "A type this site does not know: odd" in page
    assert fine.stripe_id not in page
    assert fine.stripe_id in fiona.read("payments_balancetransaction_changelist", q=fine.source_id)
    assert fine.posting_keys[0] in fiona.read("payments_balancetransaction_change", fine.pk)
    assert counts(fiona.user, now=now)["Differences with Stripe's list"] >= 1


def test_an_exchange_is_proposed_by_one_and_approved_by_another(
    fiona: Desk, frank: Desk, bring: Callable[..., BankLine], now: datetime
) -> None:
    offline.set_rate("7.2", at=now)
    gone = stripe_lists.take_out(offline.make_account("CNY"), cny(7200), imported_by=fiona.user, now=now)
    came = bring("993.10", "FX")
    assert "An exchange of currencies" in fiona.read("payments_bankline_change", gone.pk)
    page = fiona.client.get(f"/admin/payments/housemove/{gone.pk}/exchange/")
    assert "1 USD = 7.250025 CNY" in text_of(page)
    form = {"came": str(came.pk), "reason": "July", "seen": page.context["seen"]}
    assert said(fiona.post("payments_housemove_exchange", gone.pk, **form)).startswith("Proposed.")
    move = HouseMove.objects.get(line=gone)
    assert "You proposed it yourself" in fiona.read("payments_housemove_approve", move.pk)
    assert "somebody else" in said(fiona.post("payments_housemove_approve", move.pk))
    assert "What the money that left had cost" in frank.read("payments_housemove_approve", move.pk)
    assert said(frank.post("payments_housemove_approve", move.pk)) == "Posted."
    move.refresh_from_db()
    assert move.approved_by == frank.user
    assert "withdrawn before" in said(frank.post("payments_housemove_approve", move.pk))


def test_money_out_that_nobody_explained_is_named_until_two_people_have(
    fiona: Desk, frank: Desk, now: datetime
) -> None:
    line = stripe_lists.take_out(offline.make_account("USD"), usd(500), imported_by=fiona.user, now=now)
    before = counts(fiona.user, now=now)["Money out, unexplained"]
    assert line.bank_reference in fiona.read("payments_bankline_changelist", rest="out")
    page = fiona.client.get(f"/admin/payments/housemove/{line.pk}/charge/")
    form = {"reason": "Custody", "seen": page.context["seen"]}
    fiona.post("payments_housemove_charge", line.pk, **form)
    move = HouseMove.objects.get(line=line)
    assert move.reason in frank.read("payments_housemove_change", move.pk)
    frank.post("payments_housemove_approve", move.pk)
    assert counts(fiona.user, now=now)["Money out, unexplained"] == before - 1


def test_a_proposal_needs_its_reason_and_what_was_seen(fiona: Desk, now: datetime) -> None:
    line = stripe_lists.take_out(offline.make_account("USD"), usd(500), imported_by=fiona.user, now=now)
    blank = text_of(fiona.post("payments_housemove_charge", line.pk, reason=" \u200e", seen="500.000000:0:0"))
    assert "This field is required" in blank
    stale = text_of(fiona.post("payments_housemove_charge", line.pk, reason="A fee", seen="1:0:0"))
    assert "Something was done with it since" in stale
    assert not HouseMove.objects.filter(line=line).exists()


def test_a_withdrawn_proposal_posts_nothing(fiona: Desk, frank: Desk, now: datetime) -> None:
    line = stripe_lists.take_out(offline.make_account("USD"), usd(500), imported_by=fiona.user, now=now)
    fiona.post("payments_housemove_charge", line.pk, reason="A fee", seen="500.000000:0:0")
    move = HouseMove.objects.get(line=line)
    assert said(frank.post("payments_housemove_withdraw", move.pk)).startswith("Withdrawn")
    assert "withdrawn before" in said(frank.post("payments_housemove_approve", move.pk))
    line.refresh_from_db()
    assert line.rest == usd(500)


def test_ops_look_and_do_nothing(olivia: Desk, bring: Callable[..., BankLine], now: datetime) -> None:
    payout, line = stripe_lists.make_payout(now=now), bring()
    assert "Find the payout at the bank" not in olivia.read("payments_payout_change", payout.pk)
    assert olivia.post("payments_payout_match", payout.pk, line=str(line.pk)).status_code == 403
    assert olivia.post("payments_housemove_charge", line.pk, reason="A fee").status_code == 403
    payout.refresh_from_db()
    assert payout.line is None
