"""A bank line is one, however often and however a finding names it: chosen, or by its number typed by hand."""

from datetime import date, datetime
from typing import Any

import pytest

from payments import allocations, exact_lines, holding, imports, matching
from payments.appraisals import Claim, Facts, TypedLine
from payments.audit import CHECKS
from payments.exact_lines import NotApproved
from payments.models import BankAccount, BankLine
from payments.uploads import Upload
from tests import builders, people
from tests.payments import bank_files, offline
from tests.payments.bank_files import DAY, Row
from tests.payments.offline import usd
from wallet import chart
from wallet.calendar import business_date
from wallet.models import Organisation, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def now() -> datetime:
    return datetime.fromisoformat("2026-07-15T12:00:00+08:00")


@pytest.fixture
def account(db: None) -> BankAccount:
    return offline.make_account("USD", number="6222 0800-1234567")


@pytest.fixture
def fiona(db: None) -> User:
    return people.make_staff("fiona", "finance")


@pytest.fixture
def felix(db: None) -> User:
    return people.make_staff("felix", "finance")


@pytest.fixture
def acme(db: None, now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


def credit_by_hand(organisation: Organisation, account: BankAccount, *, now: datetime, **named: Any) -> None:
    """An order of $100, paid with what two people read at the bank."""
    transfer = offline.declared(organisation, usd(100), account=account, now=now)
    facts = offline.by_hand(account, usd(100), **{"on": DAY} | named)
    finding = offline.record(transfer, facts, by=people.make_staff("frank", "finance lead"), now=now)
    offline.approve(finding, by=people.make_staff("fred", "finance"), now=now)


def bring(account: BankAccount, *rows: Row, by: User, now: datetime) -> list[BankLine]:
    imports.import_statement(bank_files.upload(account, *rows), by=by, now=now)
    return list(BankLine.objects.filter(account=account, file__isnull=False).order_by("line_number"))


def test_a_line_chosen_and_typed_in_one_finding_moves_once(
    acme: Organisation, account: BankAccount, fiona: User, felix: User, now: datetime
) -> None:
    transfer = offline.declared(acme, usd(600), account=account, now=now)
    line = offline.bring_line(account, usd(1000), imported_by=fiona, now=now)
    holding.hold_due(now=now)
    line.refresh_from_db()
    typed = TypedLine(
        account=account, bank_reference=line.bank_reference, value_on=business_date(now), amount=usd(1000)
    )
    facts = Facts(claims=(Claim(amount=usd(300), line=line), Claim(amount=usd(300), typed=typed)))
    offline.approve(
        offline.record(transfer, facts, by=felix, now=now), by=people.make_staff("fred", "finance"), now=now
    )

    line.refresh_from_db()
    assert offline.balance(acme, chart.WALLET) == 600
    assert line.rest == usd(400)
    assert [said for check in CHECKS for said in check("default", now)] == []


def test_a_line_typed_twice_in_one_finding_is_spent_once(
    acme: Organisation, account: BankAccount, felix: User, now: datetime
) -> None:
    transfer = offline.declared(acme, usd(200), account=account, now=now)
    typed = TypedLine(account=account, bank_reference="T1", value_on=DAY, amount=usd(100))
    claims = (Claim(amount=usd(100), typed=typed), Claim(amount=usd(100), typed=typed))
    finding = offline.record(transfer, Facts(claims=claims), by=felix, now=now)
    with pytest.raises(allocations.LineSpent):
        offline.approve(finding, by=people.make_staff("fred", "finance"), now=now)
    assert offline.balance(acme, chart.WALLET) == 0


def test_the_second_of_two_equal_lines_is_named_once_the_first_is_spent(
    acme: Organisation, account: BankAccount, fiona: User, now: datetime
) -> None:
    twin = Row(amount="100.00", reference="B1")
    bring(account, twin, twin, by=fiona, now=now)
    for _time in range(2):
        credit_by_hand(acme, account, number="B1", now=now)
    with pytest.raises(allocations.LineSpent):
        credit_by_hand(acme, account, number="B1", now=now)
    assert offline.balance(acme, chart.WALLET) == 200
    assert BankLine.objects.filter(account=account).count() == 2


def test_a_number_does_not_name_what_the_bank_took_back(
    acme: Organisation, account: BankAccount, fiona: User, now: datetime
) -> None:
    raw = bank_files.mt940(account, [[Row(amount="100", reference="R1")]]).replace(b"0710C100,", b"0710RD100,")
    imports.import_statement(Upload(account=account, name="x.sta", raw=raw), by=fiona, now=now)
    assert BankLine.objects.get(account=account).is_reversal
    with pytest.raises(allocations.LineSpent):
        credit_by_hand(acme, account, number="R1", now=now)


@pytest.mark.parametrize(
    ("first", "second"), [("AB-12 34", "AB1234"), ("0001234", "1234"), ("12.34/5", "1234-5"), ("a_1", "A1")]
)
def test_one_movement_typed_in_two_spellings_is_credited_once(
    acme: Organisation, account: BankAccount, now: datetime, first: str, second: str
) -> None:
    credit_by_hand(acme, account, number=first, now=now)
    with pytest.raises(allocations.LineSpent):
        credit_by_hand(acme, account, number=second, now=now)
    assert BankLine.objects.filter(account=account).count() == 1


@pytest.mark.parametrize(
    ("number", "day"), [("AB1234", date(2026, 6, 29)), ("AB1235", DAY), ("---", DAY), ("000", DAY)]
)
def test_another_number_or_day_is_another_movement(
    acme: Organisation, account: BankAccount, now: datetime, number: str, day: date
) -> None:
    credit_by_hand(acme, account, number="AB-1234", now=now)
    credit_by_hand(acme, account, number="0-0", now=now)
    credit_by_hand(acme, account, number=number, on=day, now=now)
    assert offline.balance(acme, chart.WALLET) == 300


@pytest.mark.parametrize(
    ("amount", "number", "said"),
    [
        ("100.00", "AB1234", (BankLine.Why.MAYBE_TYPED, "AB-1234 · 2026-07-10")),
        ("100.00", "B9", (BankLine.Why.MAYBE_TYPED, "AB-1234 · 2026-07-10")),
        ("185.00", "ab 1234", (BankLine.Why.TYPED_OTHERWISE, "AB-1234 · 2026-07-10 · USD $100.00")),
    ],
)
def test_what_may_be_booked_already_is_never_exact(
    acme: Organisation, account: BankAccount, fiona: User, felix: User, now: datetime,
    amount: str, number: str, said: tuple[str, str],
) -> None:  # fmt: skip
    """Although it quotes an open order of just this amount."""
    credit_by_hand(acme, account, number="AB-1234", now=now)
    asked = offline.declared(acme, usd(amount), account=account, now=now)
    another = offline.declared(acme, usd(150), account=account, now=now)
    line, last = bring(
        account,
        Row(amount=amount, reference=number, text=asked.reference),
        Row(amount="150.00", reference="B2", text=another.reference),
        by=fiona,
        now=now,
    )

    assert (line.pile, (line.pile_reason, line.pile_detail)) == (BankLine.Pile.NEAR, said)
    assert last.pile == BankLine.Pile.EXACT
    with pytest.raises(NotApproved):
        exact_lines.approve_line(line_id=line.pk, by=felix, now=now)
    assert offline.balance(acme, chart.WALLET) == 100


def test_an_exact_line_is_doubted_once_somebody_types_the_same_money(
    acme: Organisation, account: BankAccount, fiona: User, now: datetime
) -> None:
    asked = offline.declared(acme, usd(100), account=account, now=now)
    (line,) = bring(account, Row(amount="100.00", reference="B1", text=asked.reference), by=fiona, now=now)
    assert matching.still_exact([line])[line.pk]
    credit_by_hand(acme, account, number="B 2", now=now)
    assert matching.still_exact([line]) == {line.pk: []}
