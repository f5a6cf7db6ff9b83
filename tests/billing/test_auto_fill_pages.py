"""The page of auto-fill: a dry run before it is switched on, and what it says while it is on, waits or has stopped."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client

from billing import auto_fill, moves
from billing.auto_fill_terms import Terms
from billing.models import AutoFill, Method, Order, TopUpLimit
from products import charges
from products.models import Product, ProductAccess
from tests import builders
from tests.builders import usd
from wallet.calendar import business_date
from wallet.models import Organisation, Role

pytestmark = pytest.mark.django_db
RULE = {"threshold": "20", "way": "amount", "size": "50", "floor": "0", "daily_cap": "100"}


@pytest.fixture
def now() -> datetime:
    """The page reads the clock itself."""
    return datetime.now(UTC)


@pytest.fixture
def product(db: None) -> Product:
    return builders.make_product()


@pytest.fixture
def acme(now: datetime) -> Organisation:
    made = builders.make_organisation(now=now)
    builders.fill_wallet(made, usd(1000), now=now)
    return made


@pytest.fixture
def page(client: Client, acme: Organisation) -> Client:
    client.force_login(builders.owner_of(acme))
    return client


def address(product: Product) -> str:
    return f"/billing/auto-fill/{product.slug}/"


def given(organisation: Organisation, **fields: Any) -> dict[str, Any]:
    return {"organisation": str(organisation.pk)} | RULE | fields


def text_of(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def rule_of(organisation: Organisation) -> AutoFill | None:
    return AutoFill.objects.filter(organisation=organisation).first()


def use(organisation: Organisation, product: Product, amount: str, *, days_ago: int, now: datetime) -> None:
    """A day of use of what was put in two days before."""
    then = now - timedelta(days=days_ago)
    builders.fill_product(organisation, product, usd(amount), now=then - timedelta(days=2))
    balance = builders.open_balance(organisation, product, now=then)
    charges.charge(
        balance=balance, usage=charges.Usage(request_id=f"d{days_ago}", amount=usd(amount)), by="test", now=then
    )


def test_page_without_a_rule_says_that_the_wallet_is_not_touched(page: Client, product: Product) -> None:
    shown = text_of(page.get(address(product)))
    assert "There is no rule yet: the wallet is never touched." in shown
    assert "Try it on the last 30 days" in shown
    assert "Switch on" not in shown


def test_trying_shows_what_would_have_moved_and_saves_nothing(
    page: Client, acme: Organisation, product: Product, now: datetime
) -> None:
    use(acme, product, "100", days_ago=20, now=now)
    shown = text_of(page.get(address(product), given(acme)))
    assert "It would have moved USD $50.00 in 1 move." in shown
    assert "USD $100.00 of WhatsApp were used" in shown
    assert str(business_date(now) - timedelta(days=29)) in shown  # the balance was empty then
    assert "Switch on" in shown
    assert rule_of(acme) is None


def test_trying_without_use_says_that_nothing_would_have_moved(
    page: Client, acme: Organisation, product: Product, now: datetime
) -> None:
    builders.fill_product(acme, product, usd(100), now=now - timedelta(days=40))
    assert "With your own top-ups it would have moved nothing." in text_of(page.get(address(product), given(acme)))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"size": "0.5"}, "The smallest move is $1.00."),
        ({"size": "1e3"}, "Write the amount in digits only"),
        ({"way": "fill_to", "size": "20"}, "Fill up to more than the threshold."),
        ({"daily_cap": "10"}, "One move takes $50.00 already"),
        ({"floor": "-1"}, "Write the amount in digits only"),
        ({"floor": ""}, "This field is required"),
        ({"way": "both"}, "Select a valid choice"),
        ({"size": "100001", "daily_cap": "100001"}, "The largest single top-up is $100,000.00"),
    ],
)
def test_rule_that_cannot_stand_is_named_and_not_offered(
    page: Client, acme: Organisation, product: Product, fields: dict[str, str], words: str
) -> None:
    shown = text_of(page.get(address(product), given(acme, **fields)))
    assert words in shown
    assert "Switch on" not in shown
    answer = page.post(address(product), given(acme, **fields))
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert rule_of(acme) is None


def test_switching_on_saves_the_rule_that_was_tried(page: Client, acme: Organisation, product: Product) -> None:
    answer = page.post(address(product), given(acme, way="fill_to", size="120", floor="12.5"))
    assert (answer.status_code, answer["Location"]) == (302, address(product))
    rule = rule_of(acme)
    assert rule
    assert (rule.is_on, rule.threshold, rule.amount, rule.fill_to) == (True, usd(20), None, Decimal(120))
    assert (str(rule.floor), str(rule.daily_cap), rule.set_by) == ("12.50", "100.00", builders.owner_of(acme))
    shown = text_of(page.get(address(product)))
    assert "Fill up to" in shown
    assert "Switch off" in shown


def test_switching_off_twice_changes_nothing_more(page: Client, acme: Organisation, product: Product) -> None:
    page.post(address(product), given(acme))
    for _ in range(2):
        answer = page.post(address(product) + "off/", {"organisation": str(acme.pk)})
        assert (answer.status_code, answer["Location"]) == (302, address(product))
    rule = rule_of(acme)
    assert rule
    assert not rule.is_on


def test_page_says_why_it_stopped_and_saving_begins_again(
    page: Client, acme: Organisation, product: Product, now: datetime
) -> None:
    page.post(address(product), given(acme, floor="990"))
    auto_fill.fill_due(now=now)
    shown = text_of(page.get(address(product)))
    assert "Auto-fill has stopped" in shown
    assert "The wallet does not hold enough above its floor" in shown
    page.post(address(product), given(acme))
    rule = rule_of(acme)
    assert rule
    assert (rule.is_on, rule.stop_reason) == (True, "")


def test_page_says_that_it_waits_for_tomorrow(
    page: Client, acme: Organisation, product: Product, now: datetime
) -> None:
    terms = Terms(threshold=usd(60), amount=usd(50), floor=usd(0), daily_cap=usd(50))
    owner = builders.owner_of(acme)
    auto_fill.set_rule(terms, organisation_id=acme.pk, product=product, by=owner, now=now)
    assert [auto_fill.fill_due(now=now), auto_fill.fill_due(now=now)] == [1, 0]
    assert "Today's limit is reached: USD $50.00 were moved." in text_of(page.get(address(product)))


def test_product_not_offered_cannot_be_filled(page: Client, acme: Organisation) -> None:
    gone = builders.make_product(is_active=False)
    assert "cannot be topped up at the moment" in text_of(page.get(address(gone), given(acme)))
    assert page.post(address(gone), given(acme)).status_code == 422
    assert rule_of(acme) is None


def test_viewer_reads_but_does_not_change(
    client: Client, page: Client, acme: Organisation, product: Product, now: datetime
) -> None:
    page.post(address(product), given(acme))
    client.force_login(builders.make_member(acme, role=Role.VIEWER, now=now).user)
    shown = text_of(client.get(address(product), given(acme)))
    assert "These people can change it" in shown
    assert "Try it" not in shown
    assert client.post(address(product), given(acme, size="70")).status_code == 403
    assert client.post(address(product) + "off/", {"organisation": str(acme.pk)}).status_code == 403
    rule = rule_of(acme)
    assert rule
    assert (rule.is_on, rule.amount) == (True, Decimal(50))


def test_stranger_and_limited_member_get_404(
    client: Client, acme: Organisation, product: Product, now: datetime
) -> None:
    limited = builders.make_member(acme, role=Role.BILLING, now=now)
    ProductAccess.objects.create(member=limited)
    bob = builders.make_organisation(now=now, owner=builders.make_person("bob"))
    for person in (limited.user, builders.owner_of(bob)):
        client.force_login(person)
        assert client.get(address(product), given(acme)).status_code == 404
        assert client.post(address(product), given(acme)).status_code == 404
        assert client.post(address(product) + "off/", {"organisation": str(acme.pk)}).status_code == 404
    assert rule_of(acme) is None
    assert client.get("/billing/auto-fill/no-such-product/").status_code == 404


def test_rule_is_refused_in_words_while_nothing_can_be_moved(
    page: Client, acme: Organisation, product: Product
) -> None:
    TopUpLimit.objects.filter(method=Method.BALANCE).delete()
    for answer in (page.get(address(product), given(acme)), page.post(address(product), given(acme))):
        assert "Money cannot be moved from the wallet at the moment." in text_of(answer)
    assert rule_of(acme) is None


def test_undoing_a_move_says_that_a_rule_may_fill_the_balance_again(
    page: Client, acme: Organisation, product: Product, now: datetime
) -> None:
    move = moves.move(builders.move_wish(acme, product, usd(30)), by=builders.owner_of(acme), now=now)
    undo = f"/billing/orders/{move.number}/undo/"
    assert "if this leaves less than" not in text_of(page.get(undo))
    page.post(address(product), given(acme))
    shown = text_of(page.get(undo))
    assert "Auto-fill of WhatsApp is on: if this leaves less than USD $20.00 there" in shown
    assert address(product) in shown
    page.post(address(product) + "off/", {"organisation": str(acme.pk)})
    assert "if this leaves less than" not in text_of(page.get(undo))


def test_a_balance_below_the_threshold_is_said_before_money_moves_at_once(
    page: Client, acme: Organisation, product: Product, now: datetime
) -> None:
    builders.fill_product(acme, product, usd("20.00"), now=now)
    assert "below the threshold already" not in text_of(page.get(address(product), given(acme)))
    balance = builders.open_balance(acme, product, now=now)
    charges.charge(balance=balance, usage=charges.Usage(request_id="one", amount=usd("0.01")), by="test", now=now)
    shown = text_of(page.get(address(product), given(acme)))
    assert "USD $50.00 moves from the wallet within a minute" in shown


def test_page_lists_what_the_rule_moved(page: Client, acme: Organisation, product: Product, now: datetime) -> None:
    page.post(address(product), given(acme))
    assert "It has moved nothing yet." in text_of(page.get(address(product)))
    rule = rule_of(acme)
    assert rule
    assert auto_fill.fill(rule_id=rule.pk, now=now)
    order = Order.objects.get(auto_fill=rule)
    shown = text_of(page.get(address(product)))
    assert f'href="/billing/orders/{order.number}/"' in shown
    assert "It has moved nothing yet." not in shown
