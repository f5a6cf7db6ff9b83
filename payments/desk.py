"""Finance at its desk: who looks at a transfer, takes it, gives it back, rejects it. Every act is written down."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from billing import orders
from billing.models import State
from payments import transfers
from payments.models import BankLine, DeskAct, Finding, Suggestion, Transfer
from wallet.models import Member, User

TAKEN_FOR = timedelta(minutes=15)


class TakenBySomebodyElse(Exception):
    """Somebody else in finance works on the transfer; `transfer` says who and until when."""

    def __init__(self, transfer: Transfer) -> None:
        super().__init__(f"{transfer.reference} is taken by {transfer.taken_by}")
        self.transfer = transfer


class OwnOrganisation(Exception):
    """Nobody decides about money of an organisation he belongs to."""


class NotInReview(Exception):
    """The transfer does not wait for finance any more."""


def log(
    kind: DeskAct.Kind,
    *,
    by: User,
    now: datetime,
    transfer: Transfer | None = None,
    line: BankLine | None = None,
    detail: str = "",
) -> None:
    """Write down what somebody did; every look at a transfer comes through here too."""
    DeskAct.objects.create(kind=kind, transfer=transfer, line=line, by=by, at=now, detail=detail[:500])


def take(*, transfer_id: UUID, by: User, now: datetime) -> Transfer:
    """Work on the transfer for a quarter of an hour; taking one's own again begins it anew. One person works on one:
    what he had taken before is anybody's again.

    Raises `TakenBySomebodyElse` and `OwnOrganisation`.
    """
    with transaction.atomic(durable=True):
        transfer = transfers.lock(transfer_id)
        check_stranger(by, transfer.organisation_id)
        check_free(transfer, by=by, now=now)
        if transfer.taken_by_id != by.pk or not transfer.is_taken(now=now):
            log(DeskAct.Kind.TOOK, by=by, now=now, transfer=transfer)
        transfer.taken_by, transfer.taken_until = by, now + TAKEN_FOR
        transfer.save(update_fields=["taken_by", "taken_until"])
        _let_others_go(transfer, by=by)
        return transfer


def give_back(*, transfer_id: UUID, by: User, now: datetime) -> None:
    """Let others have it; when it is somebody else's, or nobody's, nothing changes."""
    with transaction.atomic(durable=True):
        transfer = transfers.lock(transfer_id)
        if transfer.taken_by_id == by.pk:
            let_go(transfer)
            log(DeskAct.Kind.GAVE_BACK, by=by, now=now, transfer=transfer)


def take_next(*, by: User, now: datetime, besides: Iterable[UUID] = ()) -> Transfer | None:
    """Take the longest waiting transfer that nobody works on and this person may decide about; None when none waits."""
    own = Member.objects.filter(user=by).values("organisation_id")
    free = Transfer.objects.waiting().untaken(now=now).exclude(organisation_id__in=own).exclude(pk__in=list(besides))
    free = free.exclude(pk__in=_list_found(by)).exclude(pk__in=_list_imported(by))
    for transfer_id in free.values_list("pk", flat=True)[:20]:
        try:
            return take(transfer_id=transfer_id, by=by, now=now)
        except TakenBySomebodyElse:  # a moment ago
            continue
    return None


def reject(*, transfer_id: UUID, by: User, reason: str, now: datetime) -> None:
    """Send the transfer back to its customer, who reads the reason and may correct it. What was found so far is void.

    Raises `TakenBySomebodyElse`, `OwnOrganisation` and `NotInReview`.
    """
    with transaction.atomic(durable=True):
        transfer = transfers.lock(transfer_id)
        check_stranger(by, transfer.organisation_id)
        check_free(transfer, by=by, now=now)
        order = orders.lock(transfer.order_id)
        if order.state != State.IN_REVIEW:
            raise NotInReview(transfer.reference)
        transfer.findings.open().update(superseded_at=now)
        orders.reject(order=order, by=str(by), reason=reason, now=now)
        let_go(transfer)
        log(DeskAct.Kind.REJECTED, by=by, now=now, transfer=transfer, detail=reason)


def check_free(transfer: Transfer, *, by: User, now: datetime) -> None:
    if transfer.is_taken(now=now) and transfer.taken_by_id != by.pk:
        raise TakenBySomebodyElse(transfer)


def check_stranger(by: User, organisation_id: UUID) -> None:
    if by.belongs_to(organisation_id):
        raise OwnOrganisation(str(by))


def _list_found(by: User) -> QuerySet[Finding, UUID | None]:
    """The transfers whose received facts somebody else has to approve."""
    theirs = Q(made_by=by, evidence=Finding.Evidence.HAND) | Q(approvals__by=by)
    imported = Q(shares__line__file__imported_by=by)
    found = Finding.objects.open().filter(theirs | imported, transfer__isnull=False)
    return found.values_list("transfer_id", flat=True)


def _list_imported(by: User) -> QuerySet[Suggestion, UUID]:
    """The transfers whose exact bank line came with a statement that this person imported."""
    exact = BankLine.objects.with_rest().filter(pile=BankLine.Pile.EXACT, file__imported_by=by)
    return Suggestion.objects.filter(line__in=exact).values_list("transfer_id", flat=True)


def _let_others_go(transfer: Transfer, *, by: User) -> None:
    others = Transfer.objects.filter(taken_by=by).exclude(pk=transfer.pk)
    held = others.select_for_update(no_key=True, skip_locked=True).values_list("pk", flat=True)
    Transfer.objects.filter(pk__in=list(held)).update(taken_by=None, taken_until=None)


def let_go(transfer: Transfer) -> None:
    transfer.taken_by = transfer.taken_until = None
    transfer.save(update_fields=["taken_by", "taken_until"])
