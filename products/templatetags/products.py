"""`{% limits_in organisation_id as limits %}` once, then `{{ person|limited_to:limits }}`: what a member may use.
`{{ amount|exact }}`: with all of its decimals; `{{ top|axis }}`: the same beside a chart, as short as it goes;
`{{ number|grouped }}`: a product number in groups that are read easily and copied as 15 digits.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django import template
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from djmoney.money import Money

from products import access
from products.models import Product
from wallet.models import Member
from wallet.money import MINUS, shown

register = template.Library()


@register.filter
def exact(amount: Money) -> str:
    """`$1.0525`, and `$1.00` where nothing is finer than cents."""
    size = abs(amount)
    finer = f"{size.amount.normalize():f}".partition(".")[2][2:]
    return f"{MINUS if amount.amount < 0 else ''}{shown(size)}{finer}"


@register.filter
def aligned(amount: Money, places: int) -> str:
    """With so many decimals, to stand below others: `$1.0000`."""
    return f"{MINUS if amount.amount < 0 else ''}{shown(abs(amount)).partition('.')[0]}.{_decimals(amount, places)}"


@register.filter
def axis(amount: Money) -> str:
    return exact(amount).removesuffix(".00")


@register.filter
def grouped(number: str) -> str:
    groups = ((number[start : start + 5],) for start in range(0, len(number), 5))
    return format_html_join("", "<span>{}</span>", groups)


@register.simple_tag
def limits_in(organisation_id: UUID) -> Mapping[UUID, Sequence[Product]]:
    return access.limits_in(organisation_id)


@register.filter
def limited_to(person: Member, limits: Mapping[UUID, Sequence[Product]]) -> str:
    """`Only OTP`; empty for whoever is not limited."""
    products = limits.get(person.pk)
    if products is None:
        return ""
    if not products:
        return _("Only the wallet")
    return _("Only %(products)s") % {"products": access.name_all(products)}


def _decimals(amount: Money, places: int) -> str:
    return f"{amount.amount:.{places}f}".partition(".")[2]
