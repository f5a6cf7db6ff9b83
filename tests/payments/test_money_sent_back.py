"""Money that was recorded as sent back, and the bank's line that shows it: found, spent once, and posted once."""

from datetime import datetime, timedelta
from functools import partial

import pytest
from django.conf import LazySettings
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from payments import audit, house_moves, returns, sweeps
from payments.models import Allocation, BankAccount, BankLine, DeskAct
from tests import people, races
from tests.payments import offline, stripe_lists
from tests.payments.offline import usd
from wallet import chart
from wallet.calendar import business_date
from wallet.models import HOUSE_ID, Entry, User

pytestmark = pytest.mark.usefixtures("suspense_as_it_was")

WHY = "payer unknown"


@pytest.fixture
def account(db: None) -> BankAccount:
    return offline.make_account("USD")


@pytest.fixture
def fiona(db: None) -> User:
    return people.make_staff("fiona", "finance")


def send_back(account: BankAccount, *, by: User, now: datetime, amount: str = "100", payer: str = "") -> Allocation:
    came = offline.bring_line(account, usd(amount), imported_by=by, now=now)
    BankLine.objects.filter(pk=came.pk).update(payer_account=payer)
    return returns.send_back(line_id=came.pk, amount=usd(amount), note=WHY, by=by, now=now)


def take_out(
    account: BankAccount, *, by: User, now: datetime, amount: str = "100", to: str = "", name: str = "", text: str = ""
) -> BankLine:
    line = stripe_lists.take_out(account, usd(amount), imported_by=by, now=now, text=text)
    BankLine.objects.filter(pk=line.pk).update(payer_account=to, payer_name=name)
    line.refresh_from_db()
    return line


def check(account: BankAccount, now: datetime) -> None:
    assert not [said for said in audit.check_banks("default", now) if account.code in said]
    assert list(audit.check_allocations("default", now)) == []


def at_bank(account: BankAccount) -> object:
    return stripe_lists.moved(account.ledger_code, *keys_at(account))


def keys_at(account: BankAccount) -> list[str]:
    found = Entry.objects.filter(organisation_id=HOUSE_ID, account__code=account.ledger_code)
    return list(found.values_list("posting__key", flat=True))


@pytest.mark.parametrize("way", [{"to": "62-17 0001"}, {"text": "returned, your {number}"}])
def test_the_line_that_shows_it_is_found_and_nothing_is_posted_twice(
    account: BankAccount, fiona: User, now: datetime, way: dict[str, str]
) -> None:
    sent = send_back(account, by=fiona, now=now, payer="62170001" if "to" in way else "")
    given = {name: value.format(number=sent.line.bank_reference) for name, value in way.items()}
    line = take_out(account, by=fiona, now=now, **given)
    assert line in house_moves.list_unexplained()
    for _ in range(2):
        sweeps.settle_bank_lines(now=now)
    line.refresh_from_db()
    spent = line.allocations.get()
    assert (spent.kind, spent.sends, spent.organisation_id, spent.note) == ("SENT", sent, HOUSE_ID, WHY)
    assert (line.pile, at_bank(account)) == (BankLine.Pile.BOOKED, 0)
    assert line not in house_moves.list_unexplained()
    check(account, now)


def test_a_line_to_the_payers_name_is_found_where_the_bank_shows_no_account(
    account: BankAccount, fiona: User, now: datetime
) -> None:
    send_back(account, by=fiona, now=now)
    line = take_out(account, by=fiona, now=now, name="ACME Messaging, Ltd.")
    assert (returns.match_sent(now=now), line.allocations.count()) == (1, 1)


def test_doubt_is_left_to_a_person(account: BankAccount, fiona: User, now: datetime) -> None:
    send_back(account, by=fiona, now=now, payer="1")
    other = take_out(account, by=fiona, now=now, to="2")
    short = take_out(account, by=fiona, now=now, to="1", amount="99")
    twins = [take_out(account, by=fiona, now=now, to="1") for _ in range(2)]
    assert returns.match_sent(now=now) == 0
    assert not Allocation.objects.filter(line__in=[other, short, *twins]).exists()


def test_doubt_about_which_of_two_is_left_to_a_person(account: BankAccount, fiona: User, now: datetime) -> None:
    for _ in range(2):
        send_back(account, by=fiona, now=now, payer="1")
    take_out(account, by=fiona, now=now, to="1")
    assert returns.match_sent(now=now) == 0


def test_what_left_before_the_money_came_is_not_what_sent_it_back(
    account: BankAccount, fiona: User, now: datetime
) -> None:
    early = business_date(now) - timedelta(days=1)
    line = stripe_lists.take_out(account, usd(100), imported_by=fiona, now=now, day=early)
    BankLine.objects.filter(pk=line.pk).update(payer_name="Acme Messaging Ltd")
    send_back(account, by=fiona, now=now)
    assert returns.match_sent(now=now) == 0


def test_a_person_says_which_it_was_once(account: BankAccount, fiona: User, now: datetime) -> None:
    sent = send_back(account, by=fiona, now=now)
    line, second = (take_out(account, by=fiona, now=now, to="elsewhere") for _ in range(2))
    for _ in range(2):
        returns.confirm_sent(line_id=line.pk, allocation_id=sent.pk, by=fiona, now=now)
    with pytest.raises(returns.NotSentBack):
        returns.confirm_sent(line_id=second.pk, allocation_id=sent.pk, by=fiona, now=now)
    assert Allocation.objects.get(sends=sent).line == line
    assert DeskAct.objects.filter(line=line, kind=DeskAct.Kind.SENT, by=fiona).count() == 1
    check(account, now)


def test_it_is_no_charge_of_the_bank(account: BankAccount, fiona: User, now: datetime) -> None:
    send_back(account, by=fiona, now=now, amount="12")
    line = take_out(account, by=fiona, now=now, amount="12", to="elsewhere", text="service fee")
    BankLine.objects.filter(pk=line.pk).update(pile_reason=BankLine.Why.CHARGE)
    house_moves.book_charges(now=now)
    assert not line.allocations.exists()
    with pytest.raises(house_moves.NotTheHouses, match="sent back"):
        house_moves.propose_charge(line_id=line.pk, reason="a fee", by=fiona, now=now)


def test_the_database_lets_no_other_line_be_spent_on_it(account: BankAccount, fiona: User, now: datetime) -> None:
    sent = send_back(account, by=fiona, now=now)
    short = take_out(account, by=fiona, now=now, amount="99")
    elsewhere = take_out(offline.make_account("USD"), by=fiona, now=now)
    came = offline.bring_line(account, usd(100), imported_by=fiona, now=now)
    for line in (short, elsewhere, came):
        with pytest.raises(DatabaseError, match="sent back"), transaction.atomic():
            Allocation.objects.create(
                organisation_id=HOUSE_ID, line=line, kind="SENT", amount=line.amount.amount, sends=sent, by="x", at=now
            )
    line = take_out(account, by=fiona, now=now)
    for wrong in ({"kind": "SENT"}, {"kind": "CHARGE", "sends": sent}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Allocation.objects.create(organisation_id=HOUSE_ID, line=line, amount=100, by="x", at=now, **wrong)


def test_finance_says_it_on_the_lines_page(
    account: BankAccount, fiona: User, client: Client, now: datetime, settings: LazySettings
) -> None:
    settings.STAFF_MFA_REQUIRED = False
    client.force_login(fiona)
    sent = send_back(account, by=fiona, now=now)
    line = take_out(account, by=fiona, now=now, to="elsewhere")
    address = reverse("admin:payments_line_sent", args=[line.pk])
    assert address in client.get(f"/admin/payments/bankline/{line.pk}/change/").content.decode()
    page = client.get(address).content.decode()
    assert (sent.line.bank_reference in page, WHY in page) == (True, True)
    client.post(address, {"sent": str(sent.pk)})
    assert Allocation.objects.get(line=line).sends == sent
    assert "or it was found already" in client.get(address).content.decode()


@pytest.mark.usefixtures("committed")
def test_found_by_many_at_once_it_is_spent_once(now: datetime) -> None:
    account, fiona = offline.make_account("USD"), people.make_staff("fiona", "finance")
    sent = send_back(account, by=fiona, now=now, payer="1")
    lines = [take_out(account, by=fiona, now=now, to=to) for to in ("1", "2")]
    ways = [partial(returns.confirm_sent, line_id=line.pk, allocation_id=sent.pk, by=fiona, now=now) for line in lines]
    outcomes = races.run_at_once([*ways, *ways, partial(returns.match_sent, now=now)])
    assert all(isinstance(each, Allocation | returns.NotSentBack | int) for each in outcomes), outcomes
    assert Allocation.objects.filter(sends=sent).count() == 1
    assert stripe_lists.moved(chart.SUSPENSE, f"bankline:{sent.line_id}:returned:{sent.pk}") == 100
