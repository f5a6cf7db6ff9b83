"""Some of a day's differences: by kind, method, currency, owner, how they stand, or a text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import models
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from billing.models import Method
from payments.closing.measures import Measure
from payments.models import DayClose, Difference

Kind = Difference.Kind
NOBODY: Final = "nobody"
"""As an owner: nobody looks after it."""


class Standing(models.TextChoices):
    """How far people have come with a difference."""

    UNEXPLAINED = "UNEXPLAINED", _("Needs an owner and a note")
    EXPLAINED = "EXPLAINED", _("Explained")
    TIMING = "TIMING", _("Timing")
    GONE = "GONE", _("Gone again")


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What is looked for; an empty text leaves that out. Without a standing it is all that still does not agree."""

    kind: str = ""
    method: str = ""
    currency: str = ""
    owner: str = ""
    """The id of a person, or `NOBODY`."""
    standing: str = ""
    q: str = ""


def choose(close: DayClose, selection: Selection) -> QuerySet[Difference]:
    """The differences of a day that fit, those that are more than timing first."""
    found = _of_standing(close.differences.all(), selection.standing)
    if selection.kind:
        found = found.filter(kind=selection.kind)
    if selection.method:
        found = found.filter(_of_method(selection.method))
    if selection.currency:
        found = found.filter(amount_currency=selection.currency)
    if selection.owner:
        found = found.filter(Q(owner=None) if selection.owner == NOBODY else Q(owner=selection.owner))
    for word in selection.q.split():
        found = found.filter(_with_word(word))
    return found.select_related("owner", "order").order_by("is_timing", "kind", "subject", "key")


def _of_standing(found: QuerySet[Difference], standing: str) -> QuerySet[Difference]:
    open_ = found.filter(gone_at__isnull=True)
    named = ~Q(owner=None) & ~Q(note="")
    match standing:
        case Standing.UNEXPLAINED:
            return open_.filter(~named, is_timing=False)
        case Standing.EXPLAINED:
            return open_.filter(named)
        case Standing.TIMING:
            return open_.filter(is_timing=True)
        case Standing.GONE:
            return found.filter(gone_at__isnull=False)
    return open_


def _of_method(method: str) -> Q:
    """By its order where it has one, by its sums where they say it, else by the side that its kind is of."""
    measures = [measure for measure, of in _MEASURES.items() if of == method]
    by_kind = Q(order=None, kind__in=_KINDS.get(method, ()))
    return Q(order__method=method) | by_kind | Q(order=None, facts__measure__in=measures)


def _with_word(word: str) -> Q:
    fields = ("subject", "detail", "note", "key", "owner__name", "owner__email")
    return Q(*((f"{field}__icontains", word) for field in fields), _connector=Q.OR)


_MEASURES: Final[Mapping[str, str]] = {
    Measure.CARD: Method.CARD,
    Measure.CARD_REFUNDS: Method.CARD,
    Measure.DISPUTES: Method.CARD,
    Measure.STRIPE_FEES: Method.CARD,
    Measure.OTHER_STRIPE: Method.CARD,
    Measure.PAYOUTS: Method.CARD,
    Measure.AT_STRIPE: Method.CARD,
    Measure.OFFLINE: Method.OFFLINE,
    Measure.BANK_REFUNDS: Method.OFFLINE,
    Measure.OTHER_BANK: Method.OFFLINE,
    Measure.BALANCE: Method.BALANCE,
}

_KINDS: Final[Mapping[str, Sequence[str]]] = {
    Method.CARD: (
        *(Kind.PAYMENT_UNKNOWN_THERE, Kind.CHARGE_UNKNOWN_HERE, Kind.CHARGE_HELD, Kind.CHARGE_GIVEN_BACK),
        Kind.REFUND_UNKNOWN_THERE,
        *(Kind.NAMED_TRANSACTION, Kind.FEE_AT_STRIPE, Kind.PAYOUT_LATE, Kind.PAYOUT_FAILED, Kind.PAYOUT_UNKNOWN),
    ),
    Method.OFFLINE: (
        *(Kind.STATEMENT_MISSING, Kind.LINE_UNPOSTED, Kind.LINE_WAITING, Kind.LINE_TYPED, Kind.BANK_REFUND),
        Kind.SENT_BACK,
    ),
}
