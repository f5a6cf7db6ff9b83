"""What customers owe: for disputes, and for refunds that Stripe made of money that was spent. Top-ups of the wallet pay
it, in the ledger call that credits them; or finance writes it off.

The column `debt` of a dispute or refund is its part of the account `receivable`; whoever changes one changes both.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils.translation import gettext as _
from djmoney.money import Money

from billing.models import DebtPayment, Dispute, Order, Refund, WriteOff
from wallet import chart, ledger
from wallet.models import Account, User
from wallet.money import WALLET_CURRENCY, round_up, shown

Debtor = Dispute | Refund
"""What something is owed for."""


class MayNotWriteOff(Exception):
    """This person may not write it off, or not so much; the message says why."""


class FormTokenReused(Exception):
    """The form was already sent with other content."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """What a top-up pays of one debt."""

    debtor: Debtor
    amount: Money

    @property
    def order(self) -> Order:
        """The order whose money is gone."""
        return self.debtor.order

    @property
    def sentence(self) -> str:
        """To be read before anybody pays."""
        facts = {"amount": shown(round_up(self.amount)), "number": self.order.number}
        if isinstance(self.debtor, Dispute):
            return _("%(amount)s of it pays what is open from the disputed order %(number)s.") % facts
        return _("%(amount)s of it pays what is open from the refund of order %(number)s.") % facts

    @property
    def sentence_without_order(self) -> str:
        """For a reader who may not see that order."""
        return _("%(amount)s of it pays what is open from another order.") % {"amount": shown(round_up(self.amount))}


def owed_by(organisation_id: UUID) -> Money:
    """What the organisation owes in all."""
    return Account.objects.balance(organisation_id=organisation_id, code=chart.RECEIVABLE, currency=WALLET_CURRENCY)


def owed_in_all() -> Money:
    """What all customers owe together, rounded up to the cent."""
    sums = [model.objects.aggregate(sum=Sum("debt"))["sum"] or 0 for model in (Dispute, Refund)]
    return round_up(Money(sum(sums), WALLET_CURRENCY))


def foresee(organisation_id: UUID, *, amount: Money) -> list[Share]:
    """What a top-up of the wallet by this amount would pay of what is owed now, the oldest first."""
    return list(_share(_find_owing(organisation_id), amount))


def draft_payment(order: Order, *, by: str, now: datetime) -> list[ledger.Draft]:
    """Let a top-up pay what its organisation owes: at most one posting, to be posted after the order's own credit and
    in one call with it. None, where the wallet was not topped up or nothing is owed.

    Call inside the transaction that credits the order, with the order locked and written as paid. The debts stay locked
    until it ends, so of many top-ups at once each pays what the one before has left.
    """
    if order.target != chart.WALLET or not owed_by(order.organisation_id):  # the sum of all debts: one look, not two
        return []
    shares = list(_share(_lock_owing(order.organisation_id), order.credited))
    if not shares:
        return []
    DebtPayment.objects.bulk_create(
        DebtPayment(
            organisation_id=order.organisation_id,
            order=order,
            amount=share.amount,
            at=now,
            **_name(share.debtor),
        )
        for share in shares
    )
    for share in shares:
        _shrink(share.debtor, share.amount, into="from_wallet")
    paid = sum((share.amount for share in shares), Money(0, order.credited.currency))
    draft = ledger.Draft(
        key=f"order:{order.number}:debt",
        kind="DEBT_PAYMENT",
        lines=(ledger.debit(chart.WALLET, paid), ledger.credit(chart.RECEIVABLE, paid)),
        order_number=order.number,
        memo=", ".join(share.order.number for share in shares)[:200],
        by=by,
    )
    return [draft]


def write_off(*, debtor: Debtor, amount: Money, reason: str, by: User, form_token: str, now: datetime) -> WriteOff:
    """Let the customer off what he owes, or a part of it. The same form token again returns the first write-off.

    Raises `MayNotWriteOff` and `FormTokenReused`; then nothing has happened. The database holds the rules too
    (billing/sql/disputes.sql).
    """
    with transaction.atomic(durable=True):
        found = _lock(debtor)
        if stored := WriteOff.objects.filter(form_token=form_token).first():
            if (stored.dispute or stored.refund, stored.amount, stored.reason) != (found, amount, reason):
                raise FormTokenReused(form_token)
            return stored
        if why := why_not_write_off(found, by=by) or _why_not_so_much(found, amount):
            raise MayNotWriteOff(why)
        done = WriteOff.objects.create(
            organisation_id=found.organisation_id,
            amount=amount,
            reason=reason,
            by=by,
            by_name=str(by),
            at=now,
            form_token=form_token,
            **_name(found),
        )
        _shrink(found, amount, into="written_off")
        draft = ledger.Draft(
            key=f"writeoff:{done.pk}",
            kind="DEBT_WRITE_OFF",
            lines=(ledger.debit(chart.CHARGEBACKS, amount), ledger.credit(chart.RECEIVABLE, amount)),
            order_number=found.order.number,
            memo=reason[:200],
            by=str(by),
        )
        ledger.post(organisation_id=found.organisation_id, drafts=[draft], now=now)
        return done


def why_not_write_off(debtor: Debtor, *, by: User) -> str:
    """Why this person can write nothing of it off now, in words; empty when he can."""
    if by.belongs_to(debtor.organisation_id):
        return _("You belong to this organisation.")
    if not debtor.debt:
        return _("Nothing is owed for it any more.")
    return ""


def _why_not_so_much(debtor: Debtor, amount: Money) -> str:
    if amount > _owed(debtor):
        return _("Only %(amount)s is owed.") % {"amount": shown(round_up(_owed(debtor)))}
    return ""


def _find_owing(organisation_id: UUID) -> list[Debtor]:
    """Everything the organisation owes for, the oldest first."""
    disputes = Dispute.objects.filter(organisation_id=organisation_id, debt__gt=0).select_related("order")
    return _sort(disputes, _refunds(organisation_id).select_related("order"))


def _lock_owing(organisation_id: UUID) -> list[Debtor]:
    """The same, locked: always disputes before refunds, each by id."""
    disputes = Dispute.objects.filter(organisation_id=organisation_id, debt__gt=0).order_by("pk")
    locked = list(disputes.select_related("order").select_for_update(of=("self",)))
    refunds = _refunds(organisation_id).order_by("pk").select_related("order")
    return _sort(locked, refunds.select_for_update(of=("self",)))


def _refunds(organisation_id: UUID) -> QuerySet[Refund]:
    return Refund.objects.filter(organisation_id=organisation_id, debt__gt=0)


def _sort(disputes: Iterable[Dispute], refunds: Iterable[Refund]) -> list[Debtor]:
    return sorted([*disputes, *refunds], key=lambda debtor: debtor.pk)


def _lock(debtor: Debtor) -> Debtor:
    if isinstance(debtor, Dispute):
        return Dispute.objects.select_for_update(of=("self",)).select_related("order").get(pk=debtor.pk)
    return Refund.objects.select_for_update(of=("self",)).select_related("order").get(pk=debtor.pk)


def _share(owing: Iterable[Debtor], amount: Money) -> Iterator[Share]:
    rest = amount
    for debtor in owing:
        if rest.amount > 0:
            part = min(_owed(debtor), rest)
            rest -= part
            yield Share(debtor=debtor, amount=part)


def _shrink(debtor: Debtor, amount: Money, *, into: str) -> None:
    """Less is owed, and of a dispute `into` grows by it, so that its parts still sum to what is away."""
    debtor.debt -= amount.amount
    changed = ["debt"]
    if isinstance(debtor, Dispute):
        setattr(debtor, into, getattr(debtor, into) + amount.amount)
        changed.append(into)
    debtor.save(update_fields=changed)


def _name(debtor: Debtor) -> dict[str, Debtor]:
    return {"dispute" if isinstance(debtor, Dispute) else "refund": debtor}


def _owed(debtor: Debtor) -> Money:
    return Money(debtor.debt, debtor.amount.currency)
