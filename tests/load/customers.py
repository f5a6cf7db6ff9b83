"""What customers do: look, top up by card and by bank, move money, and read what became of it."""

import base64
import random
import re
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urljoin, urlsplit

from locust import between, task

from tests.load.browsing import Page
from tests.load.company import Person, pause

_ORDER: Final = re.compile(r"/billing/orders/(TU\d{8}[0-9A-Z]{10})/$")
_SLIP: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAADwAAAAoCAIAAAAt2Q6oAAAASUlEQVR4nO3OQQ3AIAAAMcC/RSygAQ97HFnSKujc+4y/Wa8DX0hX"
    "pCvSFemKdEW6Il2RrkhXpCvSFemKdEW6Il2RrkhXpCvSlQumCAL4AxMFlQAAAABJRU5ErkJggg=="
)
"""A picture."""
_SHANGHAI: Final = timedelta(hours=8)
_NEVER_COME_BACK: Final = 0.25
_WITH_SLIP: Final = 0.3
_CREDITED_WITHIN: Final = 60
_REFRESHED_EVERY: Final = 3


class Customer(Person):
    """An owner of an organisation with a past."""

    kind = "customers"
    weight = 70
    wait_time = between(4, 12)

    def on_start(self) -> None:
        super().on_start()
        self.paid: list[str] = []

    @task(10)
    def look_at_home(self) -> None:
        self.browser.open("/", holds="balance-figure")

    @task(5)
    def top_up_by_card(self) -> None:
        browser, amount = self.browser, random.choice(("50", "100", "125.50"))
        form = browser.open("/topup/", holds="How do you want to pay?")
        pause()
        typed = {"method": "card", "amount": amount, "preset": ""}
        stripe = browser.send(form, "/topup/", holds='id="pay"', typed=typed)
        number = _find_number(stripe)
        pause()
        if random.random() < _NEVER_COME_BACK:
            self._pay_and_close(stripe)
        else:
            self._pay(stripe, number)
        self.paid.append(number)

    def _pay(self, stripe: Page, number: str) -> None:
        card = {"number": "4242 4242 4242 4242", "expiry": "12 / 40", "cvc": "123", "email": self.email}
        page = self.browser.send(stripe, "/c/pay/", holds="Your payment", typed=card)
        deadline = time.monotonic() + _CREDITED_WITHIN
        while "Paid and credited" not in page.text and time.monotonic() < deadline:
            time.sleep(_REFRESHED_EVERY)  # as the page does by itself
            page = self.browser.open(page.address, holds="Your payment")
        self.browser.open(page.address, holds="Paid and credited")
        pause()
        self.browser.open(f"/billing/orders/{number}/", holds="Paid")
        pause()
        self.browser.open(f"/billing/orders/{number}/receipt/", holds=number)

    def _pay_and_close(self, stripe: Page) -> None:
        """The browser is gone before it is led back: only the webhook tells of the payment."""
        session_id = urlsplit(stripe.address).path.rpartition("/")[2]
        card = {"card[number]": "4242424242424242", "card[exp_month]": "12", "card[exp_year]": "2040"}
        address = urljoin(stripe.address, f"/v1/payment_pages/{session_id}/confirm")
        form = card | {"card[cvc]": "123", "email": self.email}
        self.browser.send_aside(address, headers={"Authorization": "Bearer sk_test_load"}, data=form)

    @task(2)
    def top_up_by_bank(self) -> None:
        browser = self.browser
        form = browser.open("/topup/?method=offline", holds="How do you want to pay?")
        pause()
        amount = f"{random.randint(100, 900)}.{random.randint(0, 99):02}"
        typed = {"method": "offline", "currency": "USD", "amount": amount}
        sheet = browser.send(form, "/topup/", holds="Bank sheet", typed=typed)
        pause()
        files = {"slips": ("slip.png", _SLIP, "image/png")} if random.random() < _WITH_SLIP else None
        told = {
            "payer_name": "Customer Ltd",
            "paid_on": f"{datetime.now(UTC) + _SHANGHAI:%Y-%m-%d}",
            "bank_number": secrets.token_hex(8),
        }
        browser.send(sheet, "/transfer/#declare", holds="Thank you. Our finance team", typed=told, files=files)

    @task(3)
    def move_to_a_product(self) -> None:
        browser, slug = self.browser, random.choice(("whatsapp", "sms"))
        form = browser.open(f"/products/{slug}/topup/?method=balance", holds="How do you want to pay?")
        pause()
        amount = f"{random.randint(1, 3)}.{random.randint(0, 99):02}"
        typed = {"method": "balance", "how": "amount", "amount": amount}
        review = browser.send(form, "/topup/", holds="Both balances", typed=typed)
        pause()
        browser.send(review, "/topup/", holds="Paid")

    @task(6)
    def look_for_orders(self) -> None:
        page = self.browser.open("/billing/orders/", holds="Order Details")
        pause()
        self.browser.open("/billing/orders/?state=PAID", holds="Order Details")
        pause()
        for older in page.links(r"\?.*after=")[:1]:
            self.browser.open(f"/billing/orders/{older[older.index('?') :]}", holds="Order Details")

    @task(6)
    def look_at_an_order(self) -> None:
        page = self.browser.open("/billing/orders/", holds="Order Details")
        pause()
        self.browser.open(random.choice(page.links(_ORDER.pattern)), holds="order-number")

    @task(3)
    def read_the_statement(self) -> None:
        self.browser.open("/billing/statement/", holds="Statement")
        pause()
        self.browser.open("/billing/statement/?kind=TOP_UP", holds="Statement", expected=(200,))

    @task(1)
    def take_away_a_file(self) -> None:
        self.browser.open(random.choice(("/billing/orders.csv", "/billing/statement.csv")), holds="USD")

    @task(3)
    def look_at_a_product(self) -> None:
        self.browser.open(f"/products/{random.choice(('whatsapp', 'sms'))}/", holds="product-title")

    @task(1)
    def ask_for_a_refund(self) -> None:
        if not self.paid:
            return
        browser, number = self.browser, self.paid.pop(0)
        form = browser.open(f"/billing/orders/{number}/refund/", holds="Ask for a refund", expected=(200, 409))
        if form.status != 200:
            return
        pause()
        typed = {"amount": "5", "reason": "Ordered too much"}
        review = browser.send(form, "/refund/", holds="Paid back", typed=typed)
        pause()
        browser.send(review, "/refund/", holds="order-number")

    @task(1)
    def come_back_another_day(self) -> None:
        """Sessions end; what a login costs belongs to the load."""
        self.client.cookies.clear()
        self.browser.log_in(self.email, self.password)


def _find_number(stripe: Page) -> str:
    found = re.search(r"TU\d{8}[0-9A-Z]{10}", stripe.text)
    assert found, "Stripe's page names the order"
    return found[0]
