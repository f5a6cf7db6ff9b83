"""A browser without eyes: it opens pages, fills in their forms, follows where they lead, and says what it missed."""

import re
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import lxml.html
import pyotp
from locust.exception import RescheduleTask

from tests.load import addresses

_HALF_MINUTE: Final = 30
_SECOND_FACTOR: Final = "/accounts/2fa/reauthenticate/"
_HOPS: Final = 6


class Missed(RescheduleTask):
    """A page is not what its visitor came for; it is counted as a failure already."""


@dataclass(frozen=True)
class Page:
    """What came back, after all redirects."""

    address: str
    status: int
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.address).path

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    def links(self, pattern: str) -> list[str]:
        """Addresses on the page that match, each once, in order."""
        found = (link for _element, attribute, link, _place in self._document().iterlinks() if attribute == "href")
        return list(dict.fromkeys(link for link in found if re.search(pattern, link)))

    def files(self) -> list[str]:
        """What a browser fetches with the page on its first visit."""
        links = (link for _element, attribute, link, _place in self._document().iterlinks() if attribute in _FETCHED)
        return list(dict.fromkeys(link for link in links if re.search(r"\.(css|js|svg)$", link)))

    def forms(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Where each form is sent, and what it says as it stands."""
        for form in self._document().forms:
            if form.method == "POST":
                values: dict[str, Any] = {}
                for name, value in form.form_values():
                    values.setdefault(name, []).append(value)
                for chosen in form.xpath(".//input[@type='radio'][@checked]"):
                    values[chosen.get("name")] = [chosen.get("value", "on")]  # lxml takes an empty one for none
                yield form.action or self.path, values

    def fields(self, action: str) -> tuple[str, dict[str, Any]]:
        """Of the first form whose address matches."""
        return next(form for form in self.forms() if re.search(action, form[0]))

    def _document(self) -> Any:
        return lxml.html.document_fromstring(self.text)


_FETCHED: Final = {"href", "src"}


@dataclass
class Browser:
    """One person's, with cookies; `secret` makes the codes of a second factor."""

    client: Any
    site: str
    folder: Path
    ip: str
    secret: str = ""
    last_code: int = 0
    fetched: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        own = f"https://{urlsplit(self.site).netloc}"
        self.client.headers.update({"X-Forwarded-For": self.ip, "Referer": f"{own}/", "Origin": own})
        self.client.headers["Accept-Language"] = "en"

    def open(self, address: str, *, holds: str, expected: tuple[int, ...] = (200,)) -> Page:
        """Open a page; what the expression `holds` describes has to stand on it."""
        return self._come_to("GET", address, holds=holds, expected=expected)

    def send(
        self,
        page: Page,
        action: str,
        *,
        holds: str,
        typed: Mapping[str, Any] = MappingProxyType({}),
        files: Mapping[str, Any] | None = None,
        to: str = "",
    ) -> Page:
        """Fill in the form that is sent to `action` and press its button, or the one that sends it `to` elsewhere."""
        try:
            target, given = page.fields(action)
        except StopIteration:
            raise self._say_lost(page, f"has no form for {action}") from None
        address = urljoin(page.address, to or target)
        return self._come_to("POST", address, holds=holds, expected=(200,), data={**given, **typed}, files=files)

    def send_aside(self, address: str, **given: Any) -> None:
        """What no page of ours sends."""
        self._ask("POST", address, holds="", expected=(200,), **given)

    def fetch_files(self, page: Page) -> None:
        """Styles and scripts, which a browser keeps."""
        for link in page.files():
            if link not in self.fetched:
                self.fetched.add(link)
                self._ask("GET", link, holds="", expected=(200,))

    def log_in(self, email: str, password: str) -> None:
        page = self.open("/accounts/login/", holds='name="password"')
        self.fetch_files(page)
        typed = {"login": email, "password": password}
        if not self.secret:
            self.send(page, "login", holds="balance-figure", typed=typed)
            return
        asked = self.send(page, "login", holds='name="code"', typed=typed)
        self.send(asked, "authenticate", holds="", typed={"code": self._code()})

    def _come_to(self, method: str, address: str, *, holds: str, expected: tuple[int, ...], **given: Any) -> Page:
        page = self._ask(method, address, holds=holds, expected=expected, **given)
        if self.secret and page.path == _SECOND_FACTOR:
            return self._use_second_factor(page, holds=holds, expected=expected)
        return page

    def _use_second_factor(self, page: Page, *, holds: str, expected: tuple[int, ...]) -> Page:
        """And go on with what had waited for it."""
        target, given = page.fields("reauthenticate")
        kept = self._ask("POST", target, holds="", expected=(200,), data=given | {"code": self._code()})
        if "/go-on/" not in kept.path:
            raise self._say_lost(kept, "does not go on after the second factor")
        target, given = next(form for form in kept.forms() if "_step_up" in form[1])
        return self._ask("POST", target, holds=holds, expected=expected, data=given)

    def _code(self) -> str:
        """The next one that was not used yet; at times it has to be waited for."""
        while (turn := int(time.time()) // _HALF_MINUTE) <= self.last_code:
            time.sleep(1)
        self.last_code = turn
        return str(pyotp.TOTP(self.secret).at(turn * _HALF_MINUTE))

    def _ask(self, method: str, address: str, *, holds: str, expected: tuple[int, ...], **given: Any) -> Page:
        """Follow redirects one by one, each counted under its own name; the last answer has to be as expected."""
        for _hop in range(_HOPS):
            address = self._bring_home(urljoin(self.site, address))
            with self.client.request(
                method,
                address,
                name=addresses.name(address),
                allow_redirects=False,
                catch_response=True,
                **given,
            ) as answer:
                page = Page(address=address, status=answer.status_code, body=answer.content or b"")
                self._keep_cookies()
                if answer.status_code in {301, 302, 303}:
                    answer.success()
                    address, method, given = urljoin(address, answer.headers["Location"]), "GET", {}
                    continue
                why = self._judge(page, holds=holds, expected=expected)
                if not why:
                    answer.success()
                    return page
                answer.failure(why)
            raise self._keep(page, why)
        raise self._keep(page, "leads on and on")

    def _keep_cookies(self) -> None:
        """They are for https alone, as in production; here the proxy that ends TLS is left out."""
        for cookie in self.client.cookies:
            cookie.secure = False

    def _judge(self, page: Page, *, holds: str, expected: tuple[int, ...]) -> str:
        if page.status not in expected:
            return f"{page.status}, not {' or '.join(map(str, expected))}"
        if self.secret and page.path == _SECOND_FACTOR:
            return ""
        return "" if re.search(holds, page.text) else f"“{holds}” does not stand on {addresses.name(page.address)}"

    def _bring_home(self, address: str) -> str:
        """The site calls itself by https; here it is reached without."""
        home = urlsplit(self.site)
        parts = urlsplit(address)
        return parts._replace(scheme="http").geturl() if parts.netloc == home.netloc else address

    def _say_lost(self, page: Page, why: str) -> LookupError:
        """A page that is right by itself, but no way on: locust counts this one by what is raised."""
        self._keep(page, why)
        return LookupError(f"{addresses.name(page.address)} {why}")

    def _keep(self, page: Page, why: str) -> Missed:
        """Keep the page for whoever looks at the failure."""
        kept = self.folder / f"{time.strftime('%H%M%S')}-{secrets.token_hex(3)}.html"
        kept.write_bytes(f"<!-- {why}: {page.address} {page.status} -->\n".encode() + page.body)
        sys.stderr.write(f"FAILED {addresses.name(page.address)}: {why} (kept in {kept})\n")
        return Missed(why)
