"""Whatever finance does is written down, with the transfer or the bank line it was done to."""

from datetime import datetime

import pytest
from django.db import IntegrityError, transaction

from payments import desk, findings, returns
from payments.models import BankAccount, BankLine, DeskAct
from tests import builders, people
from tests.payments import offline
from tests.payments.offline import usd
from wallet import chart
from wallet.models import Organisation, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def dollars() -> BankAccount:
    return offline.make_account("USD")


@pytest.fixture
def fiona() -> User:
    return people.make_staff("fiona", "finance")


@pytest.fixture
def felix() -> User:
    return people.make_staff("felix", "finance")


def acts_of(line: BankLine) -> list[tuple[str, User, str]]:
    return [(act.kind, act.by, act.detail) for act in DeskAct.objects.filter(line=line).order_by("id")]


def test_money_that_fits_no_order_is_written_down_with_its_line(
    acme: Organisation, dollars: BankAccount, fiona: User, felix: User, now: datetime
) -> None:
    line = offline.bring_line(dollars, usd(300), imported_by=people.make_staff("ivy", "finance"), now=now)
    facts = offline.by_line(line, usd(200), reason="He called.")

    finding = findings.record_unasked(organisation_id=acme.pk, target=chart.WALLET, facts=facts, by=fiona, now=now)
    offline.approve(finding, by=felix, now=now)

    assert acts_of(line) == [
        (DeskAct.Kind.FOUND, fiona, "USD $200.00 → Acme Messaging"),
        (DeskAct.Kind.APPROVED, felix, "USD $200.00 → Acme Messaging"),
    ]


def test_what_was_found_and_approved_is_written_down_with_its_transfer(
    acme: Organisation, dollars: BankAccount, fiona: User, felix: User, now: datetime
) -> None:
    transfer = offline.declared(acme, usd(1000), account=dollars, now=now)
    line = offline.bring_line(dollars, usd(1000), imported_by=fiona, now=now)
    offline.approve(offline.record(transfer, offline.by_line(line), by=felix, now=now), by=felix, now=now)
    acts = [(act.kind, act.detail) for act in DeskAct.objects.filter(transfer=transfer).order_by("id")]
    assert acts == [(DeskAct.Kind.FOUND, "USD $1,000.00"), (DeskAct.Kind.APPROVED, "USD $1,000.00")]


def test_recognising_the_same_money_is_written_down(
    acme: Organisation, dollars: BankAccount, fiona: User, felix: User, now: datetime
) -> None:
    transfer = offline.declared(acme, usd(1000), account=dollars, now=now)
    facts = offline.by_hand(dollars, usd(1000), on=now.date(), number="FT1")
    offline.approve(offline.record(transfer, facts, by=felix, now=now), by=fiona, now=now)
    typed = BankLine.objects.get(account=dollars)
    line = offline.bring_line(dollars, usd(1000), imported_by=fiona, now=now)

    for _ in range(2):
        returns.mark_same(line_id=line.pk, same_as_id=typed.pk, by=felix, now=now)

    assert acts_of(line) == [(DeskAct.Kind.SAME, felix, f"USD $1,000.00: FT1 {now.date().isoformat()}")]


def test_an_act_is_about_a_transfer_or_a_line(felix: User, now: datetime) -> None:
    with pytest.raises(IntegrityError, match="desk_act_is_about_something"), transaction.atomic():
        desk.log(DeskAct.Kind.FOUND, by=felix, now=now)
