"""The situation of an order that is paid by card, on Stripe's page."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from billing.explanations.situations import ENDED_BY_TEAM, Explanation, reason_of_team
from billing.models import Flag, Note, Order, State

WAITING = Explanation(
    tone="info",
    title=_("Waiting for your payment"),
    why=_("Nothing has been charged as far as we know."),
    next_step=_("Continue to payment. If you have paid already, it will be credited: do not pay again."),
    may_continue=True,
    may_cancel=True,
)
CONFIRMING = Explanation(
    tone="info",
    title=_("Waiting for Stripe's confirmation"),
    why=_("You have just come back from Stripe's page."),
    next_step=_("This page refreshes itself. If you paid, it will be credited: please do not pay again."),
)
"""For whoever Stripe sent back as having paid, until Stripe itself has said so."""

CAME_BACK_UNPAID = Explanation(
    tone="info",
    title=_("Not paid yet"),
    why=_("You came back without paying. Nothing was charged."),
    next_step=_("Continue to payment, or cancel this order."),
    may_continue=True,
    may_cancel=True,
)
_DECLINED = Explanation(
    tone="warn",
    title=_("The card was declined"),
    why="",
    next_step=_("Continue to payment with another card, or cancel this order."),
    may_continue=True,
    may_cancel=True,
)

REFUSED = Explanation(
    tone="warn",
    title=_("The payment could not be started"),
    why=_("Stripe refused to start it. Nothing was charged, and our team has been told."),
    next_step=_("Try again later, cancel this order, or contact our team."),
    may_continue=True,
    may_cancel=True,
)
CANCELLING = Explanation(
    tone="info",
    title=_("Being cancelled"),
    why=_("We are waiting for Stripe to confirm that nothing was paid."),
    next_step=_("You need not do anything. Should it have been paid meanwhile, it will be credited."),
)
CLOSING = Explanation(
    tone="info",
    title=_("The time to pay is over"),
    why=_("Before this order ends we ask Stripe whether it was paid. If you paid, it will be credited."),
    next_step=_("You need not do anything. If you have not paid, you can start a new top-up."),
    may_start_again=True,
)
BEING_CHECKED = Explanation(
    tone="warn",
    title=_("Being checked by our team"),
    why=_("What Stripe reports about this payment does not agree with the order, so a person looks at it."),
    next_step=_("You need not do anything. Please do not pay again; no money is lost."),
)
NOT_FOUND_OUT = replace(
    BEING_CHECKED, why=_("We cannot find out at Stripe what became of this payment, so a person looks.")
)
SENT_BACK = Explanation(
    tone="info",
    title=_("Sent back to your card"),
    why=_("What was paid did not fit this order, so our team sent it back. Nothing was credited."),
    next_step=_("Banks show it within 5 to 10 days. You can start a new top-up whenever you like."),
    may_start_again=True,
)
PROCESSING = Explanation(
    tone="info",
    title=_("Your bank is processing the payment"),
    why=_("Some ways to pay take a few days until the bank has confirmed them."),
    next_step=_("You need not do anything. It is credited as soon as it is confirmed; please do not pay again."),
)
PAID = Explanation(
    tone="success",
    title=_("Paid and credited"),
    why=_("Stripe confirmed the payment and the money is in your balance."),
    next_step=_("The receipt is ready."),
)
PAID_LATE = Explanation(
    tone="success",
    title=_("Paid and credited"),
    why=_("The payment arrived after this order had ended. It was credited all the same."),
    next_step=_("If you did not want it any more, contact our team."),
)
PAID_AGAIN = Explanation(
    tone="success",
    title=_("A further payment, credited"),
    why=_("An order before this one was paid more than once. The further payment was credited as this order."),
    next_step=_("If you did not want it, contact our team."),
)
_ENDINGS = MappingProxyType(
    {
        State.IN_REVIEW: PROCESSING,
        State.PAID: PAID,
        State.FAILED: Explanation(
            tone="error",
            title=_("The payment failed"),
            why=_("The bank refused the payment. Nothing was charged."),
            next_step=_("Start a new top-up with another card, or ask your bank."),
            may_start_again=True,
        ),
        State.EXPIRED: Explanation(
            tone="info",
            title=_("Not paid in time"),
            why=_("The time to pay is over, and Stripe confirmed that nothing was charged."),
            next_step=_("Start a new top-up whenever you like."),
            may_start_again=True,
        ),
        State.CANCELLED: Explanation(
            tone="info",
            title=_("Cancelled"),
            why=_("This order was cancelled, and Stripe confirmed that nothing was charged."),
            next_step=_("Start a new top-up whenever you like."),
            may_start_again=True,
        ),
        State.REJECTED: Explanation(
            tone="error",
            title=_("Not accepted"),
            why=_("Our finance team could not accept this payment; the reason stands in the timeline."),
            next_step=_("Contact our team if you do not agree."),
            may_start_again=True,
        ),
    }
)

_DISAGREEMENTS = frozenset(
    {
        Flag.Reason.WRONG_AMOUNT,
        Flag.Reason.NOTHING_HELD,
        Flag.Reason.WRONG_CURRENCY,
        Flag.Reason.WRONG_ORDER,
        Flag.Reason.WRONG_MODE,
        Flag.Reason.UNKNOWN_STATUS,
    }
)
_SILENCES = frozenset({Flag.Reason.UNREADABLE, Flag.Reason.NO_SUCH_SESSION})


def explain(order: Order, *, now: datetime) -> Explanation:
    if order.state == State.PAID:
        return _explain_paid(order)
    if order.state == State.FAILED and (reason := reason_of_team(order)):
        return replace(ENDED_BY_TEAM, why=reason)
    flags = [flag for flag in order.flags.all() if flag.resolved_at is None]
    if doubt := _explain_doubt(order, flags):
        return doubt
    if order.state == State.PENDING:
        is_refused = any(flag.reason == Flag.Reason.REFUSED_BY_STRIPE for flag in flags)
        return _explain_pending(order, otherwise=REFUSED if is_refused else WAITING, now=now)
    return _ENDINGS[State(order.state)]


def explain_declined(reason: str) -> Explanation:
    """For whoever came back after Stripe, or the bank, had refused the card; he may try another."""
    return replace(_DECLINED, why=format_lazy(_("Stripe says: {reason} Nothing was charged."), reason=_ended(reason)))


def explain_silence(explanation: Explanation) -> Explanation:
    """The same situation while Stripe does not answer: what may be done stays, what is known does not."""
    return replace(
        explanation,
        tone="warn",
        title=_("Stripe cannot be reached at the moment"),
        why=_("We could not ask Stripe just now."),
        next_step=_("If you paid, it will be credited: do not pay again. We ask Stripe every minute."),
    )


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?", "。")) else f"{sentence}."


def _explain_doubt(order: Order, flags: Sequence[Flag]) -> Explanation | None:
    """What is said of money whose facts did not agree, or that nobody can find out about; None of any other."""
    if _is_sent_back(order, flags):
        return SENT_BACK
    if any(flag.reason in _DISAGREEMENTS for flag in flags):
        return BEING_CHECKED
    return NOT_FOUND_OUT if any(flag.reason in _SILENCES for flag in flags) else None


def _is_sent_back(order: Order, flags: Sequence[Flag]) -> bool:
    """Whether Stripe sends back what did not fit, and has not said since that it failed; what is in doubt about how it
    came stays with our team.
    """
    last = max(order.events.all(), key=lambda event: event.pk, default=None)
    has_failed = any(flag.reason == Flag.Reason.REFUND_MISMATCH for flag in flags)
    return last is not None and last.note == Note.SENT_BACK and not has_failed


def _explain_paid(order: Order) -> Explanation:
    if order.follows_id:
        return PAID_AGAIN
    if any(flag.reason == Flag.Reason.LATE_MONEY for flag in order.flags.all()):
        return PAID_LATE
    return PAID


def _explain_pending(order: Order, *, otherwise: Explanation, now: datetime) -> Explanation:
    payments = list(order.payments.all())
    if any(payment.is_being_checked for payment in payments):
        return BEING_CHECKED
    if any(payment.cancel_wished_by for payment in payments):
        return CANCELLING
    if not order.may_be_continued(now=now) or not any(payment.awaits_its_customer for payment in payments):
        return CLOSING
    return otherwise
