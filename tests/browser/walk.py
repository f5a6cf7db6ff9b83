"""Which pages somebody comes to by following links: one address for every route."""

import re
from collections import deque
from urllib.parse import urljoin, urlsplit

import requests
from django.urls import Resolver404, resolve
from playwright.sync_api import Page

_LINK = re.compile(r' href="([^"#]+)')
_LEFT_OUT = ("/accounts/logout/", "/static/", "/metrics")
_PATIENCE = 60


def walk(page: Page, start: str) -> dict[str, str]:
    """Addresses by the names of their routes, for whoever is logged in there; found without a browser: it is slow."""
    asked = requests.Session()
    for cookie in page.context.cookies():
        asked.cookies.set(str(cookie["name"]), str(cookie["value"]))
    found: dict[str, str] = {}
    seen, waiting = {name_of(start)}, deque([start])
    while waiting:
        answer = asked.get(waiting.popleft(), timeout=_PATIENCE)
        if not answer.ok or not answer.headers.get("Content-Type", "").startswith("text/html"):
            continue
        found.setdefault(name_of(answer.url), answer.url)
        for link in _LINK.findall(answer.text):
            onward = urljoin(answer.url, link.replace("&amp;", "&"))
            name = name_of(onward)
            if name not in seen and onward.startswith(start):
                seen.add(name)
                waiting.append(onward)
    return {name: address for name, address in found.items() if name}


def name_of(address: str) -> str:
    """The route an address leads to; empty for what is no page."""
    path = urlsplit(address).path
    if path.startswith(_LEFT_OUT):
        return ""
    try:
        return resolve(path).view_name
    except Resolver404:
        return ""
