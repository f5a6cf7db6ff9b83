"""Finance's pages of corrections: proposed from the order's page, approved by somebody else."""

from datetime import datetime

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import translation
from pytest_django import Settings

from billing import corrections
from billing.models import Correction, Order, State
from innopaas.dashboard import list_counts
from tests import builders, people
from tests.billing.correcting import Desk as Case
from tests.payments.desk_people import Desk, said
from wallet import chart
from wallet.models import Member, Role

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _without_factors(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def case(db: None, now: datetime) -> Case:
    return Case(now)


@pytest.fixture
def fiona(case: Case) -> Desk:
    return Desk(case.fiona)


@pytest.fixture
def frank(case: Case) -> Desk:
    return Desk(case.frank)


def propose(desk: Desk, order: Order, *, target: str, reason: str = "Meant for SMS") -> Correction:
    desk.post("billing_correction_propose", order.pk, target=target, reason=reason)
    return Correction.objects.get(order=order)


def test_correcting_begins_on_the_orders_page(case: Case, fiona: Desk) -> None:
    order = case.by_card()
    assert reverse("admin:billing_correction_propose", args=[order.pk]) in fiona.read("billing_order_change", order.pk)
    waiting = builders.begin_top_up(case.acme, now=case.now).order
    assert "Correct the balance" not in fiona.read("billing_order_change", waiting.pk)


def test_the_page_shows_what_every_balance_would_hold(case: Case, fiona: Desk) -> None:
    case.by_card("5", case.right)
    page = fiona.read("billing_correction_propose", case.by_card("100").pk)
    assert "SMS: $5.00 → $105.00" in page
    assert "Wallet: $0.00 → $100.00" in page
    assert "$100.00" in page
    assert "Nothing moves before a second person approves it." in page


def test_proposed_by_one_and_approved_by_another(case: Case, fiona: Desk, frank: Desk) -> None:
    order = case.by_card()
    proposed = propose(fiona, order, target=case.right.code)
    assert (proposed.made_by, proposed.is_waiting) == (fiona.user, True)
    page = frank.read("billing_correction_change", proposed.pk)
    assert reverse("admin:billing_correction_approve", args=[proposed.pk]) in page
    assert "Refuse" in page
    assert "Proposed by" in page
    own = fiona.read("billing_correction_change", proposed.pk)
    assert "Withdraw" in own
    assert "Refuse" not in own
    page = frank.read("billing_correction_approve", proposed.pk)
    assert "Fiona says: Meant for SMS" in page
    assert "$100.00" in page
    answer = frank.post("billing_correction_approve", proposed.pk)
    proposed.refresh_from_db()
    assert proposed.credited_order is not None
    assert said(answer) == f"Corrected: credited as order {proposed.credited_order}."
    assert case.holds(case.right.code) == 100
    for told in (order, proposed.credited_order):
        assert proposed.credited_order.number in frank.read("billing_order_change", told.pk)
    logged = LogEntry.objects.filter(object_id=str(proposed.pk)).order_by("pk")
    assert [entry.user for entry in logged] == [fiona.user, frank.user]


def test_own_proposal_has_no_button_and_no_way_round_it(case: Case, fiona: Desk) -> None:
    proposed = propose(fiona, case.by_card(), target=case.right.code)
    page = fiona.read("billing_correction_change", proposed.pk)
    assert reverse("admin:billing_correction_approve", args=[proposed.pk]) not in page
    assert "You proposed it yourself" in fiona.read("billing_correction_approve", proposed.pk)
    assert "yourself" in said(fiona.post("billing_correction_approve", proposed.pk))
    assert case.holds(case.right.code) == 0


def test_withdrawn_is_over(case: Case, fiona: Desk, frank: Desk) -> None:
    order = case.by_card()
    proposed = propose(fiona, order, target=case.right.code)
    page = frank.read("billing_correction_withdraw", proposed.pk)
    assert "another may be proposed" in page
    assert "USD $100.00 → WhatsApp" in page
    assert said(frank.post("billing_correction_withdraw", proposed.pk)) == "Withdrawn; nobody approves it any more."
    assert "before" in said(frank.post("billing_correction_withdraw", proposed.pk))
    assert "before" in said(frank.post("billing_correction_approve", proposed.pk))
    assert "approved or withdrawn before" in frank.read("billing_correction_approve", proposed.pk)
    order.refresh_from_db()
    assert order.state == State.PAID


def test_spent_money_is_said_before_anybody_types(case: Case, fiona: Desk, frank: Desk) -> None:
    order = case.by_card()
    proposed = propose(fiona, order, target=case.right.code)
    case.spend("40")
    there = reverse("admin:billing_correction_approve", args=[proposed.pk])
    assert there in frank.read("billing_correction_change", proposed.pk)  # where the reason stands
    page = frank.read("billing_correction_approve", proposed.pk)
    assert "WhatsApp holds only $60.00 of the $100.00" in page
    assert "holds only" in said(frank.post("billing_correction_approve", proposed.pk))
    case.withdraw(proposed)
    page = fiona.read("billing_correction_propose", order.pk)
    assert "WhatsApp holds only $60.00 of the $100.00" in page
    assert "<textarea" not in page


def test_a_second_proposal_leads_to_the_first(case: Case, fiona: Desk, frank: Desk) -> None:
    order = case.by_card()
    proposed = propose(fiona, order, target=case.right.code)
    answer = frank.client.get(reverse("admin:billing_correction_propose", args=[order.pk]))
    assert answer["Location"] == reverse("admin:billing_correction_change", args=[proposed.pk])


def test_what_is_refused_stands_in_the_form(case: Case, fiona: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    order = case.by_card()
    for form in ({"target": case.right.code}, {"reason": "why"}, {"target": "fx", "reason": "why"}):
        assert fiona.post("billing_correction_propose", order.pk, **form).status_code == 200
    assert (
        fiona.post("billing_correction_propose", order.pk, target=case.right.code, reason="\u202e").status_code == 200
    )
    Member.objects.create(organisation=case.acme, user=fiona.user, role=Role.VIEWER, joined_at=case.now)
    answer = fiona.post("billing_correction_propose", order.pk, target=case.right.code, reason="why")
    assert "You belong to this organisation." in answer.content.decode()
    Member.objects.filter(user=fiona.user).delete()
    case.propose(order, by=case.frank)
    look, first = corrections.find_waiting, iter([None])
    monkeypatch.setattr(corrections, "find_waiting", lambda order: next(first, look(order)))  # in the very same moment
    answer = fiona.post("billing_correction_propose", order.pk, target=chart.WALLET, reason="why")
    assert "Somebody else has just proposed a correction" in answer.content.decode()
    assert Correction.objects.count() == 1


def test_the_list_shows_what_waits_and_all_that_was(case: Case, fiona: Desk) -> None:
    waiting, done, withdrawn = (case.propose(case.by_card()) for _ in range(3))
    case.approve(done)
    case.withdraw(withdrawn)
    of = {"waiting": waiting.order.number, "done": done.order.number, "withdrawn": withdrawn.order.number}
    for state, shown in ({} | {"": {"waiting"}, "done": {"done"}, "withdrawn": {"withdrawn"}, "all": set(of)}).items():
        page = fiona.read("billing_correction_changelist", **({"state": state} if state else {}))
        assert {name for name, number in of.items() if number in page} == shown


def test_the_first_page_counts_what_waits(case: Case) -> None:
    case.propose(case.by_card())
    counts = {str(count.title): count for count in list_counts(case.fiona, now=case.now)}
    assert counts["Corrections waiting"].figure == 1
    assert counts["Corrections waiting"].address == reverse("admin:billing_correction_changelist")


def test_ops_read_and_do_nothing(case: Case) -> None:
    olivia, order = Desk(people.make_staff("olivia", "ops")), case.by_card()
    proposed = case.propose(order)
    page = olivia.read("billing_correction_change", proposed.pk)
    assert "Meant for SMS" in page
    assert reverse("admin:billing_correction_withdraw", args=[proposed.pk]) not in page
    assert olivia.post("billing_correction_propose", order.pk, target=chart.WALLET, reason="x").status_code == 403
    for act in ("approve", "withdraw"):
        assert olivia.post(f"billing_correction_{act}", proposed.pk).status_code == 403
    assert "Correct the balance" not in olivia.read("billing_order_change", order.pk)


def test_pages_speak_chinese(case: Case, frank: Desk) -> None:
    proposed = case.propose(case.by_card())
    with translation.override("zh-hans"):
        for page in ("billing_correction_change", "billing_correction_approve", "billing_correction_withdraw"):
            assert frank.read(page, proposed.pk)
