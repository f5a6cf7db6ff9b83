"""What a difference is about, in its reader's language: told from the facts kept of it, whenever it is read."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Final, Protocol

from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from djmoney.money import Money

from payments.closing.measures import Measure
from payments.models import BalanceTransaction, BankLine, Difference
from wallet.money import labelled

Kind = Difference.Kind
Facts = Mapping[str, str]


class Told(Protocol):
    """A difference, found or kept."""

    @property
    def kind(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def facts(self) -> Facts: ...


def tell_subject(difference: Told) -> str:
    """What it is about. What was kept without facts, by an earlier version, stays in the words it was kept in."""
    return _tell(_SUBJECTS, difference, difference.subject)


def tell_detail(difference: Told) -> str:
    """What else is known of it."""
    return _tell(_DETAILS, difference, difference.detail)


def write_down(difference: Told) -> tuple[str, str]:
    """Subject and detail for the record: in the language of the source, whoever draws the day up."""
    with translation.override(None):
        return tell_subject(difference), tell_detail(difference)


def _tell(tellers: "Mapping[str, Callable[[Facts], str]]", difference: Told, kept: str) -> str:
    tell = tellers.get(difference.kind)
    if tell is None or not difference.facts:
        return kept
    return tell(difference.facts) or kept


def _tell_measure(facts: Facts) -> str:
    return str(Measure(facts["measure"]).label)


def _tell_many(facts: Facts) -> str:
    """One alone is called by its own number."""
    return "" if facts["count"] == "1" else _tell_measure(facts)


def _tell_audit(facts: Facts) -> str:
    return _("Audit of %(day)s") % {"day": facts["started_at"]}


def _tell_booked(facts: Facts) -> str:
    return _("the ledger has %(amount)s") % {"amount": labelled(Money(Decimal(facts["booked"]), facts["currency"]))}


def _tell_days(facts: Facts) -> str:
    return _("%(count)s: there on %(there)s, here on %(here)s") % facts


def _tell_gap(facts: Facts) -> str:
    return _("nothing since %(day)s") % {"day": facts["since"]}


def _tell_arrival(facts: Facts) -> str:
    return _("expected at the bank on %(day)s") % {"day": facts["arrival_on"]}


def _tell_line(facts: Facts) -> str:
    return f"{_label(BankLine.Direction.choices, facts['direction'])} {facts['said']}".strip()


def _tell_transaction(facts: Facts) -> str:
    if facts["reason"]:
        why = _label(BalanceTransaction.Reason.choices, facts["reason"])
    else:
        why = _label(BalanceTransaction.Outcome.choices, facts["outcome"])
    return f"{facts['about']}: {why} {facts['said']}".strip()


def _label(choices: Iterable[tuple[str, str | Promise]], code: str) -> str:
    return str(dict(choices).get(code, code))


_SUBJECTS: Final[Mapping[str, Callable[[Facts], str]]] = {
    Kind.OTHER_DAY: _tell_many,
    Kind.SUMS: _tell_measure,
    Kind.AUDIT: _tell_audit,
}
"""All others are called by a number, which is the same in every language."""

_DETAILS: Final[Mapping[str, Callable[[Facts], str]]] = {
    Kind.ORDER_UNPOSTED: _tell_booked,
    Kind.FEE_AT_STRIPE: _tell_booked,
    Kind.NAMED_TRANSACTION: _tell_transaction,
    Kind.PAYOUT_LATE: _tell_arrival,
    Kind.PAYOUT_UNKNOWN: _tell_line,
    Kind.STATEMENT_MISSING: _tell_gap,
    Kind.LINE_UNPOSTED: _tell_line,
    Kind.LINE_WAITING: _tell_line,
    Kind.LINE_TYPED: _tell_line,
    Kind.OTHER_DAY: _tell_days,
}
"""The others keep what Stripe, a bank or the audit said, as they said it."""
