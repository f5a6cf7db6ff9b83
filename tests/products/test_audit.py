"""The audit of usage: holds, their postings and their money cannot part without being named."""

from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.db import connections
from djmoney.money import Money

from billing import audit as order_audit
from innopaas.audit import CHECKS
from products import audit
from products.models import Hold, ProductBalance, UsageDay
from tests import builders
from tests.builders import usd
from tests.products import spending
from tests.products.spending import HOUR, capture, place, release
from wallet import chart, ledger
from wallet.audit import Check
from wallet.calendar import business_date
from wallet.ledger import Line, credit, debit

SMS, HELD, REVENUE = "product:{}", "product:{}:held", "revenue:{}"
DAY = timedelta(days=1)
DAYS = (audit.check_days,)


def findings(balance: ProductBalance, *, now: datetime, checks: tuple[Check, ...] = audit.CHECKS) -> list[str]:
    """What the checks say of this organisation, without its id."""
    own = str(balance.organisation_id)
    return [said.replace(f" of {own}", "") for check in checks for said in check("default", now) if own in said]


def post(balance: ProductBalance, kind: str, *lines: Line, key: str = "odd", now: datetime) -> None:
    draft = ledger.Draft(key=key, kind=kind, lines=lines)
    ledger.post(organisation_id=balance.organisation_id, drafts=[draft], now=now)


def moved(balance: ProductBalance, source: str, target: str, amount: Money) -> tuple[Line, Line]:
    slug = balance.product.slug
    return debit(source.format(slug), amount), credit(target.format(slug), amount)


def use_everything(sms: ProductBalance, now: datetime) -> None:
    spending.charge(sms, "0.0525", now=now)
    partly, whole, given, late = (place(sms, 3, f"h{number}", now=now) for number in range(4))
    capture(partly, 1, now=now)
    capture(whole, None, now=now)
    capture(given, 1, now=now)
    release(given, now=now)
    place(sms, 2, "open", now=now, lasts=3 * HOUR)
    spending.expire(now=now + HOUR)
    assert Hold.objects.get(pk=late.id).state == Hold.State.EXPIRED


def test_usage_of_every_kind_is_clean(sms: ProductBalance, now: datetime) -> None:
    use_everything(sms, now)
    assert findings(sms, now=now, checks=CHECKS) == []


def test_charge_that_is_reversed_is_clean(sms: ProductBalance, now: datetime) -> None:
    done = spending.charge(sms, 3, now=now)
    ledger.reverse(
        organisation_id=sms.organisation_id, posting_id=done.id, key="back", now=now, by="fiona", memo="mistaken"
    )
    assert findings(sms, now=now, checks=CHECKS) == []


def test_money_held_without_a_reason_is_named(sms: ProductBalance, now: datetime) -> None:
    place(sms, 2, now=now)
    post(sms, "HOLD", *moved(sms, SMS, HELD, usd(5)), now=now)
    held = HELD.format(sms.product.slug)
    assert findings(sms, now=now, checks=(audit.check_held,)) == [
        f"Account {held} has 7.000000 USD, set aside are 2.000000."
    ]


def test_wallets_money_held_without_a_reason_is_named(sms: ProductBalance, now: datetime) -> None:
    builders.fill_wallet(sms.organisation, usd(10), now=now)
    lines = (debit(chart.WALLET, usd(4)), credit(chart.held(chart.WALLET), usd(4)))
    post(sms, "REFUND", *lines, now=now)
    assert findings(sms, now=now) == ["Account wallet:held has 4.000000 USD, set aside are 0."]


def test_hold_without_its_money_is_named(sms: ProductBalance, now: datetime) -> None:
    hold = Hold.objects.create(
        organisation=sms.organisation,
        product=sms.product,
        request_id="odd",
        amount=usd(5),
        captured=usd(0),
        released=usd(0),
        by="nobody",
        created_at=now,
        expires_at=now + HOUR,
    )
    assert findings(sms, now=now) == [
        f"Account {HELD.format(sms.product.slug)} has 0 USD, set aside are 5.000000.",
        f"Hold {hold.pk} says 5.000000 / 0.000000 / 0.000000 (held / captured / released), its postings 0 / 0 / 0.",
    ]


def test_hold_that_says_otherwise_than_its_postings_is_named(sms: ProductBalance, now: datetime) -> None:
    placed = place(sms, 5, now=now)
    capture(placed, 1, now=now)
    Hold.objects.filter(pk=placed.id).update(captured=usd(2))
    told = f"Hold {placed.id} says 5.000000 / 2.000000 / 0.000000 (held / captured / released)"
    assert f"{told}, its postings 5.000000 / 1.000000 / 0." in findings(sms, now=now)


@pytest.mark.parametrize("kind", ["CAPTURE", "RELEASE"])
def test_posting_of_a_hold_that_the_hold_does_not_tell_is_named(kind: str, sms: ProductBalance, now: datetime) -> None:
    placed = place(sms, 5, now=now)
    lines = moved(sms, HELD, {"CAPTURE": REVENUE, "RELEASE": SMS}[kind], usd(2))
    post(sms, kind, *lines, key=f"hold:{placed.id}:odd", now=now)
    said = findings(sms, now=now)
    assert [part.split(" ")[0] for part in said] == ["Account", "Hold"]


@pytest.mark.parametrize(
    ("kind", "source", "target"), [("HOLD", SMS, HELD), ("CAPTURE", HELD, REVENUE), ("RELEASE", HELD, SMS)]
)
def test_posting_without_its_hold_is_named(
    kind: str, source: str, target: str, sms: ProductBalance, now: datetime
) -> None:
    place(sms, 5, now=now)
    post(sms, kind, *moved(sms, source, target, usd(1)), now=now)
    assert "Posting odd has no hold." in findings(sms, now=now)


@pytest.mark.parametrize(
    ("kind", "source", "target"),
    [
        ("CHARGE", SMS, "revenue:voice"),
        ("CHARGE", "wallet", REVENUE),
        ("CHARGE", HELD, REVENUE),
        ("CHARGE", SMS, "fx"),
        ("CAPTURE", SMS, REVENUE),
        ("CAPTURE", HELD, "revenue:voice"),
        ("HOLD", SMS, "product:voice:held"),
        ("HOLD", "wallet", HELD),
        ("RELEASE", HELD, "product:voice"),
        ("RELEASE", HELD, "wallet"),
    ],
)
def test_use_that_leaves_its_product_is_named(
    kind: str, source: str, target: str, sms: ProductBalance, now: datetime
) -> None:
    builders.fill_wallet(sms.organisation, usd(10), now=now)
    place(sms, 5, now=now)
    post(sms, kind, *moved(sms, source, target, usd(1)), now=now)
    assert "Posting odd is no use of one product, paid by its own balance." in findings(sms, now=now)


def test_use_paid_by_two_balances_is_named(sms: ProductBalance, now: datetime) -> None:
    builders.fill_wallet(sms.organisation, usd(10), now=now)
    lines = (*moved(sms, SMS, REVENUE, usd(1)), *moved(sms, "wallet", REVENUE, usd(1)))
    post(sms, "CHARGE", *lines, now=now)
    assert findings(sms, now=now) == ["Posting odd is no use of one product, paid by its own balance."]


@pytest.mark.parametrize("kind", ["MOVE", "TOP_UP", "REVERSAL"])
@pytest.mark.parametrize("source", [SMS, HELD])
def test_money_that_leaves_a_product_otherwise_is_named(
    source: str, kind: str, sms: ProductBalance, now: datetime
) -> None:
    place(sms, 5, now=now)
    post(sms, kind, *moved(sms, source, "wallet", usd(1)), now=now)
    code = source.format(sms.product.slug)
    assert f"Posting odd takes 1.000000 USD out of {code}, which is no use of it." in findings(sms, now=now)


# --- days of usage, numbers, guards -------------------------------------------------------------------------


@pytest.fixture
def used(db: None, now: datetime) -> ProductBalance:
    """Two days ago 20 came in, 3 were spent and 5 set aside; yesterday 2 were spent, today 1."""
    balance = spending.open_filled(20, now=now - 2 * DAY)
    spending.charge(balance, 3, now=now - 2 * DAY)
    place(balance, 5, now=now - 2 * DAY, lasts=5 * DAY)
    spending.charge(balance, 2, now=now - DAY)
    spending.charge(balance, 1, now=now)
    return balance


def keep(balance: ProductBalance, spent: int, closing: int, *, at: datetime) -> None:
    UsageDay.objects.create(
        organisation=balance.organisation,
        product=balance.product,
        day=business_date(at),
        spent=spent,
        charge_count=1,
        closing=closing,
    )


def said_of_days(balance: ProductBalance, *, now: datetime) -> list[str]:
    """Without the product and the organisation."""
    return [said.replace(f" of {balance.product.slug}", "") for said in findings(balance, now=now, checks=DAYS)]


def test_days_kept_as_the_ledger_has_them_are_clean(used: ProductBalance, now: datetime) -> None:
    keep(used, 3, 17, at=now - 2 * DAY)
    keep(used, 2, 15, at=now - DAY)
    assert findings(used, now=now) == []


@pytest.mark.parametrize(("spent", "closing"), [(4, 17), (3, 16)])
def test_day_kept_otherwise_than_the_ledger_has_it_is_named(
    spent: int, closing: int, used: ProductBalance, now: datetime
) -> None:
    keep(used, spent, closing, at=now - 2 * DAY)
    assert said_of_days(used, now=now) == [
        (
            f"Day 2026-07-13 is kept as {spent}.000000 / {closing}.000000 (spent / left),"
            " the ledger says 3.000000 / 17.000000."
        )
    ]


def test_day_that_is_not_kept_though_a_later_one_is_is_named(used: ProductBalance, now: datetime) -> None:
    keep(used, 2, 15, at=now - DAY)
    said = "Day 2026-07-13 is kept as nothing (spent / left), the ledger says 3.000000 / 17.000000."
    assert said_of_days(used, now=now) == [said]


def test_day_kept_on_which_nothing_moved_is_named(used: ProductBalance, now: datetime) -> None:
    keep(used, 1, 0, at=now - 3 * DAY)
    said = "Day 2026-07-12 is kept as 1.000000 / 0.000000 (spent / left), the ledger says nothing."
    assert said_of_days(used, now=now) == [said]


def test_money_in_a_product_without_a_number_is_named(sms: ProductBalance, now: datetime) -> None:
    voice = builders.make_product("Voice")
    lines = (debit(chart.STRIPE_CLEARING, usd(1)), credit(voice.code, usd(1)))
    post(sms, "TOP_UP", *lines, now=now)
    assert findings(sms, now=now) == [f"Account {voice.code} has no product number."]


GONE = {
    "ALTER TABLE products_hold DISABLE TRIGGER hold_only_gives": "Trigger hold_only_gives is switched off.",
    "DROP TRIGGER product_slug_never_changes ON products_product": "Trigger product_slug_never_changes is missing.",
    "CREATE OR REPLACE FUNCTION products_check_day() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'": (
        "Function products_check_day is not the one of this version."
    ),
    "ALTER TABLE products_hold DROP CONSTRAINT hold_gives_no_more_than_it_holds": (
        "Constraint hold_gives_no_more_than_it_holds is missing."
    ),
    "ALTER TABLE products_apikey DROP CONSTRAINT products_apikey_secret_hash_key": (
        "Constraint products_apikey_secret_hash_key is missing."
    ),
    "GRANT DELETE ON products_hold TO APP_ROLE": "has DELETE on products_hold.",
    "GRANT UPDATE (number) ON products_productbalance TO APP_ROLE": "has UPDATE (number) on products_productbalance.",
}


@pytest.mark.parametrize(("verb", "said"), GONE.items())
def test_guard_that_is_gone_is_named(verb: str, said: str, superuser: str, now: datetime) -> None:
    assert list(audit.check_guards(superuser, now)) == []
    with connections[superuser].cursor() as cursor:
        cursor.execute(verb.replace("APP_ROLE", settings.DATABASES["default"]["USER"]))
    assert [word[-len(said) :] for word in audit.check_guards(superuser, now)] == [said]


# --- what adds to a balance that can be spent ---------------------------------------------------------------


def gifts(balance: ProductBalance, *, now: datetime) -> list[str]:
    return findings(balance, now=now, checks=(order_audit.check_spendable,))


def test_what_a_hold_gives_back_is_no_gift(sms: ProductBalance, now: datetime) -> None:
    use_everything(sms, now)
    assert gifts(sms, now=now) == []


@pytest.mark.parametrize("source", [chart.FX, chart.SUSPENSE, HELD])
def test_gift_that_calls_itself_a_release_is_named(source: str, sms: ProductBalance, now: datetime) -> None:
    place(sms, 5, now=now)
    post(sms, "CORRECTION", debit(chart.FX, usd(9)), credit(chart.SUSPENSE, usd(9)), key="before", now=now)
    post(sms, "RELEASE", *moved(sms, source, SMS, usd(1)), now=now)
    code = sms.product.code
    assert gifts(sms, now=now) == [f"Posting odd credits {code} with 1.000000 USD, and no order asked for that."]


def test_gift_hidden_in_the_release_of_a_hold_is_named(sms: ProductBalance, now: datetime) -> None:
    placed, code = place(sms, 5, now=now), sms.product.code
    lines = (debit(chart.held(code), usd(1)), debit(chart.FX, usd(8)), credit(code, usd(9)))
    post(sms, "RELEASE", *lines, key=f"hold:{placed.id}:odd", now=now)
    assert len(gifts(sms, now=now)) == 1


def test_release_into_another_balance_is_named(sms: ProductBalance, now: datetime) -> None:
    placed = place(sms, 5, now=now)
    post(sms, "RELEASE", *moved(sms, HELD, "wallet", usd(1)), key=f"hold:{placed.id}:odd", now=now)
    assert len(gifts(sms, now=now)) == 1
