"""What a rule of auto-fill says, and what it must say so that it can ever move something."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from djmoney.money import Money

from billing import limits
from billing.models import AutoFill, Method, TopUpLimit
from products import catalogue
from products.models import Product
from wallet.money import round_up, shown


class TermsRefused(ValueError):
    """A rule cannot stand like this; `field` is what to change, the message says how."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a rule says. Either `amount` or `fill_to` is given."""

    threshold: Money
    amount: Money | None = None
    fill_to: Money | None = None
    floor: Money
    daily_cap: Money

    def wanted(self, balance: Money) -> Money:
        """What a balance below the threshold is filled with; nothing above it. The target is reached, not nearly."""
        if balance >= self.threshold:
            return Money(0, self.threshold.currency)
        return self.amount if self.amount is not None else round_up(self._fill_to - balance)

    @property
    def smallest(self) -> Money:
        """The least it may ever want to move."""
        return self.amount if self.amount is not None else self._fill_to - self.threshold

    @property
    def largest(self) -> Money:
        """The most it may ever want to move at a time: into an empty balance."""
        return self.amount if self.amount is not None else self._fill_to

    @property
    def _fill_to(self) -> Money:
        if self.fill_to is None:
            raise ValueError("Neither an amount nor a target is given.")
        return self.fill_to


def read_terms(rule: AutoFill) -> Terms:
    currency = rule.threshold.currency
    return Terms(
        threshold=rule.threshold,
        amount=Money(rule.amount, currency) if rule.amount is not None else None,
        fill_to=Money(rule.fill_to, currency) if rule.fill_to is not None else None,
        floor=Money(rule.floor, currency),
        daily_cap=Money(rule.daily_cap, currency),
    )


def check(terms: Terms, *, product: Product) -> None:
    """Raise `TermsRefused` for a rule that could never move anything, and `catalogue.NotOffered`."""
    catalogue.find_offered(product.code)
    field = "fill_to" if terms.amount is None else "amount"
    try:
        least = smallest_move(product)
    except TopUpLimit.DoesNotExist as error:
        raise TermsRefused(
            field, _("Money cannot be moved from the wallet at the moment. Try again later, or contact our team.")
        ) from error
    if terms.fill_to is not None and terms.fill_to <= terms.threshold:
        raise TermsRefused("fill_to", _("Fill up to more than the threshold."))
    if terms.smallest < least:
        if field == "amount":
            raise TermsRefused(field, _("The smallest move is %(amount)s.") % {"amount": shown(least)})
        raise TermsRefused(
            field,
            _("Fill up to %(amount)s or more: the smallest move is %(least)s.")
            % {"amount": shown(terms.threshold + least), "least": shown(least)},
        )
    try:
        _check_limits(terms.largest, product)
    except limits.OutsideLimits as error:
        raise TermsRefused(field, str(error)) from error
    if terms.daily_cap < terms.smallest:
        enough = {"amount": shown(terms.smallest)}
        raise TermsRefused("daily_cap", _("One move takes %(amount)s already: allow that much a day.") % enough)


def smallest_move(product: Product) -> Money:
    """The least that may be moved from the wallet into the product at a time. Raises `TopUpLimit.DoesNotExist`."""
    least = limits.limit_for(method=Method.BALANCE, currency=product.currency).lowest
    return max(least, product.money(product.smallest_top_up or 0))


def _check_limits(amount: Money, product: Product) -> None:
    limits.check(method=Method.BALANCE, amount=amount)
    limits.check_product(product, credited=amount)
