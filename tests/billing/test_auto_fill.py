"""Auto-fill: what falls below its threshold is filled from the wallet, within limits, or the rule stops and tells."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from djmoney.money import Money

from billing import auto_fill, auto_fill_terms, moves, orders
from billing.auto_fill_terms import Terms, TermsRefused
from billing.models import AutoFill, Method, Note, Notice, Order, State, TopUpLimit
from products import catalogue, charges
from products.models import Product, ProductAccess
from tests import builders
from tests.builders import usd
from wallet.models import Member, Organisation, Role

pytestmark = pytest.mark.django_db

Reason = AutoFill.StopReason


@pytest.fixture
def product(db: None) -> Product:
    return builders.make_product()


@pytest.fixture
def acme(db: None, now: datetime) -> Organisation:
    """An organisation with 1,000 in its wallet."""
    made = builders.make_organisation(now=now)
    builders.fill_wallet(made, usd(1000), now=now)
    return made


def terms(**fields: Any) -> Terms:
    given = {"threshold": usd(20), "floor": usd(0), "daily_cap": usd(500)} | fields
    return Terms(**given) if "fill_to" in given else Terms(**{"amount": usd(50)} | given)


def set_rule(organisation: Organisation, product: Product, *, now: datetime, **fields: Any) -> AutoFill:
    owner = builders.owner_of(organisation)
    return auto_fill.set_rule(terms(**fields), organisation_id=organisation.pk, product=product, by=owner, now=now)


def spend(organisation: Organisation, product: Product, amount: Money, *, now: datetime) -> None:
    balance = builders.open_balance(organisation, product, now=now)
    number = Order.objects.count()
    charges.charge(
        balance=balance,
        usage=charges.Usage(request_id=f"{number}-{amount.amount}", amount=amount),
        by="test",
        now=now,
    )


def left(organisation: Organisation, product: Product) -> tuple[Money, Money]:
    """In the wallet, and in the product."""
    return builders.balance_of(organisation.pk), builders.balance_of(organisation.pk, product.code)


def test_balance_below_its_threshold_is_filled_by_the_amount(
    acme: Organisation, product: Product, now: datetime
) -> None:
    rule = set_rule(acme, product, now=now)
    assert auto_fill.fill_due(now=now) == 1
    assert left(acme, product) == (usd(950), usd(50))
    [order] = rule.orders.all()
    assert (order.state, order.method, order.created_by) == (State.PAID, Method.BALANCE, builders.owner_of(acme))
    assert [event.by for event in order.events.filter(state=State.PAID)] == ["Auto-fill"]


def test_balance_at_its_threshold_is_left_alone(acme: Organisation, product: Product, now: datetime) -> None:
    set_rule(acme, product, now=now)
    builders.fill_product(acme, product, usd(20), now=now)
    assert auto_fill.fill_due(now=now) == 0
    spend(acme, product, usd("0.000001"), now=now)
    assert auto_fill.fill_due(now=now) == 1
    assert left(acme, product) == (usd(950), usd("69.999999"))


def test_balance_is_filled_up_to_its_target(acme: Organisation, product: Product, now: datetime) -> None:
    set_rule(acme, product, now=now, fill_to=usd(200))
    builders.fill_product(acme, product, usd(20), now=now)
    spend(acme, product, usd("7.55"), now=now)
    assert auto_fill.fill_due(now=now) == 1
    assert left(acme, product) == (usd("812.45"), usd(200))


def test_each_dip_is_filled_once(acme: Organisation, product: Product, now: datetime) -> None:
    set_rule(acme, product, now=now)
    assert [auto_fill.fill_due(now=now) for _ in range(3)] == [1, 0, 0]
    spend(acme, product, usd(40), now=now)
    assert [auto_fill.fill_due(now=now) for _ in range(2)] == [1, 0]
    assert left(acme, product) == (usd(900), usd(60))


def test_who_comes_after_the_dip_is_filled_moves_nothing(acme: Organisation, product: Product, now: datetime) -> None:
    rule = set_rule(acme, product, now=now)
    builders.fill_product(acme, product, usd(20), now=now)
    assert not auto_fill.fill(rule_id=rule.pk, now=now)
    rule.refresh_from_db()
    assert rule.is_on
    assert left(acme, product) == (usd(1000), usd(20))


def test_a_charge_never_touches_the_wallet(acme: Organisation, product: Product, now: datetime) -> None:
    set_rule(acme, product, now=now)
    with pytest.raises(charges.InsufficientBalance), transaction.atomic():
        spend(acme, product, usd(1), now=now)
    assert left(acme, product) == (usd(1000), usd(0))


def test_without_a_rule_nothing_moves(acme: Organisation, product: Product, now: datetime) -> None:
    owner = builders.owner_of(acme)
    set_rule(acme, product, now=now)
    auto_fill.switch_off(organisation_id=acme.pk, product=product, by=owner)
    assert auto_fill.fill_due(now=now) == 0
    assert left(acme, product) == (usd(1000), usd(0))


def test_the_day_is_capped_and_the_next_day_goes_on(acme: Organisation, product: Product, now: datetime) -> None:
    rule = set_rule(acme, product, now=now, daily_cap=usd(80))
    assert auto_fill.fill_due(now=now) == 1
    spend(acme, product, usd(50), now=now)
    assert auto_fill.fill_due(now=now) == 1  # what is left of the cap
    assert left(acme, product) == (usd(920), usd(30))
    spend(acme, product, usd(30), now=now)
    assert auto_fill.fill_due(now=now) == 0
    rule.refresh_from_db()
    midnight = datetime(2026, 7, 15, 16, tzinfo=now.tzinfo)  # in Shanghai
    assert (rule.is_on, rule.waits_until) == (True, midnight)
    assert not Notice.objects.filter(organisation=acme).exists()
    assert auto_fill.fill_due(now=midnight - timedelta(microseconds=1)) == 0
    assert auto_fill.fill_due(now=midnight) == 1
    assert left(acme, product) == (usd(870), usd(50))


def test_a_rest_of_the_cap_below_the_smallest_move_waits(acme: Organisation, product: Product, now: datetime) -> None:
    rule = set_rule(acme, product, now=now, daily_cap=usd("50.50"))
    auto_fill.fill_due(now=now)
    spend(acme, product, usd(50), now=now)
    assert auto_fill.fill_due(now=now) == 0
    rule.refresh_from_db()
    assert rule.is_on
    assert rule.waits_until


def test_wallet_keeps_its_floor_and_the_owners_are_told(acme: Organisation, product: Product, now: datetime) -> None:
    rule = set_rule(acme, product, now=now, floor=usd("950.01"))
    assert auto_fill.fill_due(now=now) == 0
    assert left(acme, product) == (usd(1000), usd(0))
    rule.refresh_from_db()
    assert (rule.is_on, rule.stopped_at, rule.stop_reason, rule.move_count) == (False, now, Reason.WALLET_TOO_LOW, 0)
    assert not rule.orders.exists()
    notice = Notice.objects.get(organisation=acme)
    assert (notice.kind, notice.target, notice.roles) == (Notice.Kind.AUTO_FILL_STOPPED, product.code, [Role.OWNER])
    assert notice.facts["reason"] == Reason.WALLET_TOO_LOW
    assert auto_fill.fill_due(now=now) == 0
    assert Notice.objects.filter(organisation=acme).count() == 1


def test_wallet_may_be_emptied_down_to_its_floor(acme: Organisation, product: Product, now: datetime) -> None:
    set_rule(acme, product, now=now, floor=usd(950))
    assert auto_fill.fill_due(now=now) == 1
    assert left(acme, product) == (usd(950), usd(50))


def test_empty_wallet_stops_the_rule(product: Product, now: datetime) -> None:
    poor = builders.make_organisation(now=now)
    rule = set_rule(poor, product, now=now)
    assert auto_fill.fill_due(now=now) == 0
    rule.refresh_from_db()
    assert rule.stop_reason == Reason.WALLET_TOO_LOW


def test_product_no_longer_offered_stops_the_rule(acme: Organisation, product: Product, now: datetime) -> None:
    rule = set_rule(acme, product, now=now)
    Product.objects.filter(pk=product.pk).update(is_active=False)
    assert auto_fill.fill_due(now=now) == 0
    rule.refresh_from_db()
    assert rule.stop_reason == Reason.NOT_OFFERED


def test_changed_limits_stop_the_rule(acme: Organisation, product: Product, now: datetime) -> None:
    rule = set_rule(acme, product, now=now)
    TopUpLimit.objects.filter(method=Method.BALANCE).update(minimum=60)
    assert auto_fill.fill_due(now=now) == 0
    rule.refresh_from_db()
    assert rule.stop_reason == Reason.OUTSIDE_LIMITS


@pytest.mark.parametrize("change", ["left", "viewer", "limited", "deactivated"])
def test_rule_of_somebody_who_may_no_longer_top_up_stops(
    acme: Organisation, product: Product, now: datetime, change: str
) -> None:
    carol = builders.make_member(acme, role=Role.BILLING, now=now, name="carol")
    rule = auto_fill.set_rule(terms(), organisation_id=acme.pk, product=product, by=carol.user, now=now)
    if change == "left":
        carol.delete()
    elif change == "viewer":
        Member.objects.filter(pk=carol.pk).update(role=Role.VIEWER)
    elif change == "limited":
        ProductAccess.objects.create(member=carol)
    else:
        carol.user.is_active = False
        carol.user.save()
    assert auto_fill.fill_due(now=now) == 0
    rule.refresh_from_db()
    assert rule.stop_reason == Reason.NOT_ALLOWED
    assert left(acme, product) == (usd(1000), usd(0))


def test_undone_move_stops_the_rule_instead_of_being_made_again(
    acme: Organisation, product: Product, now: datetime
) -> None:
    rule = set_rule(acme, product, now=now)
    auto_fill.fill_due(now=now)
    moves.undo(order_id=rule.orders.get().pk, by="Alice", now=now)
    assert auto_fill.fill_due(now=now) == 0
    rule.refresh_from_db()
    assert rule.stop_reason == Reason.UNDONE
    assert left(acme, product) == (usd(1000), usd(0))


def test_move_that_finance_took_back_stops_the_rule_and_the_owners_are_told(
    acme: Organisation, product: Product, now: datetime
) -> None:
    rule = set_rule(acme, product, now=now)
    auto_fill.fill_due(now=now)
    order = orders.lock(rule.orders.get().pk)
    orders.take_back(order=order, note=Note.TAKEN_BACK, by="Fiona", now=now)
    assert auto_fill.fill_due(now=now) == 0
    rule.refresh_from_db()
    assert rule.stop_reason == Reason.UNDONE
    assert Notice.objects.get(organisation=acme).facts["reason"] == Reason.UNDONE


def test_refund_is_no_undoing_and_counts_against_the_cap(acme: Organisation, product: Product, now: datetime) -> None:
    rule = set_rule(acme, product, now=now)
    auto_fill.fill_due(now=now)
    for state in (State.PARTIALLY_REFUNDED, State.REFUNDED):
        rule.orders.update(state=state)
        assert auto_fill.moved_today(rule, now=now) == usd(50)
    spend(acme, product, usd(50), now=now)
    assert auto_fill.fill_due(now=now) == 1


def test_saving_a_stopped_rule_begins_again(acme: Organisation, product: Product, now: datetime) -> None:
    rule = set_rule(acme, product, now=now)
    auto_fill.fill_due(now=now)
    moves.undo(order_id=rule.orders.get().pk, by="Alice", now=now)
    auto_fill.fill_due(now=now)
    later = now + timedelta(hours=1)
    again = set_rule(acme, product, now=later, amount=usd(30))
    assert (again.pk, again.is_on, again.stopped_at, again.stop_reason) == (rule.pk, True, None, "")
    assert auto_fill.fill_due(now=later) == 1
    assert left(acme, product) == (usd(970), usd(30))


def test_what_was_undone_does_not_count_against_the_cap(acme: Organisation, product: Product, now: datetime) -> None:
    rule = set_rule(acme, product, now=now)
    auto_fill.fill_due(now=now)
    assert auto_fill.moved_today(rule, now=now) == usd(50)
    moves.undo(order_id=rule.orders.get().pk, by="Alice", now=now)
    assert auto_fill.moved_today(rule, now=now) == usd(0)


def test_one_odd_rule_does_not_hold_up_the_others(
    acme: Organisation, product: Product, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = builders.make_product("Odd")
    set_rule(acme, odd, now=now)
    set_rule(acme, product, now=now)
    pay = moves.pay

    def fail_for_odd(wish: Any, **kwargs: Any) -> Order:
        if wish.target == odd.code:
            raise ZeroDivisionError
        return pay(wish, **kwargs)

    monkeypatch.setattr(moves, "pay", fail_for_odd)
    assert auto_fill.fill_due(now=now) == 1
    assert left(acme, product) == (usd(950), usd(50))


def test_odd_rules_make_way_for_the_others(
    acme: Organisation, product: Product, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_rule(acme, builders.make_product("Odd"), now=now)
    with monkeypatch.context() as patch:
        patch.setattr(moves, "pay", lambda *_, **__: 1 / 0)
        assert auto_fill.fill_due(now=now) == 0
    set_rule(acme, product, now=now)
    assert auto_fill.fill_due(now=now, limit=1) == 1
    assert left(acme, product) == (usd(950), usd(50))
    assert auto_fill.fill_due(now=now + timedelta(minutes=5)) == 1
    assert builders.balance_of(acme.pk) == usd(900)


def test_a_move_that_fails_half_way_leaves_nothing(
    acme: Organisation, product: Product, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = set_rule(acme, product, now=now)

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(AutoFill, "save", die)
        with pytest.raises(KeyboardInterrupt):
            auto_fill.fill_due(now=now)
    assert left(acme, product) == (usd(1000), usd(0))
    assert not rule.orders.exists()
    assert auto_fill.fill_due(now=now) == 1
    assert left(acme, product) == (usd(950), usd(50))


def test_only_those_who_may_top_up_set_rules(acme: Organisation, product: Product, now: datetime) -> None:
    viewer = builders.make_member(acme, role=Role.VIEWER, now=now).user
    set_rule(acme, product, now=now)
    for stranger in (viewer, builders.make_person("bob")):
        with pytest.raises(auto_fill.MayNotSetRule):
            auto_fill.set_rule(terms(), organisation_id=acme.pk, product=product, by=stranger, now=now)
        with pytest.raises(auto_fill.MayNotSetRule):
            auto_fill.switch_off(organisation_id=acme.pk, product=product, by=stranger)
    rule = AutoFill.objects.get(organisation=acme)
    assert (rule.is_on, rule.set_by) == (True, builders.owner_of(acme))


@pytest.mark.parametrize(
    ("fields", "blamed"),
    [
        ({"amount": usd("0.99")}, "amount"),
        ({"amount": usd("100000.01"), "daily_cap": usd(200_000)}, "amount"),
        ({"fill_to": usd(20)}, "fill_to"),
        ({"fill_to": usd("20.99")}, "fill_to"),
        ({"fill_to": usd(100_001)}, "fill_to"),
        ({"daily_cap": usd("49.99")}, "daily_cap"),
        ({"fill_to": usd(100), "daily_cap": usd("79.99")}, "daily_cap"),
    ],
)
def test_rule_that_could_never_move_anything_is_refused(
    acme: Organisation, product: Product, now: datetime, fields: dict[str, Money], blamed: str
) -> None:
    with pytest.raises(TermsRefused) as refusal:
        set_rule(acme, product, now=now, **fields)
    assert refusal.value.field == blamed
    assert not AutoFill.objects.filter(organisation=acme).exists()


def test_smallest_top_up_of_the_product_counts_too(acme: Organisation, now: datetime) -> None:
    product = builders.make_product(smallest_top_up=Decimal(60))
    assert auto_fill_terms.smallest_move(product) == usd(60)
    with pytest.raises(TermsRefused):
        set_rule(acme, product, now=now)


def test_rule_for_a_product_not_offered_is_refused(acme: Organisation, now: datetime) -> None:
    with pytest.raises(catalogue.NotOffered):
        set_rule(acme, builders.make_product(is_active=False), now=now)


@pytest.mark.parametrize(
    "fields",
    [
        {"amount": None},
        {"fill_to": 30},
        {"amount": None, "fill_to": 20},
        {"amount": 0},
        {"daily_cap": 0},
        {"floor": -1},
        {"stopped_at": datetime.fromisoformat("2026-07-15T00:00:00+00:00")},
    ],
)
def test_database_refuses_rules_that_make_no_sense(
    acme: Organisation, product: Product, now: datetime, fields: dict[str, Any]
) -> None:
    rule = set_rule(acme, product, now=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        AutoFill.objects.filter(pk=rule.pk).update(**fields)


def test_rules_are_not_deleted(acme: Organisation, product: Product, now: datetime) -> None:
    rule = set_rule(acme, product, now=now)
    with pytest.raises(Exception, match="permission denied"), transaction.atomic():
        AutoFill.objects.filter(pk=rule.pk)._raw_delete("default")


def test_filling_up_reaches_the_target_and_not_nearly(acme: Organisation, product: Product, now: datetime) -> None:
    set_rule(acme, product, now=now, fill_to=usd(200))
    builders.fill_product(acme, product, usd(20), now=now)
    spend(acme, product, usd("1.211"), now=now)
    assert auto_fill.fill_due(now=now) == 1
    assert left(acme, product) == (usd("818.78"), usd("200.009"))


def test_move_that_finance_corrected_counts_against_the_cap(
    acme: Organisation, product: Product, now: datetime
) -> None:
    rule = set_rule(acme, product, now=now)
    auto_fill.fill_due(now=now)
    orders.take_back(order=orders.lock(rule.orders.get().pk), note=Note.TAKEN_BACK, by="Fiona", now=now)
    assert auto_fill.moved_today(rule, now=now) == usd(50)


def test_rule_that_fails_oddly_again_stops_and_the_owners_are_told(
    acme: Organisation, product: Product, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = set_rule(acme, product, now=now)
    monkeypatch.setattr(moves, "pay", lambda *_, **__: 1 / 0)
    auto_fill.fill_due(now=now)
    rule.refresh_from_db()
    assert (rule.is_on, rule.retry_at) == (True, now + timedelta(minutes=5))
    later = now + timedelta(minutes=5)
    auto_fill.fill_due(now=later)
    rule.refresh_from_db()
    assert (rule.is_on, rule.stopped_at, rule.stop_reason) == (False, later, Reason.FAILED)
    assert [notice.facts["reason"] for notice in Notice.objects.filter(organisation=acme)] == [Reason.FAILED]


def test_odd_failures_far_apart_do_not_stop_the_rule(
    acme: Organisation, product: Product, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = set_rule(acme, product, now=now)
    pay = moves.pay
    monkeypatch.setattr(moves, "pay", lambda *_, **__: 1 / 0)
    auto_fill.fill_due(now=now)
    auto_fill.fill_due(now=now + timedelta(minutes=65))
    rule.refresh_from_db()
    assert rule.is_on
    monkeypatch.setattr(moves, "pay", pay)
    auto_fill.fill_due(now=now + timedelta(minutes=70))
    rule.refresh_from_db()
    assert (rule.is_on, rule.move_count, rule.retry_at) == (True, 1, None)


def test_rule_whose_next_number_is_taken_stops_and_begins_after_it(
    acme: Organisation, product: Product, now: datetime
) -> None:
    rule = set_rule(acme, product, now=now)
    auto_fill.fill_due(now=now)
    AutoFill.objects.filter(pk=rule.pk).update(move_count=0, amount=60)
    spend(acme, product, usd(50), now=now)
    assert auto_fill.fill_due(now=now) == 0
    rule.refresh_from_db()
    assert rule.stop_reason == Reason.FAILED
    assert Notice.objects.filter(organisation=acme).count() == 1
    set_rule(acme, product, now=now, amount=usd(60))
    assert auto_fill.fill_due(now=now) == 1
    assert left(acme, product) == (usd(890), usd(60))


def test_rule_stops_when_nothing_can_be_moved_from_the_wallet(
    acme: Organisation, product: Product, now: datetime
) -> None:
    rule = set_rule(acme, product, now=now, fill_to=usd(200), daily_cap=usd(190))
    TopUpLimit.objects.filter(method=Method.BALANCE).delete()
    assert auto_fill.fill_due(now=now) == 0
    rule.refresh_from_db()
    assert rule.stop_reason == Reason.OUTSIDE_LIMITS
