"""Money that came for a transfer, but not all of it, and waits in the organisation's own suspense."""

from datetime import datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from billing.models import Note, State
from payments import allocations, desk, keeping, settlement
from payments.appraisals import Claim, Facts, FactsRefused, claim_whole
from payments.models import BankAccount, BankLine, DeskAct, Transfer
from tests import builders, people
from tests.payments import offline
from tests.payments.offline import cny, usd
from wallet.ids import new_id
from wallet.models import HOUSE_ID, Organisation, Posting, User


@pytest.fixture
def acme(db: None, now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def fiona(db: None) -> User:
    return people.make_staff("fiona", "finance")


@pytest.fixture
def dollars(db: None) -> BankAccount:
    return offline.make_account("USD")


@pytest.fixture
def transfer(acme: Organisation, dollars: BankAccount, now: datetime) -> Transfer:
    return offline.declared(acme, usd(1000), account=dollars, now=now)


def keep(transfer: Transfer, *lines: BankLine, by: User, now: datetime) -> list[BankLine]:
    fresh = BankLine.objects.select_related("account").filter(pk__in=[line.pk for line in lines])
    claims = [claim_whole(line) for line in fresh]
    return keeping.keep_part(transfer_id=transfer.pk, claims=claims, by=by, now=now)


def test_a_part_the_ledger_does_not_know_goes_to_the_organisations_own_suspense(
    acme: Organisation, transfer: Transfer, dollars: BankAccount, fiona: User, now: datetime
) -> None:
    line = offline.bring_line(dollars, usd(400), imported_by=fiona, now=now)

    keep(transfer, line, by=fiona, now=now)

    line.refresh_from_db()
    transfer.order.refresh_from_db()
    assert line.held_by_id == acme.pk
    assert offline.balance(acme, "suspense") == 400
    assert offline.balance(acme, dollars.ledger_code) == 400
    assert offline.balance(acme, "wallet") == 0
    assert transfer.order.state == State.IN_REVIEW
    event = transfer.order.events.latest("id")
    assert (event.note, event.detail) == (Note.PART_ARRIVED, "USD $400.00 / USD $1,000.00")
    assert DeskAct.objects.get(transfer=transfer, line=line).kind == DeskAct.Kind.KEPT
    assert keeping.list_kept(transfer) == [line]


def test_a_part_in_the_houses_suspense_moves_and_the_bank_in_all_does_not(
    acme: Organisation, transfer: Transfer, dollars: BankAccount, fiona: User, now: datetime
) -> None:
    line = offline.bring_line(dollars, usd(400), imported_by=fiona, now=now)
    house = Organisation.objects.get(pk=HOUSE_ID)
    before = offline.balance(house, "suspense")
    with transaction.atomic():
        settlement.hold_lines([line], organisation_id=HOUSE_ID, by="InnoPaaS", now=now)

    keep(transfer, line, by=fiona, now=now)

    assert offline.balance(house, dollars.ledger_code) == 0
    assert offline.balance(house, "suspense") == before
    assert offline.balance(acme, "suspense") == offline.balance(acme, dollars.ledger_code) == 400
    line.refresh_from_db()
    assert line.held_by == acme


def test_keeping_twice_changes_nothing(
    acme: Organisation, transfer: Transfer, dollars: BankAccount, fiona: User, now: datetime
) -> None:
    line = offline.bring_line(dollars, usd(400), imported_by=fiona, now=now)

    assert keep(transfer, line, by=fiona, now=now) == [line]
    assert keep(transfer, line, by=fiona, now=now) == []

    assert Posting.objects.filter(organisation=acme).count() == 1
    assert transfer.order.events.filter(note=Note.PART_ARRIVED).count() == 1
    assert DeskAct.objects.filter(transfer=transfer, kind=DeskAct.Kind.KEPT).count() == 1


def test_the_rest_that_arrives_is_approved_together_with_what_was_kept(
    acme: Organisation, transfer: Transfer, dollars: BankAccount, fiona: User, now: datetime
) -> None:
    felix = people.make_staff("felix", "finance")
    first = offline.bring_line(dollars, usd(400), imported_by=fiona, now=now)
    rest = offline.bring_line(dollars, usd(600), imported_by=fiona, now=now)
    keep(transfer, first, by=fiona, now=now)
    first.refresh_from_db()
    facts = Facts(claims=(claim_whole(first), claim_whole(rest)))

    offline.approve(offline.record(transfer, facts, by=felix, now=now), by=felix, now=now)

    assert offline.balance(acme, "wallet") == 1000
    assert offline.balance(acme, "suspense") == 0
    assert offline.balance(acme, dollars.ledger_code) == 1000


def test_a_part_typed_by_hand_becomes_a_line_that_waits_for_its_statement(
    acme: Organisation, transfer: Transfer, dollars: BankAccount, fiona: User, now: datetime
) -> None:
    facts = offline.by_hand(dollars, usd(400), on=now.date(), number="N 1")

    for _ in range(2):
        keeping.keep_part(transfer_id=transfer.pk, claims=facts.claims, by=fiona, now=now)

    line = BankLine.objects.get(account=dollars)
    assert (line.entered_by, line.file, line.held_by, line.bank_reference) == (fiona, None, acme, "N 1")
    assert offline.balance(acme, "suspense") == 400


@pytest.mark.parametrize("written", ["n1", "N\t1", "N\u30001", "\uff2e \uff11"])
def test_a_part_is_the_line_we_have_however_its_number_is_written(
    acme: Organisation, transfer: Transfer, dollars: BankAccount, fiona: User, now: datetime, written: str
) -> None:
    described = BankLine(account=dollars, amount=usd(400), value_on=now.date(), bank_reference="N 1", created_at=now)
    described.entered_by = fiona
    with transaction.atomic():
        line = allocations.enter_typed(described)
    facts = offline.by_hand(dollars, usd(400), on=now.date(), number=written)

    assert keeping.keep_part(transfer_id=transfer.pk, claims=facts.claims, by=fiona, now=now) == [line]

    assert BankLine.objects.get(account=dollars).kept_for == transfer


def test_the_database_keeps_a_line_in_the_suspense_of_its_transfers_organisation(
    transfer: Transfer, dollars: BankAccount, fiona: User, now: datetime
) -> None:
    bobs = builders.make_organisation(now=now, owner=builders.make_person("bob"), name="Bob Ltd")
    line = offline.bring_line(dollars, usd(400), imported_by=fiona, now=now)
    with transaction.atomic():
        settlement.hold_lines([line], organisation_id=bobs.pk, by="InnoPaaS", now=now)

    with pytest.raises(IntegrityError, match="bank_line_kept_in_its_organisation"):
        BankLine.objects.filter(pk=line.pk).update(kept_for=transfer)


def test_a_line_has_one_keeper_so_a_part_of_one_is_not_kept(
    transfer: Transfer, dollars: BankAccount, fiona: User, now: datetime
) -> None:
    line = offline.bring_line(dollars, usd(400), imported_by=fiona, now=now)

    with pytest.raises(FactsRefused, match=r"USD \$400.00"):
        keeping.keep_part(transfer_id=transfer.pk, claims=[Claim(amount=usd(100), line=line)], by=fiona, now=now)

    line.refresh_from_db()
    assert line.held_by is None


def test_all_that_was_asked_for_is_approved_and_not_kept(
    transfer: Transfer, dollars: BankAccount, fiona: User, now: datetime
) -> None:
    kept = offline.bring_line(dollars, usd(400), imported_by=fiona, now=now)
    keep(transfer, kept, by=fiona, now=now)
    rest = offline.bring_line(dollars, usd(600), imported_by=fiona, now=now)

    with pytest.raises(FactsRefused, match="Record it for approval"):
        keep(transfer, rest, by=fiona, now=now)

    rest.refresh_from_db()
    assert rest.held_by is None


def test_what_another_organisation_keeps_is_not_taken_from_it(
    transfer: Transfer, dollars: BankAccount, fiona: User, now: datetime
) -> None:
    bobs = builders.make_organisation(now=now, owner=builders.make_person("bob"), name="Bob Ltd")
    line = offline.bring_line(dollars, usd(400), imported_by=fiona, now=now)
    with transaction.atomic():
        settlement.hold_lines([line], organisation_id=bobs.pk, by="InnoPaaS", now=now)

    with pytest.raises(FactsRefused, match="another organisation"):
        keep(transfer, line, by=fiona, now=now)

    assert offline.balance(bobs, "suspense") == 400


def test_other_money_is_no_part_of_it(transfer: Transfer, dollars: BankAccount, fiona: User, now: datetime) -> None:
    yuan = offline.make_account("CNY")
    foreign = offline.bring_line(yuan, cny(400), imported_by=fiona, now=now)
    taken_back = offline.bring_line(dollars, usd(400), imported_by=fiona, now=now)
    taken_back.pk, taken_back.bank_reference, taken_back.is_reversal = new_id(), "R 1", True
    taken_back.save(force_insert=True)

    for line in (foreign, taken_back):
        with pytest.raises(FactsRefused):
            keep(transfer, line, by=fiona, now=now)
    with pytest.raises(FactsRefused):
        keep(transfer, by=fiona, now=now)
    assert not BankLine.objects.filter(account__in=[dollars, yuan], held_by__isnull=False).exists()


def test_nobody_keeps_for_his_own_organisation_or_for_somebody_elses_transfer(
    acme: Organisation, transfer: Transfer, dollars: BankAccount, fiona: User, now: datetime
) -> None:
    line = offline.bring_line(dollars, usd(400), imported_by=fiona, now=now)
    with pytest.raises(desk.OwnOrganisation):
        keep(transfer, line, by=builders.owner_of(acme), now=now)
    desk.take(transfer_id=transfer.pk, by=people.make_staff("felix", "finance"), now=now)
    with pytest.raises(desk.TakenBySomebodyElse):
        keep(transfer, line, by=fiona, now=now)
    line.refresh_from_db()
    assert line.held_by is None


def test_a_transfer_that_does_not_wait_keeps_nothing(
    acme: Organisation, dollars: BankAccount, fiona: User, now: datetime
) -> None:
    begun = offline.begin(acme, usd(1000), account=dollars, now=now)
    line = offline.bring_line(dollars, usd(400), imported_by=fiona, now=now)
    with pytest.raises(desk.NotInReview):
        keep(begun, line, by=fiona, now=now)


def test_what_was_found_before_is_void_and_the_transfer_free_again(
    transfer: Transfer, dollars: BankAccount, fiona: User, now: datetime
) -> None:
    line = offline.bring_line(dollars, usd(400), imported_by=fiona, now=now)
    finding = offline.record(transfer, offline.by_line(line, reason="short"), by=fiona, now=now)
    desk.take(transfer_id=transfer.pk, by=fiona, now=now)

    keep(transfer, line, by=fiona, now=now)

    finding.refresh_from_db()
    transfer.refresh_from_db()
    assert finding.superseded_at == now
    assert transfer.taken_by is None
    assert Decimal(line.allocated) == 0
