"""The design system on one page, for whoever draws a page of the site; it exists in DEBUG only."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal
from itertools import pairwise
from typing import Final

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from billing.models import State
from innopaas import charts
from products.usage import Day

TOKENS: Final = settings.BASE_DIR / "static" / "css" / "tokens.css"
ICONS: Final = settings.BASE_DIR / "static" / "innopaas" / "icons.svg"

PAIRS: Final[tuple[tuple[str, str, Promise], ...]] = (
    ("ink", "page", _("What is read, on the page")),
    ("ink", "surface", _("What is read, on a card")),
    ("ink", "raised", _("What is read, in an open menu")),
    ("ink", "sunken", _("Rows under the pointer, heads of tables")),
    ("ink", "accent-wash", _("A choice that is chosen")),
    ("ink", "good-wash", _("A message: it is done")),
    ("ink", "warn-wash", _("A message: look here")),
    ("ink", "bad-wash", _("A message: it went wrong")),
    ("ink", "info-wash", _("A message: good to know")),
    ("ink-soft", "page", _("Hints and labels, on the page")),
    ("ink-soft", "surface", _("Hints and labels, on a card")),
    ("ink-soft", "raised", _("Hints and labels, in an open menu")),
    ("ink-soft", "sunken", _("Labels in heads of tables")),
    ("ink-soft", "accent-wash", _("The hint of a choice that is chosen")),
    ("accent", "page", _("Links, on the page")),
    ("accent", "surface", _("Links, and the first thing to do")),
    ("accent", "raised", _("Where one is, in an open menu")),
    ("accent", "sunken", _("Links in a row under the pointer, a quiet button there")),
    ("accent", "good-wash", _("Links in a message: it is done")),
    ("accent", "warn-wash", _("Links in a message: look here")),
    ("accent", "bad-wash", _("Links in a message: it went wrong")),
    ("accent", "info-wash", _("Links in a message: good to know")),
    ("on-accent", "accent", _("Words on the first button")),
    ("on-accent", "accent-strong", _("Words on the first button under the pointer")),
    ("accent-strong", "page", _("Links under the pointer, on the page")),
    ("accent-strong", "surface", _("Links under the pointer, a badge on what is chosen")),
    ("accent-strong", "accent-wash", _("Where one is, what is chosen")),
    ("good", "good-wash", _("Done: paid, credited, accepted")),
    ("warn", "warn-wash", _("Look here: in review, running low")),
    ("bad", "bad-wash", _("Went wrong: failed, rejected")),
    ("info", "info-wash", _("On its way, or good to know")),
    ("bad", "page", _("What cannot be undone, on the page")),
    ("bad", "surface", _("The error below a field")),
    ("bad", "raised", _("What cannot be undone, in an open menu")),
)
"""The text colours with the grounds they stand on, and what each two are for."""

READABLE: Final = Decimal("4.5")
"""The least contrast of text that WCAG 2.2 takes at level AA (1.4.3)."""

_NO_COLOURS: Final = re.compile(r"shadow|inset|radius(-small)?|font|mono|mark-[a-z]+")
"""Names of tokens that hold something else than one colour."""


class Unreadable(Exception):
    """A token's colour is written in another way than #rrggbb, so nothing could be said of its contrast."""


@dataclass(frozen=True)
class Pair:
    """A text colour on a ground, with its contrast in both themes: unrounded, and as it is shown."""

    text: str
    ground: str
    use: Promise
    light: Decimal
    dark: Decimal

    @property
    def shown(self) -> tuple[Decimal, Decimal]:
        return cut(self.light), cut(self.dark)


class SampleForm(forms.Form):
    """Fields as every form of the site draws them."""

    name = forms.CharField(label=_("Name of your organisation"), help_text=_("As it stands on your invoices."))
    email = forms.EmailField(label=_("E-mail address"))
    note = forms.CharField(label=_("Note"), required=False, widget=forms.Textarea(attrs={"rows": 2}))


@login_not_required
def show(request: HttpRequest) -> HttpResponse:
    if not settings.DEBUG:
        raise Http404
    form = SampleForm({"name": "Acme Messaging", "email": "alice"})
    return render(
        request,
        "innopaas/styleguide.html",
        {
            "pairs": compare(TOKENS.read_text()),
            "icons": list_icons(),
            "states": State.values,
            "form": form,
            "dollars": Money("1234.50", "USD"),
            "renminbi": Money("7200.00", "CNY"),
            "used": Money("-52.5", "USD"),
            "chart": charts.draw(_imagine_days()),
        },
    )


def compare(tokens: str) -> list[Pair]:
    """How well each pair can be read, from the style sheet itself."""
    light, dark = read_palettes(tokens)
    return [
        Pair(text=text, ground=ground, use=use, light=contrast(light, text, ground), dark=contrast(dark, text, ground))
        for text, ground, use in PAIRS
    ]


def read_palettes(tokens: str) -> tuple[dict[str, str], dict[str, str]]:
    """Names and colours, light and dark; what dark does not name again stays as it is. Raises Unreadable."""
    light, dark = (dict(_colours(part)) for part in tokens.split("@media screen and (prefers-color-scheme: dark)"))
    return light, light | dark


def contrast(palette: dict[str, str], text: str, ground: str) -> Decimal:
    """The ratio of WCAG 2.2, unrounded: from 1 to 21."""
    darker, lighter = sorted((_luminance(palette[text]), _luminance(palette[ground])))
    return (lighter + Decimal("0.05")) / (darker + Decimal("0.05"))


def cut(ratio: Decimal) -> Decimal:
    """To one place, and never up: what falls short of 4.5 is not shown as 4.5."""
    return ratio.quantize(Decimal("0.1"), rounding=ROUND_DOWN)


def list_icons() -> list[str]:
    """The names of the drawings."""
    return re.findall(r'<symbol id="([a-z]+)"', ICONS.read_text())


def _imagine_days() -> list[Day]:
    """Two weeks in which a balance was used and filled again."""
    days, balance = [], Decimal(400)
    for number in range(14):
        spent, credited = Decimal(20 + number * 7 % 25), Decimal(300) if number == 8 else Decimal()
        balance += credited - spent
        days.append(
            Day(
                day=date(2026, 7, 1 + number),
                spent=Money(spent, "USD"),
                credited=Money(credited, "USD"),
                closing=Money(balance, "USD"),
                charge_count=number + 1,
            )
        )
    return days


def _colours(part: str) -> Iterator[tuple[str, str]]:
    for name, value in re.findall(r"--([\w-]+):\s*([^;}]+)", re.sub(r"/\*.*?\*/", "", part, flags=re.DOTALL)):
        if _NO_COLOURS.fullmatch(name):
            continue
        if not (colour := re.fullmatch(r"#([0-9a-f]{6})", value.strip(), re.IGNORECASE)):
            raise Unreadable(name, value)
        yield name, colour[1].lower()


def _luminance(colour: str) -> Decimal:
    """As WCAG 2.2 defines it."""
    red, green, blue = (_linear(int(colour[start:end], 16)) for start, end in pairwise((0, 2, 4, 6)))
    return Decimal("0.2126") * red + Decimal("0.7152") * green + Decimal("0.0722") * blue


def _linear(channel: int) -> Decimal:
    share = Decimal(channel) / 255
    if share <= Decimal("0.04045"):
        return share / Decimal("12.92")
    return ((share + Decimal("0.055")) / Decimal("1.055")) ** Decimal("2.4")
