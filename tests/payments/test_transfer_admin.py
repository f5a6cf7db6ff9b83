"""Finance at its desk: one page per transfer, from the received facts to the credit."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.conf import LazySettings
from django.urls import reverse

from billing.models import Order, State
from payments import desk, findings
from payments.models import ApprovalLimit, BankAccount, BankLine, DeskAct, Finding, Suggestion, Transfer
from tests import builders, people
from tests.payments import offline
from tests.payments.desk_people import Desk, said, text_of
from tests.payments.offline import cny, usd
from wallet.calendar import business_date
from wallet.ids import new_id
from wallet.models import HOUSE_ID, Organisation, Role, User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_second_factor(settings: LazySettings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def now() -> datetime:
    """The real moment: the pages read the clock."""
    return datetime.now(UTC)


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now - timedelta(days=30))


@pytest.fixture
def dollars() -> BankAccount:
    return offline.make_account("USD", fee_tolerance=Decimal(25))


@pytest.fixture
def importer() -> User:
    return people.make_staff("ivy", "finance")


@pytest.fixture
def fiona() -> Desk:
    return Desk(people.make_staff("fiona", "finance"))


@pytest.fixture
def felix() -> Desk:
    return Desk(people.make_staff("felix", "finance"))


@pytest.fixture
def frank() -> Desk:
    return Desk(people.make_staff("frank", "finance lead"))


@pytest.fixture
def olivia() -> Desk:
    return Desk(people.make_staff("olivia", "ops"))


@pytest.fixture
def transfer(acme: Organisation, dollars: BankAccount, now: datetime) -> Transfer:
    return offline.declared(acme, usd(1000), account=dollars, now=now - timedelta(hours=3))


@pytest.fixture
def line(dollars: BankAccount, importer: User, now: datetime) -> BankLine:
    return offline.bring_line(dollars, usd(1000), imported_by=importer, now=now)


def match(line: BankLine, transfer: Transfer) -> None:
    """As the import sorts a line that quotes the reference."""
    line.pile = BankLine.Pile.EXACT
    line.save(update_fields=["pile"])
    Suggestion.objects.create(line=line, transfer=transfer, reason=BankLine.Why.QUOTED)


def order_of(transfer: Transfer) -> Order:
    return Order.objects.get(pk=transfer.order_id)


def use(line: BankLine, amount: str = "", **more: str) -> dict[str, str]:
    return {"line": str(line.pk), f"amount-{line.pk}": amount, **more}


def by_hand(account: BankAccount, amount: str, *, on: datetime, **more: str) -> dict[str, str]:
    typed = {"account": str(account.pk), "line_amount": amount, "value_on": f"{on:%Y-%m-%d}", "bank_reference": "N 77"}
    return {**typed, **more}


def form_on(page: str, name: str) -> dict[str, str]:
    """What the page would send from the form that leads to this address, without touching anything."""
    form = next(part for part in re.findall(r"<form.*?</form>", page, re.DOTALL) if f"/{name}/" in part.split(">")[0])
    fields: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        said_of = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if said_of.get("type") in {"checkbox", "radio"} and " checked" not in tag:
            continue
        if "name" in said_of:
            fields[said_of["name"]] = said_of.get("value", "")
    amounts = dict(re.findall(r'name="(amount-[-0-9a-f]+)"[^>]*value="([^"]*)"', form))
    return fields | amounts


def test_an_exact_line_is_chosen_beforehand_and_credited_in_one_step(
    fiona: Desk, acme: Organisation, transfer: Transfer, line: BankLine
) -> None:
    match(line, transfer)

    page = fiona.look(transfer)
    assert "It quotes the reference, and the amount agrees" in page
    assert "Record, approve and credit" in page
    answer = fiona.post("payments_transfer_propose", transfer.pk, **form_on(page, "propose"), then="approve")

    assert answer.status_code == 302
    assert "credited: USD $1,000.00 received" in said(answer)
    assert order_of(transfer).state == State.PAID
    assert offline.balance(acme, "wallet") == 1000
    assert Finding.objects.get(transfer=transfer).evidence == Finding.Evidence.STATEMENT


def test_nothing_is_recorded_that_was_not_seen_first(
    fiona: Desk, transfer: Transfer, line: BankLine, dollars: BankAccount, importer: User, now: datetime
) -> None:
    other = offline.bring_line(dollars, usd(900), imported_by=importer, now=now)
    seen = fiona.try_out(transfer, **use(line)).context["trial"].seen

    for form in (use(line), use(other, reason="short", seen=seen)):
        shown = text_of(fiona.post("payments_transfer_propose", transfer.pk, **form, then="approve"))
        assert "This is what it comes to now" in shown
    assert not Finding.objects.filter(transfer=transfer).exists()


def test_showing_what_it_comes_to_records_nothing_and_keeps_what_was_typed(
    fiona: Desk, transfer: Transfer, dollars: BankAccount, now: datetime
) -> None:
    shown = text_of(fiona.try_out(transfer, **by_hand(dollars, "985", on=now, reason="the bank took 15")))

    assert "USD $985.00" in shown
    assert "the bank took 15" in shown
    assert 'value="N 77"' in shown
    assert "USD $15.00 less than asked for." in shown
    assert "Typed or judged by a person: 1 person approves it." in shown
    assert not Finding.objects.exists()


def test_facts_typed_by_hand_need_a_second_person(
    fiona: Desk, felix: Desk, acme: Organisation, transfer: Transfer, dollars: BankAccount, now: datetime
) -> None:
    typed = by_hand(dollars, "1000", on=now)
    assert "Record, approve and credit" not in text_of(fiona.try_out(transfer, **typed))
    fiona.post("payments_transfer_take", transfer.pk)

    answer = fiona.record(transfer, then="approve", **typed)
    finding = Finding.objects.get(transfer=transfer)

    assert "somebody else has to approve" in said(answer)
    assert order_of(transfer).state == State.IN_REVIEW
    assert "You gave these facts, so somebody else has to approve them." in fiona.look(transfer)
    desk.give_back(transfer_id=transfer.pk, by=fiona.user, now=now)
    assert "Approve and credit" in felix.look(transfer)

    felix.post("payments_transfer_approve", transfer.pk, finding=finding.pk)

    assert order_of(transfer).state == State.PAID
    assert offline.balance(acme, "wallet") == 1000
    assert BankLine.objects.get(account=dollars).entered_by == fiona.user


def test_what_is_recorded_for_others_is_free_for_them_at_once(
    fiona: Desk, felix: Desk, transfer: Transfer, dollars: BankAccount, now: datetime
) -> None:
    fiona.post("payments_transfer_take", transfer.pk)

    fiona.record(transfer, **by_hand(dollars, "1000", on=now))

    transfer.refresh_from_db()
    assert transfer.taken_by is None
    felix.post("payments_transfer_approve", transfer.pk, finding=Finding.objects.get(transfer=transfer).pk)
    assert order_of(transfer).state == State.PAID


def test_above_the_limit_two_people_approve(
    fiona: Desk, felix: Desk, acme: Organisation, transfer: Transfer, line: BankLine
) -> None:
    ApprovalLimit.objects.filter(currency="USD").update(single_up_to=Decimal("999.99"))

    shown = text_of(fiona.try_out(transfer, **use(line)))
    assert "The bank's statement: 2 people approve it." in shown
    assert "Record and approve as the first" in shown
    answer = fiona.record(transfer, then="approve", **use(line))

    finding = Finding.objects.get(transfer=transfer)
    assert "your approval is recorded" in said(answer)
    assert order_of(transfer).state == State.IN_REVIEW
    assert "You have approved it; a second person is needed." in fiona.look(transfer)

    fiona.post("payments_transfer_approve", transfer.pk, finding=finding.pk)
    assert order_of(transfer).state == State.IN_REVIEW

    felix.post("payments_transfer_approve", transfer.pk, finding=finding.pk)
    assert order_of(transfer).state == State.PAID
    assert offline.balance(acme, "wallet") == 1000


def test_whoever_imported_the_statement_records_but_does_not_approve(
    importer: User, fiona: Desk, transfer: Transfer, line: BankLine
) -> None:
    ivy = Desk(importer)

    shown = text_of(ivy.try_out(transfer, **use(line)))
    assert "You imported the statement this rests on" in shown
    assert "Record, approve and credit" not in shown

    ivy.record(transfer, then="approve", **use(line))
    assert order_of(transfer).state == State.IN_REVIEW
    fiona.post("payments_transfer_approve", transfer.pk, finding=Finding.objects.get(transfer=transfer).pk)
    assert order_of(transfer).state == State.PAID


def test_nobody_decides_about_his_own_organisation(
    fiona: Desk, acme: Organisation, transfer: Transfer, line: BankLine, now: datetime
) -> None:
    seen = fiona.try_out(transfer, **use(line)).context["trial"].seen
    acme.members.create(user=fiona.user, role=Role.VIEWER, joined_at=now)

    page = fiona.look(transfer)
    assert "You belong to this organisation" in page
    assert "Record" not in page
    refused = fiona.post("payments_transfer_propose", transfer.pk, **use(line, seen=seen), then="approve")
    assert "You belong to this organisation" in text_of(refused)
    for act in ("take", "keep"):
        fiona.post(f"payments_transfer_{act}", transfer.pk, **use(line))
    fiona.post("payments_transfer_reject", transfer.pk, words="no")

    assert order_of(transfer).state == State.IN_REVIEW
    assert not Finding.objects.exists()
    assert not DeskAct.objects.filter(transfer=transfer).exclude(kind=DeskAct.Kind.LOOKED).exists()


def test_an_edit_meanwhile_undoes_the_first_approval_and_the_second_is_told(
    fiona: Desk, felix: Desk, frank: Desk, transfer: Transfer, line: BankLine, dollars: BankAccount, now: datetime
) -> None:
    ApprovalLimit.objects.filter(currency="USD").update(single_up_to=0)
    fiona.record(transfer, then="approve", **use(line))
    seen = Finding.objects.get(transfer=transfer)
    assert str(seen.pk) in felix.look(transfer)

    frank.record(transfer, **by_hand(dollars, "1000", on=now))
    answer = felix.post("payments_transfer_approve", transfer.pk, finding=seen.pk)

    assert "What you approved is not what counts now" in said(answer)
    assert order_of(transfer).state == State.IN_REVIEW
    current = Finding.objects.get(transfer=transfer, superseded_at__isnull=True)
    assert current.approvals.count() == 0
    assert "2 people" in felix.look(transfer)


def test_the_same_page_in_two_tabs_credits_once(
    fiona: Desk, acme: Organisation, transfer: Transfer, line: BankLine
) -> None:
    seen = fiona.try_out(transfer, **use(line)).context["trial"].seen

    answers = [
        fiona.post("payments_transfer_propose", transfer.pk, **use(line, seen=seen), then="approve") for _ in range(2)
    ]

    assert offline.balance(acme, "wallet") == 1000
    assert Order.objects.filter(organisation=acme).count() == 1
    assert "spent" in text_of(answers[1])  # the line is not offered any more


def test_an_approval_sent_twice_credits_once(
    fiona: Desk, felix: Desk, acme: Organisation, transfer: Transfer, dollars: BankAccount, now: datetime
) -> None:
    fiona.record(transfer, **by_hand(dollars, "1000", on=now))
    finding = Finding.objects.get(transfer=transfer)

    for _ in range(2):
        felix.post("payments_transfer_approve", transfer.pk, finding=finding.pk)

    assert offline.balance(acme, "wallet") == 1000


def test_an_approval_names_a_finding_of_this_very_transfer(
    *, fiona: Desk, felix: Desk, acme: Organisation, transfer: Transfer, dollars: BankAccount, now: datetime
) -> None:
    other = offline.declared(acme, usd(150), account=dollars, now=now)
    fiona.record(other, **by_hand(dollars, "150", on=now))
    finding = Finding.objects.get(transfer=other)

    for sent in (finding.pk, new_id(), "", "x"):
        felix.post("payments_transfer_approve", transfer.pk, finding=sent)

    assert order_of(other).state == order_of(transfer).state == State.IN_REVIEW


def test_what_somebody_else_works_on_is_left_to_him(
    fiona: Desk, felix: Desk, transfer: Transfer, line: BankLine
) -> None:
    seen = felix.try_out(transfer, **use(line)).context["trial"].seen
    fiona.post("payments_transfer_take", transfer.pk)

    page = felix.look(transfer)
    assert re.search(r"Fiona works on it until \d\d:\d\d\.", page)
    assert "/propose/" not in page
    assert "Fiona works on it" in said(felix.post("payments_transfer_take", transfer.pk))
    form = use(line, seen=seen, reason="typed all the same")
    refused = text_of(felix.post("payments_transfer_propose", transfer.pk, **form, then="approve"))
    assert "Fiona works on it" in refused

    assert order_of(transfer).state == State.IN_REVIEW
    fiona.post("payments_transfer_give_back", transfer.pk)
    assert "/propose/" in felix.look(transfer)


def test_what_somebody_took_who_left_is_free_again(fiona: Desk, felix: Desk, transfer: Transfer) -> None:
    fiona.post("payments_transfer_take", transfer.pk)
    User.objects.filter(pk=fiona.user.pk).update(is_active=False)

    assert "works on it" not in felix.look(transfer)
    felix.post("payments_transfer_take", transfer.pk)

    transfer.refresh_from_db()
    assert transfer.taken_by == felix.user


def test_after_a_decision_the_next_one_nobody_has_taken_opens(
    *, fiona: Desk, felix: Desk, acme: Organisation, transfer: Transfer, line: BankLine, dollars: BankAccount,
    now: datetime,
) -> None:  # fmt: skip
    second = offline.declared(acme, usd(200), account=dollars, now=now - timedelta(hours=2))
    third = offline.declared(acme, usd(300), account=dollars, now=now - timedelta(hours=1))
    felix.post("payments_transfer_take", second.pk)

    answer = fiona.record(transfer, then="approve", **use(line))

    assert answer.url == reverse("admin:payments_transfer_desk", args=[third.pk])
    third.refresh_from_db()
    assert third.taken_by == fiona.user
    answer = fiona.post("payments_transfer_give_back", third.pk)
    assert answer.url == reverse("admin:payments_transfer_changelist")
    third.refresh_from_db()
    assert third.taken_by is None


def test_the_next_one_is_never_what_one_has_left_for_later_or_to_others(
    fiona: Desk, acme: Organisation, transfer: Transfer, dollars: BankAccount, now: datetime
) -> None:
    second = offline.declared(acme, usd(200), account=dollars, now=now - timedelta(hours=2))
    at_desk = {found.pk: reverse("admin:payments_transfer_desk", args=[found.pk]) for found in (transfer, second)}
    queue = reverse("admin:payments_transfer_changelist")

    assert fiona.post("payments_transfer_next").url == at_desk[transfer.pk]
    assert fiona.post("payments_transfer_next", passed=transfer.pk).url == at_desk[second.pk]
    assert fiona.post("payments_transfer_next", passed=second.pk).url == queue
    assert fiona.post("payments_transfer_next").url == at_desk[transfer.pk]
    assert fiona.record(transfer, **by_hand(dollars, "1000", on=now)).url == at_desk[second.pk]
    assert fiona.post("payments_transfer_next", passed=second.pk).url == queue


def test_a_rejected_customer_reads_the_reason_in_his_own_language(
    fiona: Desk, acme: Organisation, transfer: Transfer
) -> None:
    User.objects.filter(pk=builders.owner_of(acme).pk).update(language="zh-hans")
    page = fiona.read("payments_transfer_reject", transfer.pk)
    template = re.search(r'name="template" value="([-0-9a-f]{36})"', page)
    assert template
    form = {"template": template[1], "words": "请附上回单。"}

    preview = fiona.read("payments_transfer_reject", transfer.pk, **form)
    assert "请您的银行核实" in preview or "请向您的银行核实" in preview
    assert order_of(transfer).state == State.IN_REVIEW
    fiona.post("payments_transfer_reject", transfer.pk, **form)

    event = transfer.order.events.latest("id")
    assert event.state == State.REJECTED
    assert event.detail.startswith("我们在银行账户中没有找到")
    assert event.detail.endswith("请附上回单。")
    assert "We have not found" not in event.detail


def test_a_rejection_says_why(fiona: Desk, transfer: Transfer) -> None:
    for form in ({"words": " "}, {"words": "x" * 501}, {"words": "x", "template": str(new_id())}):
        answer = fiona.post("payments_transfer_reject", transfer.pk, **form)
        assert answer.status_code == 200
    assert "Choose a reason, or write one." in text_of(fiona.post("payments_transfer_reject", transfer.pk, words=""))
    assert order_of(transfer).state == State.IN_REVIEW


def test_what_was_rejected_meanwhile_is_not_rejected_again(fiona: Desk, felix: Desk, transfer: Transfer) -> None:
    fiona.post("payments_transfer_reject", transfer.pk, words="Not ours.")

    shown = text_of(felix.post("payments_transfer_reject", transfer.pk, words="Not ours either."))

    assert "It does not wait for finance any more." in shown
    assert "Not ours either." in shown
    assert transfer.order.events.filter(state=State.REJECTED).count() == 1


def test_a_part_is_kept_until_the_rest_arrives(
    fiona: Desk, acme: Organisation, transfer: Transfer, dollars: BankAccount, importer: User, now: datetime
) -> None:
    part = offline.bring_line(dollars, usd(400), imported_by=importer, now=now)

    answer = fiona.post("payments_transfer_keep", transfer.pk, **use(part))

    assert "kept until the rest arrives: USD $400.00." in said(answer)
    assert offline.balance(acme, "suspense") == 400
    rest = offline.bring_line(dollars, usd(600), imported_by=importer, now=now)
    page = fiona.look(transfer, line=str(rest.pk))
    assert "kept for this transfer" in page
    assert "Record, approve and credit" in page
    both = {"line": [str(part.pk), str(rest.pk)]}
    fiona.record(transfer, then="approve", **both)
    assert offline.balance(acme, "wallet") == 1000
    assert offline.balance(acme, "suspense") == 0


def test_keeping_says_why_it_cannot_and_keeps_what_was_typed(fiona: Desk, transfer: Transfer, line: BankLine) -> None:
    shown = text_of(fiona.post("payments_transfer_keep", transfer.pk, **use(line, reason="typed already")))

    assert "This is all that was asked for: nothing is missing to wait for. Record it for approval." in shown
    assert "typed already" in shown
    line.refresh_from_db()
    assert line.held_by is None


def test_short_money_is_credited_with_a_reason_only(
    fiona: Desk, acme: Organisation, transfer: Transfer, dollars: BankAccount, importer: User, now: datetime
) -> None:
    short = offline.bring_line(dollars, usd(900), imported_by=importer, now=now)

    refused = text_of(fiona.try_out(transfer, **use(short)))
    assert "Say why" in refused
    assert "USD $900.00" in refused
    assert "Record, approve and credit" not in refused
    fiona.record(transfer, then="approve", **use(short, reason="Agreed by phone"))

    assert offline.balance(acme, "wallet") == 900


def test_a_fee_we_bear_is_judged_so_a_second_person_approves(
    fiona: Desk, felix: Desk, acme: Organisation, transfer: Transfer, dollars: BankAccount, importer: User,
    now: datetime,
) -> None:  # fmt: skip
    short = offline.bring_line(dollars, usd(985), imported_by=importer, now=now)
    form = use(short, fee="15", reason="charges of a bank on the way")
    assert "We bear bank fees up to USD $25.00" in text_of(
        fiona.try_out(transfer, **(form | {"fee": "26"}))
    ) or "can only fill" in text_of(fiona.try_out(transfer, **(form | {"fee": "26"})))

    fiona.record(transfer, then="approve", **form)
    assert order_of(transfer).state == State.IN_REVIEW
    felix.post("payments_transfer_approve", transfer.pk, finding=Finding.objects.get(transfer=transfer).pk)

    assert offline.balance(acme, "wallet") == 1000
    assert offline.balance(acme, "bank_charges") == 15


def test_a_rate_stands_on_the_page_to_its_last_digit_as_its_customer_reads_it(
    fiona: Desk, olivia: Desk, acme: Organisation, importer: User, now: datetime
) -> None:
    yuan = offline.make_account("CNY")
    offline.set_rate("7.123456", at=now - timedelta(hours=2))
    transfer = offline.declared(acme, cny(7200), account=yuan, now=now - timedelta(hours=1))
    line = offline.bring_line(yuan, cny(7200), imported_by=importer, now=now)

    shown = text_of(fiona.try_out(transfer, **use(line)))

    assert shown.count("1 USD = 7.123456 CNY") == 4  # the quote, the sum, and the two to choose from
    assert "7.1235" not in shown
    fiona.record(transfer, then="approve", **use(line))
    facts = olivia.read("billing_order_change", transfer.order_id).partition("Received facts")[2]
    assert "1 USD = 7.123456 CNY" in facts


def test_both_rates_stand_on_the_page_with_what_each_credits(
    fiona: Desk, acme: Organisation, importer: User, now: datetime
) -> None:
    yuan = offline.make_account("CNY")
    offline.set_rate("7.2", at=now - timedelta(hours=2))
    transfer = offline.declared(acme, cny(7200), account=yuan, now=now - timedelta(hours=1))
    offline.set_rate("7.5", at=now - timedelta(minutes=30))
    line = offline.bring_line(yuan, cny(7200), imported_by=importer, now=now)

    shown = text_of(fiona.try_out(transfer, **use(line)))
    assert "1 USD = 7.2000 CNY → USD $1,000.00" in shown
    assert "1 USD = 7.5000 CNY → USD $960.00" in shown
    assert "by the rule" in shown.split("7.2000 CNY → USD $1,000.00")[1].split("7.5000 CNY →")[0]

    other = use(line, rate_choice="VALUE_DAY", reason="as agreed")
    trial = fiona.try_out(transfer, **other).context["trial"]
    assert (trial.appraisal.credited, trial.appraisal.evidence) == (usd(960), Finding.Evidence.HAND)
    fiona.record(transfer, then="approve", **use(line))
    assert offline.balance(acme, "wallet") == 1000


def test_a_day_without_a_rate_is_said_and_nothing_is_guessed(
    fiona: Desk, acme: Organisation, importer: User, now: datetime
) -> None:
    yuan = offline.make_account("CNY")
    offline.set_rate("7.2", at=now - timedelta(hours=2))
    transfer = offline.declared(acme, cny(7200), account=yuan, now=now)
    long_ago = (now - timedelta(days=300)).date()
    line = offline.bring_line(yuan, cny(7200), imported_by=importer, now=now, value_on=long_ago)

    shown = text_of(fiona.try_out(transfer, **use(line)))

    assert "No exchange rate counted on" in shown
    assert "Record, approve and credit" not in shown


def test_spent_outgoing_and_foreign_lines_are_never_offered(
    fiona: Desk, felix: Desk, acme: Organisation, transfer: Transfer, line: BankLine, dollars: BankAccount,
    importer: User, now: datetime,
) -> None:  # fmt: skip
    other = offline.declared(acme, usd(1000), account=dollars, now=now)
    felix.record(other, then="approve", **use(line))
    felix.post("payments_transfer_give_back", transfer.pk)
    out = offline.bring_line(dollars, usd(1000), imported_by=importer, now=now)
    out.pk, out.direction = new_id(), BankLine.Direction.OUT
    out.save(force_insert=True)
    foreign = offline.bring_line(offline.make_account("CNY"), cny(1000), imported_by=importer, now=now)
    hidden = (line, out, foreign)

    page = fiona.look(transfer, find="1000", line=[str(row.pk) for row in hidden])

    for row in hidden:
        assert f'value="{row.pk}"' not in page
        answer = text_of(fiona.try_out(transfer, **use(row)))
        assert "One of these bank lines is spent" in answer


def test_a_line_is_found_by_amount_payer_number_and_text(
    fiona: Desk, acme: Organisation, dollars: BankAccount, importer: User, now: datetime
) -> None:
    begun = offline.begin(acme, usd(1000), account=dollars, now=now)
    transfer = offline.declare(begun, now=now, payer="Somebody Else Ltd")
    row = offline.bring_line(dollars, usd("4321.09"), imported_by=importer, now=now, text="RETAINER JULY")

    assert str(row.pk) not in fiona.look(transfer, find="nothing")
    for known in ("4321.09", "4,321.09", row.bank_reference, "retainer"):
        assert f'value="{row.pk}"' in fiona.look(transfer, find=known), known


def test_ops_look_and_do_nothing(olivia: Desk, transfer: Transfer, line: BankLine) -> None:
    page = olivia.look(transfer)
    assert "Acme Messaging Ltd" in page
    for act in ("propose", "approve", "take", "keep", "reject", "next"):
        assert f"/{act}/" not in page
    for act in ("take", "give_back", "propose", "approve", "keep", "reject"):
        assert olivia.post(f"payments_transfer_{act}", transfer.pk, **use(line)).status_code == 403
    assert olivia.post("payments_transfer_next").status_code == 403
    assert order_of(transfer).state == State.IN_REVIEW


def test_every_look_is_written_down(fiona: Desk, olivia: Desk, transfer: Transfer) -> None:
    fiona.look(transfer)
    olivia.look(transfer)

    looks = DeskAct.objects.filter(transfer=transfer, kind=DeskAct.Kind.LOOKED).values_list("by_id", flat=True)
    assert list(looks.order_by("id")) == [fiona.user.pk, olivia.user.pk]


@pytest.mark.parametrize("amount", ["1e3", "１０００", "-5", "1,000", "0", "nan"])
def test_an_amount_is_read_strictly_and_kept_as_it_was_typed(
    fiona: Desk, transfer: Transfer, line: BankLine, amount: str
) -> None:
    answer = fiona.try_out(transfer, **use(line, amount))
    assert answer.context["trial"] is None
    assert f'value="{amount}"' in text_of(answer)


def test_a_line_typed_in_part_says_what_is_missing(fiona: Desk, transfer: Transfer, dollars: BankAccount) -> None:
    shown = text_of(fiona.try_out(transfer, account=str(dollars.pk), line_amount="1000", value_on="2999-01-01"))
    assert "Needed for a line that is typed by hand." in shown
    assert "The value date is a day of the last 400 that has begun." in shown


def test_the_old_address_of_a_transfer_leads_to_its_page(fiona: Desk, transfer: Transfer) -> None:
    answer = fiona.client.get(reverse("admin:payments_transfer_change", args=[transfer.pk]))
    assert answer["Location"] == reverse("admin:payments_transfer_desk", args=[transfer.pk])


def test_a_finding_that_waits_tells_who_gave_it_and_who_is_needed(
    fiona: Desk, felix: Desk, transfer: Transfer, dollars: BankAccount, now: datetime
) -> None:
    fiona.record(transfer, **by_hand(dollars, "1000", on=now))
    page = felix.look(transfer)
    assert "Fiona ·" in page
    assert "nobody yet" in page
    assert "1 person" in page
    finding = Finding.objects.get(transfer=transfer)
    assert findings.why_not(finding, by=felix.user) == ""
    assert finding.organisation_id != HOUSE_ID


def test_what_was_recorded_stays_beside_what_was_declared(
    fiona: Desk, felix: Desk, transfer: Transfer, line: BankLine
) -> None:
    """For whoever looks, before the approval and after it."""
    assert line.bank_reference not in bank_column(felix.look(transfer, line=str(new_id())))
    fiona.record(transfer, **use(line))

    for person in (fiona, felix):
        assert line.bank_reference in bank_column(person.look(transfer))
        assert 'class="desk-now"' in person.look(transfer)

    felix.post("payments_transfer_approve", transfer.pk, finding=Finding.objects.get(transfer=transfer).pk)
    assert line.bank_reference in bank_column(felix.look(transfer))


def test_a_credited_transfer_asks_for_nothing_any_more(
    fiona: Desk, acme: Organisation, dollars: BankAccount, line: BankLine, transfer: Transfer, now: datetime
) -> None:
    """Neither who approves it nor what would make one look twice; further money still has its place."""
    small = offline.declared(acme, usd(100), account=dollars, now=now)
    offline.record(small, offline.by_hand(dollars, usd(100), on=business_date(now)), by=fiona.user, now=now)
    helper = people.make_staff("hanna", "finance")
    offline.approve(Finding.objects.get(transfer=small), by=helper, now=now)
    assert "Unusually large" in fiona.look(transfer)
    assert "Who has to approve" in fiona.look(transfer)

    fiona.record(transfer, then="approve", **use(line))

    shown = fiona.look(transfer)
    assert order_of(transfer).state == State.PAID
    assert "Unusually large" not in shown
    assert "Who has to approve" not in shown
    assert "Give received facts" not in shown
    assert "More money has arrived for it" in shown


def bank_column(page: str) -> str:
    """What stands beside the declared facts."""
    found = re.search(r"Declared, and what the bank says(.*?)Billing details today", page)
    assert found
    return found[1]
