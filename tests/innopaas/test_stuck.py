"""What is stuck: everything that does not go on by itself, each with the one act that helps; a page and a command."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import LazySettings
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from billing import flags, mails, refunds
from billing.models import CallbackEndpoint, Dispute, Flag, Notice, NoticeMail, Order, OrderMail, Refund, State
from billing.top_ups import PAYABLE_FOR
from innopaas import stuck
from innopaas.stuck import Kind, Stuck
from innopaas.stuck.money import GRACE
from payments import checkout, stripe_api, sweeps
from payments.models import Heartbeat, InboxEvent, Payment, Transfer
from payments.standin.client import StandIn
from tests import builders, people
from tests.innopaas.acme import Acme
from tests.payments import offline
from wallet import chart
from wallet.models import AuditResult, AuditRun, Organisation, Posting

pytestmark = pytest.mark.django_db(databases=["default"])
PAGE = "/admin/stuck/"
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def now() -> datetime:
    """The real moment: Stripe's sessions end by the real clock."""
    return datetime.now(UTC)


@pytest.fixture
def company(now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def enter(client: Client, settings: LazySettings) -> Callable[[str], Client]:
    settings.STAFF_MFA_REQUIRED = False

    def log_in(group: str) -> Client:
        client.force_login(people.make_staff(group.split(maxsplit=1)[0], group))
        return client

    return log_in


@pytest.fixture
def quiet(now: datetime) -> None:
    """Everything has just run, and nothing was left by another test."""
    InboxEvent.objects.unhandled().update(handled_at=now, outcome=InboxEvent.Outcome.IGNORED)
    InboxEvent.objects.filter(outcome=InboxEvent.Outcome.ASIDE).update(outcome=InboxEvent.Outcome.IGNORED)
    OrderMail.objects.filter(sent_at=None).update(sent_at=now)
    NoticeMail.objects.filter(sent_at=None).update(sent_at=now)
    CallbackEndpoint.objects.update(given_up_at=None)
    Flag.objects.filter(resolved_at=None).update(since=now)
    Order.objects.update(deadline_at=now)
    Transfer.objects.update(expected_by=now)
    for sweep in sweeps.SWEEPS:
        Heartbeat.objects.update_or_create(name=sweep.name, defaults={"beat_at": now})
    AuditRun.objects.create(result=AuditResult.CLEAN, started_at=now, finished_at=now)


def find(kind: Kind, *, now: datetime) -> list[Stuck]:
    return [one for group in stuck.find(now=now) if group.kind == kind for one in group.rows]


def about(subject: str, kind: Kind, *, now: datetime) -> list[Stuck]:
    return [one for one in find(kind, now=now) if subject in one.subject]


def bring(event_id: str, *, now: datetime, **fields: Any) -> InboxEvent:
    return InboxEvent.objects.create(
        **{"event_id": event_id, "type": "x", "object_id": "cs_none", "raw": b"{}", "received_at": now, "due_at": now}
        | fields
    )


def test_order_past_its_deadline_is_stuck_once_the_sweeps_should_have_ended_it(
    company: Organisation, now: datetime
) -> None:
    payment = builders.begin_top_up(company, now=now)
    number, late = payment.order.number, now + PAYABLE_FOR + GRACE
    assert not about(number, Kind.ORDER, now=late)

    (one,) = about(number, Kind.ORDER, now=late + MINUTE)

    assert one.since == payment.order.deadline_at
    assert one.act.address == reverse("admin:payments_payment_ask", args=[payment.pk])
    assert one.act.is_sent


def test_doubted_order_past_its_deadline_is_ended_by_a_person(company: Organisation, now: datetime) -> None:
    order = builders.begin_top_up(company, now=now).order
    flags.raise_flag(order=order, reason=Flag.Reason.NO_SUCH_SESSION, now=now)

    (one,) = about(order.number, Kind.ORDER, now=now + PAYABLE_FOR + DAY)

    assert one.act.address == reverse("admin:billing_order_end", args=[order.pk])
    assert not one.act.is_sent


def test_a_paid_order_is_never_stuck(company: Organisation, now: datetime) -> None:
    order = builders.fill_wallet(company, builders.usd(50), now=now)
    shown = [one.subject for group in stuck.find(now=now + DAY) for one in group.rows if group.kind is not Kind.MAIL]
    assert not [subject for subject in shown if order.number in subject]


@pytest.mark.parametrize(
    ("state", "said", "is_stuck"),
    [
        (Payment.State.MISMATCHED, "complete / paid", True),
        (Payment.State.OPEN, "complete / paid", True),
        (Payment.State.OPEN, "open / unpaid", False),
    ],
)
def test_money_at_stripe_that_is_not_here_is_stuck_until_its_flag_is_resolved(
    *, company: Organisation, now: datetime, state: str, said: str, is_stuck: bool
) -> None:
    payment = builders.begin_top_up(company, now=now)
    Payment.objects.filter(pk=payment.pk).update(state=state, stripe_status=said)
    flags.raise_flag(order=payment.order, reason=Flag.Reason.WRONG_AMOUNT, now=now)
    number = payment.order.number

    assert bool(about(number, Kind.PAID_ELSEWHERE, now=now)) is is_stuck

    payment.order.flags.update(resolved_at=now, resolved_by=builders.owner_of(company))
    assert bool(about(number, Kind.PAID_ELSEWHERE, now=now)) is (state == Payment.State.OPEN and is_stuck)


def test_event_is_stuck_when_nobody_handled_it_in_time_or_its_version_is_not_ours(quiet: None, now: datetime) -> None:
    late = bring("evt_late", now=now - 6 * MINUTE, error="ValueError: odd")
    bring("evt_fresh", now=now - 4 * MINUTE)
    bring("evt_done", now=now - DAY, handled_at=now, outcome=InboxEvent.Outcome.DONE)
    bring("evt_aside", now=now - DAY, api_version="2019-01-01", handled_at=now, outcome=InboxEvent.Outcome.ASIDE)

    aside, unhandled = find(Kind.EVENT, now=now)

    assert "evt_aside" in aside.subject
    assert "2019-01-01" in str(aside.why)
    assert stripe_api.API_VERSION in str(aside.why)
    assert (unhandled.since, unhandled.why) == (late.received_at, "ValueError: odd")
    assert unhandled.act.address == reverse("admin:payments_inboxevent_replay", args=[late.pk])


def test_mail_that_failed_is_sent_again_at_once(
    quiet: None, enter: Callable[[str], Client], company: Organisation, now: datetime
) -> None:
    event = builders.fill_wallet(company, builders.usd(50), now=now).events.get(state=State.PAID)
    kept = OrderMail.objects.create(
        event=event, reader=event.order.created_by, claimed_at=now - DAY, attempts=99, error="451 try later"
    )
    (one,) = find(Kind.MAIL, now=now)
    assert "451 try later" in str(one.why)
    assert mails.send_due(now=now) == 0  # it was given up

    answer = enter("ops").post(one.act.address, follow=True)

    assert "It is sent again within seconds." in answer.content.decode()
    assert mails.send_due(now=datetime.now(UTC)) == 1
    assert mail.outbox[-1].extra_headers["X-Order"] == event.order.number
    assert not find(Kind.MAIL, now=now)
    assert "nothing was done" in enter("ops").post(one.act.address, follow=True).content.decode()
    assert "Sent again" in enter("ops").get(f"/admin/billing/ordermail/{kept.pk}/history/").content.decode()


def test_mail_that_is_being_sent_is_not_sent_twice(
    quiet: None, enter: Callable[[str], Client], company: Organisation, now: datetime
) -> None:
    event = builders.fill_wallet(company, builders.usd(50), now=now).events.get(state=State.PAID)
    kept = OrderMail.objects.create(event=event, to="", subject="", claimed_at=now, attempts=3, error="refused before")

    enter("ops").post(reverse("admin:billing_ordermail_again", args=[kept.pk]))

    kept.refresh_from_db()
    assert (kept.claimed_at, kept.attempts) == (now, 3)


def test_mail_of_a_notice_that_failed_is_stuck_too(quiet: None, company: Organisation, now: datetime) -> None:
    notice = Notice.objects.create(
        organisation=company, kind=Notice.Kind.LOW_BALANCE, target=chart.WALLET, roles=["OWNER"], at=now
    )
    kept = NoticeMail.objects.create(notice=notice, claimed_at=now, attempts=1, error="refused")

    (one,) = about(company.name, Kind.MAIL, now=now)

    assert one.act.address == reverse("admin:billing_noticemail_again", args=[kept.pk])


def test_transfer_is_stuck_when_its_promised_review_is_overdue(company: Organisation, now: datetime) -> None:
    transfer = offline.declared(company, offline.usd(700), account=offline.make_account(), now=now)
    assert transfer.expected_by
    assert not about(transfer.order.number, Kind.TRANSFER, now=transfer.expected_by)

    (one,) = about(transfer.order.number, Kind.TRANSFER, now=transfer.expected_by + MINUTE)

    assert one.act.address == reverse("admin:payments_transfer_desk", args=[transfer.pk])


def test_flag_is_stuck_after_a_day(company: Organisation, now: datetime) -> None:
    order = builders.begin_top_up(company, now=now).order
    flags.raise_flag(order=order, reason=Flag.Reason.LATE_MONEY, now=now)

    assert not about(order.number, Kind.FLAG, now=now + DAY)
    assert len(about(order.number, Kind.FLAG, now=now + DAY + MINUTE)) == 1


def test_silent_sweep_is_named_and_all_of_them_are_one_line(quiet: None, now: datetime) -> None:
    assert not find(Kind.WORKER, now=now)
    Heartbeat.objects.filter(name="mails").update(beat_at=now - 2 * MINUTE)

    (one,) = find(Kind.WORKER, now=now)
    assert (one.subject, one.since) == ("mails", now - 2 * MINUTE)

    (every,) = find(Kind.WORKER, now=now + DAY)
    assert (every.subject, every.since) == ("All recurring work", now)
    Heartbeat.objects.all().delete()
    assert [silent.since for silent in find(Kind.WORKER, now=now)] == [None]


def test_audit_is_stuck_when_it_found_differences_and_when_it_did_not_run(quiet: None, now: datetime) -> None:
    assert not find(Kind.AUDIT, now=now)
    assert [one.act.address for one in find(Kind.AUDIT, now=now + 27 * 60 * MINUTE)] == [reverse("run_audit")]
    later, problem = now + MINUTE, "Account wallet has 1, its entries 2."
    run = AuditRun.objects.create(result=AuditResult.DIFFERENT, problems=[problem], started_at=later, finished_at=later)

    (one,) = find(Kind.AUDIT, now=now)

    assert "Account wallet has 1" in str(one.why)
    assert one.act.address == reverse("admin:wallet_auditrun_change", args=[run.pk])


def test_page_of_a_quiet_site_says_when_it_was_last_looked_after(quiet: None, enter: Callable[[str], Client]) -> None:
    shown = enter("ops").get(PAGE).content.decode()

    assert "Nothing is stuck" in shown
    assert "A worker last took up events at" in shown
    assert "The last audit ended at" in shown


def test_page_has_the_button_for_whoever_may_and_names_it_for_who_may_not(
    quiet: None, enter: Callable[[str], Client], now: datetime
) -> None:
    event = bring("evt_hostile_<script>", now=now - DAY)
    button = f'action="{reverse("admin:payments_inboxevent_replay", args=[event.pk])}"'

    by_ops, by_finance = enter("ops").get(PAGE).content.decode(), enter("finance").get(PAGE).content.decode()

    assert button in by_ops
    assert button not in by_finance
    assert "is for: ops" in by_finance
    assert "<script>" not in by_ops.replace("<script src", "")[by_ops.index("evt_hostile") :].split("</li>")[0]


def test_page_costs_the_same_however_much_is_stuck(
    enter: Callable[[str], Client], now: datetime, django_assert_max_num_queries: Any
) -> None:
    for place in range(60):
        bring(f"evt_many_{place}", now=now - DAY)
    ops = enter("ops")
    with django_assert_max_num_queries(30):
        shown = ops.get(PAGE).content.decode()
    assert "these are the 50 oldest" in shown
    assert "50+" in shown


def test_dashboard_counts_what_is_stuck(quiet: None, enter: Callable[[str], Client], now: datetime) -> None:
    bring("evt_counted", now=now - DAY)
    shown = enter("ops").get("/admin/").content.decode()
    assert 'href="/admin/stuck/"><b>' in shown
    assert stuck.count(now=now) >= 1


def test_finance_reads_it_and_customers_do_not(enter: Callable[[str], Client], company: Organisation) -> None:
    client = enter("finance")
    assert client.get(PAGE).status_code == 200
    assert client.post(reverse("run_audit")).status_code == 403
    client.force_login(builders.owner_of(company))
    assert client.get(PAGE).status_code in {302, 403}


def test_audit_runs_at_the_press_of_a_button(enter: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[dict[str, Any]] = []
    monkeypatch.setattr("innopaas.tasks.audit_ledger.apply_async", lambda **how: woken.append(how))

    shown = enter("ops").post(reverse("run_audit"), follow=True).content.decode()

    assert len(woken) == 1
    assert "The audit runs" in shown


def test_audit_without_a_worker_says_what_to_do_instead(
    enter: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_how: Any) -> None:
        raise OSError("no broker")

    monkeypatch.setattr("innopaas.tasks.audit_ledger.apply_async", refuse)
    assert "manage.py audit_ledger" in enter("ops").post(reverse("run_audit"), follow=True).content.decode()


def test_asking_stripe_from_here_credits_what_was_paid_once(acme: Acme, stripe_process: StandIn, now: datetime) -> None:
    payment = builders.open_checkout(acme.organisation, now=now, amount=builders.usd(60))
    stripe_process.pay(builders.session_of(payment))
    client = Client()
    client.force_login(people.make_staff("olivia", "ops"))
    address = reverse("admin:payments_payment_ask", args=[payment.pk])
    assert client.get(address).status_code == 200

    for _ in range(2):
        assert "Stripe said: complete / paid" in client.post(address, follow=True).content.decode()

    payment.order.refresh_from_db()
    assert payment.order.state == State.PAID
    assert Posting.objects.filter(order_number=payment.order.number, kind="TOP_UP").count() == 1
    assert "Asked Stripe" in client.get(f"/admin/payments/payment/{payment.pk}/history/").content.decode()


def test_only_who_may_replay_asks_stripe(enter: Callable[[str], Client], company: Organisation, now: datetime) -> None:
    payment = builders.begin_top_up(company, now=now)
    assert enter("finance").post(reverse("admin:payments_payment_ask", args=[payment.pk])).status_code == 403


def test_stripe_that_does_not_answer_is_said(
    enter: Callable[[str], Client], company: Organisation, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_asked: Any) -> None:
        raise stripe_api.StripeUnavailable

    monkeypatch.setattr(checkout, "ask_about", refuse)
    payment = builders.begin_top_up(company, now=now)
    answer = enter("ops").post(reverse("admin:payments_payment_ask", args=[payment.pk]), follow=True)
    assert "Nothing was done; try again later." in answer.content.decode()


def test_command_prints_the_same_and_exits_1(quiet: None, now: datetime) -> None:
    event = bring("evt_printed", now=now - DAY, error="odd")
    out = StringIO()

    with pytest.raises(CommandError) as ended:
        call_command("stuck", stdout=out)

    assert ended.value.returncode == 1
    assert str(ended.value) == "One thing is stuck."
    assert "x evt_printed (1 d 0 h): odd" in out.getvalue()
    assert f"Replay: http://127.0.0.1:8000/admin/payments/inboxevent/{event.pk}/change/" in out.getvalue()


def test_command_prints_json_for_machines(quiet: None, now: datetime) -> None:
    bring("evt_json", now=now - DAY)
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("stuck", "--json", stdout=out)
    told = json.loads(out.getvalue())
    (one,) = (one for one in told["stuck"] if "evt_json" in one["subject"])
    assert (one["kind"], one["act"]) == ("EVENT", "Replay")


def test_command_of_a_quiet_site_says_so(quiet: None) -> None:
    out = StringIO()
    call_command("stuck", stdout=out)
    assert out.getvalue() == "Nothing is stuck.\n"


def test_paid_order_without_a_receipt_is_stuck_and_gets_it_at_the_press_of_a_button(
    quiet: None, enter: Callable[[str], Client], company: Organisation, now: datetime
) -> None:
    order = builders.fill_wallet(company, builders.usd(50), now=now)
    assert not about(order.number, Kind.DOCUMENT, now=now + 9 * MINUTE)
    (one,) = about(order.number, Kind.DOCUMENT, now=now + 11 * MINUTE)

    shown = enter("ops").post(one.act.address, follow=True).content.decode()

    assert "is issued." in shown
    assert not about(order.number, Kind.DOCUMENT, now=now + 11 * MINUTE)


def test_receipt_of_an_unpaid_order_is_not_issued(
    enter: Callable[[str], Client], company: Organisation, now: datetime
) -> None:
    order = builders.begin_top_up(company, now=now).order
    address = reverse("issue_receipt", args=[order.pk])
    assert "nothing to issue" in enter("ops").post(address, follow=True).content.decode()
    assert enter("finance").post(address).status_code == 403


def refund(company: Organisation, *, now: datetime) -> Refund:
    """Approved, of an order by card that another paid."""
    order = builders.fill_wallet(company, builders.usd(50), now=now)
    asked = refunds.ask(
        order_id=order.pk,
        amount=builders.usd(10),
        reason="unused",
        by=builders.owner_of(company),
        origin=Refund.Origin.CUSTOMER,
        form_token=f"refund-{order.number}",
        now=now,
    )
    return refunds.approve(refund_id=asked.pk, by=people.make_staff("fiona", "finance"), now=now)


def test_refund_to_a_card_is_stuck_when_it_is_not_sent_or_never_ends(company: Organisation, now: datetime) -> None:
    number = refund(company, now=now).number
    assert not about(number, Kind.CARD_REFUND, now=now + 14 * MINUTE)

    (one,) = about(number, Kind.CARD_REFUND, now=now + 16 * MINUTE)

    assert "no worker has taken it up" in str(one.why)


def test_dispute_whose_evidence_is_due_soon_is_stuck(company: Organisation, now: datetime) -> None:
    order = builders.fill_wallet(company, builders.usd(50), now=now)
    Dispute.objects.create(
        organisation=company,
        order=order,
        stripe_id=f"du_{order.number}",
        amount=order.paid,
        fee=builders.usd(15),
        opened_at=now,
        asked_at=now,
        evidence_due_at=now + 7 * DAY,
    )
    assert not about(order.number, Kind.DISPUTE, now=now + 3 * DAY)

    (one,) = about(order.number, Kind.DISPUTE, now=now + 5 * DAY)

    assert one.act.address == f"https://dashboard.stripe.com/test/disputes/du_{order.number}"
