"""P5: a repeated request gives the first answer, and makes one order, one payment, one session."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from http import HTTPStatus

import pytest
from django.test import Client

from billing import form_tokens, top_ups
from billing.models import Order, TopUpLimit
from payments import stripe_api
from payments.models import Payment
from payments.standin.client import StandIn
from tests import builders, races
from wallet import chart
from wallet.models import Organisation, Role

TOP_UP = "/topup/"
Form = dict[str, str]


def form_for(organisation: Organisation, *, amount: str = "100") -> Form:
    token = form_tokens.issue(
        user_id=builders.owner_of(organisation).pk, organisation_id=organisation.pk, target=chart.WALLET
    )
    return {"method": "card", "amount": amount, "currency": "USD", "form_token": token}


@pytest.fixture
def post(acme: Organisation, stripe: StandIn) -> Callable[[Form], tuple[int, str]]:
    """Alice's browser: what a form sent to TOP UP was answered."""
    alice = builders.owner_of(acme)

    def send(form: Form) -> tuple[int, str]:
        browser = Client()
        browser.force_login(alice)
        answer = browser.post(TOP_UP, form)
        return answer.status_code, answer.headers.get("Location", "")

    return send


def sessions_for(order: Order) -> list[str]:
    listed = stripe_api.connect().v1.checkout.sessions.list({"limit": 100})
    return [each.id for each in listed.data if each.client_reference_id == order.number]


def assert_one_of_each(organisation: Organisation) -> Order:
    order = organisation.orders.get()
    assert Payment.objects.filter(organisation=organisation).count() == 1
    assert len(sessions_for(order)) == 1
    assert order.events.count() == 1
    return order


def test_top_up_posted_twice_gives_the_first_answer(
    acme: Organisation, post: Callable[[Form], tuple[int, str]]
) -> None:
    form = form_for(acme)
    first = post(form)
    assert first[0] == HTTPStatus.SEE_OTHER
    assert post(form) == first
    assert_one_of_each(acme)


@pytest.mark.parametrize("turn", races.rounds(2, full=100))
def test_top_up_posted_ten_times_at_once_is_one_order(
    turn: int, acme: Organisation, post: Callable[[Form], tuple[int, str]]
) -> None:
    """Whoever meets Stripe while it is still making the session is sent to his order, from where he goes on."""
    form = form_for(acme)
    answers = races.run_at_once([lambda: post(form)] * 10)
    races.raise_failures(answers)
    order = assert_one_of_each(acme)
    page = Payment.objects.get(order=order).session_url
    assert {status for status, _ in answers} == {HTTPStatus.SEE_OTHER}
    assert {address for _, address in answers} - {f"/billing/orders/{order.number}/"} == {page}
    assert post(form) == (HTTPStatus.SEE_OTHER, page)


def test_other_amount_under_the_same_token_is_a_conflict(
    acme: Organisation, post: Callable[[Form], tuple[int, str]]
) -> None:
    form = form_for(acme)
    first = post(form)
    assert post({**form, "amount": "500"})[0] == HTTPStatus.CONFLICT
    order = assert_one_of_each(acme)
    assert order.paid == builders.usd(100)
    assert post(form) == first


def test_two_amounts_at_once_under_one_token_are_one_order(
    acme: Organisation, post: Callable[[Form], tuple[int, str]]
) -> None:
    form = form_for(acme)
    answers = races.run_at_once([lambda: post(form), lambda: post({**form, "amount": "500"})] * 3)
    races.raise_failures(answers)
    assert [status for status, _ in answers].count(HTTPStatus.CONFLICT) == 3
    assert_one_of_each(acme)


def test_repeated_request_gives_the_first_answer_even_when_the_limits_have_changed(
    acme: Organisation, now: datetime, stripe: StandIn
) -> None:
    wish, alice = builders.wish_for(acme, amount=builders.usd(60)), builders.owner_of(acme)
    first = builders.begin_checkout(wish, by=alice, now=now)
    limit = TopUpLimit.objects.get(method="CARD", currency="USD")
    TopUpLimit.objects.filter(pk=limit.pk).update(minimum=80)
    try:
        assert builders.begin_checkout(wish, by=alice, now=now) == first
    finally:
        TopUpLimit.objects.filter(pk=limit.pk).update(minimum=limit.minimum)


def test_order_and_payment_are_made_together_or_not_at_all(
    acme: Organisation, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(**_: object) -> None:
        raise RuntimeError("killed on purpose")

    with monkeypatch.context() as patch:
        patch.setattr(Payment.objects, "create", die)
        with pytest.raises(RuntimeError):
            builders.begin_top_up(acme, now=now)
    assert not acme.orders.exists()


def test_two_tabs_never_pay_into_the_wrong_organisation(
    acme: Organisation, now: datetime, post: Callable[[Form], tuple[int, str]]
) -> None:
    """The form was shown for acme; meanwhile another tab switched to the second organisation."""
    alice = builders.owner_of(acme)
    second = builders.make_organisation(now=now, owner=alice, name="Second")
    form = form_for(acme)
    browser = Client()
    browser.force_login(alice)
    browser.post("/accounts/organisations/switch/", {"organisation": str(second.pk)})
    assert browser.post(TOP_UP, form).status_code == HTTPStatus.SEE_OTHER
    assert acme.orders.count() == 1
    assert not second.orders.exists()


def test_form_of_somebody_who_was_made_a_viewer_since_opens_nothing(
    acme: Organisation, now: datetime, stripe: StandIn
) -> None:
    bill = builders.make_member(acme, role=Role.BILLING, now=now, name="bill")
    token = form_tokens.issue(user_id=bill.user_id, organisation_id=acme.pk, target=chart.WALLET)
    browser = Client()
    browser.force_login(bill.user)
    bill.role = Role.VIEWER
    bill.save()
    form = {"method": "card", "amount": "100", "currency": "USD", "form_token": token}
    assert browser.post(TOP_UP, form).status_code == HTTPStatus.FORBIDDEN
    bill.delete()
    assert browser.post(TOP_UP, form).status_code == HTTPStatus.FORBIDDEN
    assert not acme.orders.exists()


def test_same_wish_by_verb_at_once_is_one_order(acme: Organisation, now: datetime) -> None:
    wish, alice = builders.wish_for(acme), builders.owner_of(acme)
    made = races.run_at_once([lambda: builders.begin_checkout(wish, by=alice, now=now).pk] * 10)
    races.raise_failures(made)
    assert len(set(made)) == 1
    assert acme.orders.count() == 1


def test_other_content_by_verb_at_once_is_refused(acme: Organisation, now: datetime) -> None:
    alice = builders.owner_of(acme)
    wishes = [builders.wish_for(acme, token=f"t{acme.pk.hex}", amount=builders.usd(n)) for n in (50, 60, 70, 80)]
    made = races.run_at_once([partial(builders.begin_checkout, wish, by=alice, now=now) for wish in wishes])
    assert sum(isinstance(each, Payment) for each in made) == 1
    assert sum(isinstance(each, top_ups.FormTokenReused) for each in made) == 3
    assert acme.orders.count() == 1
