"""What a balance transaction is to the ledger: to be posted, posted already, or a difference with its name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from djmoney.money import Money

from billing.models import Dispute, DisputeMovement, Refund
from payments import card_suspense
from payments.card_suspense import CHARGES
from payments.models import SETTLEMENT_CURRENCY, BalanceTransaction, CardRefund, Payment, Payout
from wallet import chart
from wallet.ids import read_id
from wallet.models import HOUSE_ID, Entry
from wallet.money import labelled

Reason = BalanceTransaction.Reason

_REFUNDED: Final = (Refund.State.SUCCEEDED, Refund.State.RETURNED)
_GONE_BACK: Final = (Refund.State.RETURNED, Refund.State.FAILED)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is to be posted in whose ledger; nothing where `reason` names a difference, or all is posted already."""

    organisation_id: UUID | None = None
    order_number: str = ""
    fee: Money | None = None
    """What Stripe took, below zero what it gave back."""
    gross: Money | None = None
    """What nobody has booked yet, and belongs to nobody known."""
    reason: Reason | None = None
    detail: str = ""


def judge(transaction: BalanceTransaction, *, session_id: str) -> Verdict:
    """Decide about one transaction, inside a database transaction; nothing is written. `session_id` is the Checkout
    Session, as Stripe names it, of a charge that no payment of ours has.
    """
    if transaction.amount.currency.code != SETTLEMENT_CURRENCY:
        return Verdict(reason=Reason.OTHER_CURRENCY, detail=transaction.amount.currency.code)
    if transaction.net != transaction.amount.amount - transaction.fee:
        return Verdict(reason=Reason.NOT_ITS_SUM, detail=f"{transaction.net:f}")
    if transaction.type in CHARGES:
        return _judge_charge(transaction, session_id)
    judged = _JUDGES.get(transaction.type)
    return judged(transaction) if judged else _differ(Reason.UNKNOWN_TYPE, transaction.type)


def find_payment(transaction: BalanceTransaction) -> Payment | None:
    """The payment that a charge confirmed, or did not agree with."""
    if not transaction.payment_intent_id:
        return None
    found = Payment.objects.filter(payment_intent_id=transaction.payment_intent_id)
    return found.select_related("order", "credited_order").order_by("created_at").first()


def _judge_charge(transaction: BalanceTransaction, session_id: str) -> Verdict:
    payment = find_payment(transaction)
    if payment and payment.state == Payment.State.CONFIRMED:
        if payment.amount != transaction.amount:
            return _differ(Reason.OTHER_AMOUNT, f"{payment.credited_order}: {labelled(payment.amount)}")
        number = payment.credited_order.number if payment.credited_order else ""
        return _take_fee(transaction, organisation_id=payment.organisation_id, order_number=number)
    if payment:
        session_id = payment.session_id or ""
    if held := _find_held(session_id):
        if held.amount != transaction.amount:
            return _differ(Reason.OTHER_AMOUNT, f"{session_id}: {labelled(held.amount)}")
        return _take_fee(transaction, organisation_id=held.organisation_id, order_number=held.order_number)
    if payment or _is_claimed(transaction):
        return _differ(Reason.NOT_CONFIRMED, str(payment.order) if payment else transaction.claimed_payment)
    taken = _take_fee(transaction, organisation_id=HOUSE_ID, order_number="")
    return Verdict(organisation_id=HOUSE_ID, fee=taken.fee, gross=transaction.amount)


def _judge_refund(transaction: BalanceTransaction) -> Verdict:
    return _compare_refund(transaction, ended=(*_REFUNDED, Refund.State.FAILED), expected_sign=-1)


def _judge_refund_failure(transaction: BalanceTransaction) -> Verdict:
    return _compare_refund(transaction, ended=_GONE_BACK, expected_sign=1)


def _compare_refund(transaction: BalanceTransaction, *, ended: tuple[Refund.State, ...], expected_sign: int) -> Verdict:
    """A refund that failed before it had succeeded left nothing in the ledger, nor at Stripe once it is back."""
    found = CardRefund.objects.filter(stripe_id=transaction.source_id).exclude(stripe_id="")
    sent = found.select_related("refund__order").first()
    if sent is None:
        return _compare_given_back(transaction, expected_sign=expected_sign)
    if sent.amount * expected_sign != transaction.amount:
        return _differ(Reason.OTHER_AMOUNT, f"{sent.refund}: {labelled(sent.amount)}")
    if sent.refund.state not in ended:
        return _differ(Reason.REFUND_OPEN, f"{sent.refund}: {sent.refund.get_state_display()}")
    return _take_fee(transaction, organisation_id=sent.organisation_id, order_number=sent.refund.order.number)


def _compare_given_back(transaction: BalanceTransaction, *, expected_sign: int) -> Verdict:
    """Money that credited nobody went back out of suspense, and into it again where that failed."""
    payment = find_payment(transaction)
    if payment is None and (held := card_suspense.lock_charge(transaction.payment_intent_id)):
        return _clear_charge(transaction, held)
    step = ":back" if expected_sign > 0 else ""
    gone = _find_moved(f"session:{payment.session_id}:refund:{transaction.source_id}{step}") if payment else None
    if gone is None:
        return _differ(Reason.UNKNOWN_REFUND, transaction.source_id)
    if gone.amount * expected_sign != transaction.amount:
        return _differ(Reason.OTHER_AMOUNT, f"{gone.order_number}: {labelled(gone.amount)}")
    return _take_fee(transaction, organisation_id=gone.organisation_id, order_number=gone.order_number)


def _clear_charge(transaction: BalanceTransaction, held: card_suspense.Held) -> Verdict:
    """A charge of nobody's is given back: it leaves the house's suspense, and is there again where that failed. Its row
    stays locked meanwhile, so that nobody is credited with it.
    """
    if -transaction.amount > held.rest:
        return _differ(Reason.OTHER_AMOUNT, f"{held.source}: {labelled(held.rest)}")
    taken = _take_fee(transaction, organisation_id=HOUSE_ID, order_number="")
    return Verdict(organisation_id=HOUSE_ID, fee=taken.fee, gross=transaction.amount)


def _judge_adjustment(transaction: BalanceTransaction) -> Verdict:
    """What a dispute moved is booked with the dispute, its fee too; here it is only seen that it is."""
    if not transaction.category.startswith("dispute"):
        return _differ(Reason.UNKNOWN_TYPE, f"{transaction.type}: {transaction.category}")
    booked = DisputeMovement.objects.select_related("dispute").filter(transaction_id=transaction.stripe_id).first()
    if booked is None:
        is_known = Dispute.objects.filter(stripe_id=transaction.source_id).exists()
        return _differ(Reason.DISPUTE_OPEN if is_known else Reason.UNKNOWN_DISPUTE, transaction.source_id)
    came = booked.amount if booked.kind == DisputeMovement.Kind.REINSTATED else -booked.amount
    if (came - booked.fee).amount != transaction.net:
        return _differ(Reason.OTHER_AMOUNT, f"{booked.dispute}: {labelled(came - booked.fee)}")
    return Verdict(organisation_id=booked.organisation_id)


def _judge_stripe_fee(transaction: BalanceTransaction) -> Verdict:
    """What Stripe takes for itself: its amount is the fee."""
    taken = Money(-transaction.net, transaction.amount.currency)
    return Verdict(organisation_id=HOUSE_ID, fee=taken if taken.amount else None)


def _judge_payout(transaction: BalanceTransaction) -> Verdict:
    return _compare_payout(transaction, expected_sign=-1)


def _judge_payout_back(transaction: BalanceTransaction) -> Verdict:
    return _compare_payout(transaction, expected_sign=1)


def _compare_payout(transaction: BalanceTransaction, *, expected_sign: int) -> Verdict:
    """The bank line posts it, not the transaction."""
    payout = Payout.objects.filter(stripe_id=transaction.source_id).first()
    if payout is None:
        return _differ(Reason.UNKNOWN_PAYOUT, transaction.source_id)
    if payout.amount * expected_sign != transaction.amount:
        return _differ(Reason.OTHER_AMOUNT, f"{payout}: {labelled(payout.amount)}")
    return _take_fee(transaction, organisation_id=HOUSE_ID, order_number="")


@dataclass(frozen=True, kw_only=True)
class _Held:
    organisation_id: UUID
    order_number: str
    amount: Money


def _find_held(session_id: str) -> _Held | None:
    """What is in suspense of a session whose facts did not agree."""
    return _find_moved(f"session:{session_id}:suspense") if session_id else None


def _find_moved(key: str) -> _Held | None:
    """What the posting of this key, whoever's it is, moved at Stripe."""
    entries = Entry.objects.filter(account__code=chart.STRIPE_CLEARING, posting__key=key)
    entry = entries.select_related("posting").first()
    if entry is None:
        return None
    posting = entry.posting
    return _Held(organisation_id=posting.organisation_id, order_number=posting.order_number, amount=entry.amount)


def _is_claimed(transaction: BalanceTransaction) -> bool:
    """Whether Stripe's metadata names a payment of ours."""
    payment_id = read_id(transaction.claimed_payment)
    return payment_id is not None and Payment.objects.filter(pk=payment_id).exists()


def _take_fee(transaction: BalanceTransaction, *, organisation_id: UUID, order_number: str) -> Verdict:
    fee = Money(transaction.fee, transaction.amount.currency) if transaction.fee else None
    return Verdict(organisation_id=organisation_id, order_number=order_number, fee=fee)


def _differ(reason: Reason, detail: str) -> Verdict:
    return Verdict(reason=reason, detail=detail[:500])


_JUDGES: Final[Mapping[str, Callable[[BalanceTransaction], Verdict]]] = {
    "refund": _judge_refund,
    "payment_refund": _judge_refund,
    "refund_failure": _judge_refund_failure,
    "adjustment": _judge_adjustment,
    "stripe_fee": _judge_stripe_fee,
    "stripe_fx_fee": _judge_stripe_fee,
    "tax_fee": _judge_stripe_fee,
    "payout": _judge_payout,
    "payout_failure": _judge_payout_back,
    "payout_cancel": _judge_payout_back,
}
"""Every type that has its posting, or its reason of having none. Whatever stands not here is named and not posted."""
