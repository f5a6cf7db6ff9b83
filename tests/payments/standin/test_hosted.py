"""The hosted page, as a browser without JavaScript sees it."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
import stripe

from payments.standin.client import StandIn
from payments.standin.texts import CHINESE, ENGLISH

Make = Callable[..., Any]


class Browser:
    """Follows nothing by itself; keeps the last answer."""

    def __init__(self, language: str = "en") -> None:
        self.session = requests.Session()
        self.session.headers["Accept-Language"] = language

    def open(self, address: str) -> requests.Response:
        return self.session.get(address, timeout=10, allow_redirects=False)

    def submit(self, address: str, **form: str) -> requests.Response:
        return self.session.post(address, data=form, timeout=10, allow_redirects=False)

    def pay(self, address: str, **more: str) -> requests.Response:
        form = {"email": "alice@example.com", "number": "4242 4242 4242 4242", "expiry": "12 / 40", "cvc": "123"}
        return self.submit(address, **{**form, **more})


@pytest.fixture
def browser() -> Iterator[Browser]:
    browser = Browser()
    yield browser
    browser.session.close()


def test_page_says_what_it_is_what_is_paid_and_for_whom(make_session: Make, browser: Browser) -> None:
    answer = browser.open(make_session(amount=123_450).url)
    assert answer.status_code == 200
    for text in (
        "Stripe stand-in – test mode, no real money",
        "$1,234.50",
        "Wallet top-up",
        "Order TU1",
        'value="alice@example.com"',
        'href="http://127.0.0.1:1/topup/"',
    ):
        assert text in answer.text
    assert "<script" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_paying_leads_back_with_the_sessions_id_and_again_without_a_second_charge(
    make_session: Make, browser: Browser, client: stripe.StripeClient
) -> None:
    session = make_session()
    back = f"http://127.0.0.1:1/return/?session={session.id}"
    for _ in range(2):
        answer = browser.pay(session.url)
        assert (answer.status_code, answer.headers["Location"]) == (303, back)
    paid: Any = client.v1.checkout.sessions.retrieve(session.id)
    assert len(client.v1.charges.list({"payment_intent": paid.payment_intent}).data) == 1
    page = browser.open(session.url)
    assert "You have already paid" in page.text
    assert back.replace("&", "&amp;") in page.text


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("4000000000000002", "Your card was declined."),
        ("4000000000009995", "insufficient funds"),
        ("4000000000000069", "has expired"),
        ("4000000000000127", "security code is incorrect"),
        ("4111111111111111", "only the test cards"),
        ("4242424242424241", "card number is invalid"),
        ("", "card number is invalid"),
    ],
)
def test_declined_card_says_why_and_the_next_try_pays(
    make_session: Make, browser: Browser, number: str, why: str
) -> None:
    session = make_session()
    answer = browser.pay(session.url, number=number)
    assert answer.status_code == 402
    error = re.search(r'role="alert"[^>]*>(.*?)</div>', answer.text)
    assert error is not None
    assert why in error[1]
    assert "You have not been charged." in error[1]
    assert not number or number not in answer.text
    assert browser.pay(session.url).status_code == 303


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("email", "nobody", "valid e-mail"),
        ("expiry", "13/40", "expiration date is invalid"),
        ("expiry", "01/20", "in the past"),
        ("cvc", "12", "security code is invalid"),
    ],
)
def test_field_that_is_wrong_is_marked(make_session: Make, browser: Browser, field: str, value: str, why: str) -> None:
    answer = browser.pay(make_session().url, **{field: value})
    assert answer.status_code == 402
    assert why in answer.text
    assert re.search(rf'name="{field}"[^>]*aria-invalid="true"', answer.text)


def test_three_d_secure_is_one_more_page(make_session: Make, browser: Browser) -> None:
    session = make_session()
    answer = browser.pay(session.url, number="4000002500003155")
    assert answer.status_code == 303
    question = urljoin(session.url, answer.headers["Location"])
    assert "Complete authentication" in browser.open(question).text
    failed = browser.submit(question, answer="fail")
    assert failed.status_code == 402
    assert "unable to authenticate" in failed.text
    again = urljoin(session.url, browser.pay(session.url, number="4000002500003155").headers["Location"])
    assert browser.open(question).headers["Location"] == f"/c/pay/{session.id}"
    done = browser.submit(again, answer="complete")
    assert (done.status_code, done.headers["Location"]) == (303, f"http://127.0.0.1:1/return/?session={session.id}")
    twice = browser.submit(again, answer="complete")
    assert twice.status_code == 303


def test_answer_to_an_older_question_pays_nothing(
    make_session: Make, browser: Browser, client: stripe.StripeClient
) -> None:
    session = make_session()
    first = browser.pay(session.url, number="4000002500003155").headers["Location"]
    browser.pay(session.url, number="4000002500003155")
    assert browser.submit(urljoin(session.url, first), answer="complete").status_code == 404
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "unpaid"


def test_bank_debit_can_be_chosen_when_the_session_takes_it(
    make_session: Make, browser: Browser, client: stripe.StripeClient
) -> None:
    session = make_session()
    assert "Bank debit (delayed)" in browser.open(session.url).text
    answer = browser.submit(session.url, email="alice@example.com", method="us_bank_account")
    assert answer.status_code == 303
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "unpaid"
    assert "on its way" in browser.open(session.url).text
    assert "Bank debit" not in browser.open(make_session(payment_method_types=["card"]).url).text


@pytest.mark.parametrize(("outcome", "status"), [("succeeded", "paid"), ("failed", "unpaid")])
def test_bank_debit_is_decided_on_the_front_page_once(
    make_session: Make, browser: Browser, stand_in: StandIn, outcome: str, status: str
) -> None:
    session = make_session()
    stand_in.pay_by_bank_debit(session.id)
    front = f"{stand_in.base}/"
    assert session.id in browser.open(front).text
    for choice in (outcome, "succeeded", "failed"):
        assert browser.submit(front, session=session.id, outcome=choice).status_code == 303
    assert session.id not in browser.open(front).text
    [latest, _] = stand_in.events(session_id=session.id)
    assert latest["type"] == f"checkout.session.async_payment_{outcome}"
    assert latest["data"]["object"]["payment_status"] == status


def test_bank_debit_forced_on_a_card_only_session_pays_nothing(
    make_session: Make, browser: Browser, client: stripe.StripeClient
) -> None:
    session = make_session(payment_method_types=["card"])
    browser.submit(session.url, email="alice@example.com", method="us_bank_account")
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"


def test_expired_page_says_nothing_was_charged_and_takes_no_payment(
    make_session: Make, browser: Browser, client: stripe.StripeClient
) -> None:
    session = make_session()
    client.v1.checkout.sessions.expire(session.id)
    for answer in (browser.open(session.url), browser.pay(session.url)):
        assert "This page has expired" in answer.text
    assert client.v1.checkout.sessions.retrieve(session.id).payment_intent is None


def test_page_expires_by_the_clock(make_session: Make, browser: Browser, stand_in: StandIn) -> None:
    session = make_session()
    stand_in.tamper(session.id, expires_at=int(time.time()) - 1)
    assert "This page has expired" in browser.pay(session.url).text


def test_unknown_page_is_missing(stand_in: StandIn, browser: Browser) -> None:
    for path in ("/c/pay/cs_test_nothing", "/c/pay/cs_test_nothing/3ds/challenge_x"):
        assert browser.open(stand_in.base + path).status_code == 404
    assert browser.pay(f"{stand_in.base}/c/pay/cs_test_nothing").status_code == 404


@pytest.mark.parametrize(
    ("language", "locale", "title"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "", "向 InnoPaaS 付款"),
        ("en", "zh", "向 InnoPaaS 付款"),
        ("zh-CN", "en", "Pay InnoPaaS"),
        ("en", "auto", "Pay InnoPaaS"),
        ("de,fr", "", "Pay InnoPaaS"),
    ],
)
def test_page_speaks_the_sessions_language_else_the_browsers(
    make_session: Make, browser: Browser, language: str, locale: str, title: str
) -> None:
    browser.session.headers["Accept-Language"] = language
    assert f"<title>{title}</title>" in browser.open(make_session(locale=locale).url).text


def test_what_people_typed_is_escaped(make_session: Make, browser: Browser) -> None:
    evil = '"><script>alert(1)</script>{banner}'
    session = make_session(name=evil, success_url='http://127.0.0.1:1/?"><script>')
    answer = browser.pay(session.url, email=evil, expiry=evil)
    assert "<script" not in answer.text
    assert answer.status_code == 402


def test_both_languages_have_every_text_with_the_same_gaps() -> None:
    assert ENGLISH.keys() == CHINESE.keys()
    for key, text in ENGLISH.items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", CHINESE[key])), key
