"""Asking for a refund on the order's page: what is shown before, what is sent, what is refused, and by whom."""

import re
from datetime import datetime
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing import refunds
from billing.models import Order, Refund
from products import access
from tests import builders, people
from tests.billing.refunding import Counter, approved_refund, ask_refund, start_refund, succeeded_refund, usd
from wallet.models import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def counter(db: None, now: datetime) -> Counter:
    return Counter(now)


@pytest.fixture
def page(client: Client, counter: Counter) -> Client:
    client.force_login(counter.alice)
    return client


def address(order: Order, name: str = "refund") -> str:
    return reverse(f"billing:{name}", args=[order.number])


def text_of(answer: Any) -> str:
    """What a person reads, and the values of its fields."""
    page = answer.getvalue().decode()
    fields = re.findall(r'(?:name|value)="[^"]*"', page)
    return " ".join(unescape(" ".join([re.sub(r"<[^>]*>", " ", page), *fields])).split())


def form(page: Client, order: Order, **typed: str) -> dict[str, str]:
    token = page.get(address(order)).context["form_token"]
    return {"form_token": token, "amount": "40", "reason": "Bought too much"} | typed


def test_the_page_says_how_much_can_be_refunded_and_where_the_rest_went(page: Client, counter: Counter) -> None:
    order = counter.card("100")
    counter.move("30")
    succeeded_refund(order, amount=usd(10), now=counter.now)
    ask_refund(order, amount=usd(5), now=counter.now)
    said = text_of(page.get(address(order)))
    assert "USD $55.00" in said
    assert "$10.00 was refunded before. $5.00 is being refunded already. Wallet holds $55.00 now." in said
    assert "Since this top-up was moved: $30.00 to WhatsApp." in said
    assert 'value="55.00"' in said


def test_it_is_reviewed_before_it_is_sent(page: Client, counter: Counter) -> None:
    order = counter.card("100")
    review = page.post(address(order), form(page, order, step="review"))
    said = text_of(review)
    assert (review.status_code, Refund.objects.filter(order=order).exists()) == (200, False)
    assert [(change.before, change.after) for change in review.context["changes"]] == [(usd(100), usd(60))]
    assert "It goes to the card it came from; banks show it within 5 to 10 days." in said
    assert "USD $40.00 leaves Wallet at once and is set aside" in said


def test_the_review_of_an_rmb_order_names_the_rate_alone(page: Client, counter: Counter) -> None:
    order = counter.in_rmb("720")

    said = text_of(page.post(address(order), form(page, order, step="review")))

    assert "at the order's rate: 1 USD = 7.2000 CNY" in said
    assert "value date" not in said


def test_what_was_reviewed_is_sent_and_stands_on_the_orders_page(page: Client, counter: Counter) -> None:
    order = counter.card("100")
    answer = page.post(address(order), form(page, order, reason="  Bought \u202e too\tmuch "))
    assert (answer.status_code, answer["Location"]) == (303, address(order, "order"))
    refund = order.refunds.get()
    assert (refund.amount, refund.reason, refund.origin) == (usd(40), "Bought too much", "CUSTOMER")
    said = text_of(page.get(address(order, "order")))
    assert "A refund is being looked at USD $40.00 of Wallet is set aside for it." in said
    assert refund.number in said
    assert "Withdraw this refund of $40.00" in said
    assert f"A refund was asked for; the amount is set aside: {refund.number} · USD $40.00" in said


def test_sent_twice_it_is_asked_for_once_and_other_content_is_a_clear_409(page: Client, counter: Counter) -> None:
    order = counter.card("100")
    sent = form(page, order)
    assert [page.post(address(order), sent).status_code for _time in range(2)] == [303, 303]
    other = page.post(address(order), sent | {"amount": "41"})
    assert (other.status_code, order.refunds.count(), counter.holds()) == (409, 1, 60)
    assert f"It asked for refund {order.refunds.get().number} of USD $40.00" in text_of(other)
    again = page.post(address(order), sent | {"step": "review"})
    assert again.status_code == 303


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"amount": "100.01", "reason": ""}, "At most $100.00 can be refunded now."),
        ({"amount": "100.01", "reason": ""}, "Write why, in a few words"),
        ({"amount": ""}, "Write an amount."),
        ({"amount": "0"}, "Write an amount above zero."),
        ({"amount": "-1"}, "Write the amount in digits only"),
        ({"amount": "1e2"}, "Write the amount in digits only"),
        ({"amount": "1.001"}, "USD has at most 2 decimal places."),
        ({"amount": "100.01"}, "At most $100.00 can be refunded now."),
        ({"reason": " \u200f "}, "Write why, in a few words"),
        ({"reason": "x" * 501}, "500"),
    ],
)
@pytest.mark.parametrize("step", [{}, {"step": "review"}])
def test_what_cannot_be_refunded_is_said_and_nothing_happens(
    page: Client, counter: Counter, typed: dict[str, str], said: str, step: dict[str, str]
) -> None:
    order = counter.card("100")
    answer = page.post(address(order), form(page, order) | typed | step)
    assert (answer.status_code, said in text_of(answer)) == (422, True)
    assert (order.refunds.count(), counter.holds()) == (0, 100)


def test_a_form_of_another_order_or_another_person_is_shown_anew(page: Client, counter: Counter) -> None:
    order, other = counter.card("100"), counter.card("50")
    sent = form(page, other)
    assert page.post(address(order), sent).status_code == 422
    billing = builders.make_member(counter.acme, role=Role.BILLING, now=counter.now).user
    page.force_login(billing)
    answer = page.post(address(other), sent)
    assert (answer.status_code, Refund.objects.filter(organisation=counter.acme).count()) == (422, 0)
    assert "This form was open too long. Nothing was asked for" in text_of(answer)


def test_a_viewer_reads_who_may_ask(client: Client, counter: Counter) -> None:
    order = counter.card("100")
    refund = ask_refund(order, amount=usd(10), now=counter.now)
    client.force_login(builders.make_member(counter.acme, role=Role.VIEWER, now=counter.now).user)
    withdraw = reverse("billing:refund_withdraw", args=[order.number, refund.number])
    for answer in (client.get(address(order)), client.post(address(order)), client.post(withdraw)):
        assert answer.status_code == 403
        assert counter.alice.email in text_of(answer)
    said = text_of(client.get(address(order, "order")))
    assert refund.number in said
    assert "Withdraw this refund" not in said
    assert "Ask for a refund" not in said


def test_somebody_elses_order_is_not_there(page: Client, counter: Counter, now: datetime) -> None:
    theirs = Counter(now)
    order = theirs.card("100")
    refund = ask_refund(order, amount=usd(10), now=now)
    withdraw = reverse("billing:refund_withdraw", args=[order.number, refund.number])
    assert [page.get(address(order)).status_code, page.post(address(order)).status_code] == [404, 404]
    assert page.post(withdraw).status_code == 404
    mine = counter.card("100")
    assert page.post(reverse("billing:refund_withdraw", args=[mine.number, refund.number])).status_code == 404
    assert theirs.holds("wallet:held") == 10


def test_a_wish_is_withdrawn_once_and_not_after_it_was_approved(page: Client, counter: Counter) -> None:
    order = counter.card("100")
    first, second = (
        ask_refund(order, amount=usd(10), now=counter.now),
        ask_refund(order, amount=usd(20), now=counter.now),
    )
    refunds.approve(refund_id=second.pk, by=counter.frank, now=counter.now)
    for refund in (first, first, second):
        answer = page.post(reverse("billing:refund_withdraw", args=[order.number, refund.number]), follow=True)
        assert answer.status_code == 200
    assert "It was decided already, so it was not withdrawn." in text_of(answer)
    assert sorted(order.refunds.values_list("state", flat=True)) == ["APPROVED", "WITHDRAWN"]
    assert counter.holds() == 80


def test_what_finance_started_is_not_the_customers_to_withdraw(page: Client, counter: Counter) -> None:
    order = counter.card("100")
    started = start_refund(order, by=counter.fiona, amount=usd(10), now=counter.now)
    withdraw = reverse("billing:refund_withdraw", args=[order.number, started.number])
    assert page.post(withdraw).status_code == 404
    assert "Withdraw this refund" not in text_of(page.get(address(order, "order")))


def test_where_nothing_can_be_refunded_the_page_says_why(page: Client, counter: Counter) -> None:
    order = counter.card("100")
    move = counter.move("100")
    spent = page.get(address(order))
    assert spent.status_code == 200
    assert "Wallet holds $0.00 now. Since this top-up was moved: $100.00 to WhatsApp." in text_of(spent)
    assert 'name="amount"' not in text_of(spent)
    refused = page.get(address(move))
    assert (refused.status_code, "by our finance team" in text_of(refused)) == (409, True)
    open_order = builders.begin_top_up(counter.acme, now=counter.now).order
    assert "Nothing was credited for this order" in text_of(page.get(address(open_order)))


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_order_says_how_far_its_refund_got(page: Client, counter: Counter, language: str) -> None:
    order = counter.card("100")
    refund = approved_refund(order, amount=usd(40), by=counter.frank, now=counter.now)
    page.cookies["django_language"] = language

    def said() -> str:
        return text_of(page.get(address(order, "order")))

    for sentence in [
        "A refund is on its way USD $40.00 of Wallet is set aside for it. It goes to the card it came from",
        "Partially refunded USD $40.00 of the USD $100.00 that were paid went back. The rest stays in your balance.",
        "A refund did not go through USD $40.00 is back in Wallet. Lost card You can ask for it again",
    ]:
        shown = said()
        assert language != "en" or sentence in shown
        if refund.state == "APPROVED":
            refund = refunds.succeed(refund_id=refund.pk, source="stripe_clearing", by="Stripe", now=counter.now)
        elif refund.state == "SUCCEEDED":
            refund = refunds.return_to_balance(
                refund_id=refund.pk, source="stripe_clearing", failure="Lost card", by="Stripe", now=counter.now
            )


def test_staff_without_an_organisation_are_told_so(client: Client, counter: Counter) -> None:
    order = counter.card("100")
    client.force_login(people.make_user("ophelia"))
    assert client.get(address(order)).status_code == 403


def test_whoever_may_not_use_a_product_reads_only_that_money_went_to_others(client: Client, counter: Counter) -> None:
    order = counter.card("100")
    counter.move("30")
    limited = builders.make_member(counter.acme, role=Role.BILLING, now=counter.now)
    access.limit(member_id=limited.pk, products=[], by=counter.alice)
    client.force_login(limited.user)
    said = text_of(client.get(address(order)))
    assert "Since this top-up was moved: $30.00 to other products." in said
    assert "WhatsApp" not in said
