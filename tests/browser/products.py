"""What people do with products, click by click, and the back ends and servers beside them."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

import requests
from playwright.sync_api import Page, expect

from tests.browser.site import Site


@dataclass(frozen=True, kw_only=True)
class Company:
    """An organisation nobody has met in another story, with $500 in its wallet, and its people."""

    organisation: str
    owner: str
    colleague: str
    """The address of a member with the role for billing."""


@dataclass(frozen=True, kw_only=True)
class BackEnd:
    """The program behind a product, which charges what its customers use."""

    base: str
    key: str

    def charge(self, number: str, amount: str, *, request_id: str, description: str = "") -> requests.Response:
        body = {"number": number, "amount": amount, "request_id": request_id, "description": description}
        headers = {"Authorization": f"Bearer {self.key}"}
        return requests.post(f"{self.base}/api/v1/charges", json=body, headers=headers, timeout=20)


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Who the stories are about."""

    companies: Iterator[Company]
    back_end: BackEnd
    """WhatsApp's."""


_MAKE = """
import json
from django.utils import timezone
from payments import checkout
from products import keys
from products.models import Product
from payments.standin.client import StandIn
from django.conf import settings
from tests import builders, people
from wallet.models import Role, User
stand_in = StandIn(base=settings.STRIPE_API_BASE, process=None)
for number in range({count}):
    owner = people.make_owner("wendy", f"Wendy and Sons {{number}}")
    colleague = people.make_member("victor", owner.organisation, Role.BILLING)
    payment = builders.open_checkout(owner.organisation, now=timezone.now(), amount=builders.usd(500))
    stand_in.pay(builders.session_of(payment))
    checkout.ask_about(payment_id=payment.pk, by="Stripe", now=timezone.now())
    print(json.dumps([str(owner.organisation_id), owner.user.email, colleague.user.email]))
issued = keys.issue_for_product(name="Messages", product=Product.objects.get(slug="whatsapp"), requests_per_minute=600,
    by=User.objects.get(email="olivia@example.com"), now=timezone.now())
print(json.dumps(dict(key=issued.secret)))
"""
"""By the site's own verbs and all at once: people who sign up and pay in the browser are slow."""


def assemble(site: Site, *, count: int) -> Cast:
    made = site.manage("shell", "--no-imports", "-c", _MAKE.format(count=count))
    *rows, last = (json.loads(line) for line in made.splitlines() if line.startswith(("[", "{")))
    companies = [Company(organisation=row[0], owner=row[1], colleague=row[2]) for row in rows]
    return Cast(companies=iter(companies), back_end=BackEnd(base=site.base, key=last["key"]))


def open_top_up(page: Page, site: Site, *, product: str = "WhatsApp") -> None:
    """Products, the product, Top up."""
    page.goto(f"{site.base}/products/")
    page.locator(".product h2").get_by_role("link", name=product, exact=True).click()
    page.get_by_role("link", name="Top up", exact=True).first.click()
    expect(page.get_by_role("heading", name=f"Top up {product}")).to_be_visible()


def choose_wallet(page: Page, amount: str = "") -> None:
    page.get_by_role("radio", name="Wallet balance").check()
    if amount:
        page.locator("#id_amount").fill(amount)


def review(page: Page) -> None:
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", name=re.compile("^Move "))).to_be_visible()


def move_now(page: Page) -> str:
    """Confirm the review; the order's number."""
    page.get_by_role("button", name=re.compile(r"^Move .* now$")).click()
    return read_number(page)


def read_number(page: Page) -> str:
    """The number of the order whose page opens."""
    page.wait_for_url(re.compile(r"/billing/orders/TU\w+/$"))
    return page.url.rstrip("/").rpartition("/")[2]


def read_changes(page: Page) -> dict[str, list[str]]:
    """What a page of both balances says: by name, now and afterwards."""
    table = page.locator("table", has=page.get_by_text("Afterwards"))
    table.wait_for()
    rows = table.locator("tbody tr").all()
    return {cells[0]: cells[1:] for cells in ([cell.inner_text() for cell in row.locator("td").all()] for row in rows)}


def expect_product(page: Page, site: Site, figure: str, *, slug: str = "whatsapp") -> None:
    page.goto(f"{site.base}/products/{slug}/")
    expect(page.locator(".balance-figure")).to_contain_text(figure)


def expect_wallet(page: Page, site: Site, figure: str) -> None:
    page.goto(f"{site.base}/")
    expect(page.locator(".balance-figure")).to_contain_text(figure)


def count_moves(site: Site, company: Company) -> int:
    statement = "SELECT count(*) FROM billing_order WHERE organisation_id = %s AND method = 'BALANCE'"
    return int(site.query(statement, company.organisation)[0][0])


def find_number(site: Site, company: Company, *, slug: str = "whatsapp") -> str:
    """The company's product number."""
    statement = """SELECT b.number FROM products_productbalance b JOIN products_product p ON p.id = b.product_id
        WHERE b.organisation_id = %s AND p.slug = %s"""
    return str(site.query(statement, company.organisation, slug)[0][0])


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a customer's server was told, and how it was signed."""

    body: str
    headers: Message

    @property
    def kind(self) -> str:
        return str(json.loads(self.body)["type"])


@dataclass(kw_only=True)
class Receiver:
    """A customer's own server: keeps what it is told, and answers that it took it."""

    url: str
    calls: list[Call] = field(default_factory=list)

    def told(self, kind: str) -> list[Call]:
        return [call for call in self.calls if call.kind == kind]


@contextmanager
def receiving(url: str) -> Iterator[Receiver]:
    """Listen there for as long as the block lasts."""
    receiver = Receiver(url=url)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the library's name
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            receiver.calls.append(Call(body=body, headers=self.headers))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    parts = urlsplit(url)
    server = HTTPServer((str(parts.hostname), int(parts.port or 0)), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
