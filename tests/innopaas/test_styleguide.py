"""The design system's page: only where developers are, and what it says of its colours is so."""

import re
from decimal import Decimal

import pytest
from django.test import Client
from pytest_django import Settings

from innopaas import styleguide


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_style_guide_is_shown_to_whoever_develops(settings: Settings, language: str) -> None:
    settings.DEBUG = True
    client = Client()
    client.cookies["django_language"] = language
    page = client.get("/styleguide/").content.decode()
    for piece in ("button primary", "field invalid", "notice error", "badge", "timeline", "steps", "empty", "pager"):
        assert f'class="{piece}' in page, piece
    assert "USD $1,234.50" in page
    assert page.count("icons.svg#") > len(styleguide.PAIRS)


@pytest.mark.django_db
def test_there_is_no_style_guide_in_production() -> None:
    assert Client().get("/styleguide/").status_code == 404


def test_every_text_of_the_tokens_can_be_read_on_its_ground_in_both_themes() -> None:
    for pair in styleguide.compare(styleguide.TOKENS.read_text()):
        assert min(pair.light, pair.dark) >= styleguide.READABLE, pair


def test_contrast_is_counted_as_wcag_counts_it() -> None:
    """Its own examples: black on white, and the grey that just passes."""
    edge = "--a: #ffffff; --b: #000000; --c: #767676; @media screen and (prefers-color-scheme: dark) { --b: #777777; }"
    light, dark = styleguide.read_palettes(edge)
    assert styleguide.contrast(light, "a", "b") == Decimal("21.0")
    assert styleguide.contrast(light, "c", "a") == Decimal("4.5")
    assert styleguide.contrast(dark, "a", "b") == Decimal("4.5")
    assert dark["a"] == "ffffff"


def test_every_icon_that_a_template_names_is_drawn(settings: Settings) -> None:
    """A name that is not there would leave a hole and no error."""
    drawn = set(styleguide.list_icons())
    for template in (settings.BASE_DIR / "templates").rglob("*.html"):
        for name in re.findall(r'"_icon.html" with name="([^"]+)"', template.read_text()):
            assert name in drawn, f"{template}: {name}"
