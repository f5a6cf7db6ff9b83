"""The Chinese texts: which strings are marked for translation, and which have none. Needs no gettext program."""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation import gettext_noop, ngettext_lazy
from django.utils.translation.template import templatize

APPS = ("wallet", "products", "billing", "payments", "innopaas")
CHINESE = Path("locale") / "zh_Hans" / "LC_MESSAGES" / "django.po"
ENGLISH = Path("locale") / "en" / "LC_MESSAGES" / "django.po"

BORROWED = (
    gettext_noop("Add"),
    gettext_noop("Change Email"),
    gettext_noop("Confirm Email Address"),
    gettext_noop("Enter a valid email address."),
    gettext_noop("You have confirmed %(email)s."),
    gettext_noop("Confirmation email sent to %(email)s."),
    gettext_noop("Unable to confirm %(email)s because it is already confirmed by a different account."),
    gettext_noop("The email address is not assigned to any user account."),
    gettext_noop("Your email has been confirmed."),
    gettext_noop(
        'Please confirm that <a href="mailto:%(email)s">%(email)s</a> is an email address for user %(user_display)s.'
    ),
    gettext_noop(
        "This email confirmation link expired or is invalid. "
        'Please <a href="%(email_url)s">issue a new email confirmation request</a>.'
    ),
    gettext_noop("Your old password was entered incorrectly. Please enter it again."),
    ngettext_lazy(
        "Your password must contain at least %(min_length)d character.",
        "Your password must contain at least %(min_length)d characters.",
        "min_length",
    ),
    gettext_noop("Your password can’t be too similar to your other personal information."),
    gettext_noop("Your password can’t be a commonly used password."),
    gettext_noop("Your password can’t be entirely numeric."),
    gettext_noop("Use your password"),
    gettext_noop("Enter your password:"),
    gettext_noop("Code"),
    gettext_noop("Recovery codes"),
    gettext_noop("Download"),
    gettext_noop("Passkey"),
    gettext_noop("View %s"),
)
"""Texts of Django and allauth that customers read, and whose Chinese is ours: one word for one thing, and 您.

So is that of every text in locale/en, which says theirs as ours are said.
"""

_KEYWORDS = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop")),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}
_PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w+\}")


def collect(*, root: Path) -> Catalog:
    """Every marked string of the sources and templates below `root`, and what is said anew in English, with the files
    it stands in.
    """
    found = Catalog(project="InnoPaaS Top-up", charset="utf-8", fuzzy=False)
    for path, source in _read_sources(root):
        for _line, message, _comments, context in extract("python", BytesIO(source.encode()), keywords=_KEYWORDS):
            found.add(message, context=context, locations=[(str(path.relative_to(root)), 1)])
    for said in _list_messages(read(root / ENGLISH, locale="en")):
        found.add(said.id, locations=[(str(ENGLISH), 1)])
    return found


def read(path: Path, *, locale: str = "zh_Hans") -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=locale)


def renew(*, found: Catalog, old: Catalog, given: list[Catalog]) -> Catalog:
    """The strings in `found`, each with its translation from `old`, else from the first of `given` that has one."""
    new = Catalog(
        locale="zh_Hans",
        project="InnoPaaS Top-up",
        header_comment="# Chinese texts. `manage.py translations` adds new strings and drops unused ones.",
        creation_date=old.creation_date,
        revision_date=old.creation_date,
        last_translator="InnoPaaS",
        language_team="InnoPaaS",
        version="1",
        msgid_bugs_address="-",
        fuzzy=False,
    )
    for message in _list_messages(found):
        known = (catalog.get(message.id, message.context) for catalog in (old, *given))
        strings = [one.string for one in known if one and _is_complete(one)]
        new.add(message.id, strings[0] if strings else None, message.locations, context=message.context)
    return new


def write(catalog: Catalog, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalog, width=110, sort_output=True, ignore_obsolete=True, include_lineno=False)


def find_gaps(*, found: Catalog, translated: Catalog) -> list[str]:
    """One sentence for every string that is missing, untranslated, or has lost or gained a placeholder."""
    return [
        f"{why}: {message.id!r} ({', '.join(sorted({place for place, _ in message.locations}))})"
        for message in _list_messages(found)
        if (why := _find_fault(translated.get(message.id, message.context)))
    ]


def _find_fault(message: Message | None) -> str | None:
    if message is None:
        return "missing"
    if not _is_complete(message):
        return "not translated"
    original = message.id if isinstance(message.id, str) else message.id[-1]
    strings = [message.string] if isinstance(message.string, str) else list(message.string or ())
    if any(set(_PLACEHOLDER.findall(string)) != set(_PLACEHOLDER.findall(original)) for string in strings):
        return "other placeholders"
    return None


def _is_complete(message: Message) -> bool:
    strings = [message.string] if isinstance(message.string, str) else message.string
    return bool(strings) and all(strings or ()) and not message.fuzzy


def _list_messages(catalog: Catalog) -> Iterator[Message]:
    return (message for message in catalog if message.id)


def _read_sources(root: Path) -> Iterator[tuple[Path, str]]:
    """Python as it is, templates as Python: a template's marks become calls, one line each, the rest is blanked."""
    for app in APPS:
        for path in sorted((root / app).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path, path.read_text(encoding="utf-8")
    for folder in ("templates", *(f"{app}/templates" for app in APPS)):
        for path in sorted((root / folder).rglob("*.*")):
            calls = templatize(path.read_text(encoding="utf-8"), origin=str(path))
            yield path, "\n".join(line.strip() for line in calls.splitlines())


def find_chinese() -> Path:
    return Path(settings.BASE_DIR) / CHINESE
