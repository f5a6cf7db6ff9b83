"""How fast pages feel, measured in Chromium on the site as production has it; prints the table of docs/performance.md.

    .venv/bin/python -m tests.browser.speed

Each page is opened anew, with nothing kept, and once more; the figures are medians, of shifts the worst. `phone` is
what Lighthouse takes for one: 360 px, a processor four times slower, 1.6 Mbit/s, 150 ms there and back.
"""

import os
import shutil
import sys
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, CDPSession, sync_playwright

from tests.load import stack
from tests.load.stack import Stack

CHROMIUM: Final = os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell") or "/usr/bin/chromium"
ROUNDS: Final = 5
PAGES: Final = {
    "home": "/",
    "orders": "/billing/orders/",
    "order": "",
    "top-up": "/topup/",
    "log-in": "/accounts/login/",
}
PHONE: Final = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 94_000}

_WATCH: Final = """
window.seen = {lcp: 0, cls: 0};
new PerformanceObserver(list => { for (const one of list.getEntries()) window.seen.lcp = one.startTime; })
    .observe({type: "largest-contentful-paint", buffered: true});
new PerformanceObserver(list => { for (const one of list.getEntries()) window.seen.cls += one.value; })
    .observe({type: "layout-shift", buffered: true});
"""
_KEY: Final = """
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.conf import settings
from wallet.models import User
from wallet.session_store import SessionStore
alice = User.objects.get(email="alice@example.com")
session = SessionStore()
session[SESSION_KEY], session[BACKEND_SESSION_KEY] = str(alice.pk), settings.AUTHENTICATION_BACKENDS[0]
session[HASH_SESSION_KEY] = alice.get_session_auth_hash()
session.save()
print("key", session.session_key)
"""


@dataclass
class Figures:
    """Of one page in one kind of window, a value a round."""

    first: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    shift: list[float] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    sent_again: list[int] = field(default_factory=list)

    def row(self, name: str, window: str) -> str:
        times = f"{median(self.first):.0f} ms | {median(self.again):.0f} ms"
        sizes = f"{median(self.sent) / 1000:.1f} kB | {median(self.sent_again) / 1000:.1f} kB"
        return f"| {name} | {window} | {times} | {max(self.shift):.3f} | {sizes} |"


def main() -> None:
    with stack.running() as site:
        site.start("web")
        key = site.manage("shell", "--no-imports", "-c", _KEY).split("key ")[1].strip()
        [(number,)] = site.query("SELECT number FROM billing_order WHERE state = 'PAID' ORDER BY number DESC LIMIT 1")
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            sys.stdout.write("| page | window | LCP, first visit | LCP, again | CLS | sent | sent again |\n")
            sys.stdout.write("| --- | --- | --- | --- | --- | --- | --- |\n")
            for name, path in PAGES.items():
                for window in ("1440 px", "phone"):
                    address = site.base + (path or f"/billing/orders/{number}/")
                    figures = _measure(chromium, site, address, window, "" if name == "log-in" else key)
                    sys.stdout.write(figures.row(name, window) + "\n")
            chromium.close()


def _measure(chromium: Browser, site: Stack, address: str, window: str, key: str) -> Figures:
    figures = Figures()
    for _ in range(ROUNDS):
        context = chromium.new_context(viewport={"width": 360 if window == "phone" else 1440, "height": 800})
        if key:
            own = f"https://{urlsplit(site.base).netloc}/"
            context.add_cookies([{"name": "__Host-sessionid", "value": key, "url": own, "secure": True}])
        lcp, shift, sent = _open(context, address, window)
        figures.first.append(lcp)
        figures.shift.append(shift)
        figures.sent.append(sent)
        lcp, shift, sent = _open(context, address, window)
        figures.again.append(lcp)
        figures.shift.append(shift)
        figures.sent_again.append(sent)
        context.close()
    return figures


def _open(context: BrowserContext, address: str, window: str) -> tuple[float, float, int]:
    """Milliseconds to the largest paint, how far things moved, and bytes that came over the wire."""
    page = context.new_page()
    page.add_init_script(_WATCH)
    wire: CDPSession = context.new_cdp_session(page)
    sizes: list[int] = []
    wire.send("Network.enable")
    wire.on("Network.loadingFinished", lambda event: sizes.append(int(event["encodedDataLength"])))
    if window == "phone":
        wire.send("Network.emulateNetworkConditions", PHONE)
        wire.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    answer = page.goto(address, wait_until="networkidle")
    assert answer is not None
    assert page.url == address, page.url
    assert answer.headers.get("content-encoding") == "gzip"
    seen: dict[str, Any] = page.evaluate("window.seen")
    page.close()
    return float(seen["lcp"]), float(seen["cls"]), sum(sizes)


if __name__ == "__main__":
    main()
