"""Every page that links lead to, in light and in dark: axe-core finds nothing against WCAG 2.2, levels A and AA."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from tests.browser.conftest import log_in
from tests.browser.site import Site
from tests.browser.walk import walk

_LEVELS = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
_COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
"""All that another theme changes."""

_RUN = """options => axe.run(document, options).then(found => found.violations.flatMap(rule =>
    rule.nodes.map(node => `${rule.id}: ${node.target.join(" ")}: ${node.failureSummary}`)))"""
_GROUND = "getComputedStyle(document.body).backgroundColor"
_STAFF = ("frank", "olivia")
_NOT_OURS = {
    "api:openapi-view",  # Swagger UI's own markup and colours; docs/api.md says the same in words
    "admin:search",  # a part of a page
}
_LINKED_FROM_NOWHERE = ("styleguide",)
_ALIKE = ("_history", "_delete")
"""Pages of the admin that are the same for every model: one of each is looked at."""


@pytest.mark.parametrize(
    ("who", "after"),
    [("", ""), ("alice", ""), ("frank", ""), ("olivia", "frank")],
    ids=["nobody", "alice", "frank", "olivia, where frank does not come"],
)
def test_axe_finds_nothing(site: Site, open_page: Callable[..., Page], who: str, after: str) -> None:
    page = _enter(site, open_page, who)
    pages = dict(_choose(_walk(site, page, who)))
    if not who:
        pages |= {name: f"{site.base}/{name}/" for name in _LINKED_FROM_NOWHERE}
    for name in _walk(site, _enter(site, open_page, after), after) if after else {}:
        pages.pop(name, None)
    assert pages
    found = {name: wrong for name, address in pages.items() if (wrong := _look(page, address))}
    assert found == {}


def _enter(site: Site, open_page: Callable[..., Page], who: str) -> Page:
    page = open_page()
    page.emulate_media(reduced_motion="reduce")  # a colour on its way to another is neither
    page.goto(f"{site.base}/accounts/login/")
    if who:
        log_in(page, f"{who}@example.com")
    return page


def _walk(site: Site, page: Page, who: str) -> dict[str, str]:
    return walk(page, f"{site.base}/admin/" if who in _STAFF else f"{site.base}/")


def _choose(pages: dict[str, str]) -> Iterator[tuple[str, str]]:
    seen = set[str]()
    for name, address in pages.items():
        shape = name.rpartition("_")[2] if name.endswith(_ALIKE) else name
        if name not in _NOT_OURS and shape not in seen:
            seen.add(shape)
            yield name, address


def _look(page: Page, address: str) -> list[str]:
    page.emulate_media(color_scheme="light")
    page.goto(address)
    page.evaluate(AXE_SCRIPT)
    light, ground = _run(page, _LEVELS), page.evaluate(_GROUND)
    page.emulate_media(color_scheme="dark")
    page.evaluate("document.documentElement.classList.add('dark')")  # staff's pages ask the system only as they load
    assert page.evaluate(_GROUND) != ground, address
    return light + [f"dark: {wrong}" for wrong in _run(page, _COLOURS)]


def _run(page: Page, only: dict[str, Any]) -> list[str]:
    found: list[str] = page.evaluate(_RUN, {"runOnly": only, "resultTypes": ["violations"]})
    return found
