"""The daily close: four sides of a business day, what does not agree, and who signs it."""

from datetime import date, datetime, time, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections, transaction

from payments import audit
from payments.closing import days, figures
from payments.models import BalanceTransaction, BankLine, CloseAct, DayClose, Difference
from tests.payments import offline
from tests.payments.closing import DAY, NEXT_MORNING, NOON, Outcome, card_order, kinds, listed
from tests.people import make_owner, make_staff
from wallet.calendar import BOOKS
from wallet.models import HOUSE_ID, Organisation, SealedDay, User

pytestmark = pytest.mark.django_db
Kind = Difference.Kind
A_DAY = timedelta(days=1)


@pytest.fixture
def acme() -> Organisation:
    return make_owner().organisation


@pytest.fixture
def fiona() -> User:
    return make_staff("fiona", "finance")


@pytest.fixture
def felix() -> User:
    return make_staff("felix", "finance")


def draw_up(*, day: date = DAY, now: datetime = NEXT_MORNING) -> list[Difference]:
    return list(days.draw_up(day=day, now=now).differences.open().order_by("kind", "subject"))


def row_of(measure: figures.Measure, *, currency: str = "USD") -> figures.Row:
    return next(row for row in figures.compare(DAY) if (row.measure, row.currency) == (measure, currency))


def test_a_day_on_which_all_sides_say_the_same_has_no_difference(acme: Organisation) -> None:
    listed(card_order(acme))
    assert draw_up() == []
    row = row_of(figures.Measure.CARD)
    assert (row.orders, row.stripe, row.ledger, row.count) == ("100.00", "100.00", "100.00", 1)
    assert row.agrees


def test_a_payment_that_stripe_has_not_listed_is_timing_for_one_day(acme: Organisation) -> None:
    payment = card_order(acme)
    (found,) = draw_up()
    assert (found.kind, found.subject, found.is_timing) == (Kind.PAYMENT_UNKNOWN_THERE, payment.order.number, True)
    (next_day,) = draw_up(day=DAY + A_DAY, now=NEXT_MORNING + A_DAY)
    assert (next_day.kind, next_day.is_timing, next_day.since) == (Kind.PAYMENT_UNKNOWN_THERE, False, DAY)


def test_what_was_timing_is_gone_once_the_other_side_has_it(acme: Organisation) -> None:
    payment = card_order(acme)
    draw_up()
    listed(payment, at=NEXT_MORNING)
    assert kinds(draw_up()) == [(Kind.OTHER_DAY, payment.order.number)]
    assert Difference.objects.get(kind=Kind.PAYMENT_UNKNOWN_THERE).gone_at == NEXT_MORNING


def test_a_strange_charge_that_is_listed_twice_is_named_twice(acme: Organisation) -> None:
    for _ in range(2):
        listed(card_order(acme), organisation_id=HOUSE_ID, source_id="ch_strange", payment_intent_id="")
    found = [each for each in draw_up() if each.kind == Kind.CHARGE_UNKNOWN_HERE]
    assert [each.subject for each in found] == ["ch_strange", "ch_strange"]


def test_a_transaction_that_is_not_posted_is_named_with_its_reason(acme: Organisation) -> None:
    transaction_ = listed(
        card_order(acme), outcome=Outcome.DIFFERENCE, reason=BalanceTransaction.Reason.OTHER_AMOUNT, detail="99.00"
    )
    (found,) = draw_up()
    assert (found.kind, found.subject) == (Kind.NAMED_TRANSACTION, transaction_.stripe_id)
    assert "99.00" in found.detail
    assert not found.is_timing


def test_an_order_that_says_otherwise_than_its_posting_is_named(acme: Organisation) -> None:
    payment = card_order(acme)
    listed(payment)
    order = payment.order
    order.refresh_from_db()
    order.credited = order.credited * 2
    order.save()
    assert kinds(draw_up()) == [(Kind.ORDER_UNPOSTED, order.number)]


def test_a_day_is_signed_once_every_difference_has_an_owner_and_a_note(
    acme: Organisation, fiona: User, felix: User
) -> None:
    listed(card_order(acme), outcome=Outcome.DIFFERENCE, reason=BalanceTransaction.Reason.OTHER_AMOUNT)
    (found,) = draw_up()
    with pytest.raises(days.NotSignable, match="1 differences"):
        days.sign(day=DAY, by=fiona, now=NEXT_MORNING)
    assert not SealedDay.objects.exists()
    days.explain(difference_id=found.pk, owner=felix, note="Stripe was asked", now=NEXT_MORNING)
    close = days.sign(day=DAY, by=fiona, now=NEXT_MORNING)
    assert (close.is_signed, close.signed_by, close.seal) == (True, fiona, SealedDay.objects.get().hash.hex())


def test_signing_twice_changes_nothing(fiona: User, felix: User) -> None:
    first = days.sign(day=DAY, by=fiona, now=NEXT_MORNING)
    again = days.sign(day=DAY, by=felix, now=NEXT_MORNING + A_DAY)
    assert (again.signed_by, again.signed_at) == (fiona, first.signed_at)
    assert CloseAct.objects.count() == 1


def test_timing_does_not_keep_a_day_from_being_signed(acme: Organisation, fiona: User) -> None:
    card_order(acme)
    assert days.sign(day=DAY, by=fiona, now=NEXT_MORNING).is_signed
    with pytest.raises(days.NotSignable):
        days.sign(day=DAY + A_DAY, by=fiona, now=NEXT_MORNING + A_DAY)


def test_a_day_that_is_not_over_is_not_drawn_up() -> None:
    with pytest.raises(days.DayNotOver):
        days.draw_up(day=DAY, now=NOON)


def test_days_are_signed_one_after_the_other(fiona: User) -> None:
    days.sign(day=DAY, by=fiona, now=NEXT_MORNING)
    with pytest.raises(days.NotSignable, match="2026-07-16 comes first"):
        days.sign(day=DAY + 2 * A_DAY, by=fiona, now=NEXT_MORNING + 2 * A_DAY)


def test_a_day_before_the_first_signed_one_was_sealed_with_it_and_is_not_drawn_up(fiona: User) -> None:
    early = days.draw_up(day=DAY - 2 * A_DAY, now=NEXT_MORNING)
    days.sign(day=DAY, by=fiona, now=NEXT_MORNING)
    for day in (early.day, DAY - A_DAY):
        with pytest.raises(days.DaySealed, match=f"{day} was sealed with 2026-07-15"):
            days.draw_up(day=day, now=NEXT_MORNING)
    with pytest.raises(days.NotSignable, match="was sealed with 2026-07-15"):
        days.sign(day=early.day, by=fiona, now=NEXT_MORNING)
    assert "was sealed with 2026-07-15" in days.why_not_signable(early, now=NEXT_MORNING)
    assert DayClose.objects.count() == 2


def test_the_command_exits_1_until_what_does_not_match_is_explained(acme: Organisation, fiona: User) -> None:
    listed(card_order(acme, "9345"), outcome=Outcome.DIFFERENCE, reason=BalanceTransaction.Reason.OTHER_AMOUNT)
    with pytest.raises(CommandError, match=r"^1 difference without an owner and a note\.$") as refusal:
        call_command("close_day", DAY.isoformat(), stdout=StringIO())
    assert refusal.value.returncode == 1
    days.explain(difference_id=Difference.objects.get().pk, owner=fiona, note="Stripe was asked", now=NEXT_MORNING)
    out = StringIO()
    call_command("close_day", DAY.isoformat(), stdout=out)
    said = out.getvalue()
    assert "1 difference explained." in said
    assert "Stripe was asked" in said
    assert "At Stripe and on its way to the bank" in said
    assert "9,345.00" in said


def test_a_signature_is_withdrawn_by_somebody_else_and_opens_owners_and_notes(
    acme: Organisation, fiona: User, felix: User
) -> None:
    card_order(acme)
    close = days.sign(day=DAY, by=fiona, now=NEXT_MORNING)
    (found,) = close.differences.all()
    with pytest.raises(days.DaySigned):
        days.explain(difference_id=found.pk, owner=felix, note="late", now=NEXT_MORNING)
    with pytest.raises(days.NotWithdrawable, match="yourself"):
        days.withdraw(day=DAY, by=fiona, note="again", now=NEXT_MORNING)
    days.withdraw(day=DAY, by=felix, note="a note is missing", now=NEXT_MORNING)
    assert SealedDay.objects.get().day == DAY
    explained = days.explain(difference_id=found.pk, owner=felix, note="Stripe lists it tomorrow", now=NEXT_MORNING)
    assert explained.owner == felix
    assert days.sign(day=DAY, by=fiona, now=NEXT_MORNING).is_signed


def test_an_owner_and_a_note_are_carried_to_the_next_day(acme: Organisation, fiona: User) -> None:
    listed(card_order(acme), outcome=Outcome.DIFFERENCE, reason=BalanceTransaction.Reason.OTHER_AMOUNT)
    (found,) = draw_up()
    days.explain(difference_id=found.pk, owner=fiona, note="Stripe was asked", now=NEXT_MORNING)
    days.sign(day=DAY, by=fiona, now=NEXT_MORNING)
    (carried,) = draw_up(day=DAY + A_DAY, now=NEXT_MORNING + A_DAY)
    assert (carried.owner, carried.note, carried.since) == (fiona, "Stripe was asked", DAY)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payments_dayclose SET figures = '[]'::jsonb WHERE state = 'SIGNED'",
        "UPDATE payments_dayclose SET day = day + 1",
        "DELETE FROM payments_dayclose",
        "UPDATE payments_closeact SET note = 'x'",
        "DELETE FROM payments_closeact",
        "UPDATE payments_difference SET note = 'x'",
        "DELETE FROM payments_difference",
    ],
)
def test_a_signed_close_is_never_changed_round_python(acme: Organisation, fiona: User, statement: str) -> None:
    card_order(acme)
    days.sign(day=DAY, by=fiona, now=NEXT_MORNING)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_whoever_signed_does_not_withdraw_round_python(fiona: User) -> None:
    close = days.sign(day=DAY, by=fiona, now=NEXT_MORNING)
    with pytest.raises(DatabaseError, match="does not withdraw"), transaction.atomic():
        CloseAct.objects.create(
            close=close, kind=CloseAct.Kind.WITHDRAWN, by=fiona, by_name="Fiona", at=NEXT_MORNING, note="x"
        )


def test_a_close_is_not_signed_round_python_without_an_act_and_a_seal(fiona: User) -> None:
    close = days.draw_up(day=DAY, now=NEXT_MORNING)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    signed = {"state": "SIGNED", "signed_by": fiona, "signed_at": NEXT_MORNING, "seal": "0" * 64}
    with pytest.raises(DatabaseError, match="signed by nobody"), transaction.atomic():
        DayClose.objects.filter(pk=close.pk).update(**signed)


def type_line(*, on: date, by: User) -> BankLine:
    return BankLine.objects.create(
        account=offline.make_account("USD"),
        direction=BankLine.Direction.IN,
        amount=offline.usd(5),
        booked_on=on,
        value_on=on,
        bank_reference="4711",
        entered_by=by,
        created_at=NEXT_MORNING + A_DAY,
        pile=BankLine.Pile.NONE,
    )


def test_an_account_that_is_used_later_misses_no_statement(fiona: User) -> None:
    type_line(on=DAY + A_DAY, by=fiona)
    assert draw_up() == []


def test_a_statement_that_stays_away_is_timing_on_the_day_it_was_due(fiona: User) -> None:
    type_line(on=DAY, by=fiona)
    missed = [draw_up(), draw_up(day=DAY + A_DAY, now=NEXT_MORNING + A_DAY)]
    found = [[each for each in day if each.kind == Kind.STATEMENT_MISSING] for day in missed]
    assert [[(each.since, each.is_timing) for each in day] for day in found] == [[(DAY, True)], [(DAY, False)]]


def test_the_audit_sees_a_guard_that_is_gone(superuser: str) -> None:
    with connections[superuser].cursor() as cursor:
        cursor.execute("ALTER TABLE payments_dayclose DISABLE TRIGGER closes_check_acts")
        cursor.execute("DROP TRIGGER closes_keep_act ON payments_closeact")
    said = list(audit.check_guards(superuser, NEXT_MORNING))
    assert said == ["Trigger closes_check_acts is switched off.", "Trigger closes_keep_act is missing."]


def test_what_was_paid_before_midnight_and_known_after_it_is_told_on_both_days(acme: Organisation) -> None:
    payment = card_order(acme, at=datetime.combine(DAY, time(0, 0, 5), BOOKS))
    listed(payment, at=datetime.combine(DAY - A_DAY, time(23, 59, 58), BOOKS))
    for day in (DAY - A_DAY, DAY):
        (found,) = draw_up(day=day)
        assert (found.kind, found.subject, found.is_timing) == (Kind.OTHER_DAY, payment.order.number, True)
        assert found.detail == "1: there on 2026-07-14, here on 2026-07-15"
