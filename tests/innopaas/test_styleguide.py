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
    assert page.count("icons.svg#") > len(styleguide.list_icons())


@pytest.mark.django_db
def test_there_is_no_style_guide_in_production() -> None:
    assert Client().get("/styleguide/").status_code == 404


def test_every_text_of_the_tokens_can_be_read_on_its_ground_in_both_themes() -> None:
    for pair in styleguide.compare(styleguide.TOKENS.read_text()):
        assert min(pair.light, pair.dark) >= styleguide.READABLE, pair


def test_contrast_is_counted_as_wcag_counts_it() -> None:
    """Its own examples: black on white, the grey that just passes, and the next one, which does not."""
    edge = "--a: #ffffff; --b: #000000; --c: #767676; @media screen and (prefers-color-scheme: dark) { --b: #777777; }"
    light, dark = styleguide.read_palettes(edge)
    passing, failing = styleguide.contrast(light, "c", "a"), styleguide.contrast(dark, "a", "b")
    assert styleguide.cut(styleguide.contrast(light, "a", "b")) == Decimal("21.0")
    assert failing < styleguide.READABLE <= passing
    assert (styleguide.cut(passing), styleguide.cut(failing)) == (Decimal("4.5"), Decimal("4.4"))
    assert dark["a"] == "ffffff"


@pytest.mark.parametrize("colour", ["#777", "rgb(119 119 119)", "grey", "#77777780"])
def test_colour_that_cannot_be_read_is_refused_and_not_left_out(colour: str) -> None:
    tokens = f"--a: #ffffff; --shadow: 0 1px #000; @media screen and (prefers-color-scheme: dark) {{ --a: {colour} }}"
    with pytest.raises(styleguide.Unreadable):
        styleguide.read_palettes(tokens)


def test_every_pair_that_a_rule_names_is_in_the_table(settings: Settings) -> None:
    """A text colour and a ground in one rule; `--wash` is any of the washes."""
    listed = {(text, ground) for text, ground, _use in styleguide.PAIRS}
    seen = set()
    for sheet in ("layout.css", "components.css"):
        rules = re.findall(r"\{([^{}]*)\}", (settings.BASE_DIR / "static" / "css" / sheet).read_text())
        for rule in rules:
            text, ground = (
                re.search(rf"(?<![\w-]){of}: var\(--([\w-]+)\)", rule) for of in ("color", "background(?:-color)?")
            )
            if text and ground and ground[1] != "wash":
                seen.add((text[1], ground[1]))
    assert len(seen) > 5
    assert seen <= listed


def test_every_icon_that_a_template_names_is_drawn(settings: Settings) -> None:
    """A name that is not there would leave a hole and no error."""
    drawn = set(styleguide.list_icons())
    for template in (settings.BASE_DIR / "templates").rglob("*.html"):
        for name in re.findall(r'"_icon.html" with name="([^"]+)"', template.read_text()):
            assert name in drawn, f"{template}: {name}"
