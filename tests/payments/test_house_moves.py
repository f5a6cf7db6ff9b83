"""The house's own money at the bank: charges, interest, and exchanges of currencies."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from djmoney.money import Money

from payments import audit, balance_audit, exchanges, holding, house_moves
from payments.exchanges import Position
from payments.models import Allocation, BankAccount, BankLine, HouseMove
from tests import builders, people
from tests.payments import offline, stripe_lists
from tests.payments.offline import cny, usd
from wallet import chart
from wallet.models import HOUSE_ID, User

IN, OUT = BankLine.Direction.IN, BankLine.Direction.OUT

pytestmark = pytest.mark.usefixtures("suspense_as_it_was")


@pytest.fixture
def yuan(db: None) -> BankAccount:
    return offline.make_account("CNY")


@pytest.fixture
def dollars(db: None) -> BankAccount:
    return offline.make_account("USD")


@pytest.fixture
def fiona(db: None) -> User:
    return people.make_staff("fiona", "finance")


@pytest.fixture
def frank(db: None) -> User:
    return people.make_staff("frank", "finance lead")


@pytest.fixture
def bring(fiona: User, now: datetime) -> Callable[..., BankLine]:
    """Lines that a statement brought, sorted as an import sorts them, in the ledger."""

    def do(account: BankAccount, amount: Money, direction: str = IN, *, why: str = "", text: str = "") -> BankLine:
        make = stripe_lists.take_out if direction == OUT else offline.bring_line
        line = make(account, amount, imported_by=fiona, now=now, text=text)
        BankLine.objects.filter(pk=line.pk).update(
            pile=BankLine.Pile.OTHER if why else BankLine.Pile.NONE, pile_reason=why
        )
        holding.hold_due(now=now)
        line.refresh_from_db()
        return line

    return do


@pytest.fixture
def exchange(
    bring: Callable[..., BankLine], yuan: BankAccount, dollars: BankAccount
) -> Callable[..., tuple[BankLine, BankLine]]:
    """The two lines of one exchange."""

    def do(gone: str = "7200", came: str = "993.10") -> tuple[BankLine, BankLine]:
        out = bring(yuan, cny(gone), OUT, why=BankLine.Why.MONEY_OUT)
        return out, bring(dollars, usd(came))

    return do


def position(taken_in: str, credited: str) -> Position:
    return Position(taken_in=cny(taken_in), credited=usd(credited))


def keep_position(monkeypatch: pytest.MonkeyPatch, taken_in: str, credited: str) -> None:
    """What is open over all organisations is everybody's; a story has its own."""
    monkeypatch.setattr(exchanges, "read_position", lambda: position(taken_in, credited))


def check(*accounts: BankAccount, now: datetime) -> None:
    for account in accounts:
        assert not [said for said in audit.check_banks("default", now) if account.code in said]
    assert list(balance_audit.check_house_moves("default", now)) == []


# --- charges ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("currency", "amount"), [("CNY", "35.50"), ("USD", "12")])
def test_a_small_charge_of_the_bank_is_posted_as_it_comes(
    bring: Callable[..., BankLine], now: datetime, currency: str, amount: str
) -> None:
    account, charged = offline.make_account(currency), Money(Decimal(amount), currency)
    line = bring(account, charged, OUT, why=BankLine.Why.CHARGE, text="手续费")
    assert house_moves.book_charges(now=now) >= 1
    house_moves.book_charges(now=now)
    key = f"bankline:{line.pk}:charge"
    assert stripe_lists.moved(chart.BANK_CHARGES, key, currency=currency) == Decimal(amount)
    assert stripe_lists.moved(account.ledger_code, key, currency=currency) == -Decimal(amount)
    line.refresh_from_db()
    assert line.rest.amount == 0
    assert line.pile == BankLine.Pile.BOOKED
    check(account, now=now)


def test_a_large_line_that_calls_itself_a_charge_waits_for_two_people(
    bring: Callable[..., BankLine], yuan: BankAccount, now: datetime, fiona: User, frank: User
) -> None:
    line = bring(yuan, cny(50_000), OUT, why=BankLine.Why.CHARGE, text="service fee")
    house_moves.book_charges(now=now)
    assert line in house_moves.list_unexplained()
    move = house_moves.propose_charge(line_id=line.pk, reason="custody fee of the year", by=fiona, now=now)
    with pytest.raises(house_moves.MayNotDecide):
        house_moves.approve(move_id=move.pk, by=fiona, now=now)
    assert stripe_lists.moved(chart.BANK_CHARGES, f"bankline:{line.pk}:charge", currency="CNY") == 0
    house_moves.approve(move_id=move.pk, by=frank, now=now)
    assert stripe_lists.moved(chart.BANK_CHARGES, f"bankline:{line.pk}:charge", currency="CNY") == 50_000
    assert line not in house_moves.list_unexplained()
    with pytest.raises(house_moves.NotWaiting):
        house_moves.approve(move_id=move.pk, by=frank, now=now)
    check(yuan, now=now)


def test_any_other_money_out_is_not_posted_by_itself(
    bring: Callable[..., BankLine], yuan: BankAccount, now: datetime
) -> None:
    line = bring(yuan, cny(10), OUT, why=BankLine.Why.MONEY_OUT)
    house_moves.book_charges(now=now)
    assert line in house_moves.list_unexplained()


def test_interest_lowers_what_banks_take(
    bring: Callable[..., BankLine], yuan: BankAccount, now: datetime, fiona: User, frank: User
) -> None:
    line = bring(yuan, cny("8.20"), why=BankLine.Why.CHARGE, text="结息")
    move = house_moves.propose_charge(line_id=line.pk, reason="interest", by=fiona, now=now)
    house_moves.approve(move_id=move.pk, by=frank, now=now)
    key = f"bankline:{line.pk}:charge"
    assert stripe_lists.moved(chart.BANK_CHARGES, key, currency="CNY") == Decimal("-8.20")
    assert stripe_lists.moved(chart.SUSPENSE, key, currency="CNY") == Decimal("8.20")
    assert builders.balance_of(HOUSE_ID, yuan.ledger_code, "CNY") == cny("8.20")
    check(yuan, now=now)


def test_one_proposal_a_line_until_it_is_withdrawn(
    bring: Callable[..., BankLine], yuan: BankAccount, now: datetime, fiona: User, frank: User
) -> None:
    line = bring(yuan, cny(900), OUT, why=BankLine.Why.MONEY_OUT)
    move = house_moves.propose_charge(line_id=line.pk, reason="a fee", by=fiona, now=now)
    with pytest.raises(house_moves.AlreadyProposed):
        house_moves.propose_charge(line_id=line.pk, reason="a fee too", by=frank, now=now)
    house_moves.withdraw(move_id=move.pk, by=frank, now=now)
    house_moves.propose_charge(line_id=line.pk, reason="a fee after all", by=frank, now=now)


@pytest.mark.parametrize("suspense_as_it_was", [None])  # the line is given to somebody by hand, without its posting
def test_money_that_was_credited_is_no_charge(
    bring: Callable[..., BankLine], dollars: BankAccount, now: datetime, fiona: User, suspense_as_it_was: None
) -> None:
    line = bring(dollars, usd(20))
    BankLine.objects.filter(pk=line.pk).update(held_by=builders.make_organisation(now=now))
    with pytest.raises(house_moves.NotTheHouses):
        house_moves.propose_charge(line_id=line.pk, reason="interest", by=fiona, now=now)


# --- exchanges ----------------------------------------------------------------------------------------------


def test_an_exchange_posts_its_loss_against_what_customers_were_credited(
    exchange: Callable[..., tuple[BankLine, BankLine]], now: datetime, fiona: User, frank: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """¥7,200 taken in at 7.20 and exchanged at 7.25, as docs/money.md tells it."""
    keep_position(monkeypatch, "7200", "1000")
    gone, came = exchange("7200", "993.10")
    move = house_moves.propose_exchange(gone_id=gone.pk, came_id=came.pk, reason="July", by=fiona, now=now)
    done = house_moves.approve(move_id=move.pk, by=frank, now=now)
    key = f"exchange:{move.pk}"
    assert (done.cost, done.result) == (Decimal(1000), usd("-6.90"))
    assert stripe_lists.moved(chart.FX, key, currency="CNY") == 7200
    assert stripe_lists.moved(gone.account.ledger_code, key, currency="CNY") == -7200
    assert stripe_lists.moved(chart.SUSPENSE, key) == Decimal("993.10")
    assert stripe_lists.moved(chart.FX, key) == -1000
    assert stripe_lists.moved(chart.FX_RESULT, key) == Decimal("6.90")
    assert builders.balance_of(HOUSE_ID, came.account.ledger_code) == usd("993.10")
    assert Allocation.objects.filter(line__in=[gone, came], kind=Allocation.Kind.EXCHANGE).count() == 2
    check(gone.account, came.account, now=now)


def test_an_exchange_at_a_better_rate_is_a_gain(
    exchange: Callable[..., tuple[BankLine, BankLine]], now: datetime, fiona: User, frank: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    keep_position(monkeypatch, "14400", "2000")
    gone, came = exchange("7200", "1010")
    move = house_moves.propose_exchange(gone_id=gone.pk, came_id=came.pk, reason="July", by=fiona, now=now)
    done = house_moves.approve(move_id=move.pk, by=frank, now=now)
    assert done.result == usd(10)
    assert stripe_lists.moved(chart.FX_RESULT, f"exchange:{move.pk}") == -10
    assert stripe_lists.moved(chart.FX, f"exchange:{move.pk}") == -1000
    check(gone.account, came.account, now=now)


@pytest.mark.parametrize(
    ("taken_in", "credited", "gone", "came", "cost"),
    [
        ("7200", "1000", "7200", "993.10", "1000.00"),  # all that is open
        ("14400", "2010", "7200", "993.10", "1005.00"),  # half of it: the average
        ("7200", "1000", "14400", "1990.00", "1995.00"),  # half of it was our own: that cost what it brought
        ("0", "0", "7200", "993.10", "993.10"),
        ("-5", "10", "7200", "993.10", "993.10"),
        ("3", "1", "1", "0.14", "0.33"),
    ],
)
def test_what_was_exchanged_has_cost_its_part_of_all_that_is_open(
    taken_in: str, credited: str, gone: str, came: str, cost: str
) -> None:
    found = exchanges.find_cost(cny(gone), came=usd(came), position=position(taken_in, credited))
    assert found == usd(cost)


def test_a_day_of_top_ups_wholly_exchanged_leaves_no_position(
    exchange: Callable[..., tuple[BankLine, BankLine]], now: datetime, fiona: User, frank: User
) -> None:
    """With the real position, whatever others left open in it."""
    before = exchanges.read_position()
    gone, came = exchange("7200", "993.10")
    move = house_moves.propose_exchange(gone_id=gone.pk, came_id=came.pk, reason="July", by=fiona, now=now)
    done = house_moves.approve(move_id=move.pk, by=frank, now=now)
    after = exchanges.read_position()
    assert after.taken_in == before.taken_in - cny(7200)
    assert done.cost is not None
    assert after.credited == before.credited - usd(str(done.cost))


def test_an_exchange_takes_yuan_out_and_brings_dollars_in(
    exchange: Callable[..., tuple[BankLine, BankLine]], now: datetime, fiona: User
) -> None:
    gone, came = exchange()
    with pytest.raises(house_moves.NotTheHouses):
        house_moves.propose_exchange(gone_id=came.pk, came_id=gone.pk, reason="July", by=fiona, now=now)


def test_a_line_becomes_one_exchange_only(
    exchange: Callable[..., tuple[BankLine, BankLine]], now: datetime, fiona: User, frank: User
) -> None:
    gone, came = exchange()
    other, _came = exchange("7100", "980")
    move = house_moves.propose_exchange(gone_id=gone.pk, came_id=came.pk, reason="July", by=fiona, now=now)
    with pytest.raises(house_moves.AlreadyProposed):
        house_moves.propose_exchange(gone_id=other.pk, came_id=came.pk, reason="July", by=fiona, now=now)
    house_moves.approve(move_id=move.pk, by=frank, now=now)
    with pytest.raises(house_moves.NotTheHouses):
        house_moves.propose_exchange(gone_id=other.pk, came_id=came.pk, reason="July", by=fiona, now=now)


def test_a_rate_far_from_ours_is_said_so(exchange: Callable[..., tuple[BankLine, BankLine]], now: datetime) -> None:
    offline.set_rate("7.2", at=now - timedelta(hours=1))
    gone, came = exchange("7200", "900")
    assert exchanges.foresee(gone, came).comparison.is_jump


# --- what the database keeps --------------------------------------------------------------------------------


def test_nobody_approves_what_he_proposed_also_by_sql(
    bring: Callable[..., BankLine], yuan: BankAccount, now: datetime, fiona: User
) -> None:
    line = bring(yuan, cny(900), OUT, why=BankLine.Why.MONEY_OUT)
    move = house_moves.propose_charge(line_id=line.pk, reason="a fee", by=fiona, now=now)
    with pytest.raises(IntegrityError, match="house_move_approved_by_somebody_else"), transaction.atomic():
        HouseMove.objects.filter(pk=move.pk).update(approved_by=fiona, approved_by_name="x", approved_at=now)


def test_only_active_staff_decide(
    bring: Callable[..., BankLine], yuan: BankAccount, now: datetime, fiona: User
) -> None:
    line = bring(yuan, cny(900), OUT, why=BankLine.Why.MONEY_OUT)
    move = house_moves.propose_charge(line_id=line.pk, reason="a fee", by=fiona, now=now)
    alice = builders.make_person()
    with pytest.raises(DatabaseError, match="only active staff"), transaction.atomic():
        HouseMove.objects.filter(pk=move.pk).update(approved_by=alice, approved_by_name="x", approved_at=now)


@pytest.mark.parametrize("kind", [Allocation.Kind.CHARGE, Allocation.Kind.EXCHANGE])
def test_a_line_is_not_spent_without_two_people(
    bring: Callable[..., BankLine], yuan: BankAccount, now: datetime, kind: Allocation.Kind
) -> None:
    line = bring(yuan, cny(900), OUT, why=BankLine.Why.MONEY_OUT)
    with pytest.raises(DatabaseError), transaction.atomic():
        Allocation.objects.create(
            organisation_id=HOUSE_ID, line=line, kind=kind, amount=line.amount.amount, by="x", at=now
        )
