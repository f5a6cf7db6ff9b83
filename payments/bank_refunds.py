"""Refunds of offline orders: prepared by one person, approved by another, paid at the bank, and recorded once.

Who may do what stands in the database too (payments/sql/bank_refunds.sql); this module gives its reasons in words.
Locks: the payment, bank lines, order, refund, account.
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from billing import orders, refunds
from billing.models import Method, Refund
from payments import desk, payees, refund_lines, settlement
from payments.models import BankAccount, BankLine, BankRefund
from payments.payees import Payee
from wallet.models import User


class NotPreparable(Exception):
    """No payment at the bank is prepared for this refund now; the message says why."""


class PreparedMeanwhile(Exception):
    """Somebody prepared it anew since the page was shown, or approved it."""


class FactsRefused(ValueError):
    """The payment cannot be made like this; the message says why."""


class MayNotApprove(Exception):
    """This person may not approve the payment; the message says why."""


class NotWaiting(Exception):
    """The payment does not wait for this step: it was taken before, or the one before it was not."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What somebody types at the bank."""

    account: BankAccount
    payee: Payee
    reason: str = ""
    """Why the money goes elsewhere than where it came from."""


def prepare(*, refund_id: UUID, facts: Facts, by: User, now: datetime, seen: str = "") -> BankRefund:
    """Write down how a refund is to be paid, in place of what was prepared before; nobody has approved it yet. `seen`
    is the id of the preparation that the page showed. The same facts of the same person again change nothing.

    Raises `NotPreparable`, `desk.OwnOrganisation`, `FactsRefused` and `PreparedMeanwhile`.
    """
    try:
        with transaction.atomic(durable=True):
            before = BankRefund.objects.current().select_for_update().filter(refund_id=refund_id).first()
            refund = Refund.objects.select_related("order").get(pk=refund_id)
            desk.check_stranger(by, refund.organisation_id)
            if why := why_not_prepare(refund):
                raise NotPreparable(why)
            wanted = _write(refund, facts, by=by, now=now)
            if before and _is_same(before, wanted):
                return before
            if before and str(before.pk) != seen:
                raise PreparedMeanwhile(str(refund))
            if before:
                before.superseded_at = now
                before.save(update_fields=["superseded_at"])
            wanted.save(force_insert=True)
            return wanted
    except IntegrityError as error:  # somebody else's first preparation, at this very moment
        raise PreparedMeanwhile(str(refund_id)) from error


def approve(*, bank_refund_id: UUID, by: User, now: datetime) -> BankRefund:
    """Approve the payment just as it was prepared, and its refund with it: it is to be paid at the bank from now on.
    Repeating one's own approval changes nothing.

    Raises `MayNotApprove`, `NotWaiting`, and what `refunds.approve` raises; then nothing happened.
    """
    with transaction.atomic(durable=True):
        paid = _lock(bank_refund_id)
        if paid.approved_by_id == by.pk:
            return paid
        if why := why_not_approve(paid, by=by):
            raise MayNotApprove(why)
        if paid.superseded_at or paid.approved_at:
            raise NotWaiting(str(paid))
        refunds.approve(refund_id=paid.refund_id, by=by, now=now)
        paid.approved_by, paid.approved_by_name, paid.approved_at = by, str(by), now
        paid.save(update_fields=["approved_by", "approved_by_name", "approved_at"])
        return paid


def record_paid(
    *, bank_refund_id: UUID, paid_on: date, bank_reference: str, by: User, now: datetime, line_id: UUID | None = None
) -> BankRefund:
    """Record that the bank paid it: what was held leaves the ledger by the bank. With the line of a statement that is
    this payment, if there is one yet; without, the line confirms it later. Repeating it changes nothing.

    Raises `NotWaiting`, `desk.OwnOrganisation` and `refund_lines.NotThisPayment`.
    """
    with transaction.atomic(durable=True):
        paid = _lock(bank_refund_id)
        desk.check_stranger(by, paid.organisation_id)
        line = refund_lines.lock_payment(paid, line_id) if line_id else None
        if paid.paid_at and (line is None or paid.line_id == line.pk):
            return paid
        if not paid.is_to_be_paid:
            raise NotWaiting(str(paid))
        _pay(paid, on=paid_on, bank_reference=bank_reference, by=by, now=now)
        if line:
            _confirm(paid, line, by=by, now=now)
        return paid


def confirm_by_line(*, bank_refund_id: UUID, line_id: UUID, by: User, now: datetime) -> BankRefund:
    """The line of a statement is this payment: recorded as paid by it, or, recorded by hand before, confirmed by it.
    Repeating it changes nothing. Raises `refund_lines.NotThisPayment`, `NotWaiting` and `desk.OwnOrganisation`.
    """
    with transaction.atomic(durable=True):
        paid = _lock(bank_refund_id)
        desk.check_stranger(by, paid.organisation_id)
        if paid.line_id == line_id:
            return paid
        line = refund_lines.lock_payment(paid, line_id)
        if paid.line_id:
            raise refund_lines.NotThisPayment(_("Another bank line is this payment already."))
        if paid.is_to_be_paid:
            _pay(paid, on=line.booked_on, bank_reference=line.bank_reference, by=by, now=now)
        elif paid.paid_at is None:
            raise NotWaiting(str(paid))
        _confirm(paid, line, by=by, now=now)
        return paid


def refuse(*, bank_refund_id: UUID, failure: str, by: User, now: datetime) -> BankRefund:
    """Record that the bank will never pay it: the money is usable again. Repeating it changes nothing.

    Raises `NotWaiting` and `desk.OwnOrganisation`.
    """
    with transaction.atomic(durable=True):
        paid = _lock(bank_refund_id)
        desk.check_stranger(by, paid.organisation_id)
        if paid.refused_at:
            return paid
        if not paid.is_to_be_paid:
            raise NotWaiting(str(paid))
        refunds.fail(refund_id=paid.refund_id, failure=failure, by=str(by), now=now)
        paid.refused_at = now
        paid.save(update_fields=["refused_at"])
        return paid


def record_returned(*, bank_refund_id: UUID, line_id: UUID, failure: str, by: User, now: datetime) -> BankRefund:
    """The payment came back as an incoming line: the balance is credited again in full, and what the bank kept of it
    is our charge. Repeating it changes nothing.

    Raises `NotWaiting`, `refund_lines.NotThisPayment` and `desk.OwnOrganisation`.
    """
    with transaction.atomic(durable=True):
        paid = _lock(bank_refund_id)
        desk.check_stranger(by, paid.organisation_id)
        if paid.returned_line_id == line_id:
            return paid
        if paid.paid_at is None or paid.returned_at:
            raise NotWaiting(str(paid))
        line = refund_lines.lock_return(paid, line_id)
        orders.lock(paid.refund.order_id)
        refund_lines.book_return(line, paid, failure=failure, by=by, now=now)
        paid.returned_line, paid.returned_at = line, now
        paid.save(update_fields=["returned_line", "returned_at"])
        source = paid.account.ledger_code
        refunds.return_to_balance(refund_id=paid.refund_id, source=source, failure=failure, by=str(by), now=now)
        if line.amount < paid.amount:
            settlement.bear_charge(
                paid.account,
                paid.amount - line.amount,
                organisation_id=paid.organisation_id,
                fact=f"refund:{paid.refund.number}",
                order_number=paid.refund.order.number,
                by=str(by),
                now=now,
            )
        return paid


def why_not_prepare(refund: Refund) -> str:
    """Why no payment is prepared for it, in words; empty when one can be."""
    if refund.order.method != Method.OFFLINE:
        return _("Only a refund of an offline order is paid at the bank.")
    if refund.state != Refund.State.ASKED:
        return _("The refund is “%(state)s”: how it is paid is not changed any more.") % {
            "state": refund.get_state_display()
        }
    return ""


def why_not_approve(paid: BankRefund, *, by: User) -> str:
    """Why this person may not approve the payment, in words; empty when he may."""
    if by.belongs_to(paid.organisation_id):
        return _("You belong to this organisation.")
    if paid.prepared_by_id == by.pk:
        return _("You prepared this payment: somebody else has to approve it.")
    if paid.refund.asked_by_id == by.pk:
        return _("You asked for this refund: somebody else has to approve it.")
    if _is_out_of_the_team(paid.prepared_by, paid):
        return _(
            "Whoever prepared it is not of the team any more, or belongs to this organisation by now: prepare it anew."
        )
    return ""


def find_current(refund: Refund) -> BankRefund | None:
    """How the refund is paid, or is to be."""
    return BankRefund.objects.current().filter(refund=refund).select_related("account", "line", "returned_line").first()


def _is_out_of_the_team(person: User, paid: BankRefund) -> bool:
    return person.belongs_to(paid.organisation_id) or not person.is_active_staff


def _lock(bank_refund_id: UUID) -> BankRefund:
    locked = BankRefund.objects.select_for_update(of=("self",)).select_related("refund__order", "account")
    return locked.get(pk=bank_refund_id)


def _write(refund: Refund, facts: Facts, *, by: User, now: datetime) -> BankRefund:
    payee, amount = facts.payee, refund.back
    if facts.account.currency != amount.currency.code:
        raise FactsRefused(_("The account has another currency than the refund."))
    if not (payee.name and payee.account and payee.bank):
        raise FactsRefused(_("Give the payee's name, account and bank."))
    is_payer = payees.is_payer(payee, refund=refund)
    if not is_payer and not facts.reason:
        raise FactsRefused(_("This is not the account the money came from. Say why it goes there."))
    return BankRefund(
        organisation_id=refund.organisation_id,
        refund=refund,
        account=facts.account,
        amount=amount,
        payee_name=payee.name,
        payee_account=payee.account,
        payee_bank=payee.bank,
        is_payer=is_payer,
        reason=facts.reason,
        prepared_by=by,
        prepared_by_name=str(by),
        prepared_at=now,
    )


def _is_same(before: BankRefund, wanted: BankRefund) -> bool:
    facts = ("account_id", "payee_name", "payee_account", "payee_bank", "reason", "prepared_by_id")
    return all(getattr(before, fact) == getattr(wanted, fact) for fact in facts)


def _pay(paid: BankRefund, *, on: date, bank_reference: str, by: User, now: datetime) -> None:
    paid.paid_by, paid.paid_by_name, paid.paid_at = by, str(by), now
    paid.paid_on, paid.bank_reference = on, bank_reference
    paid.save(update_fields=["paid_by", "paid_by_name", "paid_at", "paid_on", "bank_reference"])
    refunds.succeed(refund_id=paid.refund_id, source=paid.account.ledger_code, by=str(by), now=now)


def _confirm(paid: BankRefund, line: BankLine, *, by: User, now: datetime) -> None:
    paid.line = line
    paid.save(update_fields=["line"])
    refund_lines.book_payment(line, paid, by=by, now=now)
