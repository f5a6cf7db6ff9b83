"""Exchange rates: entered by finance, a jump approved by somebody else, quoted while fresh, kept as history."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, connections, transaction
from django.db.models.expressions import RawSQL
from django.utils.translation import override
from djmoney.money import Money

from billing import rates
from billing.models import ExchangeRate, RateRule
from tests import people
from tests.races import run_at_once
from wallet.calendar import BOOKS, business_date
from wallet.ids import new_id
from wallet.models import User

State = ExchangeRate.State


@pytest.fixture
def fiona(db: None) -> User:
    return people.make_staff("fiona", "finance")


@pytest.fixture
def felix(db: None) -> User:
    return people.make_staff("felix", "finance")


def enter(rate: str, *, by: User, now: datetime, source: str = "Bank of China, mid rate") -> ExchangeRate:
    return rates.enter(rate=Decimal(rate), source=source, by=by, now=now)


def load(rate: str, *, now: datetime) -> ExchangeRate:
    loaded = rates.load(rate=Decimal(rate), source="Open Exchange Rates", stated_at=now, now=now)
    assert loaded is not None
    return loaded


def state_of(rate: ExchangeRate) -> str:
    return ExchangeRate.objects.get(pk=rate.pk).state


# --- quoting ------------------------------------------------------------------------------------------------


def test_a_quote_names_rate_source_time_and_until_when_it_holds(fiona: User, now: datetime) -> None:
    enter("7.2", by=fiona, now=now)
    later = now + timedelta(hours=2)

    assert rates.quote(now=later) == rates.Quote(
        rate=Decimal("7.2"),
        source="Bank of China, mid rate",
        rate_at=now,
        valid_until=later + timedelta(hours=48),
    )


@pytest.mark.django_db
def test_without_any_rate_nothing_is_quoted(now: datetime) -> None:
    with pytest.raises(rates.RateStale):
        rates.quote(now=now)


def test_a_rate_is_quoted_up_to_its_age_limit_and_not_at_it(fiona: User, now: datetime) -> None:
    enter("7.2", by=fiona, now=now)
    limit = now + timedelta(hours=26)

    assert rates.quote(now=limit - timedelta(microseconds=1)).rate == Decimal("7.2")
    with pytest.raises(rates.RateStale):
        rates.quote(now=limit)


def test_the_age_counts_from_when_the_source_named_the_rate(db: None, now: datetime) -> None:
    rates.load(rate=Decimal("7.2"), source="Provider", stated_at=now - timedelta(hours=25), now=now)
    assert rates.quote(now=now).rate_at == now - timedelta(hours=25)
    with pytest.raises(rates.RateStale):
        rates.quote(now=now + timedelta(hours=1))


def test_a_stale_rate_says_when_to_come_back(fiona: User, now: datetime) -> None:
    enter("7.2", by=fiona, now=now)
    friday_evening = datetime(2026, 7, 17, 20, 0, tzinfo=BOOKS)
    with pytest.raises(rates.RateStale) as caught:
        rates.quote(now=friday_evening)
    assert caught.value.come_back_at == datetime(2026, 7, 20, 9, 0, tzinfo=BOOKS)
    assert "after 2026-07-20 09:00 (UTC+8), or pay in USD" in str(caught.value)


def test_finance_changes_the_rule_and_it_holds_at_once(fiona: User, now: datetime) -> None:
    enter("7.2", by=fiona, now=now)
    RateRule.objects.update(max_age_hours=1, quote_hours=3)
    assert rates.quote(now=now).valid_until == now + timedelta(hours=3)
    with pytest.raises(rates.RateStale):
        rates.quote(now=now + timedelta(hours=1))


# --- the rate of a day --------------------------------------------------------------------------------------


def test_the_rate_of_a_day_is_the_last_that_counted_on_it(fiona: User) -> None:
    noon = datetime(2026, 7, 15, 12, 0, tzinfo=BOOKS)
    midnight = datetime(2026, 7, 16, 0, 0, tzinfo=BOOKS)
    enter("7.20", by=fiona, now=noon)
    enter("7.21", by=fiona, now=midnight - timedelta(microseconds=1))
    enter("7.22", by=fiona, now=midnight)

    assert rates.rate_of_day(date(2026, 7, 15)) == rates.RateOfDay(
        day=date(2026, 7, 15),
        rate=Decimal("7.21"),
        source="Bank of China, mid rate",
        rate_at=midnight - timedelta(microseconds=1),
    )
    assert rates.rate_of_day(date(2026, 7, 16)).rate == Decimal("7.22")
    with pytest.raises(rates.RateUnknown, match="2026-07-14"):
        rates.rate_of_day(date(2026, 7, 14))


def test_a_day_of_shanghai_ends_in_the_afternoon_of_utc(fiona: User) -> None:
    enter("7.20", by=fiona, now=datetime(2026, 7, 15, 15, 59, 59, 999999, tzinfo=UTC))
    enter("7.21", by=fiona, now=datetime(2026, 7, 15, 16, 0, tzinfo=UTC))
    assert rates.rate_of_day(date(2026, 7, 15)).rate == Decimal("7.20")


def test_a_weekend_has_the_rate_of_its_friday(fiona: User) -> None:
    enter("7.2", by=fiona, now=datetime(2026, 7, 17, 10, 0, tzinfo=BOOKS))
    assert rates.rate_of_day(date(2026, 7, 19)).rate == Decimal("7.2")


def test_an_old_rate_is_no_rate_of_a_working_day(fiona: User) -> None:
    enter("7.2", by=fiona, now=datetime(2026, 7, 17, 10, 0, tzinfo=BOOKS))
    with pytest.raises(rates.RateUnknown):
        rates.rate_of_day(date(2026, 7, 20))


def test_a_waiting_rate_never_is_the_rate_of_a_day_before_its_approval(fiona: User, felix: User) -> None:
    monday, tuesday = (datetime(2026, 7, day, 12, 0, tzinfo=BOOKS) for day in (13, 14))
    enter("7.2", by=fiona, now=monday - timedelta(hours=1))
    jump = enter("8", by=fiona, now=monday)
    rates.approve(rate_id=jump.pk, by=felix, now=tuesday)

    assert rates.rate_of_day(date(2026, 7, 13)).rate == Decimal("7.2")
    assert rates.rate_of_day(date(2026, 7, 14)).rate == Decimal(8)


# --- converting ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("money", "rate", "to", "result"),
    [
        (Money("7200", "CNY"), "7.2", "USD", Money("1000.00", "USD")),
        (Money("1000", "USD"), "7.2", "CNY", Money("7200.00", "CNY")),
        (Money("0.01", "USD"), "7.5", "CNY", Money("0.08", "CNY")),  # 0.075: a half goes up
        (Money("0.01", "USD"), "7.4999", "CNY", Money("0.07", "CNY")),
        (Money("100", "CNY"), "7.2", "USD", Money("13.89", "USD")),  # 13.888…
        (Money("1000000", "CNY"), "7.123456", "USD", Money("140381.30", "USD")),
        (Money("0.03", "CNY"), "6", "USD", Money("0.01", "USD")),  # 0.005: a half goes up
    ],
    ids=str,
)
def test_conversions_round_half_up_to_the_cent(money: Money, rate: str, to: str, result: Money) -> None:
    assert rates.convert(money, rate=Decimal(rate), to=to) == result


@pytest.mark.parametrize(("code", "to"), [("USD", "USD"), ("CNY", "CNY"), ("EUR", "USD"), ("USD", "EUR")])
def test_no_rate_leads_to_or_from_another_currency(code: str, to: str) -> None:
    with pytest.raises(ValueError, match="no rate leads"):
        rates.convert(Money(1, code), rate=Decimal(7), to=to)


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        ("7.2", "1 USD = 7.2000 CNY"),
        ("7.200000", "1 USD = 7.2000 CNY"),
        ("7", "1 USD = 7.0000 CNY"),
        ("10", "1 USD = 10.0000 CNY"),
        ("7.123456", "1 USD = 7.123456 CNY"),
        ("7.12345", "1 USD = 7.12345 CNY"),
    ],
)
def test_a_rate_is_written_one_way(rate: str, text: str) -> None:
    assert rates.shown(Decimal(rate)) == text


# --- reading ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["7.2", " 7.2000 ", "7", "0.139", "999999.999999", "7.123456"])
def test_exact_rates_are_read(text: str) -> None:
    assert rates.parse_rate(text) == Decimal(text.strip())


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "0", "0.000000", "-7.2", "+7.2", "7,2", "7.2.", ".72", "7.", "07.2", "7.1234567", "1e1", "7e400",
        "7_2", "７.２", "٧.٢", "NaN", "inf", "1000000", "7 .2", "7.2\u200b", "\u202e7.2", "7.2\n", "0x7", "7.2%",
    ],
)  # fmt: skip
def test_what_is_no_exact_rate_is_refused(text: str) -> None:
    with pytest.raises(rates.RateError):
        rates.parse_rate(text)


@pytest.mark.parametrize("rate", ["NaN", "sNaN", "Infinity", "-Infinity", "0", "-7.2", "1000000", "7.1234567", "1E-7"])
def test_no_odd_decimal_is_entered_from_code(rate: str, fiona: User, now: datetime) -> None:
    with pytest.raises(rates.RateError):
        enter(rate, by=fiona, now=now)
    assert not ExchangeRate.objects.exists()


# --- jumps --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "state"),
    [
        ("7.56", State.ACTIVE),  # exactly five percent
        ("7.560001", State.WAITING),
        ("6.84", State.ACTIVE),
        ("6.839999", State.WAITING),
        ("72", State.WAITING),
        ("0.139", State.WAITING),
    ],
)
def test_more_than_five_percent_waits_for_a_second_person(rate: str, state: str, fiona: User, now: datetime) -> None:
    enter("7.2", by=fiona, now=now)
    later = now + timedelta(minutes=1)

    assert enter(rate, by=fiona, now=later).state == state
    assert rates.quote(now=later).rate == Decimal(rate if state == State.ACTIVE else "7.2")


def test_an_approved_jump_counts_from_its_approval_on(fiona: User, felix: User, now: datetime) -> None:
    enter("7.2", by=fiona, now=now)
    jump = enter("8", by=fiona, now=now + timedelta(hours=1))
    approved_at = now + timedelta(hours=2)

    rates.approve(rate_id=jump.pk, by=felix, now=approved_at)

    jump.refresh_from_db()
    assert (jump.state, jump.approved_by, jump.effective_at) == (State.ACTIVE, felix, approved_at)
    assert rates.quote(now=approved_at).rate == Decimal(8)


def test_nobody_approves_his_own_jump(fiona: User, now: datetime) -> None:
    enter("7.2", by=fiona, now=now)
    jump = enter("8", by=fiona, now=now)

    with pytest.raises(rates.OwnRate):
        rates.approve(rate_id=jump.pk, by=fiona, now=now)
    assert state_of(jump) == State.WAITING


def test_a_loaded_jump_waits_for_any_one_person(fiona: User, now: datetime) -> None:
    load("7.2", now=now)
    jump = load("8", now=now + timedelta(days=1))
    assert jump.state == State.WAITING

    rates.approve(rate_id=jump.pk, by=fiona, now=now + timedelta(days=1))
    assert state_of(jump) == State.ACTIVE


def test_a_jump_is_measured_from_the_last_accepted_rate(fiona: User, now: datetime) -> None:
    enter("7.2", by=fiona, now=now)
    enter("72", by=fiona, now=now)
    assert enter("70", by=fiona, now=now).state == State.WAITING
    assert enter("7.3", by=fiona, now=now).state == State.ACTIVE


def test_an_older_rate_does_not_take_the_place_of_a_newer(fiona: User, felix: User, now: datetime) -> None:
    enter("7.2", by=fiona, now=now)
    jump = enter("8", by=fiona, now=now + timedelta(minutes=1))
    enter("7.3", by=fiona, now=now + timedelta(minutes=2))

    with pytest.raises(rates.RateOvertaken):
        rates.approve(rate_id=jump.pk, by=felix, now=now + timedelta(minutes=3))
    assert rates.quote(now=now + timedelta(minutes=3)).rate == Decimal("7.3")


def test_a_refused_rate_never_counts(fiona: User, felix: User, now: datetime) -> None:
    enter("7.2", by=fiona, now=now)
    jump = enter("8", by=fiona, now=now)

    rates.refuse(rate_id=jump.pk, by=felix, note="a typing error", now=now)

    jump.refresh_from_db()
    assert (jump.state, jump.refused_by, jump.note, jump.effective_at) == (State.REFUSED, felix, "a typing error", None)
    with pytest.raises(rates.RateDecided):
        rates.approve(rate_id=jump.pk, by=felix, now=now)
    assert rates.quote(now=now).rate == Decimal("7.2")


def test_whoever_entered_a_rate_may_take_it_back(fiona: User, now: datetime) -> None:
    enter("7.2", by=fiona, now=now)
    jump = enter("72", by=fiona, now=now)
    rates.refuse(rate_id=jump.pk, by=fiona, note="mine", now=now)
    assert state_of(jump) == State.REFUSED


def test_a_decided_rate_is_decided_once(fiona: User, felix: User, now: datetime) -> None:
    enter("7.2", by=fiona, now=now)
    jump = enter("8", by=fiona, now=now)
    rates.approve(rate_id=jump.pk, by=felix, now=now)

    with pytest.raises(rates.RateDecided):
        rates.refuse(rate_id=jump.pk, by=fiona, note="no", now=now)
    with pytest.raises(rates.RateDecided):
        rates.approve(rate_id=jump.pk, by=felix, now=now)
    assert state_of(jump) == State.ACTIVE


def test_a_comparison_says_how_far_a_rate_is_from_the_last(fiona: User, now: datetime) -> None:
    assert rates.compare(rate=Decimal("7.2")).last is None
    last = enter("7.2", by=fiona, now=now)
    assert rates.compare(rate=Decimal("7.236")) == rates.Comparison(last=last, percent=Decimal("0.50"), is_jump=False)
    assert rates.compare(rate=Decimal("6.48")) == rates.Comparison(last=last, percent=Decimal("-10.00"), is_jump=True)


# --- the daily load -----------------------------------------------------------------------------------------


def test_a_business_day_is_loaded_once(db: None, now: datetime) -> None:
    load("7.2", now=now)
    assert rates.is_loaded(now=now)
    assert rates.load(rate=Decimal("7.3"), source="Provider", stated_at=now, now=now + timedelta(hours=1)) is None
    assert rates.quote(now=now).rate == Decimal("7.2")

    next_day = now + timedelta(days=1)
    assert not rates.is_loaded(now=next_day)
    load("7.3", now=next_day)


def test_two_loads_at_once_leave_one_rate(committed: None, fresh_database: None, now: datetime) -> None:
    def load_one() -> ExchangeRate | None:
        return rates.load(rate=Decimal("7.2"), source="Provider", stated_at=now, now=now)

    outcomes = run_at_once([load_one] * 8)

    assert sum(isinstance(outcome, ExchangeRate) for outcome in outcomes) == 1
    assert outcomes.count(None) == 7
    assert ExchangeRate.objects.filter(loaded_for=business_date(now)).count() == 1


def test_of_many_decisions_at_once_one_counts(committed: None, fresh_database: None, now: datetime) -> None:
    fiona = people.make_staff("fiona", "finance")
    felix = people.make_staff("felix", "finance")
    enter("7.2", by=fiona, now=now)
    jump = enter("8", by=fiona, now=now + timedelta(seconds=1))
    calls: list[Callable[[], Any]] = [lambda: rates.approve(rate_id=jump.pk, by=felix, now=now)] * 4
    calls += [lambda: rates.refuse(rate_id=jump.pk, by=felix, note="no", now=now)] * 4

    outcomes = run_at_once(calls)

    assert outcomes.count(None) == 1
    assert sum(isinstance(outcome, rates.RateDecided) for outcome in outcomes) == 7


def test_rates_entered_at_once_are_compared_with_each_other(committed: None, fresh_database: None) -> None:
    now = datetime(2026, 7, 15, 4, 0, tzinfo=UTC)
    fiona = people.make_staff("fiona", "finance")
    outcomes = run_at_once([partial(enter, rate, by=fiona, now=now) for rate in ("7.2", "8", "9", "10")])

    assert sorted(outcome.state for outcome in outcomes) == ["ACTIVE", "WAITING", "WAITING", "WAITING"]


# --- what the database itself refuses -----------------------------------------------------------------------


def write_rate(fiona: User, now: datetime, **given: Any) -> None:
    facts = {
        "id": new_id(),
        "base": "USD",
        "quote": "CNY",
        "rate": Decimal("7.2"),
        "source": "by hand",
        "stated_at": now,
        "effective_at": now,
        "state": State.ACTIVE,
        "compared_with": None,
        "jump_percent": Decimal(5),
        "entered_by": fiona,
        "created_at": now,
    }
    with transaction.atomic():
        ExchangeRate.objects.create(**facts | given)


@pytest.mark.parametrize(
    ("given", "constraint"),
    [
        ({"rate": Decimal(0)}, "rate_is_positive"),
        ({"rate": Decimal(-1)}, "rate_is_positive"),
        ({"rate": RawSQL("'NaN'::numeric", [])}, "rate_is_positive"),
        ({"state": "PERHAPS", "effective_at": None}, "rate_state_is_known"),
        ({"effective_at": None}, "rate_counts_once_accepted"),
        ({"state": State.WAITING}, "rate_counts_once_accepted"),
        ({"entered_by": None}, "rate_entered_or_loaded"),
        ({"loaded_for": date(2026, 7, 15)}, "rate_entered_or_loaded"),
        ({"compared_with": Decimal(7)}, "rate_is_compared"),
        ({"jump_percent": Decimal(50)}, "is not compared"),
        ({"state": State.REFUSED, "effective_at": None}, "is not compared"),
    ],
    ids=str,
)
def test_a_row_written_past_the_verbs_is_refused(
    given: dict[str, Any], constraint: str, fiona: User, now: datetime
) -> None:
    with pytest.raises(DatabaseError, match=constraint if constraint != "rate_is_compared" else "is not compared"):
        write_rate(fiona, now, **given)


def test_a_jump_written_past_the_verbs_does_not_count(fiona: User, now: datetime) -> None:
    enter("7.2", by=fiona, now=now)
    with pytest.raises(DatabaseError, match="rate_jump_is_approved"):
        write_rate(fiona, now, rate=Decimal(8), compared_with=Decimal("7.2"))


def test_a_jump_is_not_approved_by_its_author_in_sql_either(fiona: User, felix: User, now: datetime) -> None:
    enter("7.2", by=fiona, now=now)
    jump = enter("8", by=fiona, now=now)
    waiting = ExchangeRate.objects.filter(pk=jump.pk)
    with pytest.raises(DatabaseError, match="rate_approved_by_another"), transaction.atomic():
        waiting.update(state=State.ACTIVE, effective_at=now, approved_by=fiona, approved_at=now)
    with pytest.raises(DatabaseError, match="rate_jump_is_approved"), transaction.atomic():
        waiting.update(state=State.ACTIVE, effective_at=now)
    with pytest.raises(DatabaseError, match="rate_approved_by_somebody"), transaction.atomic():
        waiting.update(state=State.ACTIVE, effective_at=now, approved_by=felix)
    with pytest.raises(DatabaseError, match="rate_refused_by_somebody"), transaction.atomic():
        waiting.update(state=State.REFUSED)
    assert state_of(jump) == State.WAITING


def decided_jump(by: User, *, now: datetime) -> ExchangeRate:
    enter("7.2", by=by, now=now)
    jump = enter("8", by=by, now=now)
    rates.refuse(rate_id=jump.pk, by=by, note="no", now=now)
    return jump


def run(alias: str, statement: str) -> None:
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute(statement)


def test_rates_are_history_even_to_the_owner_of_the_table(committed: None, fresh_database: None, now: datetime) -> None:
    """The application's role lacks the privilege, or meets the trigger; the owner meets the trigger."""
    jump = decided_jump(people.make_staff("fiona", "finance"), now=now)
    for statement in (
        "UPDATE billing_exchangerate SET rate = 7.3",
        "UPDATE billing_exchangerate SET source = 'x'",
        "UPDATE billing_exchangerate SET state = 'WAITING', refused_by_id = NULL, refused_at = NULL",
        "UPDATE billing_exchangerate SET note = 'another'",
        "DELETE FROM billing_exchangerate",
        "TRUNCATE billing_exchangerate",
    ):
        for alias in ("default", "owner"):
            with pytest.raises(DatabaseError, match=r"rates are history|permission denied"):
                run(alias, statement)
    assert state_of(jump) == State.REFUSED


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change", [{"max_age_hours": 0}, {"jump_percent": 0}, {"jump_percent": 51}, {"quote_hours": 241}], ids=str
)
def test_a_rule_without_sense_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(DatabaseError, match="rate_rule_is_sane"), transaction.atomic():
        RateRule.objects.update(**change)


def test_the_message_of_a_stale_rate_speaks_the_visitors_language(db: None, now: datetime) -> None:
    with override("zh-hans"), pytest.raises(rates.RateStale) as caught:
        rates.quote(now=now)
    assert str(caught.value.come_back_at.astimezone(BOOKS).hour) in str(caught.value)
    assert business_date(caught.value.come_back_at) == date(2026, 7, 15)
