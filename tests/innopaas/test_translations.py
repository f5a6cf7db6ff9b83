"""Every text that a person reads has its Chinese."""

from pathlib import Path

import allauth
import django.conf
import django.contrib.auth
import pytest
from babel.messages.catalog import Catalog
from django.conf import settings
from django.test import Client

from innopaas import translations


def test_every_marked_string_has_its_chinese() -> None:
    found = translations.collect(root=Path(settings.BASE_DIR))
    assert len(found) > 50
    assert translations.find_gaps(found=found, translated=translations.read(translations.find_chinese())) == []


def test_marks_are_found_in_sources_and_templates(tmp_path: Path) -> None:
    (tmp_path / "wallet").mkdir()
    (tmp_path / "templates").mkdir()
    english = tmp_path / translations.ENGLISH
    english.parent.mkdir(parents=True)
    english.write_text('msgid "Theirs"\nmsgstr "Ours"\n')
    (tmp_path / "wallet" / "x.py").write_text('label = _("From Python")\nn = ngettext("one", "many", 2)\n')
    (tmp_path / "templates" / "x.html").write_text(
        "<p>\"quotes' (and) brackets</p>\n"
        "   {% translate 'From a tag' %}\n"
        "{% blocktranslate trimmed with name=x %}\n  Hello\n  {{ name }}\n{% endblocktranslate %}"
        "{{ _('In a variable') }}"
    )
    ids = {message.id for message in translations.collect(root=tmp_path) if message.id}
    assert ids == {"From Python", ("one", "many"), "From a tag", "Hello %(name)s", "In a variable", "Theirs"}


def test_what_is_said_anew_in_english_is_said_by_a_library_still_and_keeps_its_placeholders() -> None:
    theirs = [
        translations.read(Path(module.__path__[0]) / f"locale/{language}/LC_MESSAGES/django.po")
        for module, language in ((allauth, "zh_Hans"), (django.contrib.auth, "en"), (django.conf, "en"))
    ]
    ours = translations.read(Path(settings.BASE_DIR) / translations.ENGLISH, locale="en")
    said = [message for message in ours if message.id]
    assert said
    assert [message.id for message in said if not any(message.id in catalog for catalog in theirs)] == []
    assert translations.find_gaps(found=ours, translated=ours) == []


def test_pages_of_the_libraries_speak_as_ours_do(client: Client) -> None:
    said = client.get("/accounts/login/").content.decode()
    assert "Stay logged in on this device" in said
    assert "Remember Me" not in said


@pytest.mark.parametrize(
    ("chinese", "fault"),
    [(None, "missing"), ("", "not translated"), ("你好", "other placeholders"), ("你好，%(name)s", None)],
)
def test_gaps_are_named(chinese: str | None, fault: str | None) -> None:
    found, translated = Catalog(), Catalog(locale="zh_Hans")
    found.add("Hello %(name)s", locations=[("wallet/x.py", 1)])
    if chinese is not None:
        translated.add("Hello %(name)s", chinese)
    gaps = translations.find_gaps(found=found, translated=translated)
    assert gaps == ([f"{fault}: 'Hello %(name)s' (wallet/x.py)"] if fault else [])


def test_renewal_keeps_translations_takes_new_ones_and_drops_the_unused() -> None:
    found, old, given = Catalog(), Catalog(locale="zh_Hans"), Catalog(locale="zh_Hans")
    for text in ("Kept", "Given", "Bare"):
        found.add(text)
    old.add("Kept", "保留")
    old.add("Unused", "无用")
    given.add("Kept", "别的")
    given.add("Given", "给的")
    new = translations.renew(found=found, old=old, given=[given])
    assert {message.id: message.string for message in new if message.id} == {
        "Kept": "保留",
        "Given": "给的",
        "Bare": None,
    }
