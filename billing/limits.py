"""The range a top-up must lie in, told before anybody types and checked before anybody pays."""

from django.utils.translation import gettext as _
from djmoney.money import Money

from billing.models import Method, TopUpLimit
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
