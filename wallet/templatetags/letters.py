"""What a mail's words mark: `{% fact _("Order") order.number %}`, a line of its table; `{% link _("Top up") page %}`, a
page to go to; `{% quote reason %}`, what a person wrote; `{% copied address %}`, the same, to be copied as it is. They
work where `wallet.letters` writes, nowhere else. `{{ reason|one_line }}`: what a person wrote, within a sentence.
"""

from datetime import date, datetime
from typing import Any, cast

from django import template
from django.template import Context
from django.utils.formats import date_format
from djmoney.money import Money

from wallet import letters, names, zones
from wallet.money import labelled

register = template.Library()


@register.simple_tag(takes_context=True)
def fact(context: Context, label: str, value: Any) -> str:
    """Nothing where there is none; amounts with their currency, times in the reader's zone."""
    shown = "" if value is None else names.tidy(_show(value))
    row = letters.Fact(label=names.tidy(label), value=shown)
    return _draft(context).mark(letters.Facts(rows=(row,))) if shown else ""


@register.simple_tag(takes_context=True)
def link(context: Context, label: str, address: str) -> str:
    """A path of the site, or a whole address; nothing while the site's own address is unknown."""
    whole = letters.complete_address(address) if address else ""
    return _draft(context).mark(letters.Link(label=label, address=whole)) if whole else ""


@register.simple_tag(takes_context=True)
def quote(context: Context, text: str) -> str:
    lines = letters.split_lines(text)
    return _draft(context).mark(letters.Quote(lines=lines)) if lines else ""


@register.simple_tag(takes_context=True)
def copied(context: Context, text: str) -> str:
    """Only of what its readers' own organisation entered and a form has checked: see `letters.Copied`."""
    lines = letters.split_lines(text)
    return _draft(context).mark(letters.Copied(lines=lines)) if lines else ""


@register.filter
def one_line(text: str) -> str:
    """What a person wrote, within a sentence of ours."""
    return names.tidy(text)


def _draft(context: Context) -> letters.Draft:
    return cast(letters.Draft, context["letter"])


def _show(value: Any) -> str:
    if isinstance(value, Money):
        return labelled(value)
    if isinstance(value, datetime):
        return zones.tell(value)
    if isinstance(value, date):
        return date_format(value, "Y-m-d")
    return str(value)
