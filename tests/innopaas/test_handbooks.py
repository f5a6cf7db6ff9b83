"""The handbooks name buttons, lists and parts of pages by the words that stand there, and have all their pictures."""

import re
from pathlib import Path
from typing import Final

import pytest
from babel.messages.pofile import read_po
from django.apps import apps
from django.utils import translation
from django.utils.text import capfirst

from innopaas import sidebar

PROJECT: Final = Path(__file__).parents[2]
DOCS: Final = PROJECT / "docs"
PAGES: Final = ("finance.md", "finance.zh-hans.md", "operations.md", "tour.md")
LINKING: Final = sorted([PROJECT / "README.md", *DOCS.glob("*.md")])
_BOLD: Final = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)
_WAY: Final = re.compile(r"\*\*([^*]+)\*\* > \*\*([^*]+)\*\*")
_PICTURE: Final = re.compile(r"!\[[^\]]+\]\(([^)]+\.(?:png|svg))\)")
_LINK: Final = re.compile(r"\]\((?!https?:)([^)#\s]+)")


def list_words(page: str) -> set[str]:
    """All that the page's language says on the site, as lists of the admin begin it: with a capital."""
    with (PROJECT / "locale/zh_Hans/LC_MESSAGES/django.po").open("rb") as file:
        messages = [message for message in read_po(file) if isinstance(message.id, str) and message.id]
    told = [str(message.string if "zh-hans" in page else message.id) for message in messages]
    return {word[:1].upper() + word[1:] for word in told}


@pytest.mark.parametrize("page", PAGES)
def test_what_is_bold_stands_on_the_site_as_it_stands_here(page: str) -> None:
    text = (DOCS / page).read_text("utf-8")
    joint = "" if "zh-hans" in page else " "
    bold = {re.sub(r"\s*\n\s*", joint, found) for found in _BOLD.findall(text)}
    assert bold
    assert sorted(bold - list_words(page)) == []


def list_places(language: str) -> set[tuple[str, str]]:
    """Every list and page of the staff's side navigation, with the group it stands in."""
    with translation.override(language):
        return {(str(group), title_of(label)) for group, labels in sidebar.GROUPS.items() for label in labels}


def title_of(label: str) -> str:
    if label in sidebar.PAGES:
        return str(sidebar.PAGES[label][0])
    return capfirst(str(apps.get_model(label)._meta.verbose_name_plural))


@pytest.mark.parametrize("page", PAGES[:3])
def test_a_way_through_the_side_navigation_is_there(page: str) -> None:
    text = re.sub(r"\n *", "" if "zh-hans" in page else " ", (DOCS / page).read_text("utf-8"))
    places = list_places("zh-hans" if "zh-hans" in page else "en")
    groups = {group for group, _title in places}
    ways = [(group, title) for group, title in _WAY.findall(text) if group in groups]
    assert len(ways) > 1
    assert [way for way in ways if way not in places] == []


@pytest.mark.parametrize("page", LINKING, ids=lambda page: page.name)
def test_every_picture_and_page_that_is_linked_is_there(page: Path) -> None:
    text = page.read_text("utf-8")
    linked = [*_PICTURE.findall(text), *_LINK.findall(text)]
    assert [target for target in linked if not (page.parent / target).exists()] == []


def test_every_picture_is_shown_somewhere() -> None:
    shown = {name for page in LINKING for name in _PICTURE.findall(page.read_text("utf-8"))}
    kept = {f"screens/{picture.name}" for picture in (DOCS / "screens").glob("*.png")}
    assert kept - {name.removeprefix("docs/") for name in shown} == set()


def test_both_languages_show_the_same_pages_of_finance() -> None:
    english, chinese = (_PICTURE.findall((DOCS / name).read_text("utf-8")) for name in PAGES[:2])
    assert [name.replace(".zh-hans.png", ".png") for name in chinese] == english
    assert all(name.endswith(".zh-hans.png") for name in chinese)
