"""Mails: the words stand once, in a text template, and go out as text and as HTML that say the same.

The tags of `letters` mark what is more than prose: facts, links, what a person wrote. All else is a paragraph a blank
line apart. In HTML nothing that people typed becomes a tag or a link: the frame escapes it, and only `{% link %}` makes
links. Text stays as it was typed: there an address leads nowhere but where it says, and can be copied.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Any, ClassVar, Final, cast
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template import Context
from django.template.backends.django import Template
from django.template.loader import get_template, render_to_string
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from wallet import names, sentences

_FRAME: Final = "wallet/mail/frame.html"
_AMOUNT: Final = re.compile(r"\b([A-Z]{3}) (?=[−-]?[$¥])|(?<=\d) (?=(?:USD|CNY)\b)")
_DATE: Final = re.compile(r"(?<![\d-])\d{4}-\d\d-\d\d(?![\d-])")
_ADDRESS_LIKE: Final = re.compile(r"(?<=\w)\.(?=[^\W\d_])|:(?=//)|@")
_PREVIEW: Final = 140
"""Characters of the first sentence that lists of mails show beside the subject."""


class NotAnAddress(ValueError):
    """Only addresses of the web are linked."""


@dataclass(frozen=True, kw_only=True)
class Prose:
    """A paragraph, in lines."""

    kind: ClassVar = "prose"
    lines: tuple[str, ...]

    @property
    def in_one(self) -> str:
        """Chinese sentences are joined without a blank."""
        return _settle(sentences.join(*self.lines))

    def __str__(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True, kw_only=True)
class Quote:
    """What a person wrote, in his own lines."""

    kind: ClassVar = "quote"
    lines: tuple[str, ...]

    @property
    def settled(self) -> list[str]:
        return [_settle(line) for line in self.lines]

    def __str__(self) -> str:
        return "\n".join(f"> {line}" for line in self.lines)


class Copied(Quote):
    """What the reader is to copy: no invisible mark gets into it, so his mail programme may link an address."""

    @property
    def settled(self) -> list[str]:
        return list(self.lines)


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A label and what it is."""

    label: str
    value: str

    @property
    def settled(self) -> str:
        return _settle(self.value)

    def __str__(self) -> str:
        return f"{self.label}: {self.value}"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Facts that follow each other: one table."""

    kind: ClassVar = "facts"
    rows: tuple[Fact, ...]

    def __str__(self) -> str:
        return "\n".join(str(row) for row in self.rows)


@dataclass(frozen=True, kw_only=True)
class Link:
    """What the reader can do next, and where; the first of a mail is its button."""

    kind: ClassVar = "link"
    label: str
    address: str

    def __str__(self) -> str:
        return f"{self.label}: {self.address}"


Part = Prose | Quote | Facts | Link


@dataclass(kw_only=True)
class Draft:
    """What the tags of a template have marked so far, by its mark: their output, which nobody who types can guess."""

    marked: dict[str, Quote | Facts | Link] = field(default_factory=dict)

    def mark(self, part: Quote | Facts | Link) -> str:
        mark = secrets.token_hex()
        self.marked[mark] = part
        return f"\n\n{mark}\n\n"


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What is sent, in both its forms."""

    subject: str
    text: str
    html: str


def write(*, template: str, context: Mapping[str, Any], why: str, subject: str = "") -> Letter:
    """In the language of the moment. `why` tells the reader what makes us write to him, and stands at the foot.

    Without a subject given, the template's first line is it.
    """
    draft = Draft()
    page = cast(Template, get_template(template)).template
    words = page.render(Context({**context, "letter": draft}, autoescape=False)).strip()
    if not subject:
        subject, _line, words = words.partition("\n")
    subject = names.tidy(subject)
    parts = _read_parts(words, draft)
    foot = {"why": names.tidy(why), "support_email": settings.SUPPORT_EMAIL, "support_url": settings.SUPPORT_URL}
    return Letter(subject=subject, text=_write_text(parts, **foot), html=_write_html(parts, subject=subject, **foot))


def make_message(
    letter: Letter, *, to: Sequence[str], mail_id: UUID | None = None, headers: Mapping[str, str] | None = None
) -> EmailMultiAlternatives:
    """Named by its row, so that a mail sent twice after a crash is one to the reader's programme."""
    named = {"Message-ID": f"<{mail_id}@{_mail_domain()}>"} if mail_id else {}
    message = EmailMultiAlternatives(
        subject=letter.subject, body=letter.text, to=list(to), headers=named | dict(headers or {})
    )
    message.attach_alternative(letter.html, "text/html")
    return message


def complete_address(address: str) -> str:
    """A page of ours on the site's own address, or nothing while nobody has told us that; others stay as they are."""
    if address.startswith("/"):
        site = settings.SITE_URL.rstrip("/")
        return f"{site}{address}" if site else ""
    if not address.startswith(("https://", "http://")):
        raise NotAnAddress(address)
    return address


def split_lines(text: str) -> tuple[str, ...]:
    """What a person wrote, without control characters and empty lines."""
    return tuple(filter(None, (names.tidy(line) for line in text.splitlines())))


def _read_parts(words: str, draft: Draft) -> list[Part]:
    parts: list[Part] = []
    for piece in re.split(r"\n\s*\n", words):
        part = draft.marked.get(piece.strip()) or _read_prose(piece)
        before = parts[-1] if parts else None
        if isinstance(part, Facts) and isinstance(before, Facts):
            parts[-1] = Facts(rows=before.rows + part.rows)
        elif part:
            parts.append(part)
    return parts


def _read_prose(piece: str) -> Prose | None:
    lines = split_lines(piece)
    return Prose(lines=lines) if lines else None


def _write_text(parts: Sequence[Part], *, why: str, support_email: str, support_url: str) -> str:
    foot = ["-- ", "InnoPaaS", why]
    if support_email or support_url:
        foot.append(f"{_('Questions?')} {support_email or support_url}")
    return "\n\n".join([*map(str, parts), "\n".join(foot)]) + "\n"


def _write_html(parts: Sequence[Part], *, subject: str, why: str, support_email: str, support_url: str) -> str:
    prose = next((part.in_one for part in parts if isinstance(part, Prose)), "")
    body = _find_end(parts)
    context = {
        "language": "zh-Hans" if (get_language() or "").startswith("zh") else "en",
        "subject": _settle(subject),
        "preview": prose[:_PREVIEW],
        "parts": parts[:body],
        "notes": parts[body:],
        "button": next((part for part in parts if isinstance(part, Link)), None),
        "why": _settle(why),
        "support_email": support_email,
        "support_url": support_url,
    }
    return render_to_string(_FRAME, context)


def _find_end(parts: Sequence[Part]) -> int:
    """Behind the last link stand but notes, if it is prose."""
    links = [place for place, part in enumerate(parts) if isinstance(part, Link)]
    end = links[-1] + 1 if links else len(parts)
    return end if all(isinstance(part, Prose) for part in parts[end:]) else len(parts)


def _settle(text: str) -> str:
    """Amounts stay with their currency, dates in one piece; and nothing looks like an address to the reader's mail
    programme, which would link whatever somebody chose as his name.
    """
    unbroken = _AMOUNT.sub(lambda found: f"{found[1] or ''}\u00a0", text)
    unbroken = _DATE.sub(lambda found: found[0].replace("-", "-\u2060"), unbroken)
    return _ADDRESS_LIKE.sub(lambda found: f"{found[0]}\u200c", unbroken)


def _mail_domain() -> str:
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
