"""What each day used: kept sums and the ledger agree, the average, and how long a balance lasts."""

import secrets
from datetime import date, datetime, time, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Max

from products import balances, charges, day_sums, usage
from products.models import Product, UsageDay
from tests import builders
from wallet import chart, ledger
from wallet.calendar import BOOKS, business_date
from wallet.models import Organisation

pytestmark = pytest.mark.django_db

usd = builders.usd


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def sms(db: None) -> Product:
    return builders.make_product("SMS")


def charge(organisation: Organisation, product: Product, amount: str, *, now: datetime) -> None:
    charges.charge(
        balance=builders.open_balance(organisation, product, now=now),
        usage=charges.Usage(request_id=secrets.token_hex(8), amount=usd(amount)),
        by="test",
        now=now,
    )


def post(organisation: Organisation, kind: str, *lines: ledger.Line, now: datetime) -> None:
    draft = ledger.Draft(key=secrets.token_hex(8), kind=kind, lines=lines, by="test")
    ledger.post(organisation_id=organisation.pk, drafts=[draft], now=now)


@pytest.fixture
def used(acme: Organisation, sms: Product, now: datetime) -> Organisation:
    """$100 five days ago, then charges on three days, the last one today."""
    builders.fill_product(acme, sms, usd(100), now=now - timedelta(days=5))
    charge(acme, sms, "10", now=now - timedelta(days=5))
    charge(acme, sms, "5.25", now=now - timedelta(days=2))
    charge(acme, sms, "0.000001", now=now - timedelta(days=2))
    charge(acme, sms, "1.5", now=now)
    return acme


def read(organisation: Organisation, product: Product, today: date, *, days: int = 7) -> list[usage.Day]:
    holds = balances.read(organisation_id=organisation.pk, product=product).total
    return usage.read_days(organisation_id=organisation.pk, product=product, holds=holds, today=today, days=days)


def test_days_tell_what_was_spent_what_came_in_and_what_was_left(
    used: Organisation, sms: Product, now: datetime
) -> None:
    today = business_date(now)

    days = read(used, sms, today)

    assert [day.day for day in days] == [today - timedelta(days=back) for back in range(6, -1, -1)]
    assert [day.spent for day in days] == [usd(sum_) for sum_ in ("0", "10", "0", "0", "5.250001", "0", "1.5")]
    assert [day.charge_count for day in days] == [0, 1, 0, 0, 2, 0, 1]
    assert [day.credited for day in days] == [usd(0), usd(100), *[usd(0)] * 5]
    left = ("0", "90", "90", "90", "84.749999", "84.749999", "83.249999")
    assert [day.closing for day in days] == [usd(closing) for closing in left]


def test_kept_days_say_the_same_as_the_ledger(used: Organisation, sms: Product, now: datetime) -> None:
    today = business_date(now)
    live = read(used, sms, today)

    usage.roll_up_days(today - timedelta(days=10), today - timedelta(days=1))

    assert UsageDay.objects.filter(organisation=used, product=sms).count() == 2
    assert read(used, sms, today) == live
    assert read(used, sms, today, days=2) == live[-2:]
    assert read(used, sms, today, days=40)[-7:] == live


def test_a_day_that_is_kept_of_anybody_is_read_from_the_ledger_of_nobody(
    used: Organisation, sms: Product, now: datetime
) -> None:
    today = business_date(now)
    other = builders.make_organisation(now=now)
    yesterday = today - timedelta(days=1)
    UsageDay.objects.create(organisation=other, product=sms, day=yesterday, spent=0, charge_count=0, closing=0)

    moved = day_sums.read(sms, used.pk, first=today - timedelta(days=9), last=today)

    assert {day: sums.spent for day, sums in moved.items()} == {today: usd("1.5").amount}


def test_a_day_is_kept_once_however_often_it_is_summed_up(used: Organisation, sms: Product, now: datetime) -> None:
    yesterday = business_date(now) - timedelta(days=1)
    usage.roll_up_days(yesterday - timedelta(days=9), yesterday)
    kept = list(UsageDay.objects.filter(organisation=used).order_by("day").values())

    usage.roll_up_days(yesterday - timedelta(days=3), yesterday)
    usage.roll_up_days(yesterday - timedelta(days=20), yesterday)

    assert list(UsageDay.objects.filter(organisation=used).order_by("day").values()) == kept
    with pytest.raises(IntegrityError), transaction.atomic():
        UsageDay.objects.create(organisation=used, product=sms, day=kept[0]["day"], spent=0, charge_count=0, closing=0)


def test_a_day_that_is_not_over_is_never_kept(acme: Organisation, sms: Product) -> None:
    today = business_date(datetime.now(tz=BOOKS))
    UsageDay.objects.create(
        organisation=acme, product=sms, day=today - timedelta(days=1), spent=0, charge_count=0, closing=0
    )
    for day in (today, date(2130, 1, 1)):
        with pytest.raises(IntegrityError, match="is not over"), transaction.atomic():
            UsageDay.objects.create(organisation=acme, product=sms, day=day, spent=0, charge_count=0, closing=0)


@pytest.fixture
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on the first day of a site, though a test without a rollback may have kept days."""
    monkeypatch.setattr(UsageDay.objects, "aggregate", lambda **_: {"day": None})


@pytest.mark.usefixtures("nothing_kept")
def test_the_first_sweep_keeps_whatever_is_over(used: Organisation, sms: Product, now: datetime) -> None:
    live = read(used, sms, business_date(now))

    usage.roll_up(now=now)
    usage.roll_up(now=now)

    assert UsageDay.objects.filter(organisation=used).count() == 2
    assert read(used, sms, business_date(now)) == live


def test_days_on_which_nothing_moved_are_not_summed_up(
    used: Organisation, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[date, ...]] = []

    def sum_up(*days: date) -> list[UsageDay]:
        asked.append(days)
        return []

    monkeypatch.setattr(day_sums, "sum_up", sum_up)
    quiet, busy = date(2001, 2, 3), business_date(now)  # nobody posts that early
    builders.fill_wallet(used, usd(5), now=datetime.combine(quiet, time(12), tzinfo=BOOKS))

    usage.roll_up_days(quiet, quiet)
    usage.roll_up_days(quiet, busy)

    assert asked == [(quiet, busy)]


def test_the_sweep_takes_up_every_day_since_the_last_one_kept_some_minutes_after_midnight(
    acme: Organisation, sms: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[date, date]] = []
    monkeypatch.setattr(usage, "roll_up_days", lambda *days: asked.append(days))
    newest = UsageDay.objects.aggregate(day=Max("day"))["day"] or date(2026, 7, 1)
    kept = newest + timedelta(days=1)
    UsageDay.objects.create(organisation=acme, product=sms, day=kept, spent=0, charge_count=0, closing=0)
    midnight = datetime.combine(kept + timedelta(days=3), time.min, tzinfo=BOOKS)

    usage.roll_up(now=midnight + timedelta(minutes=5))
    usage.roll_up(now=midnight + timedelta(minutes=4))
    usage.roll_up(now=midnight - timedelta(days=2))
    usage.roll_up(now=midnight - timedelta(days=9))

    assert asked == [(kept + timedelta(days=1), kept + timedelta(days=back)) for back in (2, 1)]


def test_kept_days_are_never_changed_by_the_site(used: Organisation, now: datetime) -> None:
    usage.roll_up_days(business_date(now) - timedelta(days=9), business_date(now) - timedelta(days=1))
    for statement in ("UPDATE products_usageday SET spent = 0", "DELETE FROM products_usageday"):
        with pytest.raises(Exception, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_holds_are_spent_when_captured_and_closing_counts_what_is_held(
    acme: Organisation, sms: Product, now: datetime
) -> None:
    builders.fill_product(acme, sms, usd(50), now=now)
    held = chart.held(sms.code)
    post(acme, "HOLD", ledger.debit(sms.code, usd(20)), ledger.credit(held, usd(20)), now=now)
    post(acme, "CAPTURE", ledger.debit(held, usd(5)), ledger.credit(chart.revenue(sms.slug), usd(5)), now=now)
    post(acme, "RELEASE", ledger.debit(held, usd(15)), ledger.credit(sms.code, usd(15)), now=now)
    today = business_date(now)

    [live] = read(acme, sms, today, days=1)
    assert (live.spent, live.charge_count, live.credited, live.closing) == (usd(5), 1, usd(50), usd(45))
    usage.roll_up_days(today, today)
    assert read(acme, sms, today, days=1) == [live]


def test_money_taken_back_is_no_spending(acme: Organisation, sms: Product, now: datetime) -> None:
    builders.fill_product(acme, sms, usd(50), now=now - timedelta(days=1))
    post(acme, "REVERSAL", ledger.debit(sms.code, usd(20)), ledger.credit("wallet", usd(20)), now=now)

    yesterday, today = read(acme, sms, business_date(now), days=2)

    assert (yesterday.credited, today.credited) == (usd(50), usd(-20))
    assert (today.spent, today.closing) == (usd(0), usd(30))


def test_products_and_organisations_are_kept_apart(used: Organisation, sms: Product, now: datetime) -> None:
    today = business_date(now)
    whatsapp = builders.make_product("WhatsApp")
    other = builders.make_organisation(now=now, owner=builders.make_person("bob"))
    builders.fill_product(used, whatsapp, usd(7), now=now - timedelta(days=5))
    charge(used, whatsapp, "3", now=now - timedelta(days=5))
    builders.fill_product(other, sms, usd(9), now=now - timedelta(days=5))
    charge(other, sms, "4", now=now - timedelta(days=5))
    live = [read(used, whatsapp, today), read(other, sms, today), read(used, sms, today)]
    assert [days[1].spent for days in live] == [usd(3), usd(4), usd(10)]
    assert [days[-1].closing for days in live] == [usd(4), usd(5), usd("83.249999")]

    usage.roll_up_days(today - timedelta(days=9), today - timedelta(days=1))

    assert [read(used, whatsapp, today), read(other, sms, today), read(used, sms, today)] == live


def average(organisation: Organisation, product: Product, today: date) -> object:
    return usage.average_daily(organisation_id=organisation.pk, product=product, today=today)


@pytest.mark.parametrize("kept", [False, True])
def test_the_average_counts_from_the_first_charge_and_not_today(
    *, used: Organisation, sms: Product, now: datetime, kept: bool
) -> None:
    today = business_date(now)
    if kept:
        usage.roll_up_days(today - timedelta(days=9), today - timedelta(days=1))

    assert average(used, sms, today) == usd("3.05")  # 15.250001 in five days


@pytest.mark.parametrize("kept", [False, True])
def test_the_average_is_of_thirty_days_where_the_use_began_before(
    *, used: Organisation, sms: Product, now: datetime, kept: bool
) -> None:
    later = business_date(now) + timedelta(days=28)
    usage.roll_up_days(business_date(now) - timedelta(days=9), business_date(now) if kept else later)

    assert average(used, sms, later) == usd("0.225000")  # 5.250001 and 1.5 in thirty days


def test_the_first_day_of_use_counts_as_one_day(acme: Organisation, sms: Product, now: datetime) -> None:
    today = business_date(now)
    builders.fill_product(acme, sms, usd(50), now=now - timedelta(days=4))
    assert average(acme, sms, today) == usd(0)

    charge(acme, sms, "2.5", now=now)

    assert average(acme, sms, today) == usd("2.5")


def test_use_that_ended_long_ago_has_no_pace(used: Organisation, sms: Product, now: datetime) -> None:
    long_after = business_date(now) + timedelta(days=60)
    usage.roll_up_days(business_date(now) - timedelta(days=9), long_after)

    assert average(used, sms, long_after) == usd(0)


def test_all_averages_are_one_query(
    used: Organisation, sms: Product, now: datetime, django_assert_max_num_queries: object
) -> None:
    products = [sms, *(builders.make_product("Voice") for _ in range(5))]

    with django_assert_max_num_queries(1):  # type: ignore[operator]  # a fixture
        found = usage.average_all(organisation_id=used.pk, products=products, today=business_date(now))

    assert [found[product.pk] for product in products] == [usd("3.05"), *[usd(0)] * 5]


def test_averages_of_many_organisations_are_those_of_each(
    used: Organisation, sms: Product, now: datetime, django_assert_max_num_queries: object
) -> None:
    today = business_date(now)
    voice = builders.make_product("Voice")
    fresh, idle = (builders.make_organisation(now=now, owner=builders.make_person(name)) for name in ("bob", "carol"))
    for organisation, product in ((fresh, sms), (used, voice), (idle, voice)):
        builders.fill_product(organisation, product, usd(50), now=now)
    charge(fresh, sms, "4", now=now)
    charge(used, voice, "2", now=now)
    spent = {(used.pk, sms.pk): "3.05", (used.pk, voice.pk): "2", (fresh.pk, sms.pk): "4"}
    organisations = [used.pk, fresh.pk, idle.pk]

    with django_assert_max_num_queries(1):  # type: ignore[operator]  # a fixture
        found = usage.average_many(organisation_ids=organisations, products=[sms, voice], today=today)

    assert found == {
        (of, product.pk): usd(spent.get((of, product.pk), "0")) for of in organisations for product in (sms, voice)
    }
    for of in organisations:
        assert usage.average_all(organisation_id=of, products=[sms, voice], today=today) == {
            product.pk: found[of, product.pk] for product in (sms, voice)
        }


def test_days_left_are_whole_days_and_none_without_use() -> None:
    assert usage.days_left(usd("99.99"), usd(10)) == 9
    assert usage.days_left(usd("5"), usd(10)) == 0
    assert usage.days_left(usd(5), usd(0)) is None
