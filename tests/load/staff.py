"""What finance and ops do all day, with second factors that grow old."""

import random
import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from locust import between, task

from tests.load.browsing import Page
from tests.load.company import Person, pause

_AMOUNT: Final = re.compile(r'class="desk-big">[^<\d]*([\d,]+\.\d\d)')
_NUMBER: Final = re.compile(r"TU\d{8}[0-9A-Z]{10}")
_RECORDED: Final = ": recorded: "
_APPROVED: Final = ": approved and credited: |: your approval is recorded"
_SHANGHAI: Final = timedelta(hours=8)


class Finance(Person):
    """Records what the bank received, approves what others recorded, and gives money back."""

    kind = "finance"
    weight = 12
    wait_time = between(3, 8)

    @task(3)
    def look_at_the_dashboard(self) -> None:
        self.browser.open("/admin/", holds="Transfers waiting")

    @task(10)
    def decide_about_the_next_transfer(self) -> None:
        queue = self.browser.open("/admin/payments/transfer/", holds="Take the next")
        pause()
        desk = self.browser.send(queue, "/transfer/next/$", holds="InnoPaaS staff")
        if not desk.path.endswith("/desk/"):
            return
        pause()
        if re.search(r'action="[^"]+/approve/"', desk.text):
            self.browser.send(desk, "/approve/$", holds=_APPROVED)
        elif re.search(r'action="[^"]+/propose/"', desk.text):
            self._record(desk)

    def _record(self, desk: Page) -> None:
        found = _AMOUNT.search(desk.text)
        if not found:
            return
        facts: dict[str, Any] = {
            "line": [],
            "line_amount": found[1].replace(",", ""),
            "value_on": f"{datetime.now(UTC) + _SHANGHAI:%Y-%m-%d}",
            "bank_reference": secrets.token_hex(8),
            "payer_name": "Customer Ltd",
        }
        trial = self.browser.send(desk, "/propose/$", to=desk.path, holds="This comes to", typed=facts)
        pause()
        self.browser.send(trial, "/propose/$", holds=_RECORDED, typed={"then": "record"})

    @task(3)
    def decide_about_a_refund(self) -> None:
        waiting = self.browser.open("/admin/billing/refund/?needs=decision", holds="Refunds")
        pause()
        for link in random.sample(found := waiting.links(r"/refund/[0-9a-f-]{36}/change/"), k=min(1, len(found))):
            refund = self.browser.open(link, holds="Refund")
            pause()
            address = f"{refund.path.removesuffix('change/')}approve/"
            form = self.browser.open(address, holds="Approve the refund")
            if ">Approve<" in form.text:
                pause()
                self.browser.send(form, ".*", holds="Approved|approved", to=address)

    @task(2)
    def read_the_daily_close(self) -> None:
        self.browser.open("/admin/payments/dayclose/", holds="InnoPaaS staff")
        pause()
        self.browser.open("/admin/payments/dayclose/charts/", holds="InnoPaaS staff")

    @task(2)
    def look_for_an_order(self) -> None:
        self.browser.open("/admin/billing/order/?state__exact=PAID", holds="InnoPaaS staff")

    @task(1)
    def look_at_bank_lines(self) -> None:
        self.browser.open("/admin/payments/bankline/", holds="InnoPaaS staff")


class Ops(Person):
    """Looks for what somebody asks about, and for what is stuck."""

    kind = "ops"
    weight = 8
    wait_time = between(3, 8)

    @task(3)
    def look_at_what_is_stuck(self) -> None:
        self.browser.open("/admin/stuck/", holds="Looked at")

    @task(5)
    def explain_an_order(self) -> None:
        orders = self.browser.open("/admin/billing/order/", holds="InnoPaaS staff")
        pause()
        number = random.choice(_NUMBER.findall(orders.text))
        self.browser.open(f"/admin/billing/order/?q={number}", holds=number)
        pause()
        for link in orders.links(r"/billing/order/[0-9a-f-]{36}/change/")[:1]:
            self.browser.open(link, holds="InnoPaaS staff")
        pause()
        self.browser.open(f"/admin/postings/show/?q={number}", holds=number)

    @task(2)
    def search_everything(self) -> None:
        self.browser.open("/admin/search/?s=Customer", holds="")

    @task(2)
    def look_at_the_inbox(self) -> None:
        self.browser.open("/admin/payments/inboxevent/", holds="InnoPaaS staff")

    @task(1)
    def look_at_the_dashboard(self) -> None:
        self.browser.open("/admin/", holds="Stuck")
