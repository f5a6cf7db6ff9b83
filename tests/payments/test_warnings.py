"""What makes finance look twice at a transfer."""

import secrets
from datetime import datetime, timedelta

import pytest

from billing import flags
from billing.models import Flag
from payments import warnings
from payments.models import BankAccount, Slip, Transfer
from payments.warnings import Kind
from tests import builders, people
from tests.payments import offline
from tests.payments.offline import usd
from wallet import details
from wallet.models import Organisation, User


@pytest.fixture
def acme(db: None, now: datetime) -> Organisation:
    organisation = builders.make_organisation(now=now)
    owner = builders.owner_of(organisation)
    details.add_payer(organisation_id=organisation.pk, name="Acme Messaging Ltd", by=owner, now=now)
    return organisation


@pytest.fixture
def dollars(db: None) -> BankAccount:
    return offline.make_account("USD")


@pytest.fixture
def felix(db: None) -> User:
    return people.make_staff("felix", "finance")


def declare(
    organisation: Organisation, account: BankAccount, *, now: datetime, amount: int = 1000, number: str = "",
    payer: str = "ACME Messaging Limited",
) -> Transfer:  # fmt: skip
    begun = offline.begin(organisation, usd(amount), account=account, now=now)
    return offline.declare(begun, now=now, payer=payer, bank_number=number)


def upload(transfer: Transfer, sha256: str, *, now: datetime) -> None:
    Slip.objects.create(
        organisation=transfer.organisation,
        transfer=transfer,
        kind=Slip.Kind.PDF,
        size=1,
        sha256=sha256,
        stored_name=secrets.token_hex(16),
        uploaded_by=builders.owner_of(transfer.organisation),
        uploaded_at=now,
    )


def confirm(transfer: Transfer, *, by: User, importer: User, now: datetime) -> None:
    line = offline.bring_line(transfer.account, transfer.amount, imported_by=importer, now=now)
    offline.approve(offline.record(transfer, offline.by_line(line), by=by, now=now), by=by, now=now)


def kinds(transfer: Transfer) -> list[Kind]:
    return [warning.kind for warning in warnings.find(transfer)]


def test_an_ordinary_transfer_has_none(acme: Organisation, dollars: BankAccount, now: datetime) -> None:
    assert warnings.find(declare(acme, dollars, now=now)) == []


def test_one_paper_proves_one_payment_whoever_uploaded_it(
    acme: Organisation, dollars: BankAccount, now: datetime
) -> None:
    bobs = builders.make_organisation(now=now, owner=builders.make_person("bob"), name="Bob Ltd")
    first, second = declare(bobs, dollars, now=now), declare(acme, dollars, now=now, amount=500)
    sha256 = secrets.token_hex(32)
    upload(first, sha256, now=now)
    assert kinds(second) == []

    upload(second, sha256, now=now)

    found = warnings.find(second)
    assert [(warning.kind, warning.transfers) for warning in found] == [(Kind.SAME_SLIP, (first,))]
    Slip.objects.filter(transfer=second).update(removed_at=now)
    assert kinds(second) == []


def test_the_same_bank_number_declared_before_is_named(acme: Organisation, dollars: BankAccount, now: datetime) -> None:
    first = declare(acme, dollars, now=now, number="FT2607150001")
    second = declare(acme, dollars, now=now, amount=500, number="ft 2607\u30001500 01")
    assert [(warning.kind, warning.transfers) for warning in warnings.find(second)] == [
        (Kind.SAME_BANK_NUMBER, (first,))
    ]


def test_a_bank_number_that_was_credited_before_is_named(
    acme: Organisation, dollars: BankAccount, felix: User, now: datetime
) -> None:
    first = declare(acme, dollars, now=now)
    line = offline.bring_line(dollars, usd(1000), imported_by=people.make_staff("ivy", "finance"), now=now)
    offline.approve(offline.record(first, offline.by_line(line), by=felix, now=now), by=felix, now=now)
    second = declare(
        acme, dollars, now=now, amount=500, number=f" {line.bank_reference[:4]} {line.bank_reference[4:].lower()}"
    )

    assert kinds(second) == [Kind.SAME_BANK_NUMBER]
    assert kinds(first) == []


def test_the_same_amount_for_the_same_day_is_named(acme: Organisation, dollars: BankAccount, now: datetime) -> None:
    first = declare(acme, dollars, now=now)
    bobs = builders.make_organisation(now=now, owner=builders.make_person("bob"), name="Bob Ltd")
    declare(bobs, dollars, now=now)
    second, other_day = declare(acme, dollars, now=now), declare(acme, dollars, now=now - timedelta(days=2))

    assert [(warning.kind, warning.transfers) for warning in warnings.find(second)] == [
        (Kind.SAME_AMOUNT_AND_DAY, (first,))
    ]
    assert kinds(other_day) == []


@pytest.mark.parametrize(("amount", "is_unusual"), [(1500, False), (1501, True)])
def test_three_times_the_largest_of_the_last_ten_is_unusual(
    *, acme: Organisation, dollars: BankAccount, felix: User, now: datetime, amount: int, is_unusual: bool
) -> None:
    ivy = people.make_staff("ivy", "finance")
    for before in (500, 200):
        confirm(declare(acme, dollars, now=now, amount=before), by=felix, importer=ivy, now=now)
    declare(acme, dollars, now=now, amount=9000)

    assert (Kind.UNUSUAL_AMOUNT in kinds(declare(acme, dollars, now=now, amount=amount))) is is_unusual


def test_a_payer_who_is_none_of_its_names_is_named(acme: Organisation, dollars: BankAccount, now: datetime) -> None:
    found = warnings.find(declare(acme, dollars, now=now, payer="Mallory Ltd"))
    assert [(warning.kind, warning.detail) for warning in found] == [(Kind.UNKNOWN_PAYER, "Mallory Ltd")]


def test_a_flagged_organisation_is_named_until_the_flag_is_resolved(
    acme: Organisation, dollars: BankAccount, felix: User, now: datetime
) -> None:
    first, second = declare(acme, dollars, now=now), declare(acme, dollars, now=now, amount=500)
    flags.raise_flag(order=first.order, reason=Flag.Reason.LATE_MONEY, now=now)

    assert kinds(second) == [Kind.FLAGGED]
    assert first.order.number in warnings.find(second)[0].detail
    flags.resolve(flag_id=Flag.objects.get(order=first.order).pk, by=felix, note="seen", now=now)
    assert kinds(second) == []
