"""What finance is told before and after it decides, and what it is handed next."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.urls import reverse

from payments import assignments, candidates, desk, references
from payments.models import ApprovalLimit, BankAccount, BankLine, Finding, Suggestion, Transfer
from tests import builders, people
from tests.payments import offline
from tests.payments.desk_people import Desk, said, text_of
from tests.payments.offline import usd
from wallet.models import Organisation, User

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
def transfer(acme: Organisation, dollars: BankAccount, now: datetime) -> Transfer:
    return offline.declared(acme, usd(1000), account=dollars, now=now - timedelta(hours=3))


def suggest(line: BankLine, transfer: Transfer, why: BankLine.Why, *, pile: BankLine.Pile) -> None:
    """As the import sorts a line."""
    BankLine.objects.filter(pk=line.pk).update(pile=pile)
    Suggestion.objects.create(line=line, transfer=transfer, reason=why)


def typed(account: BankAccount, *, on: datetime) -> dict[str, str]:
    day = f"{on:%Y-%m-%d}"
    given = {"account": str(account.pk), "line_amount": "1200", "typed_amount": "1000", "value_on": day}
    return {**given, "bank_reference": "N 77", "payer_name": "Acme Trading"}


def box_of(page: str) -> str:
    """The box of the received facts that wait for approval."""
    return page.split('id="finding"')[1].split("</section>", maxsplit=1)[0]


def test_who_approves_typed_facts_sees_each_of_them(
    fiona: Desk, felix: Desk, transfer: Transfer, dollars: BankAccount, now: datetime
) -> None:
    fiona.record(transfer, **typed(dollars, on=now))

    box = box_of(felix.look(transfer))

    for fact in (dollars.code, f"{now:%Y-%m-%d}", "N 77", "Acme Trading", "of USD $1,200.00", "typed by Fiona"):
        assert fact in box, fact


def test_who_approves_facts_of_a_statement_sees_which(
    fiona: Desk, felix: Desk, transfer: Transfer, dollars: BankAccount, importer: User, now: datetime
) -> None:
    line = offline.bring_line(dollars, usd(1000), imported_by=importer, now=now)
    offline.record(transfer, offline.by_line(line), by=fiona.user, now=now)

    box = box_of(felix.look(transfer))

    for fact in (line.bank_reference, f"statement {line.file}", line.value_on.isoformat()):
        assert fact in box, fact


def test_the_first_of_two_approvals_says_that_nothing_is_credited_yet_and_names_its_transfer(
    fiona: Desk, felix: Desk, transfer: Transfer, dollars: BankAccount, importer: User, now: datetime
) -> None:
    ApprovalLimit.objects.filter(currency="USD").update(single_up_to=0)
    line = offline.bring_line(dollars, usd(1000), imported_by=importer, now=now)
    finding = offline.record(transfer, offline.by_line(line), by=importer, now=now)
    name = references.spaced(transfer.reference)

    first = said(fiona.post("payments_transfer_approve", transfer.pk, finding=finding.pk))
    second = said(felix.post("payments_transfer_approve", transfer.pk, finding=finding.pk))

    assert first.startswith(
        f"{name}: your approval is recorded; USD $1,000.00 is credited once a second person approves."
    )
    assert second.startswith(f"{name}: approved and credited: USD $1,000.00 received, USD $1,000.00 credited.")


def test_what_is_only_recorded_is_not_said_to_be_credited(
    fiona: Desk, transfer: Transfer, dollars: BankAccount, now: datetime
) -> None:
    answer = said(fiona.record(transfer, **typed(dollars, on=now)))
    name = references.spaced(transfer.reference)
    assert answer.startswith(f"{name}: recorded: USD $1,000.00 received, USD $1,000.00 to be credited.")


def test_the_next_one_is_none_that_this_person_cannot_approve(
    *, fiona: Desk, felix: Desk, acme: Organisation, transfer: Transfer, dollars: BankAccount, now: datetime
) -> None:
    line = offline.bring_line(dollars, usd(1000), imported_by=felix.user, now=now)
    suggest(line, transfer, BankLine.Why.QUOTED, pile=BankLine.Pile.EXACT)
    recorded = offline.declared(acme, usd(200), account=dollars, now=now - timedelta(hours=2))
    his = offline.bring_line(dollars, usd(200), imported_by=felix.user, now=now)
    offline.record(recorded, offline.by_line(his), by=fiona.user, now=now)
    given = offline.declared(acme, usd(300), account=dollars, now=now - timedelta(hours=1))
    offline.record(given, offline.by_hand(dollars, usd(300), on=now.date()), by=felix.user, now=now)

    free = [transfer.pk, recorded.pk, given.pk]
    assert desk.take_next(by=felix.user, now=now, besides=_all_others(free)) is None
    for expected in (transfer, recorded, given):
        taken = desk.take_next(by=fiona.user, now=now, besides=_all_others(free))
        assert taken == expected
        free.remove(expected.pk)


def _all_others(mine: list[UUID]) -> list[UUID]:
    return list(Transfer.objects.exclude(pk__in=mine).values_list("pk", flat=True))


def test_each_reason_that_the_customer_reads_says_so(
    fiona: Desk, transfer: Transfer, dollars: BankAccount, importer: User, now: datetime
) -> None:
    line = offline.bring_line(dollars, usd(400), imported_by=importer, now=now)
    assert "The customer reads this." in fiona.look(transfer)
    assert "The customer reads this." in fiona.read("payments_line_assign", line.pk)


def test_the_importer_gets_no_button_to_approve_an_assignment(
    fiona: Desk, felix: Desk, acme: Organisation, dollars: BankAccount, importer: User, now: datetime
) -> None:
    line = offline.bring_line(dollars, usd(400), imported_by=importer, now=now)
    ivy, before = Desk(importer), count_assignments(fiona)
    part = assignments.Part(whose=assignments.find(builders.owner_of(acme).email), amount=usd(400))
    (finding,) = assignments.propose(line_id=line.pk, parts=[part], reason="they wrote", by=fiona.user, now=now)
    address = reverse("admin:payments_assignment_approve", args=[finding.pk])

    page = ivy.read("payments_assignment_approve", finding.pk)
    assert "You imported the statement this rests on" in page
    assert not re.search(r'<button type="submit"[^>]*>\s*Approve', page)
    assert address not in ivy.read("payments_finding_change", finding.pk)
    assert re.search(r'<button type="submit"[^>]*>\s*Approve', felix.read("payments_assignment_approve", finding.pk))
    assert address in felix.read("payments_finding_change", finding.pk)

    assert count_assignments(fiona) == before + 1
    assert fiona.client.get(reverse("admin:payments_finding_changelist")).context["cl"].result_count == before + 1


def count_assignments(someone: Desk) -> int:
    counts = {str(count.title): count.figure for count in someone.client.get("/admin/").context["counts"]}
    assert Finding.objects.open().filter(transfer=None).count() == counts["Assignments waiting for approval"]
    return int(counts["Assignments waiting for approval"])


def test_rejecting_warns_while_the_bank_has_the_money(
    fiona: Desk, acme: Organisation, transfer: Transfer, dollars: BankAccount, importer: User, now: datetime
) -> None:
    warning = "The bank has money for this transfer."
    line = offline.bring_line(dollars, usd(400), imported_by=importer, now=now)
    suggest(line, transfer, BankLine.Why.PAYER, pile=BankLine.Pile.NEAR)
    assert warning not in fiona.read("payments_transfer_reject", transfer.pk)

    Suggestion.objects.filter(line=line).update(reason=BankLine.Why.SHORT)
    page = fiona.read("payments_transfer_reject", transfer.pk)
    assert warning in page
    assert line.bank_reference in page

    kept = offline.declared(acme, usd(900), account=dollars, now=now)
    part = offline.bring_line(dollars, usd(300), imported_by=importer, now=now)
    fiona.post("payments_transfer_keep", kept.pk, line=str(part.pk))
    assert warning in fiona.read("payments_transfer_reject", kept.pk)


def test_a_chosen_line_keeps_why_it_is_offered_and_the_page_says_how_much_is_missing(
    fiona: Desk, transfer: Transfer, dollars: BankAccount, importer: User, now: datetime
) -> None:
    line = offline.bring_line(dollars, usd(600), imported_by=importer, now=now)
    suggest(line, transfer, BankLine.Why.SHORT, pile=BankLine.Pile.NEAR)

    shown = text_of(fiona.try_out(transfer, line=str(line.pk)))

    assert "It quotes the reference, but is short" in shown
    assert "USD $400.00 less than asked for." in shown
    (candidate,) = candidates.list_for(transfer, named=[line.pk])
    assert (candidate.reason, candidate.is_likely) == (str(BankLine.Why.SHORT.label), True)


def test_the_receiving_account_stands_there_beforehand_and_is_by_itself_nothing_typed(
    fiona: Desk, transfer: Transfer, dollars: BankAccount, importer: User, now: datetime
) -> None:
    page = fiona.look(transfer)
    assert f'<option value="{dollars.pk}" selected>' in page
    assert re.search(r"<details>\s*<summary>Type what the bank received by hand", page)

    line = offline.bring_line(dollars, usd(1000), imported_by=importer, now=now)
    trial = fiona.try_out(transfer, line=str(line.pk), account=str(dollars.pk)).context["trial"]
    assert (trial.appraisal.received, trial.appraisal.evidence) == (usd(1000), Finding.Evidence.STATEMENT)
