"""The page of an order's fapiao: what is asked for there, by whom, what is said instead, and the files."""

import re
from datetime import datetime
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing import allowances, fapiao
from billing.models import Fapiao, Order
from tests import builders
from tests.billing.fapiaos import FILE, TAX_NUMBER, ask_fapiao, issue_fapiao, reverse_fapiao
from tests.billing.refunding import Counter, ask_refund, usd
from wallet.models import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def counter(db: None, now: datetime) -> Counter:
    return Counter(now)


@pytest.fixture
def order(counter: Counter) -> Order:
    return counter.in_rmb("7200")


@pytest.fixture
def page(client: Client, counter: Counter) -> Client:
    client.force_login(counter.alice)
    return client


def address(order: Order, *more: Any) -> str:
    return reverse("billing:fapiao_file" if more else "billing:fapiao", args=[order.number, *more])


def token_in(answer: Any) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', answer.content.decode())
    assert found
    return found[1]


def send(page: Client, order: Order, *, token: str = "", **fields: str) -> HttpResponse:
    given = {
        "kind": "PLAIN",
        "buyer": "COMPANY",
        "title": "示例公司",
        "tax_number": TAX_NUMBER,
        "amount": "7200.00",
        "form_token": token or token_in(page.get(address(order))),
    }
    answer: Any = page.post(address(order), given | fields)
    return answer  # type: ignore[no-any-return]  # the client's own response


SPECIAL = {
    "kind": "SPECIAL",
    "address": "一号",
    "phone": "021-55550100",
    "bank": "示例银行",
    "bank_account": "6222 0001 00",
}


def test_it_says_what_can_be_asked_for_and_who_issues(page: Client, order: Order, now: datetime) -> None:
    ask_refund(order, amount=usd(100), now=now)
    text = page.get(address(order)).content.decode()
    assert "CNY ¥7,200.00" in text
    assert "CNY ¥6,480.00" in text
    assert 'value="6480.00"' in text
    assert "Issued by" in text


def test_a_customer_asks_for_a_special_one(page: Client, order: Order) -> None:
    answer = send(page, order, **SPECIAL)
    assert answer.status_code == 303
    asked = order.fapiaos.get()
    assert (asked.kind, asked.tax_number, asked.bank_account) == ("SPECIAL", TAX_NUMBER, "6222000100")
    text = page.get(address(order)).content.decode()
    assert "Special VAT fapiao" in text
    assert "on fapiao already, issued or asked for" in text
    assert "Withdraw this request" in text


def test_the_same_form_twice_asks_once_and_with_other_content_says_so(page: Client, order: Order) -> None:
    token = token_in(page.get(address(order)))
    assert [send(page, order, token=token, amount="1").status_code for _twice in range(2)] == [303, 303]
    changed = send(page, order, token=token, amount="2")
    assert changed.status_code == 422
    assert "sent before with other content" in changed.content.decode()
    assert order.fapiaos.count() == 1


def test_every_mistake_is_named_at_once(page: Client, order: Order) -> None:
    shown = send(page, order, amount="7200.01", title="").content.decode()
    assert "At most ¥7,200.00 is left." in shown
    assert "Write the title" in shown


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"amount": "7200.01"}, "At most ¥7,200.00 is left."),
        ({"amount": "1e3"}, "digits only"),
        ({"tax_number": ""}, "bears its taxpayer number"),
        ({"tax_number": "91350100M000100Y44"}, "This is no taxpayer number"),
        ({"tax_number": "DE123456789"}, "This is no taxpayer number"),
        ({"title": " \u2028"}, "Write the title"),
        ({**SPECIAL, "buyer": "INDIVIDUAL"}, "companies only. Choose a plain one"),
        ({**SPECIAL, "bank": ""}, "A special fapiao needs this."),
        ({**SPECIAL, "phone": "abc"}, "Write the number in digits"),
        ({**SPECIAL, "bank_account": "12"}, "five of them at least"),
        ({"kind": "GOLD"}, "GOLD"),
        ({"form_token": "forged"}, "open too long"),
    ],
)
def test_what_is_wrong_is_said_beside_it(fields: dict[str, str], said: str, page: Client, order: Order) -> None:
    answer = send(page, order, **fields)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not order.fapiaos.exists()


@pytest.mark.parametrize(
    "fields", [{"amount": "7200.01"}, {"tax_number": "91350100M000100Y44"}, {"bank": ""}, {"kind": ""}]
)
def test_what_was_typed_stands_there_again(fields: dict[str, str], page: Client, order: Order) -> None:
    given = SPECIAL | {"title": "示例贸易公司", "tax_number": TAX_NUMBER, "amount": "100"} | fields
    text = send(page, order, **given).content.decode()
    for name in ("title", "tax_number", "amount", "address", "phone", "bank", "bank_account"):
        if given[name]:
            assert re.search(rf'name="{name}"[^>]*value="{given[name]}"', text), name


def test_requests_without_end_wait_and_keep_what_was_typed(page: Client, order: Order, counter: Counter) -> None:
    for _ in range(allowances.FAPIAO.most):
        allowances.use(allowances.FAPIAO, user_id=counter.alice.pk, now=timezone.now())

    refused = send(page, order, title="示例贸易公司")

    text = refused.content.decode()
    assert refused.status_code == 429
    assert "send this form again in 60 minutes" in text
    assert "示例贸易公司" in text
    assert int(refused["Retry-After"]) > 3500
    assert not order.fapiaos.exists()


def test_an_individual_needs_no_number_and_what_stood_there_is_not_taken(page: Client, order: Order) -> None:
    assert send(page, order, buyer="INDIVIDUAL", title="张三").status_code == 303
    assert order.fapiaos.get().tax_number == ""


def test_a_full_width_number_is_read_as_it_is_meant(page: Client, order: Order) -> None:
    assert send(page, order, tax_number="９１３５０１００ m000 100y43").status_code == 303
    assert order.fapiaos.get().tax_number == TAX_NUMBER


def test_it_is_withdrawn_until_it_is_decided(page: Client, order: Order, now: datetime) -> None:
    first = ask_fapiao(order, 100, now=now)
    for _twice in range(2):
        assert page.post(address(order), {"withdraw": "1"}).status_code == 303
    first.refresh_from_db()
    assert first.state == Fapiao.State.WITHDRAWN
    second = issue_fapiao(ask_fapiao(order, 100, now=now), now=now)
    page.post(address(order), {"withdraw": "2"})
    second.refresh_from_db()
    assert second.state == Fapiao.State.ISSUED
    assert "was not withdrawn" in page.get(address(order)).content.decode()
    for odd in ("9", "x", "²"):
        assert page.post(address(order), {"withdraw": odd}).status_code == 404


def test_a_viewer_reads_and_does_not_ask(client: Client, order: Order, counter: Counter, now: datetime) -> None:
    issue_fapiao(ask_fapiao(order, 100, now=now), now=now)
    ask_fapiao(order, 100, now=now)
    client.force_login(builders.make_member(counter.acme, role=Role.VIEWER, now=now).user)
    answer = client.get(address(order))
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "You may look, but not ask for a fapiao" in text
    assert counter.alice.name in text
    assert '<button class="button">' not in text
    assert client.get(address(order, 1)).status_code == 200
    for body in ({"withdraw": "2"}, {"kind": "PLAIN"}):
        assert client.post(address(order), body).status_code == 403
    assert order.fapiaos.filter(state="REQUESTED").count() == 1


def test_the_file_is_saved_by_the_own_organisation_alone(
    page: Client, order: Order, counter: Counter, now: datetime
) -> None:
    issued = issue_fapiao(ask_fapiao(order, 100, now=now), now=now)
    ask_fapiao(order, 100, now=now)
    answer = page.get(address(order, 1))
    assert answer.content == FILE
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="fapiao-{issued.number}.pdf"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'"
    assert page.get(address(order, 2)).status_code == 404
    reverse_fapiao(issued, now=now)
    assert page.get(address(order, 1)).status_code == 200
    page.force_login(Counter(now).alice)
    for path in (address(order), address(order, 1)):
        assert page.get(path).status_code == 404


def test_what_became_of_each_stands_there(page: Client, order: Order, counter: Counter, now: datetime) -> None:
    asked = ask_fapiao(order, 100, now=now)
    fapiao.reject(fapiao_id=asked.pk, reason="The title is not registered", by=counter.fiona, now=now)
    issued = reverse_fapiao(issue_fapiao(ask_fapiao(order, 100, now=now), now=now), now=now)
    text = page.get(address(order)).content.decode()
    assert "The title is not registered" in text
    assert f"{issued.number}<" in text
    assert f"{issued.red_number}<" in text
    assert "Fiona" not in text


def test_a_rejection_stands_on_the_orders_page_until_another_is_asked_for(
    page: Client, order: Order, counter: Counter, now: datetime
) -> None:
    def read() -> tuple[bool, bool]:
        shown = page.get(reverse("billing:order", args=[order.number])).content.decode()
        return "was rejected: The title is not" in shown, "Ask for a fapiao" in shown

    asked = ask_fapiao(order, 100, now=now)
    assert read() == (False, False)
    fapiao.reject(fapiao_id=asked.pk, reason="The title is not registered", by=counter.fiona, now=now)
    assert read() == (True, True)
    ask_fapiao(order, 100, now=now)
    assert read() == (False, False)


def test_the_orders_page_leads_there_or_says_why_not(
    page: Client, order: Order, counter: Counter, now: datetime
) -> None:
    shown = page.get(reverse("billing:order", args=[order.number])).content.decode()
    assert address(order) in shown
    assert "Ask for a fapiao" in shown
    issued = issue_fapiao(ask_fapiao(order, 100, now=now), now=now)
    shown = page.get(reverse("billing:order", args=[order.number])).content.decode()
    assert address(order, 1) in shown
    assert f"Fapiao {issued.number}" in shown
    card = counter.card("100")
    for path in (reverse("billing:order", args=[card.number]), address(card)):
        shown = page.get(path).content.decode()
        assert "Fapiao are issued for transfers in RMB only" in shown
        assert "form_token" not in shown
    assert page.post(address(card), {"form_token": "x"}).status_code == 422
