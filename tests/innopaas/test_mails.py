"""Every mail we send: text and HTML that say the same, in the reader's language, and nothing that people typed in it
becomes a tag, a link of the HTML or a header.
"""

import re
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.template.loader import get_template
from django.test import Client
from django.urls import reverse
from django.utils import translation
from pytest_django.fixtures import Settings

from innopaas import mail_samples
from tests import people
from wallet import letters
from wallet.adapter import write_mail
from wallet.letters import Letter, NotAnAddress, complete_address, make_message
from wallet.models import Invitation, Organisation, User

pytestmark = pytest.mark.django_db

HOSTILE: Final = (
    '<b>Nina</b><a href="https://evil.example/x">pay</a> & "Co" https://evil.example www.evil.com {{ order }}'
)
COPIED: Final = 'https://hooks.acme.example/2026-11-22?a=<b>&b="c"@1-2'
MARK: Final = "\n\n\x020\x03\n\n"
"""What the place of a mail's first fact would look like if marks were only counted."""

ENDS: Final = ("\n", "\r\n", "\r", "\u2028", "\x0b", "\x85", "\n\n")
SITE: Final = "https://pay.innopaas.example"
_FIGURE: Final = re.compile(r"[0-9][0-9,.:-]*[0-9]")
_INVISIBLE: Final = re.compile("[\u200c\u2007\u2060\ufeff\u034f]")


class Page(HTMLParser):
    """What a reader of the HTML sees, where its links lead, and which tags it has."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.language: str | None = ""
        self._is_hidden = False
        self.feed(html)

    @property
    def text(self) -> str:
        return _INVISIBLE.sub("", " ".join(self.said)).replace("\u00a0", " ")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = dict(attrs)
        self.language = given.get("lang", self.language)
        self._is_hidden = tag in {"style", "title"}
        if tag == "a":
            self.links.append(given["href"] or "")

    def handle_endtag(self, _tag: str) -> None:
        self._is_hidden = False

    def handle_data(self, data: str) -> None:
        if not self._is_hidden:
            self.said.append(data)


@pytest.fixture(autouse=True)
def site(settings: Settings) -> None:
    settings.SITE_URL = SITE


def every_letter(
    now: datetime, *, name: str = "Acme Messaging", words: str = "Not ours.", address: str = mail_samples.ADDRESS
) -> dict[str, Letter]:
    samples = mail_samples.samples(now=now, name=name, words=words, address=address)
    return {sample.name: sample.write() for sample in samples}


def colours_in(text: str) -> set[str]:
    return set(re.findall(r"(?<!&)#[0-9a-fA-F]{3,8}\b", text))


def marked_in(letter: Letter) -> tuple[int, list[str]]:
    """What only tags of a template make: how many facts, and where the links lead."""
    return letter.html.count("</th>"), Page(letter.html).links


def test_every_template_of_a_mail_has_its_sample(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    told: set[str] = set()

    def find(name: str) -> object:
        told.add(name)
        return get_template(name)

    monkeypatch.setattr(letters, "get_template", find)
    every_letter(now)
    folder = Path(__file__).parents[2] / "templates"
    kept = {
        str(path.relative_to(folder))
        for path in [*folder.glob("*/mail/*.txt"), *folder.glob("*/email/*_message.txt")]
        if not path.name.startswith(("_", "base_"))
    }
    assert kept - told == set()


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_both_forms_of_every_mail_say_the_same_figures_and_links(language: str, now: datetime) -> None:
    with translation.override(language):
        for name, letter in every_letter(now).items():
            page = Page(letter.html)
            ours = {link for link in page.links if not link.startswith("mailto:")}
            said = f"{letter.subject} {letter.text}"
            seen = f"{page.text} {' '.join(ours)}"
            assert set(_FIGURE.findall(said)) == set(_FIGURE.findall(seen)), name
            assert set(re.findall(r"(?<!> )https?://\S+", letter.text)) == ours, name
            assert ours, name
            assert page.language == ("zh-Hans" if language == "zh-hans" else "en")
            assert letter.subject in page.text, name


def test_nothing_that_people_typed_becomes_a_tag_or_a_link(now: datetime) -> None:
    plain = every_letter(now)
    for name, letter in every_letter(now, name=HOSTILE, words=HOSTILE, address=COPIED).items():
        page, usual = Page(letter.html), Page(plain[name].html)
        assert page.tags - {"br"} <= usual.tags | {"br"}, name
        assert page.links == usual.links, name
        assert "<b>" not in letter.html, name
        assert not re.search(r"://evil|evil\.(example|com)", letter.html), name
        assert letter.subject == " ".join(letter.subject.split()), name


def test_people_read_what_was_typed_as_it_was_typed(now: datetime) -> None:
    letter = every_letter(now, words=HOSTILE)["not_accepted"]
    assert f"> {HOSTILE}" in letter.text
    assert HOSTILE in Page(letter.html).text


def test_what_people_typed_adds_no_header_no_line_and_no_fact(now: datetime) -> None:
    typed = "Nina" + "".join(f"{end}Bcc: eve@example.com" for end in ENDS) + MARK
    plain = every_letter(now)
    for name, letter in every_letter(now, name=typed).items():
        assert make_message(letter, to=["nina@example.com"]).message()["Bcc"] is None
        assert not re.search(r"\x02|\x03", f"{letter.subject}{letter.text}{letter.html}"), name
        assert marked_in(letter) == marked_in(plain[name]), name
    for name, letter in every_letter(now, words=typed, address=typed).items():
        assert not re.search(r"^Bcc:|\x02|\x03", letter.text, re.MULTILINE), name
        assert marked_in(letter) == marked_in(plain[name]), name


def test_an_address_to_be_looked_at_is_copied_as_it_was_entered(now: datetime) -> None:
    letter = every_letter(now, address=COPIED)["callbacks_failing"]
    assert f"> {COPIED}\n" in letter.text
    assert COPIED in Page(letter.html).said


def test_days_stay_in_one_piece_and_nothing_else_that_has_hyphens(now: datetime) -> None:
    letter = every_letter(now, words="Due 2026-11-22: call 021-555-0199 about 6222-2026-11-22.")["not_accepted"]
    assert "Due 2026-\u206011-\u206022: call 021-555-0199 about 6222-2026-11-22." in Page(letter.html).said


def test_a_subject_is_one_line_however_its_template_is_written() -> None:
    context = {"invitation": Invitation(organisation=Organisation(name="Acme\r\nBcc: eve@example.com"))}
    letter = write_mail(prefix="wallet/email/invitation", context=context)
    assert "Acme Bcc: eve@example.com" in letter.subject
    assert make_message(letter, to=["nina@example.com"]).message()["Bcc"] is None


def test_a_mail_about_an_account_speaks_the_language_of_whoever_has_it(client: Client) -> None:
    alice = people.make_user("alice")
    User.objects.filter(pk=alice.pk).update(language="zh-hans")
    client.post(reverse("account_reset_password"), {"email": alice.email})
    [message] = mail.outbox
    assert "如非您本人操作" in str(message.body)
    assert isinstance(message, EmailMultiAlternatives)
    assert '<html lang="zh-Hans">' in str(message.alternatives[0][0])


def test_an_amount_is_not_parted_from_its_currency(now: datetime) -> None:
    for name, letter in every_letter(now).items():
        assert not re.search(r"(USD|CNY) [$¥]|\d (USD|CNY)\b", letter.html), name
    assert "USD\u00a0$1,000.00" in every_letter(now)["card_paid"].html


def test_a_chinese_mail_has_no_blank_between_its_sentences(now: datetime) -> None:
    with translation.override("zh-hans"):
        for name, letter in every_letter(now).items():
            assert not re.search(r"[。！？；] +[^\s<]", letter.html), name


def test_a_site_that_does_not_know_its_address_links_nothing(now: datetime, settings: Settings) -> None:
    settings.SITE_URL = ""
    letter = every_letter(now)["card_paid"]
    assert "http" not in letter.text
    assert [link for link in Page(letter.html).links if not link.startswith("mailto:")] == []


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "evil.example", "mailto:eve@example.com"]
)
def test_no_mail_links_anything_but_the_web(address: str) -> None:
    with pytest.raises(NotAnAddress):
        complete_address(address)


def test_a_message_carries_text_first_and_html_second(now: datetime) -> None:
    letter = every_letter(now)["card_paid"]
    message = make_message(letter, to=["nina@example.com"]).message()
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.walk()][1:] == ["text/plain", "text/html"]


def test_no_mail_comes_near_the_size_at_which_gmail_cuts_it_off(now: datetime) -> None:
    """That is 102 kB; a fifth of it leaves room for what other programmes on the way add."""
    assert max(len(letter.html.encode()) for letter in every_letter(now).values()) < 20_000


def test_the_frame_of_mails_has_no_colours_but_those_of_the_pages() -> None:
    """It cannot read tokens.css: programmes for mail know no custom properties."""
    root = Path(__file__).parents[2]
    pages = (root / "static/css/tokens.css").read_text().partition("prefers-color-scheme: dark")
    frame, _, rest = (root / "templates/wallet/mail/frame.html").read_text().partition("prefers-color-scheme: dark")
    in_dark, _, below = rest.partition("</style>")
    assert colours_in(frame + below) - colours_in(pages[0]) == set()
    assert colours_in(in_dark) - colours_in(pages[2]) == set()


def test_previews_are_shown_in_debug_only(client: Client, settings: Settings) -> None:
    pages = [reverse("mail_previews"), reverse("mail_preview", args=["card_paid", "html"])]
    assert [client.get(page).status_code for page in pages] == [404, 404]
    settings.DEBUG = True
    assert [client.get(page).status_code for page in pages] == [200, 200]
    shown = client.get(pages[1])
    assert "style-src 'unsafe-inline'" in shown["Content-Security-Policy"]
    assert "script-src 'unsafe-inline'" not in shown["Content-Security-Policy"]
    assert client.get(reverse("mail_preview", args=["card_paid", "txt"]))["Content-Type"].startswith("text/plain")
    assert client.get(reverse("mail_preview", args=["invented", "html"])).status_code == 404
