"""The pages for those who write programs: the API's description, and an organisation's keys."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import screenshot
from tests.browser.site import Site


def listen(page: Page) -> list[str]:
    """What the page's policy refuses, and what it asks of others than the site."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints


def test_description_of_the_api_works_under_the_sites_policy(site: Site, open_page: Callable[..., Page]) -> None:
    page = open_page()
    complaints, asked = listen(page), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site.base}/api/v1/docs")
    expect(page.locator(".opblock")).to_have_count(9)
    page.locator("#operations-Spending-charge .opblock-summary-control").click()
    expect(page.locator("#operations-Spending-charge")).to_contain_text("never goes below zero")
    screenshot(page, "api-docs")
    assert complaints == []
    assert [url for url in asked if not url.startswith((site.base, "data:", "blob:"))] == []


@pytest.mark.parametrize(("width", "scheme", "javascript"), [(1440, "light", "on"), (360, "dark", "off")])
def test_owner_makes_uses_and_revokes_a_key(
    site: Site, owner: Callable[..., Page], width: int, scheme: str, javascript: str
) -> None:
    page = owner(width=width, scheme=scheme, javascript=javascript)
    complaints = listen(page)
    page.goto(f"{site.base}/developers/keys/")
    expect(page.get_by_text("There is no key yet.")).to_be_visible()
    page.get_by_label("Name").fill("Accounting")
    button = page.get_by_role("button", name="Make a key")
    button.dblclick() if javascript == "on" else button.click()
    expect(page.get_by_role("heading", name="Your new API key")).to_be_visible()
    screenshot(page, f"key-made-{width}")
    secret = page.locator("dd code").inner_text()
    headers = {"Authorization": f"Bearer {secret}"}
    read = page.request.get(f"{site.base}/api/v1/balances", headers=headers)
    assert read.json()["balances"][0]["available"] == "0.000000"
    page.get_by_role("link", name="I have copied it").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert secret not in page.content()
    screenshot(page, f"keys-{width}")
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    page.get_by_role("button", name="Revoke").click()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("heading", name="Revoked keys")).to_be_visible()
    assert page.request.get(f"{site.base}/api/v1/balances", headers=headers).status == 401
    assert complaints == []
