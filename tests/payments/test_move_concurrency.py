"""P5 at the door: one form of a move sent ten times at once moves once, and every answer is the first one's."""

from datetime import UTC, datetime
from functools import partial

import pytest
from django.test import Client
from django.urls import reverse

from billing import form_tokens, moves
from billing.models import Order
from tests import builders, races
from tests.builders import usd
from wallet.models import Organisation

pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def acme(committed: None, now: datetime) -> Organisation:
    made = builders.make_organisation(now=now)
    builders.fill_wallet(made, usd(100), now=now)
    return made


def answers_of(acme: Organisation, address: str, sent: dict[str, str]) -> list[tuple[int, str]]:
    """What ten browsers of the owner's are told, all at once."""
    browsers = [Client() for _ in range(10)]
    for browser in browsers:
        browser.force_login(builders.owner_of(acme))

    def post(browser: Client) -> tuple[int, str]:
        answer = browser.post(address, sent)
        return answer.status_code, answer.headers.get("Location", "")

    outcomes = races.run_at_once([partial(post, browser) for browser in browsers])
    races.raise_failures(outcomes)
    return outcomes


def token_for(acme: Organisation, target: str) -> str:
    return form_tokens.issue(user_id=builders.owner_of(acme).pk, organisation_id=acme.pk, target=target)


def test_one_form_of_a_move_sent_ten_times_at_once(acme: Organisation) -> None:
    whatsapp = builders.make_product()
    sent = {"form_token": token_for(acme, whatsapp.code), "method": "balance", "amount": "30", "currency": "USD"}

    answers = answers_of(acme, reverse("payments:product_topup", args=[whatsapp.slug]), sent)

    order = Order.objects.get(organisation=acme, method="BALANCE")
    assert set(answers) == {(303, reverse("billing:order", args=[order.number]))}
    assert [builders.balance_of(acme.pk, code) for code in ("wallet", whatsapp.code)] == [usd(70), usd(30)]


def test_one_form_of_several_sent_ten_times_at_once(acme: Organisation) -> None:
    products = [builders.make_product(name) for name in ("WhatsApp", "SMS")]
    sent = {"form_token": token_for(acme, "products")} | {product.code: "20" for product in products}

    answers = answers_of(acme, reverse("payments:move_several"), sent)

    assert len(set(answers)) == 1
    assert answers[0][0] == 303
    assert Order.objects.filter(organisation=acme, method="BALANCE").count() == 2
    assert builders.balance_of(acme.pk) == usd(60)


def test_one_undoing_sent_ten_times_at_once(acme: Organisation, now: datetime) -> None:
    whatsapp = builders.make_product()
    order = moves.move(builders.move_wish(acme, whatsapp, usd(30)), by=builders.owner_of(acme), now=now)

    answers = answers_of(acme, reverse("billing:undo", args=[order.number]), {})

    assert set(answers) == {(303, reverse("billing:order", args=[order.number]))}
    assert order.events.filter(note="UNDONE").count() == 1
    assert builders.balance_of(acme.pk) == usd(100)
