"""Offline transfers as their customers see them: begun, declared as paid, cancelled, and over when nobody paid."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from billing import orders, top_ups, workdays
from billing.models import Order, State
from payments import references
from payments.models import DECLARABLE, BankAccount, BankLine, Suggestion, Transfer
from wallet.models import User

_DECLARED = ("payer_name", "paid_on", "bank_number", "declared_at", "corrected_at", "declared_by", "expected_by")


class NoReceivingAccount(Exception):
    """We have no open account for this currency, so nobody could transfer to it."""


class CannotBeDeclared(Exception):
    """The order does not wait for a transfer any more."""


class AlreadyTaken(Exception):
    """Somebody in finance works on the transfer, so its customer cannot change it any more."""


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What a customer says about the transfer he made; `bank_number` is his bank's own number of it, if he has one."""

    payer_name: str
    paid_on: date
    bank_number: str = ""


def begin(wish: top_ups.TopUp, *, by: User, now: datetime) -> Transfer:
    """Commit the order and its transfer. The same wish again returns the transfer made then.

    Raises `NoReceivingAccount`, `top_ups.FormTokenReused`, `limits.OutsideLimits` and `rates.RateStale`.
    """
    with transaction.atomic(durable=True):
        order = top_ups.open_order(wish, by=by, now=now)
        made = Transfer.objects.filter(order=order).first()
        if made:
            return made
        account = BankAccount.objects.filter(currency=wish.amount.currency.code, is_open=True).first()
        if account is None:
            raise NoReceivingAccount(wish.amount.currency.code)
        return Transfer.objects.create(
            organisation_id=order.organisation_id,
            order=order,
            account=account,
            reference=references.draw(),
            amount=order.paid,
            created_at=now,
        )


def declare(*, transfer_id: UUID, declaration: Declaration, by: User, now: datetime) -> Transfer:
    """Put the transfer into finance's queue, or correct what was declared while nobody there has taken it.

    Raises `AlreadyTaken` and `CannotBeDeclared`.
    """
    with transaction.atomic(durable=True):
        transfer = lock(transfer_id)
        order = orders.lock(transfer.order_id)
        if order.state == State.IN_REVIEW:
            check_untouched(transfer, now=now)
            transfer.corrected_at = now
        elif order.state in DECLARABLE:
            orders.declare(order=order, by=str(by), now=now)
            transfer.declared_at = now
            transfer.expected_by = workdays.expected_by(now)
        else:
            raise CannotBeDeclared(order.number)
        transfer.payer_name = declaration.payer_name
        transfer.paid_on = declaration.paid_on
        transfer.bank_number = declaration.bank_number
        transfer.declared_by = by
        transfer.save(update_fields=_DECLARED)
        return transfer


def cancel(*, order_id: UUID, by: str, now: datetime) -> Order:
    """End the order as its customer wishes; money that arrives later is credited all the same.

    Raises `AlreadyTaken` when finance works on it or has money of it, `CannotBeDeclared` when it has ended already.
    """
    with transaction.atomic(durable=True):
        transfer = lock(Transfer.objects.only("pk").get(order_id=order_id).pk)
        order = orders.lock(order_id)
        if order.state not in {*DECLARABLE, State.IN_REVIEW}:
            raise CannotBeDeclared(order.number)
        check_untouched(transfer, now=now)
        orders.cancel(order=order, by=by, now=now)
        return order


def expire_due(*, now: datetime, limit: int = 200) -> int:
    """End the orders that nobody declared as paid in time, except those whose money seems to have come; returns how
    many ended. Money that arrives later is credited all the same.
    """
    due = Transfer.objects.filter(order__state__in=DECLARABLE, order__deadline_at__lte=now)
    return sum(_expire(transfer_id, now=now) for transfer_id in due.values_list("pk", flat=True)[:limit])


def lock(transfer_id: UUID) -> Transfer:
    """The transfer, for this transaction alone; its order is locked after it.

    Nothing is joined: after waiting for the lock PostgreSQL reads the locked row anew, but not the rows beside it.
    """
    return Transfer.objects.select_for_update(no_key=True).get(pk=transfer_id)  # suggestions may name it meanwhile


def check_untouched(transfer: Transfer, *, now: datetime) -> None:
    """Raise `AlreadyTaken` when finance works on it or has found money of it; call it with the transfer locked."""
    if transfer.is_taken(now=now) or _has_finding(transfer):
        raise AlreadyTaken(transfer.reference)


def _expire(transfer_id: UUID, *, now: datetime) -> bool:
    with transaction.atomic():
        transfer = lock(transfer_id)
        order = orders.lock(transfer.order_id)
        is_expected = Suggestion.objects.filter(
            transfer=transfer, line__in=BankLine.objects.with_rest(), line__pile=BankLine.Pile.EXACT
        ).exists()
        if order.state not in DECLARABLE or order.deadline_at > now or is_expected or _has_finding(transfer):
            return False
        orders.expire(order=order, by="InnoPaaS", now=now)
        return True


def _has_finding(transfer: Transfer) -> bool:
    """Whether finance has found money of it: recorded, or a part kept until the rest arrives."""
    kept = BankLine.objects.with_rest().filter(kept_for=transfer)
    return transfer.findings.open().exists() or kept.exists()
