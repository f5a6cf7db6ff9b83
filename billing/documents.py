"""Receipts and refund notes: issued once each, after the money is booked, and numbered without gaps.

The sweep issues them some seconds later; whoever asks for a receipt before that has it issued by the same verb.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import translation
from django.utils.translation import gettext as _

from billing import papers, receipts, refund_notes
from billing.models import Document, DocumentKind, DocumentSeries, IssuingMark, LegalEntity, Method, Order, Refund
from billing.papers import Paper, Party
from wallet import kill_points
from wallet.calendar import business_date
from wallet.models import Member, Role

logger = logging.getLogger(__name__)

LOOKED_BACK = timedelta(hours=2)
"""What was paid longer ago than this was committed long since."""

_PREFIXES = {DocumentKind.RECEIPT: "RC", DocumentKind.REFUND_NOTE: "RN"}
IN_ADDRESS = r"(?P<number>R[CN]-[A-Z][A-Z0-9]{0,7}-[0-9]{4}-[0-9]{6,10})"
"""How a document's number stands in an address of the site."""


class NothingToIssue(Exception):
    """The order was never paid, or the refund did not succeed."""


@dataclass(frozen=True, kw_only=True)
class _Draft:
    """What is about to be issued, unless it was already."""

    kind: DocumentKind
    order: Order
    of: Q
    """Which row it is, once it is there."""
    dated_at: datetime
    compose: Callable[[str, Party], Paper]
    refund_number: str = ""


def issue_receipt(*, order_id: UUID, now: datetime) -> Document:
    """The order's receipt, issued now if it was not before: repeating it changes nothing.

    Never call it inside the transaction that books the money. Raises NothingToIssue unless the order was paid.
    """
    of = Q(kind=DocumentKind.RECEIPT, order_id=order_id)
    if found := Document.objects.filter(of).first():
        return found
    orders = Order.objects.select_related("organisation", "follows", "created_by")
    order = orders.get(pk=order_id)
    if order.paid_at is None:
        raise NothingToIssue(order.number)

    def compose(number: str, issuer: Party) -> Paper:
        return receipts.compose(order, number=number, issuer=issuer, now=now)

    draft = _Draft(kind=DocumentKind.RECEIPT, order=order, of=of, dated_at=order.paid_at, compose=compose)
    return _issue(draft, now=now)


def issue_note(*, refund_id: UUID, now: datetime) -> Document:
    """The refund's note, as `issue_receipt`; the order's receipt is issued before it. Raises NothingToIssue unless the
    refund succeeded.
    """
    refund = Refund.objects.select_related("order__organisation", "order__created_by").get(pk=refund_id)
    of = Q(kind=DocumentKind.REFUND_NOTE, refund_number=refund.number)
    if found := Document.objects.filter(of).first():
        return found
    if refund.state != Refund.State.SUCCEEDED or refund.succeeded_at is None:
        raise NothingToIssue(refund.number)
    receipt = issue_receipt(order_id=refund.order_id, now=now)

    def compose(number: str, issuer: Party) -> Paper:
        return refund_notes.compose(refund, number=number, issuer=issuer, receipt_number=receipt.number, now=now)

    draft = _Draft(
        kind=DocumentKind.REFUND_NOTE,
        order=refund.order,
        of=of,
        dated_at=refund.succeeded_at,
        compose=compose,
        refund_number=refund.number,
    )
    return _issue(draft, now=now)


def issue_due(*, now: datetime, limit: int = 200) -> int:
    """Issue what is missing, the oldest first; returns how many were issued. May run twice at once."""
    return _issue_receipts_due(now=now, limit=limit) + _issue_notes_due(now=now, limit=limit)


def find_issuer(order: Order) -> LegalEntity:
    """Of a transfer the entity whose bank account received it, made from its name where finance has not entered it;
    else the one that issues for cards and moves. Accounts lie one layer up, and their relations are data.
    """
    name = _find_receiver(order) if order.method == Method.OFFLINE else ""
    if not name:
        return LegalEntity.objects.get(issues_by_default=True)
    named = Q(name_zh=name) | Q(name_en=name)
    return LegalEntity.objects.filter(named).order_by("code").first() or _add_entity(name)


def _find_receiver(order: Order) -> str:
    ways = ("allocations__line__account", "transfer__account", "follows__transfer__account")
    names = Order.objects.filter(pk=order.pk).values_list(*(f"{way}__legal_entity" for way in ways)).first()
    return next(filter(None, names or ()), "")


def _add_entity(name: str) -> LegalEntity:
    field = "name_en" if name.isascii() else "name_zh"
    with transaction.atomic():
        LegalEntity.objects.select_for_update().get(issues_by_default=True)  # one at a time
        if found := LegalEntity.objects.filter(**{field: name}).first():
            return found
        taken = set(LegalEntity.objects.values_list("code", flat=True))
        code = next(code for number in range(2, len(taken) + 3) if (code := f"E{number}") not in taken)
        return LegalEntity.objects.create(code=code, **{field: name})


def _issue(draft: _Draft, *, now: datetime) -> Document:
    entity = find_issuer(draft.order)
    try:
        with transaction.atomic():
            return _issue_next(draft, entity, now=now)
    except IntegrityError:  # meanwhile in another series: by another entity, or in the old year
        if found := Document.objects.filter(draft.of).first():
            return found
        raise


def _issue_next(draft: _Draft, entity: LegalEntity, *, now: datetime) -> Document:
    """Lock the series, look again, write. Whatever fails gives the number back with its transaction."""
    series = _lock_series(entity, draft.kind, business_date(now).year)
    if found := Document.objects.filter(draft.of).first():
        return found
    series.last += 1
    series.save(update_fields=["last"])
    number = f"{_PREFIXES[draft.kind]}-{entity.code}-{series.year}-{series.last:06d}"
    language = _choose_language(draft.order)
    with translation.override(language):
        content = draft.compose(number, describe_issuer(entity)).to_json()
    pdf = papers.draw(content, language=language)
    kill_points.reach("before-document-written")
    return Document.objects.create(
        organisation_id=draft.order.organisation_id,
        order=draft.order,
        refund_number=draft.refund_number,
        kind=draft.kind,
        entity=entity,
        year=series.year,
        sequence=series.last,
        number=number,
        dated_on=business_date(draft.dated_at),
        language=language,
        content=content,
        pdf=pdf,
        sha256=hashlib.sha256(pdf).hexdigest(),
        issued_at=now,
    )


def _lock_series(entity: LegalEntity, kind: DocumentKind, year: int) -> DocumentSeries:
    DocumentSeries.objects.bulk_create([DocumentSeries(entity=entity, kind=kind, year=year)], ignore_conflicts=True)
    return DocumentSeries.objects.select_for_update().get(entity=entity, kind=kind, year=year)


def _choose_language(order: Order) -> str:
    """Of whoever made the order, or of the first owner where that is no member."""
    members = Member.objects.filter(organisation_id=order.organisation_id).select_related("user")
    if members.filter(user=order.created_by).exists():
        return order.created_by.language
    owner = members.filter(role=Role.OWNER).order_by("joined_at").first()
    return owner.user.language if owner else "en"


def describe_issuer(entity: LegalEntity) -> Party:
    other = entity.name_en if entity.name == entity.name_zh else entity.name_zh
    said = [other, *entity.address.splitlines()]
    if entity.tax_number:
        said.append(_("Tax number: %(number)s") % {"number": entity.tax_number})
    return Party(name=entity.name, details=[line for line in said if line])


def _issue_receipts_due(*, now: datetime, limit: int) -> int:
    issued = Document.objects.filter(kind=DocumentKind.RECEIPT, order=OuterRef("pk"))
    paid = Order.objects.filter(~Exists(issued), paid_at__isnull=False, **_since(DocumentKind.RECEIPT, "paid_at"))
    waiting = [(pk, at) for pk, at in paid.order_by("paid_at").values_list("pk", "paid_at")[:limit] if at]
    tried = [(at, _try(partial(issue_receipt, order_id=pk, now=now))) for pk, at in waiting]
    _move_mark(DocumentKind.RECEIPT, tried, limit=limit, now=now)
    return sum(done for _at, done in tried)


def _issue_notes_due(*, now: datetime, limit: int) -> int:
    issued = Document.objects.filter(kind=DocumentKind.REFUND_NOTE, refund_number=OuterRef("number"))
    refunded = Refund.objects.succeeded().filter(~Exists(issued), **_since(DocumentKind.REFUND_NOTE, "succeeded_at"))
    waiting = [(pk, at) for pk, at in refunded.order_by("succeeded_at").values_list("pk", "succeeded_at")[:limit] if at]
    tried = [(at, _try(partial(issue_note, refund_id=pk, now=now))) for pk, at in waiting]
    _move_mark(DocumentKind.REFUND_NOTE, tried, limit=limit, now=now)
    return sum(done for _at, done in tried)


def _since(kind: DocumentKind, field: str) -> dict[str, datetime]:
    mark = IssuingMark.objects.filter(kind=kind).first()
    return {f"{field}__gte": mark.at} if mark else {}


def _try(issue: Callable[[], Document]) -> bool:
    try:
        issue()
    except Exception:  # whatever is odd about one, the others are issued
        logger.exception("a document could not be issued")
        return False
    return True


def _move_mark(kind: DocumentKind, tried: list[tuple[datetime, bool]], *, limit: int, now: datetime) -> None:
    """Everything before the mark is issued, so the next look begins there. What failed holds it back."""
    reached = [now - LOOKED_BACK, *(at for at, done in tried if not done)]
    if len(tried) == limit:
        reached.append(tried[-1][0])
    IssuingMark.objects.update_or_create(kind=kind, defaults={"at": min(reached)})
