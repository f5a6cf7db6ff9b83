"""A form that is sent twice, or by many at once, decides once; whoever comes second is told to look again."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connections
from django.urls import reverse

from billing.models import Order
from payments import assignments, desk, findings, returns, sightings
from payments.assignments import Part
from payments.models import Allocation, BankAccount, BankLine, DeskAct, Finding, Transfer
from payments.sightings import ChangedMeanwhile
from tests import builders, people, races
from tests.payments import offline
from tests.payments.desk_people import Desk, said, text_of
from tests.payments.offline import usd
from wallet.models import Organisation, User

AGAIN = "look again at how it stands"
AT_ONCE = 8


@pytest.fixture(autouse=True)
def _no_second_factor(settings: LazySettings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def now() -> datetime:
    """The real moment: the pages read the clock."""
    return datetime.now(UTC)


@pytest.fixture
def acme(committed: None, now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def account(committed: None) -> Iterator[BankAccount]:
    made = offline.make_account("USD")
    yield made
    BankAccount.objects.filter(pk=made.pk).update(is_open=False)
    connections.close_all()


@pytest.fixture
def felix(committed: None) -> User:
    return people.make_staff("felix", "finance")


@pytest.fixture
def line(account: BankAccount, now: datetime) -> BankLine:
    return offline.bring_line(account, usd(1000), imported_by=people.make_staff("ivy", "finance"), now=now)


@pytest.fixture
def transfer(acme: Organisation, account: BankAccount, now: datetime) -> Transfer:
    return offline.declared(acme, usd(300), account=account, now=now)


class Form:
    """A page of a bank line as felix has it before him, in as many tabs as he likes."""

    def __init__(self, user: User, name: str, line: BankLine, **typed: Any) -> None:
        self.user, self.address = user, reverse(f"admin:{name}", args=[line.pk])
        page = text_of(Desk(user).client.get(self.address))
        self.fields = typed | {"seen": re.findall(r'name="seen" value="([^"]+)"', page)[0]}

    def send(self) -> Any:
        return Desk(self.user).client.post(self.address, self.fields)


def assign(user: User, line: BankLine, acme: Organisation) -> Form:
    typed = {"form-TOTAL_FORMS": "5", "form-INITIAL_FORMS": "0", "form-0-to": builders.owner_of(acme).email}
    return Form(user, "payments_line_assign", line, **typed, **{"form-0-amount": "40", "reason": "they wrote to us"})


def send_back(user: User, line: BankLine) -> Form:
    return Form(user, "payments_line_return", line, amount="40", note="payer unknown")


def propose(user: User, transfer: Transfer, line: BankLine, *, then: str) -> Callable[[], Any]:
    form: dict[str, str] = {"line": str(line.pk), f"amount-{line.pk}": "300"}
    seen = Desk(user).try_out(transfer, **form).context["trial"].seen
    return lambda: Desk(user).post("payments_transfer_propose", transfer.pk, **form, seen=seen, then=then)


def told_again(answers: list[Any]) -> int:
    return sum(answer.status_code == 200 and AGAIN in text_of(answer) for answer in answers)


def at_once(call: Callable[[], Any]) -> list[Any]:
    answers = races.run_at_once([call] * AT_ONCE)
    races.raise_failures(answers)
    return answers


def test_facts_recorded_and_approved_twice_are_credited_once(
    acme: Organisation, felix: User, transfer: Transfer, line: BankLine
) -> None:
    send = propose(felix, transfer, line, then="approve")

    answers = [send(), send()]

    assert offline.balance(acme, "wallet") == 300
    assert Order.objects.filter(organisation=acme).count() == 1
    assert told_again(answers) == 1
    assert 'value="300"' in text_of(answers[1])  # what was typed is kept


@pytest.mark.parametrize("then", ["approve", "record"])
def test_of_facts_recorded_many_times_at_once_one_counts(
    acme: Organisation, felix: User, transfer: Transfer, line: BankLine, then: str
) -> None:
    answers = at_once(propose(felix, transfer, line, then=then))

    assert Finding.objects.filter(transfer=transfer).count() == 1
    assert offline.balance(acme, "wallet") == (300 if then == "approve" else 0)
    assert told_again(answers) == AT_ONCE - 1


def test_facts_are_not_recorded_over_those_of_somebody_who_was_quicker(
    acme: Organisation, felix: User, transfer: Transfer, line: BankLine, now: datetime
) -> None:
    seen = sightings.of_transfer(transfer, order=transfer.order)
    facts = offline.by_line(line, usd(300))
    first = findings.record(transfer_id=transfer.pk, facts=facts, by=felix, now=now, seen=seen)
    with pytest.raises(ChangedMeanwhile, match=AGAIN):
        findings.record(transfer_id=transfer.pk, facts=facts, by=felix, now=now, seen=seen)

    anew = sightings.of_transfer(transfer, order=transfer.order)
    second = findings.record(transfer_id=transfer.pk, facts=facts, by=felix, now=now, seen=anew)
    assert list(Finding.objects.open().filter(transfer=transfer)) == [second]
    assert first != second


def test_an_assignment_sent_twice_is_proposed_once(acme: Organisation, felix: User, line: BankLine) -> None:
    form = assign(felix, line, acme)

    answers = [form.send(), form.send()]

    assert Finding.objects.filter(organisation=acme).count() == 1
    assert told_again(answers) == 1
    assert "they wrote to us" in text_of(answers[1])


def test_of_an_assignment_sent_many_times_at_once_one_counts(acme: Organisation, felix: User, line: BankLine) -> None:
    answers = at_once(assign(felix, line, acme).send)

    assert Finding.objects.filter(organisation=acme).count() == 1
    assert told_again(answers) == AT_ONCE - 1


def test_whoever_looks_again_may_assign_another_part(acme: Organisation, felix: User, line: BankLine) -> None:
    for _time in range(2):
        assign(felix, line, acme).send()
    assert Finding.objects.filter(organisation=acme).count() == 2


def test_money_sent_back_twice_leaves_once(felix: User, line: BankLine) -> None:
    form = send_back(felix, line)

    answers = [form.send(), form.send()]

    line.refresh_from_db()
    assert line.rest == usd(960)
    assert told_again(answers) == 1
    assert "USD $960.00" in text_of(answers[1])  # as it stands now
    assert "payer unknown" in text_of(answers[1])


def test_of_money_sent_back_many_times_at_once_one_counts(felix: User, line: BankLine) -> None:
    answers = at_once(send_back(felix, line).send)

    line.refresh_from_db()
    assert line.rest == usd(960)
    assert Allocation.objects.filter(line=line).count() == 1
    assert told_again(answers) == AT_ONCE - 1


def test_what_was_proposed_meanwhile_is_not_sent_back_unseen(acme: Organisation, felix: User, line: BankLine) -> None:
    form = send_back(felix, line)
    assign(felix, line, acme).send()

    assert told_again([form.send()]) == 1
    assert not Allocation.objects.filter(line=line).exists()


def looks_alike(acme: Organisation, account: BankAccount, felix: User, *, now: datetime) -> tuple[BankLine, BankLine]:
    frank = people.make_staff("frank", "finance lead")
    asked = offline.declared(acme, usd(300), account=account, now=now)
    facts = offline.by_hand(account, usd(300), on=now.date())
    offline.approve(offline.record(asked, facts, by=felix, now=now), by=frank, now=now)
    typed = BankLine.objects.get(account=account, file=None)
    return offline.bring_line(account, usd(300), imported_by=frank, now=now), typed


def test_the_same_money_recognised_many_times_at_once_is_recognised_once(
    acme: Organisation, account: BankAccount, felix: User, now: datetime
) -> None:
    alike, typed = looks_alike(acme, account, felix, now=now)
    form = Form(felix, "payments_line_same", alike, same_as=str(typed.pk))

    at_once(form.send)

    assert Allocation.objects.get(line=alike).same_as == typed
    assert AGAIN in said(form.send())


def test_a_part_sent_back_meanwhile_is_not_overlooked_by_who_recognises_the_line(
    acme: Organisation, account: BankAccount, felix: User, now: datetime
) -> None:
    alike, typed = looks_alike(acme, account, felix, now=now)
    seen = sightings.of_line(alike)
    parts = [Part(whose=acme, amount=usd(10))]
    assignments.propose(line_id=alike.pk, parts=parts, reason="x", by=felix, now=now, seen=seen)

    with pytest.raises(ChangedMeanwhile):
        returns.mark_same(line_id=alike.pk, same_as_id=typed.pk, by=felix, now=now, seen=seen)
    assert not Allocation.objects.filter(line=alike).exists()


def test_of_several_parts_all_are_proposed_or_none(
    acme: Organisation, felix: User, transfer: Transfer, line: BankLine, now: datetime
) -> None:
    own = builders.make_organisation(now=now, name="Felix and Sons")
    own.members.create(user=felix, role="VIEWER", joined_at=now)
    parts = [Part(whose=transfer, amount=usd(300)), Part(whose=own, amount=usd(10))]

    with pytest.raises(desk.OwnOrganisation):
        assignments.propose(line_id=line.pk, parts=parts, reason="x", by=felix, now=now)

    assert not Finding.objects.filter(shares__line=line).exists()


def withdraw(user: User, finding: Finding) -> Any:
    return Desk(user).post("payments_assignment_withdraw", finding.pk)


def test_an_assignment_is_withdrawn_once_and_approved_no_more(acme: Organisation, felix: User, line: BankLine) -> None:
    assign(felix, line, acme).send()
    finding, fiona = Finding.objects.get(organisation=acme), people.make_staff("fiona", "finance")
    page = Desk(felix).read("payments_finding_change", finding.pk)
    assert reverse("admin:payments_assignment_withdraw", args=[finding.pk]) in page
    assert "Nobody approves it any more" in Desk(felix).read("payments_assignment_withdraw", finding.pk)

    answers = at_once(lambda: withdraw(felix, finding))

    finding.refresh_from_db()
    assert finding.superseded_at
    assert sum("Withdrawn" in said(answer) for answer in answers) == 1
    assert sum("nothing was done" in said(answer) for answer in answers) == AT_ONCE - 1
    assert DeskAct.objects.filter(line=line, kind=DeskAct.Kind.WITHDREW, by=felix).count() == 1
    Desk(fiona).post("payments_assignment_approve", finding.pk)
    assert offline.balance(acme, "wallet") == 0
    assert "/withdraw/" not in Desk(felix).read("payments_finding_change", finding.pk)


def test_what_is_credited_is_not_withdrawn_and_a_transfers_facts_have_their_own_page(
    acme: Organisation, felix: User, transfer: Transfer, line: BankLine, now: datetime
) -> None:
    assign(felix, line, acme).send()
    finding, fiona = Finding.objects.get(organisation=acme), people.make_staff("fiona", "finance")
    findings.approve(finding_id=finding.pk, by=fiona, now=now)
    asked = offline.record(transfer, offline.by_line(line, usd(300)), by=felix, now=now)

    assert "nothing was done" in said(withdraw(felix, finding))
    assert withdraw(felix, asked).status_code == 404
    assert offline.balance(acme, "wallet") == 40
    asked.refresh_from_db()
    assert asked.is_open


def test_nobody_withdraws_for_his_own_organisation_and_ops_not_at_all(
    acme: Organisation, felix: User, line: BankLine, now: datetime
) -> None:
    assign(felix, line, acme).send()
    finding, fiona = Finding.objects.get(organisation=acme), people.make_staff("fiona", "finance")
    acme.members.create(user=fiona, role="VIEWER", joined_at=now)

    assert "You belong to this organisation" in said(withdraw(fiona, finding))
    assert withdraw(people.make_staff("olivia", "ops"), finding).status_code == 403
    finding.refresh_from_db()
    assert finding.is_open
