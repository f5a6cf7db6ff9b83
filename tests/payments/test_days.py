"""P20: an offline payment lies in the Shanghai day it is approved on, never in the bank's value date; and what depends
on days (the quoted rate, deadlines, the time a review may take, the filters of the list) turns at Shanghai's midnight.
"""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from billing import rates
from billing.models import Order, SpecialDay, State
from payments import holding, imports, transfers
from payments.models import BankAccount, BankLine, Finding, StatementFile
from payments.statements.lines import StatementUnreadable
from tests import builders, people
from tests.payments import bank_files, offline
from tests.payments.bank_files import Row
from tests.payments.offline import cny, usd
from wallet import ledger
from wallet.calendar import BOOKS
from wallet.models import HOUSE_ID, Organisation, Posting, User

pytestmark = pytest.mark.django_db

NEW_YORK, BERLIN = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")
TICK = timedelta(microseconds=1)

# All of them are past: nothing is posted more than a day ahead of the database's clock.
MIDNIGHTS = {
    "an ordinary day": datetime(2025, 7, 16, 0, 0, tzinfo=BOOKS),
    "the same, told in UTC": datetime(2025, 7, 15, 16, 0, tzinfo=UTC),
    "the same, told in New York": datetime(2025, 7, 15, 12, 0, tzinfo=NEW_YORK),
    "New York springs forward": datetime(2025, 3, 9, 12, 0, tzinfo=NEW_YORK),
    "New York falls back": datetime(2025, 11, 2, 11, 0, tzinfo=NEW_YORK),
    "Berlin springs forward": datetime(2025, 3, 30, 18, 0, tzinfo=BERLIN),
    "Berlin falls back": datetime(2025, 10, 26, 17, 0, tzinfo=BERLIN),
    "a leap day begins": datetime(2024, 2, 29, 0, 0, tzinfo=BOOKS),
    "a leap day ends": datetime(2024, 3, 1, 0, 0, tzinfo=BOOKS),
    "a year ends": datetime(2025, 12, 31, 16, 0, tzinfo=UTC),
}
every_midnight = pytest.mark.parametrize("midnight", MIDNIGHTS.values(), ids=MIDNIGHTS.keys())


def day_after(midnight: datetime) -> date:
    """The day that begins with it, found without the code that is tested."""
    return (midnight.astimezone(UTC) + timedelta(hours=8)).date()


@pytest.fixture
def now(midnight: datetime) -> datetime:
    """When the story begins: three days before the midnight it is about."""
    return midnight.astimezone(UTC) - timedelta(days=3)


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def frank(db: None) -> User:
    return people.make_staff("frank", "finance lead")


@pytest.fixture
def felix(db: None) -> User:
    return people.make_staff("felix", "finance")


@pytest.fixture
def dollars(db: None) -> BankAccount:
    return offline.make_account("USD")


def approve(
    acme: Organisation, line: BankLine, *, account: BankAccount, by: User, declared_at: datetime, at: datetime
) -> Order:
    transfer = offline.declared(acme, line.amount, account=account, now=declared_at)
    offline.approve(offline.record(transfer, offline.by_line(line), by=by, now=at), by=by, now=at)
    return Order.objects.get(pk=transfer.order_id)


def day_of(order: Order) -> date:
    return Posting.objects.get(order_number=order.number).business_date


@every_midnight
def test_what_is_approved_lies_in_one_day_and_not_in_the_value_date(
    acme: Organisation, dollars: BankAccount, felix: User, frank: User, now: datetime, midnight: datetime
) -> None:
    today = day_after(midnight)
    for moment, day in ((midnight - TICK, today - timedelta(days=1)), (midnight, today)):
        for value_on in (today - timedelta(days=9), today + timedelta(days=1)):
            line = offline.bring_line(dollars, usd(1000), imported_by=felix, now=now, value_on=value_on)
            order = approve(acme, line, account=dollars, by=frank, declared_at=now, at=moment)
            line.refresh_from_db()
            assert (day_of(order), line.value_on, order.paid_at) == (day, value_on, moment)


@every_midnight
def test_unknown_money_is_held_in_the_day_it_is_held_on(
    dollars: BankAccount, felix: User, now: datetime, midnight: datetime
) -> None:
    today = day_after(midnight)
    for moment, day in ((midnight - TICK, today - timedelta(days=1)), (midnight, today)):
        offline.bring_line(dollars, usd(70), imported_by=felix, now=now, value_on=today - timedelta(days=5))
        known = set(Posting.objects.filter(organisation_id=HOUSE_ID).values_list("pk", flat=True))
        holding.hold_due(now=moment)
        (posting,) = Posting.objects.filter(organisation_id=HOUSE_ID).exclude(pk__in=known)
        assert posting.business_date == day


@pytest.mark.parametrize("midnight", [MIDNIGHTS["an ordinary day"], MIDNIGHTS["a year ends"]], ids=["day", "year"])
def test_value_date_in_a_sealed_day_hinders_no_approval(
    acme: Organisation, dollars: BankAccount, felix: User, frank: User, now: datetime, midnight: datetime
) -> None:
    today = day_after(midnight)
    line = offline.bring_line(dollars, usd(1000), imported_by=felix, now=now, value_on=today - timedelta(days=1))
    ledger.seal_day(day=today - timedelta(days=1), now=midnight, by="Fiona")
    assert day_of(approve(acme, line, account=dollars, by=frank, declared_at=now, at=midnight)) == today


@every_midnight
def test_statement_may_bring_the_lines_of_today_and_none_of_tomorrow(
    dollars: BankAccount, felix: User, midnight: datetime
) -> None:
    """Whether it is the bank's day of booking or its value date that has not come."""
    day = day_after(midnight)
    for booked_on in (day, day - timedelta(days=1)):
        file = bank_files.upload(dollars, Row(amount="10.00", reference="B1", day=booked_on, value_day=day))
        with pytest.raises(StatementUnreadable, match="still to come"):
            imports.import_statement(file, by=felix, now=midnight - TICK)
    assert not StatementFile.objects.filter(account=dollars).exists()
    assert imports.import_statement(file, by=felix, now=midnight).is_new


@pytest.fixture
def yuan(db: None) -> BankAccount:
    return offline.make_account("CNY")


@every_midnight
@pytest.mark.parametrize("is_before", [True, False], ids=["before midnight", "at midnight"])
def test_quoted_rate_holds_by_value_date_however_late_finance_looks(
    acme: Organisation, yuan: BankAccount, felix: User, frank: User, midnight: datetime, *, is_before: bool
) -> None:
    """A rate is named at each noon, a hundredth more each day; the quote is asked for on the day numbered 0."""
    first = day_after(midnight) - timedelta(days=1 if is_before else 0)
    asked_at = midnight.astimezone(UTC) - (TICK if is_before else timedelta())
    last_noon = 0 if is_before else -1
    name_rates(first, range(-2, last_noon + 1), by=felix)
    transfer = offline.declared(acme, cny(7200), account=yuan, now=asked_at)
    name_rates(first, range(last_noon + 1, 6), by=felix)
    found = {}
    for after in range(-1, 6):
        value_on = first + timedelta(days=after)
        line = offline.bring_line(yuan, cny(7200), imported_by=felix, now=asked_at, value_on=value_on)
        facts = offline.by_line(line, reason="tried out")
        finding = offline.record(transfer, facts, by=frank, now=asked_at + timedelta(days=30))
        found[after] = (finding.rate_choice, finding.rate)
    quoted = (Finding.Rate.QUOTED, 7 + Decimal(20 + last_noon) / 100)
    of_day = {after: (Finding.Rate.VALUE_DAY, 7 + Decimal(20 + after) / 100) for after in found}
    assert found == of_day | {0: quoted, 1: quoted, 2: quoted}


def name_rates(first: date, numbers: range, *, by: User) -> None:
    for number in numbers:
        noon = datetime.combine(first + timedelta(days=number), time(12), BOOKS)
        rates.enter(rate=7 + Decimal(20 + number) / 100, source="Bank of China", by=by, now=noon)


@every_midnight
def test_order_waits_to_the_end_of_its_fourteenth_day_and_not_a_moment_longer(
    acme: Organisation, dollars: BankAccount, midnight: datetime
) -> None:
    asked_at = midnight.astimezone(UTC)
    transfer = offline.begin(acme, usd(1000), account=dollars, now=asked_at)
    deadline = asked_at + timedelta(hours=14 * 24)
    assert transfer.order.deadline_at == deadline
    for moment, state in ((deadline - TICK, State.PENDING), (deadline, State.EXPIRED)):
        transfers.expire_due(now=moment)
        assert Order.objects.get(pk=transfer.order_id).state == state


EXPECTED = {
    "Wednesday": ((2026, 7, 16), (2026, 7, 16), (2026, 7, 17)),
    "before a weekend": ((2026, 7, 18), (2026, 7, 20), (2026, 7, 20)),
    "before a worked Saturday": ((2026, 2, 14), (2026, 2, 14), (2026, 2, 24)),
    "before Spring Festival": ((2026, 2, 15), (2026, 2, 24), (2026, 2, 24)),
    "before the Sunday worked for National Day": ((2026, 9, 20), (2026, 9, 20), (2026, 9, 21)),
    "before National Day": ((2026, 10, 1), (2026, 10, 8), (2026, 10, 8)),
    "the week after it with its worked Saturday": ((2026, 10, 10), (2026, 10, 10), (2026, 10, 12)),
    "before a leap day": ((2028, 2, 29), (2028, 2, 29), (2028, 3, 1)),
    "before New Year": ((2027, 1, 1), (2027, 1, 4), (2027, 1, 4)),
}


@pytest.mark.parametrize(
    ("midnight", "before", "after"),
    [(datetime(*first, tzinfo=BOOKS), before, after) for first, before, after in EXPECTED.values()],
    ids=EXPECTED.keys(),
)
def test_review_is_promised_for_a_day_that_is_worked(
    acme: Organisation,
    dollars: BankAccount,
    midnight: datetime,
    before: tuple[int, int, int],
    after: tuple[int, int, int],
) -> None:
    SpecialDay.objects.create(day=date(2027, 1, 1), name="New Year's Day", name_zh="元旦")
    for declared_at, promised in ((midnight - TICK, before), (midnight, after)):
        transfer = offline.declared(acme, usd(1000), account=dollars, now=declared_at)
        assert transfer.expected_by == datetime(*promised, 18, 0, tzinfo=BOOKS)


@every_midnight
def test_filters_of_the_list_put_each_order_in_exactly_one_day(
    client: Client, acme: Organisation, dollars: BankAccount, midnight: datetime
) -> None:
    client.force_login(builders.owner_of(acme))
    today = day_after(midnight)
    days = [today + timedelta(days=after) for after in range(-2, 3)]
    late, early = (
        offline.begin(acme, usd(1000), account=dollars, now=moment).order for moment in (midnight - TICK, midnight)
    )

    def listed(**days_given: date) -> list[Order]:
        shown = client.get("/billing/orders/", {name: f"{day}" for name, day in days_given.items()})
        return list(shown.context["page"].orders)

    found = {day: listed(**{"from": day, "to": day}) for day in days}
    assert found == {day: [] for day in days} | {today - timedelta(days=1): [late], today: [early]}
    assert (listed(to=days[1]), listed(**{"from": today})) == ([late], [early])
    assert (late.number[2:10], early.number[2:10]) == (f"{days[1]:%Y%m%d}", f"{today:%Y%m%d}")


@every_midnight
def test_receipt_and_timeline_name_the_day_of_the_posting(
    client: Client,
    acme: Organisation,
    dollars: BankAccount,
    felix: User,
    frank: User,
    now: datetime,
    midnight: datetime,
) -> None:
    client.force_login(builders.owner_of(acme))
    last, first = (
        f"{moment.astimezone(UTC) + timedelta(hours=8):%Y-%m-%d %H:%M}" for moment in (midnight - TICK, midnight)
    )
    for moment, told, untold in ((midnight - TICK, last, first), (midnight, first, last)):
        line = offline.bring_line(dollars, usd(1000), imported_by=felix, now=now)
        order = approve(acme, line, account=dollars, by=frank, declared_at=now, at=moment)
        for page in ("", "receipt/"):
            shown = client.get(f"/billing/orders/{order.number}/{page}").content.decode()
            assert told in shown
            assert untold not in shown
        assert f"{day_of(order)}" == told[:10]
