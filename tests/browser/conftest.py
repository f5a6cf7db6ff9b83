"""A running site, a real Chromium, and people in front of it."""

import os
import re
import secrets
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests import people
from tests.browser.auditing import Auditor, auditing
from tests.browser.chromium import launched
from tests.browser.site import Site, running

PASSWORD = "a long enough passphrase"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Open a window of its own: nobody logged in, no cookies; closed after the test."""
    contexts = []

    def open_one(*, width: int = 1440, scheme: str = "light", language: str = "en", javascript: str = "on") -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            locale=language,
            java_script_enabled=javascript == "on",
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        return context.new_page()

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def _auditor(site: Site) -> Iterator[Auditor]:
    with auditing(site) as auditor:
        yield auditor


@pytest.fixture(autouse=True)
def the_books_are_clean_afterwards(_auditor: Auditor) -> Iterator[None]:
    """Whatever a story does to the site, the audit finds nothing."""
    yield
    found = _auditor.audit()
    assert "agrees with itself" in found, found


@pytest.fixture
def newcomer(site: Site, open_page: Callable[..., Page]) -> Callable[..., Page]:
    """Sign somebody new up, follow the link in the mail, log in, and stand on the home page."""

    def arrive(**window: object) -> Page:
        page = open_page(**window)
        email = f"nora-{secrets.token_hex(6)}@example.com"
        page.goto(f"{site.base}/accounts/signup/")
        page.get_by_label("Name of your organisation").fill("Newcomer Ltd")
        page.get_by_label("Your name").fill("Nora Newcomer")
        page.get_by_label("E-mail address").fill(email)
        for field in page.locator("input[type=password]").all():
            field.fill(PASSWORD)
        page.get_by_role("button", name="Sign up").click()
        page.get_by_role("link", name="Show the mail").click()
        page.locator("pre a[href*='confirm-email']").click()
        page.get_by_role("button", name="Confirm").click()
        if "login" in page.url:
            log_in(page, email, PASSWORD)
        page.goto(f"{site.base}/")
        return page

    return arrive


@pytest.fixture(scope="session")
def _strangers(site: Site) -> Iterator[str]:
    """E-mails of owners, each of an organisation of his own, made by the verbs and all at once: signing up is slow."""
    made = site.manage("shell", "--no-imports", "-c", _MAKE_OWNERS)
    return iter(re.findall(r"\S+@example\.com", made))


@pytest.fixture
def owner(site: Site, open_page: Callable[..., Page], _strangers: Iterator[str]) -> Callable[..., Page]:
    """An owner nobody has met in another story, logged in, on the home page."""

    def arrive(**window: object) -> Page:
        page = open_page(**window)
        page.goto(f"{site.base}/accounts/login/")
        log_in(page, next(_strangers), people.PASSWORD)
        return page

    return arrive


_MAKE_OWNERS = """
from tests import people
for number in range(40):
    print(people.make_owner("nora", f"Newcomer {number} Ltd").user.email)
"""


def log_in(page: Page, email: str, password: str = "innopaas-demo") -> None:
    """All stories come from one address, and a minute has 30 logins of one address: who comes too soon waits."""
    for _turn in range(15):
        page.get_by_label("E-mail address").fill(email)
        page.locator("input[type=password]").fill(password)
        with page.expect_response(lambda answer: answer.request.method == "POST") as answered:
            page.get_by_role("button", name="Log in", exact=True).click()
        if answered.value.status != HTTPStatus.TOO_MANY_REQUESTS:
            break
        page.wait_for_timeout(5_000)
        page.goto(page.url)
    page.wait_for_url(lambda url: "/accounts/login/" not in url)


def screenshot(page: Page, name: str) -> None:
    """Keep a picture when SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)
