"""The range a top-up must lie in, told before anybody types and checked before anybody pays."""

from django.utils.translation import gettext as _
from djmoney.money import Money

from billing.models import Method, TopUpLimit
from products.models import Product
from wallet.money import shown


class OutsideLimits(ValueError):
    """The amount is too small or too large; the message says what is possible."""


def limit_for(*, method: Method, currency: str) -> TopUpLimit:
    """Raise `TopUpLimit.DoesNotExist` when nobody may top up by this method in this currency."""
    return TopUpLimit.objects.get(method=method, currency=currency)


def check(*, method: Method, amount: Money) -> None:
    limit = limit_for(method=method, currency=amount.currency.code)
    if amount < limit.lowest:
        raise OutsideLimits(_("The smallest top-up is %(amount)s.") % {"amount": shown(limit.lowest)})
    if amount > limit.highest:
        raise OutsideLimits(
            _("The largest single top-up is %(amount)s. For more, top up again or contact our team.")
            % {"amount": shown(limit.highest)}
        )


def check_product(product: Product, *, credited: Money) -> None:
    """The product's own range, if it has one, of what would be credited."""
    if product.smallest_top_up is not None and credited.amount < product.smallest_top_up:
        raise OutsideLimits(
            _("%(product)s is topped up by at least %(amount)s.")
            % {"product": product.title, "amount": shown(product.money(product.smallest_top_up))}
        )
    if product.largest_top_up is not None and credited.amount > product.largest_top_up:
        raise OutsideLimits(
            _("%(product)s is topped up by at most %(amount)s at a time.")
            % {"product": product.title, "amount": shown(product.money(product.largest_top_up))}
        )


def tell_product(product: Product) -> str:
    """The product's own range as a sentence, to be read before anybody types; empty when it has none."""
    bounds = {"smallest": product.smallest_top_up, "largest": product.largest_top_up}
    known = {name: shown(product.money(bound)) for name, bound in bounds.items() if bound is not None}
    facts = known | {"product": product.title}
    match sorted(known):
        case ["largest", "smallest"]:
            return _("%(product)s takes at least %(smallest)s and at most %(largest)s at a time.") % facts
        case ["smallest"]:
            return _("%(product)s takes at least %(smallest)s at a time.") % facts
        case ["largest"]:
            return _("%(product)s takes at most %(largest)s at a time.") % facts
        case _:
            return ""
