"""Low-balance alerts: once a dip, re-armed above the threshold, with a default taken from what is used."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from djmoney.money import Money

from billing import alerts, moves
from billing.models import LowBalanceAlert, Notice, Order, State
from products import charges, usage
from products.models import Product, ProductAccess
from tests import builders
from tests.builders import usd
from wallet import chart
from wallet.calendar import business_date
from wallet.models import Organisation, Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def product(db: None) -> Product:
    return builders.make_product()


@pytest.fixture
def acme(db: None, now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


def watch(organisation: Organisation, target: str, threshold: Money | None = None, *, now: datetime) -> LowBalanceAlert:
    alerts.watch_new()
    wish = alerts.Wish(threshold=threshold, roles=(Role.OWNER, Role.BILLING), is_on=True)
    owner = builders.owner_of(organisation)
    return alerts.change(wish, organisation_id=organisation.pk, target=target, by=owner, now=now)


def spend(organisation: Organisation, product: Product, amount: Money, *, now: datetime) -> None:
    balance = builders.open_balance(organisation, product, now=now)
    wanted = charges.Usage(request_id=f"{now.timestamp()}-{amount.amount}", amount=amount)
    charges.charge(balance=balance, usage=wanted, by="test", now=now)


def notices_of(organisation: Organisation) -> list[Notice]:
    return list(Notice.objects.filter(organisation=organisation).order_by("pk"))


def test_balance_that_falls_below_its_threshold_is_told_once(
    acme: Organisation, product: Product, now: datetime
) -> None:
    builders.fill_product(acme, product, usd(100), now=now)
    watch(acme, product.code, usd(50), now=now)
    alerts.tell_due(now=now)
    assert notices_of(acme) == []
    spend(acme, product, usd("50.01"), now=now)
    alerts.tell_due(now=now)
    alerts.tell_due(now=now + timedelta(minutes=1))
    [notice] = notices_of(acme)
    assert (notice.kind, notice.target, notice.at) == (Notice.Kind.LOW_BALANCE, product.code, now)
    assert notice.roles == [Role.OWNER, Role.BILLING]
    assert notice.facts == {
        "balance": "49.990000",
        "threshold": "50.00",
        "currency": "USD",
        "days_left": "0",
        "code": "110",
    }


def test_balance_at_its_threshold_is_not_low(acme: Organisation, product: Product, now: datetime) -> None:
    builders.fill_product(acme, product, usd(100), now=now)
    watch(acme, product.code, usd(100), now=now)
    alerts.tell_due(now=now)
    assert notices_of(acme) == []


def test_next_dip_is_told_after_the_balance_was_above_again(
    acme: Organisation, product: Product, now: datetime
) -> None:
    builders.fill_product(acme, product, usd(40), now=now)
    alert = watch(acme, product.code, usd(50), now=now)
    alerts.tell_due(now=now)
    builders.fill_product(acme, product, usd("9.99"), now=now)
    alerts.tell_due(now=now)  # still below: not armed again
    spend(acme, product, usd(5), now=now)
    alerts.tell_due(now=now)
    assert len(notices_of(acme)) == 1
    builders.fill_product(acme, product, usd("5.01"), now=now)
    alerts.tell_due(now=now)
    alert.refresh_from_db()
    assert alert.dipped_at is None
    spend(acme, product, usd("0.01"), now=now)
    alerts.tell_due(now=now)
    assert len(notices_of(acme)) == 2


def test_wallet_is_watched_too(acme: Organisation, product: Product, now: datetime) -> None:
    builders.fill_wallet(acme, usd(100), now=now)
    watch(acme, chart.WALLET, usd(60), now=now)
    moves.move(builders.move_wish(acme, product, usd(50)), by=builders.owner_of(acme), now=now)
    alerts.tell_due(now=now)
    [notice] = notices_of(acme)
    assert (notice.target, notice.facts["balance"]) == (chart.WALLET, "50.000000")


def test_held_money_does_not_count_as_available(acme: Organisation, product: Product, now: datetime) -> None:
    builders.fill_product(acme, product, usd(100), now=now)
    watch(acme, product.code, usd(100), now=now)
    codes = set(LowBalanceAlert.objects.of(acme.pk).values_list("target", flat=True))
    assert codes == {product.code}
    spend(acme, product, usd(1), now=now)
    alerts.watch_new()
    assert set(LowBalanceAlert.objects.of(acme.pk).values_list("target", flat=True)) == {product.code}


def test_alerts_appear_by_themselves_for_balances_with_money(
    acme: Organisation, product: Product, now: datetime
) -> None:
    alerts.watch_new()
    assert not LowBalanceAlert.objects.of(acme.pk).exists()
    builders.fill_wallet(acme, usd(10), now=now)
    builders.fill_product(acme, product, usd(10), now=now)
    alerts.watch_new()
    alerts.watch_new()
    assert sorted(LowBalanceAlert.objects.of(acme.pk).values_list("target", flat=True)) == [product.code, chart.WALLET]


def test_switched_off_it_tells_nothing(acme: Organisation, product: Product, now: datetime) -> None:
    builders.fill_product(acme, product, usd(10), now=now)
    watch(acme, product.code, usd(5), now=now)
    off = alerts.Wish(threshold=usd(50), roles=(Role.OWNER,), is_on=False)
    owner = builders.owner_of(acme)
    alerts.change(off, organisation_id=acme.pk, target=product.code, by=owner, now=now)
    alerts.tell_due(now=now)
    assert notices_of(acme) == []
    watch(acme, product.code, usd(50), now=now)
    alerts.tell_due(now=now)
    assert len(notices_of(acme)) == 1


def test_default_is_what_three_average_days_use_rounded_up(acme: Organisation, product: Product, now: datetime) -> None:
    start = now - timedelta(days=10)
    builders.fill_product(acme, product, usd(1000), now=start)
    for day, amount in ((10, "30"), (5, "21.5"), (1, "0.000001")):
        spend(acme, product, usd(amount), now=now - timedelta(days=day))
    alerts.watch_new()
    today = business_date(now)
    alerts.refresh_defaults(today=today, limit=10_000)
    alert = LowBalanceAlert.objects.of(acme.pk).get(target=product.code)
    assert usage.average_daily(organisation_id=acme.pk, product=product, today=today) == usd("5.15")
    assert alert.counts_as_low == usd(16)


def test_default_of_the_wallet_is_taken_from_what_left_it(acme: Organisation, product: Product, now: datetime) -> None:
    owner = builders.owner_of(acme)
    builders.fill_wallet(acme, usd(1000), now=now - timedelta(days=59))
    for day, amount in ((40, 500), (20, 100), (3, 50)):
        then = now - timedelta(days=day)
        moves.move(builders.move_wish(acme, product, usd(amount)), by=owner, now=then)
    undone = moves.move(builders.move_wish(acme, product, usd(90)), by=owner, now=now)
    moves.undo(order_id=undone.pk, by="Alice", now=now)
    alerts.watch_new()
    alerts.refresh_defaults(today=business_date(now), limit=10_000)
    alert = LowBalanceAlert.objects.of(acme.pk).get(target=chart.WALLET)
    assert alert.counts_as_low == usd(15)  # three days of 150 / 30


def test_default_is_taken_once_a_day(acme: Organisation, product: Product, now: datetime) -> None:
    builders.fill_product(acme, product, usd(100), now=now)
    alerts.watch_new()
    today = business_date(now)
    alerts.refresh_defaults(today=today, limit=10_000)
    assert alerts.refresh_defaults(today=today, limit=10_000) == 0
    spend(acme, product, usd(10), now=now)
    tomorrow = today + timedelta(days=1)
    assert alerts.refresh_defaults(today=tomorrow, limit=10_000) > 0
    assert LowBalanceAlert.objects.of(acme.pk).get().counts_as_low == usd(30)


def test_wallets_are_paced_as_products_are(acme: Organisation, product: Product, now: datetime) -> None:
    today = business_date(now)
    owner = builders.owner_of(acme)
    builders.fill_wallet(acme, usd(1000), now=now - timedelta(days=20))
    assert alerts.average_wallets([acme.pk], today=today) == {}
    moves.move(builders.move_wish(acme, product, usd(60)), by=owner, now=now - timedelta(days=4))
    assert alerts.average_wallets([acme.pk], today=today - timedelta(days=4)) == {acme.pk: usd(60)}
    moves.move(builders.move_wish(acme, product, usd(500)), by=owner, now=now)
    assert alerts.average_wallets([acme.pk], today=today) == {acme.pk: usd(15)}  # since the first move, without today


def test_what_was_moved_counts_though_a_part_was_refunded(acme: Organisation, product: Product, now: datetime) -> None:
    builders.fill_wallet(acme, usd(100), now=now)
    moved = moves.move(builders.move_wish(acme, product, usd(30)), by=builders.owner_of(acme), now=now)
    Order.objects.filter(pk=moved.pk).update(state=State.PARTIALLY_REFUNDED)
    assert alerts.average_wallets([acme.pk], today=business_date(now)) == {acme.pk: usd(30)}


def test_defaults_of_many_organisations_need_as_many_queries_as_those_of_one(
    product: Product, now: datetime, django_assert_num_queries: Any
) -> None:
    today = business_date(now) + timedelta(days=1)
    alerts.watch_new()  # balances that a test without a rollback has left, too
    LowBalanceAlert.objects.update(refreshed_on=today)

    def found(count: int) -> list[Organisation]:
        made = [builders.make_organisation(now=now) for _ in range(count)]
        for used, organisation in enumerate(made, start=1):
            builders.fill_wallet(organisation, usd(100), now=now)
            owner = builders.owner_of(organisation)
            moves.move(builders.move_wish(organisation, product, usd(50)), by=owner, now=now)
            spend(organisation, product, usd(used), now=now)
        alerts.watch_new()
        return made

    found(1)
    assert alerts.refresh_defaults(today=today) == 1  # the day's first looks for balances too
    found(1)
    with CaptureQueriesContext(connection) as one:
        assert alerts.refresh_defaults(today=today) == 1
    several = found(4)
    with django_assert_num_queries(len(one)):
        assert alerts.refresh_defaults(today=today) == 4
    defaults = [LowBalanceAlert.objects.of(each.pk).get(target=product.code).default_threshold for each in several]
    assert defaults == [3, 6, 9, 12]


def test_balances_opened_long_ago_are_not_looked_for_all_the_time(
    acme: Organisation, product: Product, now: datetime
) -> None:
    builders.fill_wallet(acme, usd(10), now=now - timedelta(days=3))
    builders.fill_product(acme, product, usd(10), now=now)
    alerts.watch_new(opened_since=now - timedelta(days=2))
    assert [alert.target for alert in LowBalanceAlert.objects.of(acme.pk)] == [product.code]


def test_each_day_begins_with_a_look_at_balances_opened_long_ago(acme: Organisation, now: datetime) -> None:
    today = business_date(now)
    LowBalanceAlert.objects.update(refreshed_on=today)
    builders.fill_wallet(acme, usd(10), now=now - timedelta(days=3))
    if LowBalanceAlert.objects.exists():  # of tests without a rollback
        alerts.refresh_defaults(today=today)
        assert not LowBalanceAlert.objects.of(acme.pk).exists()
    alerts.refresh_defaults(today=today + timedelta(days=1), limit=10_000)
    assert LowBalanceAlert.objects.of(acme.pk).get().refreshed_on == today + timedelta(days=1)


def test_own_threshold_stays_when_the_default_changes(acme: Organisation, product: Product, now: datetime) -> None:
    builders.fill_product(acme, product, usd(100), now=now)
    spend(acme, product, usd(10), now=now)
    watch(acme, product.code, usd(7), now=now)
    alerts.refresh_defaults(today=business_date(now), limit=10_000)
    assert LowBalanceAlert.objects.of(acme.pk).get().counts_as_low == usd(7)
    watch(acme, product.code, None, now=now)
    assert LowBalanceAlert.objects.of(acme.pk).get().counts_as_low == usd(30)


def test_nothing_used_is_never_low(acme: Organisation, now: datetime) -> None:
    builders.fill_wallet(acme, usd(10), now=now)
    alerts.watch_new()
    alerts.refresh_defaults(today=business_date(now), limit=10_000)
    alerts.tell_due(now=now)
    assert LowBalanceAlert.objects.of(acme.pk).get().counts_as_low == usd(0)
    assert notices_of(acme) == []


def test_only_those_who_may_top_up_the_balance_change_its_alert(
    acme: Organisation, product: Product, now: datetime
) -> None:
    builders.fill_product(acme, product, usd(10), now=now)
    alerts.watch_new()
    limited = builders.make_member(acme, role=Role.BILLING, now=now, name="carol")
    ProductAccess.objects.create(member=limited)
    viewer = builders.make_member(acme, role=Role.VIEWER, now=now).user
    wish = alerts.Wish(threshold=usd(9), roles=(), is_on=False)
    gone = builders.make_member(acme, role=Role.OWNER, now=now, name="olga").user
    gone.is_active = False
    gone.save()
    for person in (limited.user, viewer, gone, builders.make_person("bob")):
        with pytest.raises(alerts.MayNotChangeAlerts):
            alerts.change(wish, organisation_id=acme.pk, target=product.code, by=person, now=now)
    assert LowBalanceAlert.objects.of(acme.pk).get().threshold is None


def test_balance_that_was_never_used_cannot_be_watched(acme: Organisation, product: Product, now: datetime) -> None:
    wish = alerts.Wish(threshold=usd(9), roles=(), is_on=True)
    with pytest.raises(alerts.NoSuchBalance):
        alerts.change(wish, organisation_id=acme.pk, target=product.code, by=builders.owner_of(acme), now=now)


@pytest.mark.parametrize("fields", [{"threshold": -1}, {"default_threshold": -1}])
def test_database_refuses_thresholds_below_zero(acme: Organisation, now: datetime, fields: dict[str, int]) -> None:
    builders.fill_wallet(acme, usd(10), now=now)
    alerts.watch_new()
    with pytest.raises(IntegrityError), transaction.atomic():
        LowBalanceAlert.objects.of(acme.pk).update(**fields)


def test_saving_tells_at_once_of_a_balance_below_the_new_threshold(
    acme: Organisation, product: Product, now: datetime
) -> None:
    builders.fill_product(acme, product, usd(40), now=now)
    assert watch(acme, product.code, usd(30), now=now).dipped_at is None
    later = now + timedelta(minutes=1)
    assert watch(acme, product.code, usd(500), now=later).dipped_at == later
    watch(acme, product.code, usd(600), now=later)  # the same dip
    assert [notice.at for notice in notices_of(acme)] == [later]


def test_dip_right_after_a_change_is_told(acme: Organisation, product: Product, now: datetime) -> None:
    builders.fill_product(acme, product, usd(40), now=now)
    watch(acme, product.code, usd(50), now=now)
    assert watch(acme, product.code, usd(30), now=now).dipped_at is None
    spend(acme, product, usd(20), now=now)  # before any sweep
    alerts.tell_due(now=now)
    assert [notice.facts["threshold"] for notice in notices_of(acme)] == ["50.00", "30.00"]


def test_default_that_moves_to_and_fro_tells_a_dip_once(acme: Organisation, product: Product, now: datetime) -> None:
    start = now - timedelta(days=2)
    builders.fill_product(acme, product, usd(100), now=start)
    spend(acme, product, usd(40), now=start)
    alerts.watch_new()
    alert = LowBalanceAlert.objects.get(organisation=acme)
    for days in (1, 3, 2):  # 120, then less than what is left, then more again
        alerts.refresh_defaults(today=business_date(start) + timedelta(days=days), limit=10_000)
        alerts.tell_due(now=now + timedelta(days=days))
        LowBalanceAlert.objects.update(refreshed_on=None)
    alert.refresh_from_db()
    assert (alert.counts_as_low, len(notices_of(acme))) == (usd(120), 1)
    builders.fill_product(acme, product, usd(60), now=now)
    alerts.tell_due(now=now)
    alerts.refresh_defaults(today=business_date(start) + timedelta(days=3), limit=10_000)
    alert.refresh_from_db()
    assert (alert.counts_as_low, alert.dipped_at) == (usd(40), None)


def test_wallets_days_are_told_once_money_left_it_on_three_days(
    acme: Organisation, product: Product, now: datetime
) -> None:
    builders.fill_wallet(acme, usd(1000), now=now - timedelta(days=9))

    def left(day: int) -> int | None:
        moved_at = now - timedelta(days=day)
        moves.move(builders.move_wish(acme, product, usd(10)), by=builders.owner_of(acme), now=moved_at)
        return alerts.days_left(
            organisation_id=acme.pk, target=chart.WALLET, available=usd(100), today=business_date(now)
        )

    assert [left(3), left(3), left(2), left(1)] == [None, None, None, 7]
