"""Which pile a bank line lies in, why, and what is suggested for it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest
from djmoney.money import Money

from billing.models import State
from payments import expectations, imports, matching, references, transfers
from payments.models import BankAccount, BankLine, Suggestion, Transfer
from tests import builders, people
from tests.payments import bank_files, offline
from tests.payments.bank_files import DAY, Row
from wallet import details
from wallet.models import Organisation, User

pytestmark = pytest.mark.django_db
Pile, Why = BankLine.Pile, BankLine.Why
Pay = Callable[..., BankLine]


@pytest.fixture
def now() -> datetime:
    return datetime.fromisoformat("2026-07-15T12:00:00+08:00")


@pytest.fixture
def account(db: None) -> BankAccount:
    return offline.make_account("USD")


@pytest.fixture
def fiona(db: None) -> User:
    return people.make_staff("fiona", "finance")


@pytest.fixture
def acme(db: None, now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def begin(account: BankAccount, acme: Organisation, now: datetime) -> Callable[..., Transfer]:
    def do(amount: int | str = 100, organisation: Organisation | None = None, currency: str = "USD") -> Transfer:
        return offline.begin(organisation or acme, Money(amount, currency), account=account, now=now)

    return do


@pytest.fixture
def pay(account: BankAccount, fiona: User, now: datetime) -> Pay:
    """A statement with one more line; the line."""
    reached = 0

    def do(amount: int, text: str = "", **more: Any) -> BankLine:
        nonlocal reached
        reference = more.pop("reference", f"BANK{reached:06}")
        row = Row(amount=str(amount), text=text, reference=reference, **{"payer": "Somebody"} | more)
        imports.import_statement(bank_files.upload(account, row, opening=reached), by=fiona, now=now)
        reached += amount
        return BankLine.objects.get(account=account, bank_reference=reference)

    return do


def seen(line: BankLine) -> tuple[str, str, str]:
    line.refresh_from_db()
    return line.pile, line.pile_reason, line.pile_detail


def suggested(line: BankLine) -> dict[str, str]:
    return dict(Suggestion.objects.filter(line=line).values_list("transfer__reference", "reason"))


def test_a_quoted_reference_with_its_amount_is_exact(begin: Callable[..., Transfer], pay: Pay) -> None:
    transfer = begin(100)
    broken = f"INV 7 {transfer.reference[:5].lower()} {transfer.reference[5:]}/thanks"
    line = pay(100, broken)
    assert seen(line) == (Pile.EXACT, Why.QUOTED, transfer.reference)
    assert suggested(line) == {transfer.reference: Why.QUOTED}


def test_one_line_that_quotes_several_references_and_is_their_sum_is_exact(
    begin: Callable[..., Transfer], pay: Pay, now: datetime
) -> None:
    first, second = begin(100), begin(150, builders.make_organisation(now=now, name="Bob's Bikes"))
    line = pay(250, f"{first.reference} and {second.reference}")
    assert seen(line)[:2] == (Pile.EXACT, Why.QUOTED)
    assert suggested(line) == {first.reference: Why.QUOTED, second.reference: Why.QUOTED}


@pytest.mark.parametrize(("amount", "reason", "off"), [(99, Why.SHORT, "USD $1.00"), (130, Why.OVER, "USD $30.00")])
def test_an_amount_that_is_off_is_near_with_the_difference(
    begin: Callable[..., Transfer], pay: Pay, amount: int, reason: BankLine.Why, off: str
) -> None:
    transfer = begin(100)
    line = pay(amount, transfer.reference)
    assert seen(line) == (Pile.NEAR, reason, off)
    assert suggested(line) == {transfer.reference: reason}


def test_a_sum_of_several_that_is_off_suggests_all(begin: Callable[..., Transfer], pay: Pay) -> None:
    first, second = begin(100), begin(150)
    line = pay(200, f"{first.reference} {second.reference}")
    assert seen(line) == (Pile.NEAR, Why.SHORT, "USD $50.00")
    assert set(suggested(line)) == {first.reference, second.reference}


def test_late_money_is_near(begin: Callable[..., Transfer], pay: Pay, acme: Organisation, now: datetime) -> None:
    transfer = begin(100)
    transfers.cancel(order_id=transfer.order_id, by="Alice", now=now)
    assert seen(pay(100, transfer.reference)) == (Pile.NEAR, Why.LATE, transfer.reference)


def test_money_for_an_order_paid_before_is_near(
    begin: Callable[..., Transfer], pay: Pay, fiona: User, now: datetime
) -> None:
    transfer = begin(100)
    first = pay(100, transfer.reference)
    felix = people.make_staff("felix", "finance")
    offline.approve(offline.record(transfer, offline.by_line(first), by=felix, now=now), by=felix, now=now)
    assert seen(first)[0] == Pile.BOOKED
    assert seen(pay(100, transfer.reference)) == (Pile.NEAR, Why.PAID_BEFORE, transfer.reference)


def test_a_second_line_for_the_same_order_is_not_exact(begin: Callable[..., Transfer], pay: Pay) -> None:
    transfer = begin(100)
    pay(100, transfer.reference)
    assert seen(pay(100, transfer.reference))[:2] == (Pile.NEAR, Why.QUOTED_TWICE)


def test_a_reference_of_another_currency_is_near(
    begin: Callable[..., Transfer], pay: Pay, account: BankAccount, acme: Organisation, now: datetime
) -> None:
    offline.set_rate(at=now - timedelta(minutes=1))
    transfer = offline.begin(acme, offline.cny(500), account=offline.make_account("CNY"), now=now)
    assert seen(pay(100, transfer.reference)) == (Pile.NEAR, Why.OTHER_CURRENCY, "CNY ¥500.00")


@pytest.mark.parametrize("place", range(2, 12))
def test_one_wrong_character_of_a_reference_is_understood(begin: Callable[..., Transfer], pay: Pay, place: int) -> None:
    transfer = begin(100)
    wrong = next(sign for sign in references.ALPHABET if sign != transfer.reference[place])
    line = pay(100, transfer.reference[:place] + wrong + transfer.reference[place + 1 :])
    assert seen(line) == (Pile.NEAR, Why.MISTYPED, transfer.reference)


def test_exchanged_neighbours_are_understood_and_the_amount_need_not_agree(
    begin: Callable[..., Transfer], pay: Pay
) -> None:
    transfer = begin(100)
    body = transfer.reference
    place = next(n for n in range(2, 11) if body[n] != body[n + 1] and {body[n], body[n + 1]} != {"0", "Z"})
    line = pay(99, body[:place] + body[place + 1] + body[place] + body[place + 2 :])
    assert seen(line) == (Pile.NEAR, Why.MISTYPED, f"{transfer.reference} · −USD $1.00")


def test_two_wrong_characters_are_not_guessed_at(begin: Callable[..., Transfer], pay: Pay) -> None:
    transfer = begin(100)
    turned = "".join("A" if sign != "A" else "B" for sign in transfer.reference[2:5])
    assert seen(pay(100, "TP" + turned + transfer.reference[5:])) == (Pile.NONE, "", "")


def test_the_number_that_the_customer_declared_is_found(
    begin: Callable[..., Transfer], pay: Pay, now: datetime
) -> None:
    one = offline.declare(begin(100), bank_number="20260710 abc", now=now)
    other = offline.declare(begin(100), bank_number="77889900", now=now)
    assert seen(pay(100, reference="20260710ABC")) == (Pile.NEAR, Why.BANK_NUMBER, one.reference)
    assert seen(pay(90, "TRN 77889900")) == (Pile.NEAR, Why.BANK_NUMBER, f"{other.reference} · −USD $10.00")


def test_a_known_payer_with_the_amount_is_near(
    begin: Callable[..., Transfer], pay: Pay, acme: Organisation, now: datetime
) -> None:
    transfer = begin(100)
    assert seen(pay(100, payer="上海艾克米有限责任公司"))[0] == Pile.NONE
    details.add_payer(organisation_id=acme.pk, name="上海艾克米有限公司", by=builders.owner_of(acme), now=now)
    assert seen(pay(100, payer="上海艾克米有限责任公司")) == (Pile.NEAR, Why.PAYER, transfer.reference)
    assert seen(pay(101, payer="上海艾克米有限公司"))[0] == Pile.NONE


def test_a_declared_payer_with_the_amount_is_near_and_two_are_several(
    begin: Callable[..., Transfer], pay: Pay, now: datetime
) -> None:
    offline.declare(begin(100), payer="Wile E. Ltd", now=now)
    assert seen(pay(100, payer="WILE E LIMITED"))[:2] == (Pile.NEAR, Why.PAYER)
    offline.declare(begin(100), payer="Wile E. Ltd", now=now)
    line = pay(100, payer="WILE E LIMITED")
    assert seen(line)[:2] == (Pile.NEAR, Why.SEVERAL)
    assert len(suggested(line)) == 2


@pytest.mark.parametrize(
    ("amount", "text", "payer", "reason"),
    [
        (-10, "rent", "Landlord", Why.MONEY_OUT),
        (-10, "手续费", "", Why.CHARGE),
        (10, "结息", "", Why.CHARGE),
        (10, "STRIPE PAYOUT", "", Why.PAYOUT),
        (10, "", "Stripe Payments Europe", Why.PAYOUT),
    ],
)
def test_what_is_not_from_customers_lies_apart(
    pay: Pay, amount: int, text: str, payer: str, reason: BankLine.Why
) -> None:
    assert seen(pay(amount, text, payer=payer))[:2] == (Pile.OTHER, reason)


def test_a_customer_who_writes_of_fees_is_still_a_customer(begin: Callable[..., Transfer], pay: Pay) -> None:
    transfer = begin(100)
    assert seen(pay(100, f"手续费 {transfer.reference}"))[0] == Pile.EXACT


def test_a_reversal_lies_apart_whatever_it_quotes(
    begin: Callable[..., Transfer], account: BankAccount, fiona: User, now: datetime
) -> None:
    transfer = begin(100)
    line = offline.bring_line(account, offline.usd(100), imported_by=fiona, now=now, text=transfer.reference)
    line.is_reversal = True
    verdict = matching.judge([line], expectations.read())[0]
    assert (verdict.pile, verdict.reason) == (Pile.OTHER, Why.REVERSAL)


def test_a_transfer_declared_after_the_import_finds_its_line(
    begin: Callable[..., Transfer], pay: Pay, acme: Organisation, now: datetime
) -> None:
    line = pay(100, payer="Wile E. Ltd")
    assert matching.match_lines(now=now) == 0
    transfer = begin(100)
    later = now + timedelta(minutes=5)
    offline.declare(transfer, payer="Wile E. Ltd", now=later)

    assert matching.match_lines(now=later + timedelta(minutes=1)) == 1
    assert seen(line) == (Pile.NEAR, Why.PAYER, transfer.reference)
    assert matching.match_lines(now=later + timedelta(minutes=2)) == 0


def test_a_declaration_corrected_in_review_finds_its_line(
    begin: Callable[..., Transfer], pay: Pay, now: datetime
) -> None:
    transfer = offline.declare(begin(100), payer="Wile E. Ltd", bank_number="FT 1", now=now)
    line, other = pay(90, reference="NUMBER77"), pay(100, payer="Road Runner Ltd")
    assert [seen(line)[0], seen(other)[0]] == [Pile.NONE, Pile.NONE]

    later = now + timedelta(minutes=5)
    offline.declare(transfer, payer="Road Runner Ltd", bank_number="number 77", now=later)

    assert matching.match_lines(now=later + timedelta(minutes=1)) == 2
    assert seen(line)[:2] == (Pile.NEAR, Why.BANK_NUMBER)
    assert seen(other)[:2] == (Pile.NEAR, Why.PAYER)
    assert matching.match_lines(now=later + timedelta(minutes=2)) == 0


def test_a_payers_name_added_later_finds_its_line_and_removed_loses_it(
    begin: Callable[..., Transfer], pay: Pay, acme: Organisation, now: datetime
) -> None:
    transfer, line = begin(100), pay(100, payer="上海艾克米有限公司")
    assert seen(line)[0] == Pile.NONE
    owner, later = builders.owner_of(acme), now + timedelta(minutes=5)
    details.add_payer(organisation_id=acme.pk, name="上海艾克米有限公司", by=owner, now=later)

    assert matching.match_lines(now=later + timedelta(minutes=1)) == 1
    assert seen(line) == (Pile.NEAR, Why.PAYER, transfer.reference)
    removed_at = now + timedelta(minutes=10)
    details.remove_payer(organisation_id=acme.pk, name="上海艾克米有限公司", by=owner, now=removed_at)
    assert matching.match_lines(now=removed_at + timedelta(minutes=1)) == 1
    assert seen(line)[0] == Pile.NONE


def test_which_lines_are_exact_is_asked_once_for_all_of_them(
    begin: Callable[..., Transfer], pay: Pay, django_assert_num_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    lines = [pay(100, begin(100).reference) for _ in range(4)]
    twice = begin(100)
    lines += [pay(100, twice.reference), pay(100, twice.reference), pay(100, "nothing")]
    for line in lines:
        line.refresh_from_db()
    BankLine.objects.filter(pk=lines[5].pk).update(pile=Pile.EXACT)  # as if sorted before the other came

    with django_assert_num_queries(3):
        found = matching.still_exact(lines)

    assert [len(found[line.pk]) for line in lines] == [1, 1, 1, 1, 0, 0, 0]
    assert {line_id: matching.still_exact([line])[line_id] for line in lines if (line_id := line.pk)} == found


def test_a_line_whose_order_ended_meanwhile_moves(begin: Callable[..., Transfer], pay: Pay, now: datetime) -> None:
    transfer = begin(100)
    line = pay(100, transfer.reference)
    assert [one.transfer_id for one in matching.still_exact([line])[line.pk]] == [transfer.pk]
    transfers.cancel(order_id=transfer.order_id, by="Alice", now=now)
    assert matching.still_exact([line]) == {line.pk: []}

    assert matching.match_lines(now=now + timedelta(minutes=1)) == 1
    assert seen(line)[:2] == (Pile.NEAR, Why.LATE)
    assert transfer.order.state == State.PENDING  # as it was when the line came


def test_sorting_again_moves_no_line_that_is_right(begin: Callable[..., Transfer], pay: Pay, now: datetime) -> None:
    transfer = begin(100)
    line, second = pay(100, transfer.reference), pay(100, transfer.reference)
    for _time in range(2):
        matching.sort_again(BankLine.objects.with_rest().filter(pile=Pile.NEAR), now=now)
        assert matching.sort_again(BankLine.objects.filter(pk=line.pk), now=now) == 0
        assert [seen(line)[1], seen(second)[1]] == [Why.QUOTED, Why.QUOTED_TWICE]
    assert suggested(line) == {transfer.reference: Why.QUOTED}


def test_a_look_alike_of_a_line_typed_by_hand_is_near(
    begin: Callable[..., Transfer], pay: Pay, account: BankAccount, fiona: User, now: datetime
) -> None:
    transfer = begin(100)
    facts = offline.by_hand(account, offline.usd(100), on=DAY, number="SLIP-1")
    felix = people.make_staff("felix", "finance")
    offline.approve(offline.record(transfer, facts, by=fiona, now=now), by=felix, now=now)

    line = pay(100, transfer.reference, day=DAY + timedelta(days=3))
    assert seen(line) == (Pile.NEAR, Why.MAYBE_TYPED, "SLIP-1 · 2026-07-10")
    assert suggested(line) == {transfer.reference: Why.PAID_BEFORE}
    assert seen(pay(100, day=DAY + timedelta(days=4)))[0] == Pile.NONE
