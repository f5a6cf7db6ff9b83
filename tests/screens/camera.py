"""Pictures of pages as they stand in docs/screens: no larger than a page needs, and of few colours."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Browser, Page

from innopaas.local.trouble import Trouble
from tests.browser.conftest import log_in
from tests.browser.site import Site

Language = Literal["en", "zh-hans"]
Scheme = Literal["light", "dark"]

_LOCALES: Final[dict[Language, str]] = {"en": "en", "zh-hans": "zh-CN"}
WIDE: Final = 1440
NARROW: Final = 360
_LARGEST: Final = 150_000
_COLOURS: Final = (128, 64, 32)
_LOWEST, _HIGHEST = 420, 1500
"""Of a picture, in pixels: what is further down a page is left out."""

_TILE: Final = 900
"""As high are the README's pictures, which stand side by side."""


@dataclass(frozen=True, kw_only=True)
class Camera:
    """Somebody's window, and where its pictures go; those of another language bear its name."""

    site: Site
    page: Page
    folder: Path
    suffix: str

    def go(self, path: str) -> None:
        answer = self.page.goto(self.site.base + path)
        if answer is None or not answer.ok:
            raise Trouble(f"{path} does not answer with a page.")

    def shoot(self, name: str, *, lowest: int = _LOWEST, highest: int = _HIGHEST) -> None:
        """The page from its top, as high as it is."""
        width = self.page.viewport_size["width"] if self.page.viewport_size else WIDE
        self.page.set_viewport_size({"width": width, "height": lowest})
        height: int = self.page.evaluate("document.documentElement.scrollHeight")
        self.page.set_viewport_size({"width": width, "height": min(max(height, lowest), highest)})
        self.page.evaluate("window.scrollTo(0, 0)")
        self.page.mouse.move(0, 0)
        taken = self.page.screenshot(animations="disabled", caret="hide")
        (self.folder / f"{name}{self.suffix}.png").write_bytes(_shrink(taken, name=name))

    def tile(self, name: str) -> None:
        """The same for the README."""
        self.shoot(f"tile-{name}", lowest=_TILE, highest=_TILE)

    def take(self, name: str, path: str, *, highest: int = _HIGHEST) -> None:
        self.go(path)
        self.shoot(name, highest=highest)


@contextmanager
def window(
    browser: Browser,
    site: Site,
    folder: Path,
    *,
    who: str,
    width: int = WIDE,
    scheme: Scheme = "light",
    language: Language = "en",
) -> Iterator[Camera]:
    """A window of this person's own, logged in, whose pages are in this language."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        reduced_motion="reduce",
        locale=_LOCALES[language],
        timezone_id="Asia/Shanghai",
    )
    context.set_default_timeout(20_000)
    host = str(urlsplit(site.base).hostname)
    context.add_cookies([{"name": "django_language", "value": language, "domain": host, "path": "/"}])
    page = context.new_page()
    page.goto(f"{site.base}/accounts/login/")
    _log_in(page, f"{who}@example.com", language=language)
    yield Camera(site=site, page=page, folder=folder, suffix="" if language == "en" else f".{language}")
    context.close()


def _log_in(page: Page, email: str, *, language: Language) -> None:
    if language == "en":
        log_in(page, email)
        return
    page.locator("input[name=login]").fill(email)
    page.locator("input[name=password]").fill("innopaas-demo")
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url(lambda url: "/accounts/login/" not in url)


def _shrink(taken: bytes, *, name: str) -> bytes:
    """The same picture in as many colours as fit into what a picture may weigh."""
    picture = Image.open(BytesIO(taken)).convert("RGB")
    for colours in _COLOURS:
        kept = BytesIO()
        few = picture.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        few.save(kept, "PNG", optimize=True)
        if kept.tell() <= _LARGEST:
            return kept.getvalue()
    raise Trouble(f"{name} weighs {kept.tell():,} bytes even in {_COLOURS[-1]} colours; {_LARGEST:,} are allowed.")
