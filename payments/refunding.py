"""What becomes of refunds at Stripe: an event about one is a hint, what Stripe then answers is true, and is booked.

That holds for the refunds we asked for (card_refunds.py) and for those made in Stripe's dashboard. Locks: payment, card
refund, order, refund, account.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_noop

from billing import flags, refunds
from billing.models import Flag, Order, Refund
from payments import checkout, settlement, stripe_api
from payments.models import CardRefund, InboxEvent, Payment
from payments.stripe_api import StripeRefund
from wallet import chart

WATCHED_FOR = timedelta(days=30)
"""A refund may fail after it succeeded; so long it is looked up once a day, should no event tell of it."""

FAILURES = {
    "charge_for_pending_refund_disputed": gettext_noop("The payment was disputed meanwhile."),
    "declined": gettext_noop("The card's bank declined the refund."),
    "expired_or_canceled_card": gettext_noop("The card has expired or was cancelled."),
    "insufficient_funds": gettext_noop("The refund could not be paid out."),
    "lost_or_stolen_card": gettext_noop("The card was reported as lost or stolen."),
    "merchant_request": gettext_noop("The refund was stopped on our request."),
    "unknown": gettext_noop("The card's bank gave no reason."),
}
"""What Stripe's reasons mean, in words a customer understands."""

BY = "Stripe"
_GONE = frozenset({"failed", "canceled"})
_WAITING = frozenset({"pending", "requires_action"})


def follow(*, object_id: str, by: str, now: datetime) -> InboxEvent.Outcome:
    """Let what we know of a refund become what Stripe says. Repeating it changes nothing."""
    try:
        answer = stripe_api.fetch_refund(object_id)
    except stripe_api.StripeRefused:
        return InboxEvent.Outcome.NOT_OURS
    known = _find(answer)
    if known is None:
        return _follow_strange(answer, by=by, now=now)
    record(card_refund_id=known.pk, answer=answer, by=by, now=now)
    return InboxEvent.Outcome.DONE


def record(*, card_refund_id: UUID, answer: StripeRefund, by: str, now: datetime) -> None:
    """Book what Stripe answered about a refund just before. Facts that do not agree change nothing but flag the order.

    Another refund at Stripe than the one that is known, under our number all the same, is money that left besides: it
    is booked as one made in the dashboard. Repeating it changes nothing.
    """
    with transaction.atomic(durable=True):
        card = lock(card_refund_id)
        if not _is_another(card, answer):
            _book(card, card.payment, answer, by=by, now=now)
            return
    _follow_strange(answer, by=by, now=now)


def lock(card_refund_id: UUID) -> CardRefund:
    """The refund at Stripe, for this transaction alone, with its payment locked first."""
    payment_id = CardRefund.objects.values_list("payment_id", flat=True).get(pk=card_refund_id)
    payment = Payment.objects.select_for_update().get(pk=payment_id)
    card = CardRefund.objects.select_for_update().get(pk=card_refund_id)
    card.payment = payment
    return card


def flag(order: Order, detail: str, *, now: datetime) -> None:
    """Put before finance and ops what is odd about a refund of this order."""
    flags.raise_flag(order=order, reason=Flag.Reason.REFUND_MISMATCH, detail=detail, now=now)


def _find(answer: StripeRefund) -> CardRefund | None:
    if known := CardRefund.objects.filter(stripe_id=answer.id).first():
        return known
    ours = CardRefund.objects.filter(idempotency_key__isnull=False)
    return ours.filter(refund__number=answer.number).first() if answer.number else None


def _book(card: CardRefund, payment: Payment, answer: StripeRefund, *, by: str, now: datetime) -> None:
    """Call with payment and card refund locked: while they are, nobody else moves the refund on."""
    refund = Refund.objects.select_related("order").get(pk=card.refund_id)
    card.asked_at = now
    if why := _disagreement(card, payment, answer):
        flag(refund.order, f"{refund.number}: {why}", now=now)
        card.error, card.ask_at = why[:500], now + timedelta(hours=1)
    elif _apply(refund, answer, by=by, now=now):
        card.stripe_id, card.stripe_status, card.failure = answer.id, answer.status, answer.failure[:200]
        card.error, card.ask_at = "", _next_look(card, answer, now=now)
    else:
        _doubt(card, refund, answer, now=now)
    card.save()


def _is_another(card: CardRefund, answer: StripeRefund) -> bool:
    """Whether this is not the refund at Stripe that the row is about, or the row had been given up before."""
    is_given_up = card.stripe_id is None and card.ask_at is None
    return card.stripe_id not in {None, answer.id} or is_given_up


def _disagreement(card: CardRefund, payment: Payment, answer: StripeRefund) -> str:
    """What of a refund at Stripe is not as it should be; empty when all of it is."""
    if answer.payment_intent_id != payment.payment_intent_id:
        return f"{answer.id} is of {answer.payment_intent_id or 'no payment'}, not of {payment.payment_intent_id}"
    if answer.livemode is not stripe_api.is_live():
        return f"{answer.id}: live and test mode do not agree"
    if answer.amount != card.amount:
        return f"{answer.id} is of {answer.amount}, not of {card.amount}"
    return ""


def _apply(refund: Refund, answer: StripeRefund, *, by: str, now: datetime) -> bool:
    """Book it; False when Stripe says what cannot follow from what it said before."""
    done, failure = Refund.State, _in_words(answer)
    match refund.state:
        case done.APPROVED if answer.status == "succeeded":
            refunds.succeed(refund_id=refund.pk, source=chart.STRIPE_CLEARING, by=by, now=now)
        case done.APPROVED if answer.status in _GONE:
            refunds.fail(refund_id=refund.pk, failure=failure, by=by, now=now)
        case done.SUCCEEDED if answer.status in _GONE:
            refunds.return_to_balance(
                refund_id=refund.pk, source=chart.STRIPE_CLEARING, failure=failure, by=by, now=now
            )
        case done.APPROVED:
            return answer.status in _WAITING
        case done.SUCCEEDED:
            return answer.status == "succeeded"
        case _:
            return answer.status in _GONE
    return True


def _doubt(card: CardRefund, refund: Refund, answer: StripeRefund, *, now: datetime) -> None:
    """An answer that contradicts what is booked may only be older than the one that was booked: it is asked for again,
    and flagged when it is repeated.
    """
    doubt = f"{answer.id} is {answer.status} at Stripe, but {refund.state} here"
    if card.error == doubt:
        flag(refund.order, f"{refund.number}: {doubt}", now=now)
    card.ask_at = now + (timedelta(hours=1) if card.error == doubt else timedelta(seconds=10))
    card.stripe_id, card.error = card.stripe_id or answer.id, doubt


def _next_look(card: CardRefund, answer: StripeRefund, *, now: datetime) -> datetime | None:
    if answer.status in _WAITING:
        return now + min(max((now - card.created_at) / 4, timedelta(seconds=30)), timedelta(hours=1))
    if answer.status == "succeeded" and now < card.created_at + WATCHED_FOR:
        return now + timedelta(days=1)
    return None


def _in_words(answer: StripeRefund) -> str:
    if answer.status == "canceled":
        return FAILURES["merchant_request"]
    return FAILURES.get(answer.failure, FAILURES["unknown"])


def _follow_strange(answer: StripeRefund, *, by: str, now: datetime) -> InboxEvent.Outcome:
    """A refund that we did not ask for, made in Stripe's dashboard: of a payment of ours it is booked all the same."""
    payment = _find_refunded(answer, now=now)
    if payment is None:
        return InboxEvent.Outcome.NOT_OURS
    with transaction.atomic(durable=True):
        payment = Payment.objects.select_for_update().get(pk=payment.pk)
        known = CardRefund.objects.select_for_update().filter(stripe_id=answer.id).first()
        if known is None and _is_in_suspense(payment, answer):
            settlement.give_back(payment, answer, now=now)
        elif known is None and answer.status not in _GONE:
            known = _adopt(answer, payment, now=now)
        if known is not None:
            _book(known, payment, answer, by=by, now=now)
    return InboxEvent.Outcome.DONE


def _is_in_suspense(payment: Payment, answer: StripeRefund) -> bool:
    """Whether the money refunded was credited to nobody, because the facts of its payment did not agree."""
    is_its = answer.payment_intent_id == payment.payment_intent_id and answer.livemode is stripe_api.is_live()
    return is_its and payment.state == Payment.State.MISMATCHED


def _find_refunded(answer: StripeRefund, *, now: datetime) -> Payment | None:
    """The payment a refund is of. One that Stripe has money of and we do not know yet is asked about first."""
    if not answer.payment_intent_id:
        return None
    payment = Payment.objects.filter(payment_intent_id=answer.payment_intent_id).first()
    payment = payment or checkout.find_claimed(answer.payment_id)
    is_decided = payment is not None and payment.state in {Payment.State.CONFIRMED, Payment.State.MISMATCHED}
    if payment is not None and not is_decided and payment.session_id:
        payment = checkout.ask_about(payment_id=payment.pk, by=BY, now=now)
    return payment


def _adopt(answer: StripeRefund, payment: Payment, *, now: datetime) -> CardRefund | None:
    """None, and the order flagged, when its money is in no balance that it could be taken from."""
    wrong = answer.payment_intent_id != payment.payment_intent_id or answer.amount.currency != payment.amount.currency
    if payment.credited_order_id is None or wrong or answer.livemode is not stripe_api.is_live():
        flag(payment.order, f"{answer.id}: refunded at Stripe, {answer.amount}, not booked here", now=now)
        return None
    refund = refunds.adopt(order_id=payment.credited_order_id, back=answer.amount, stripe_id=answer.id, now=now)
    return CardRefund.objects.create(
        organisation_id=payment.organisation_id,
        refund=refund,
        payment=payment,
        amount=answer.amount,
        stripe_id=answer.id,
        created_at=now,
        ask_at=now,
    )
