"""The situation of an order that is paid by bank transfer: where it stands, and until when it usually takes."""

from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from billing.explanations.received import received
from billing.explanations.situations import ENDED_BY_TEAM, Explanation, reason_of_team
from billing.models import CREDITING, Note, Order, OrderEvent, State
from wallet import zones
from wallet.calendar import business_date
from wallet.money import labelled

_ON_STATEMENT = "STATEMENT"
"""What `payments` calls a finding that rests on the bank's own statement."""

_SHEET = _("Bank details")
_SEE = _("See the transfer")
_STAYS = _("Money that still arrives with this reference is credited all the same.")

_WAITING = Explanation(
    tone="info",
    title=_("Waiting for your transfer"),
    why="",
    next_step=_("Transfer the amount with its reference to the account on the bank sheet, then say “I have paid”."),
    may_continue=True,
    may_cancel=True,
    go_on=_SHEET,
)
_TIME_IS_OVER = replace(
    _WAITING,
    tone="warn",
    title=_("The time to pay is over"),
    why=_STAYS,
    next_step=_("If you have transferred the money, say “I have paid” now. If not, you need not do anything."),
)
_IN_REVIEW = Explanation(
    tone="info",
    title=_("In review by our finance team"),
    why="",
    next_step=_("You need not do anything. Until somebody works on it you may correct what you told us, or cancel."),
    may_continue=True,
    may_cancel=True,
    go_on=_SEE,
)
_OVERDUE = replace(
    _IN_REVIEW,
    tone="warn",
    title=_("This takes longer than it should"),
    next_step=_("We are sorry. Contact our team if you need the money soon; it is not lost."),
)
_WORKED_ON = Explanation(
    tone="info",
    title=_("Being worked on by our finance team"),
    why=_("Somebody is comparing your transfer with our bank account right now."),
    next_step=_("You need not do anything. What you told us cannot be changed meanwhile."),
    go_on=_SEE,
)
_FOUND = Explanation(
    tone="info",
    title=_("Found at the bank"),
    why=_("Our finance team has found the transfer and is about to approve it."),
    next_step=_("You need not do anything. It is credited as soon as it is approved."),
    go_on=_SEE,
)
_NOTED = replace(
    _FOUND,
    title=_("Being checked by a second person"),
    why=_("One of our finance team has noted what should have arrived; another compares it with our bank account."),
)
_PART_ARRIVED = replace(
    _IN_REVIEW,
    tone="warn",
    title=_("A part of the money arrived"),
    next_step=_("Transfer the rest with the same reference, or contact our team to have credited what arrived."),
    may_cancel=False,
    wants_more=True,
)
_REJECTED = Explanation(
    tone="error",
    title=_("Not accepted: please correct it"),
    why="",
    next_step=_("Correct what is wrong and submit it again; order and reference stay the same. Or cancel this order."),
    may_continue=True,
    may_cancel=True,
    go_on=_("Correct and submit again"),
)
_PAID = Explanation(
    tone="success",
    title=_("Paid and credited"),
    why=_("Our finance team found the transfer at the bank, and the money is in your balance."),
    next_step=_("The receipt is ready."),
)
_PAID_HOW = MappingProxyType(
    {
        Note.TRANSFER_OVER: replace(
            _PAID,
            why=_("More than asked for arrived. This order was credited in full, the rest as an order of its own."),
            next_step=_("Both receipts are ready. If you did not want the rest, contact our team."),
        ),
        Note.PAID_LATE: replace(
            _PAID,
            why=_("The transfer arrived after this order had ended. It was credited all the same."),
            next_step=_("If you did not want it any more, contact our team."),
        ),
        Note.EXTRA_MONEY: replace(
            _PAID,
            title=_("Further money, credited"),
            why=_("More money arrived for an order before this one. It was credited as this order."),
            next_step=_("If you did not want it, contact our team."),
        ),
        Note.ASSIGNED: replace(
            _PAID,
            title=_("A transfer without an order, credited"),
            why=_("This money arrived without a reference that fits. We found out that it is yours and credited it."),
            next_step=_("If it is not yours, contact our team."),
        ),
    }
)
_ENDINGS = MappingProxyType(
    {
        State.EXPIRED: Explanation(
            tone="info",
            title=_("Not paid in time"),
            why=_STAYS,
            next_step=_("If you have paid, you need not do anything. Start a new top-up whenever you like."),
            may_start_again=True,
        ),
        State.CANCELLED: Explanation(
            tone="info",
            title=_("Cancelled"),
            why=_STAYS,
            next_step=_("Start a new top-up whenever you like."),
            may_start_again=True,
        ),
        State.FAILED: replace(ENDED_BY_TEAM, why=_STAYS),
    }
)
_DOUBTED = Explanation(
    tone="warn",
    title=_("Being checked by our team"),
    why=_("A bank has raised a question about this payment."),
    next_step=_("Contact our team if you have a question."),
)


def explain(order: Order, *, now: datetime) -> Explanation:
    transfer = getattr(order, "transfer", None)  # lies one layer up; the relation is data
    match State(order.state):
        case State.PAID:
            return _explain_paid(order, transfer)
        case State.REJECTED:
            last = _last(order, Note.NOT_ACCEPTED)
            return replace(_REJECTED, why=last.detail if last else "")
        case State.FAILED if reason := reason_of_team(order):
            return replace(ENDED_BY_TEAM, why=reason)
        case State.PENDING | State.IN_REVIEW if transfer:
            return _explain_open(order, transfer, now=now)
    return _ENDINGS.get(State(order.state), _DOUBTED)


def _explain_open(order: Order, transfer: Any, *, now: datetime) -> Explanation:
    if transfer.is_taken(now=now):
        return _WORKED_ON
    if finding := next((finding for finding in transfer.findings.all() if finding.is_open), None):
        return _FOUND if finding.evidence == _ON_STATEMENT else _NOTED
    if part := _last(order, Note.PART_ARRIVED):
        return replace(_PART_ARRIVED, why=_say(_("Arrived so far: %(part)s. It is kept safe."), part=part.detail))
    if order.state == State.PENDING:
        return _explain_pending(order, now=now)
    return _explain_review(transfer, now=now)


def _explain_pending(order: Order, *, now: datetime) -> Explanation:
    if now >= order.deadline_at:
        return _TIME_IS_OVER
    until = _say(_("We wait for it until %(at)s."), at=_moment(order.deadline_at))
    if order.rate_until and business_date(now) > business_date(order.rate_until):
        until += " " + gettext("The quoted rate has ended; the rate of the day on which the money arrives will count.")
    return replace(_WAITING, why=until)


def _explain_review(transfer: Any, *, now: datetime) -> Explanation:
    said = {"since": _span(now - transfer.declared_at), "at": _moment(transfer.expected_by)}
    if now > transfer.expected_by:
        return replace(_OVERDUE, why=_say(_("In review for %(since)s; it should have been done by %(at)s."), **said))
    return replace(
        _IN_REVIEW,
        why=_say(_("In review for %(since)s, usually within one working day: by %(at)s."), **said),
    )


def _explain_paid(order: Order, transfer: Any) -> Explanation:
    credit = max((event for event in order.events.all() if event.note in CREDITING), key=_age, default=None)
    note = Note(credit.note) if credit else Note.TRANSFER_PAID
    if note == Note.TRANSFER_SHORT and transfer:
        return replace(
            _PAID,
            why=_say(
                _("%(arrived)s arrived of %(asked)s. What arrived was credited."),
                arrived=labelled(received(order)),
                asked=labelled(transfer.amount),
            ),
            next_step=_("If you transfer the rest, it is credited as an order of its own."),
        )
    return _PAID_HOW.get(note, _PAID)


def _last(order: Order, note: Note) -> OrderEvent | None:
    return max((event for event in order.events.all() if event.note == note), key=_age, default=None)


def _age(event: OrderEvent) -> Any:
    return event.pk


def _say(sentence: str | Promise, **values: str) -> str:
    return str(sentence) % values


def _moment(at: datetime) -> str:
    return zones.tell(at)


def _span(length: timedelta) -> str:
    """`20 min`, `3 h`, `2 days`."""
    minutes = max(0, int(length.total_seconds() // 60))
    if minutes < 60:
        return gettext("%(number)d min") % {"number": minutes}
    if minutes < 48 * 60:
        return gettext("%(number)d h") % {"number": minutes // 60}
    days = minutes // (24 * 60)
    return ngettext("%(number)d day", "%(number)d days", days) % {"number": days}
