"""Fapiao: asked for by the customer, made by finance in the tax office's own system, and recorded here with their file;
reversed by a red-letter fapiao before the money goes back.

Every verb locks the order, then the fapiao, and changes nothing when it is repeated. No money moves by any of them. The
database holds the rules about persons, states, sums, dates and numbers too (billing/sql/fapiao.sql).
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Max, Q
from django.utils.translation import gettext as _
from djmoney.money import Money

from billing import documents, fapiao_remainders, orders
from billing.fapiao_remainders import Room
from billing.models import Fapiao, Note, Order
from billing.refunds import persons
from wallet import details, tax_numbers
from wallet.calendar import business_date
from wallet.models import User
from wallet.money import labelled

_State = Fapiao.State

TRANSITIONS: Final[Mapping[_State, frozenset[_State]]] = MappingProxyType(
    {
        _State.REQUESTED: frozenset({_State.ISSUED, _State.REJECTED, _State.WITHDRAWN}),
        _State.ISSUED: frozenset({_State.REVERSED}),
    }
)
"""The only way a fapiao changes its state."""

_NUMBER: Final = re.compile("[0-9]{8}|[0-9]{20}")
_TAX_NUMBER: Final = re.compile("[0-9A-Z]{2}[0-9]{6}[0-9A-Z]{10}")


class MayNotHandle(Exception):
    """This person may not do that with fapiao of this organisation; the message says why."""


class NothingToAskFor(Exception):
    """There is no fapiao of this order, or none any more; the message says why."""


class TooMuch(Exception):
    """More was asked for than is left; `room` says how much that is."""

    def __init__(self, room: Room) -> None:
        super().__init__(room.most)
        self.room = room


class FormTokenReused(Exception):
    """The form was already sent with other content; `fapiao` is what it made then."""

    def __init__(self, fapiao: Fapiao) -> None:
        super().__init__(fapiao.place)
        self.fapiao = fapiao


class WrongTaxNumber(ValueError):
    """It is no unified social credit code, or its check character contradicts the others."""


class NotWaiting(Exception):
    """The fapiao was issued, rejected or withdrawn before."""


class NotIssued(Exception):
    """The fapiao was never issued, or is reversed already by another red-letter fapiao."""


class CannotBeIssued(Exception):
    """What was asked for does not fit any more, or what was given cannot be; the message says what."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a customer asks for. Of a special fapiao everything is needed, of an individual only the title."""

    kind: Fapiao.Kind
    buyer: Fapiao.Buyer
    title: str
    amount: Money
    tax_number: str = ""
    address: str = ""
    phone: str = ""
    bank: str = ""
    bank_account: str = ""


@dataclass(frozen=True, kw_only=True)
class Issued:
    """What finance records of a fapiao it has made. The file is harmless already."""

    number: str
    issued_on: date
    file_kind: Fapiao.FileKind
    file: bytes


@dataclass(frozen=True, kw_only=True)
class RedLetter:
    """What finance records of the red-letter fapiao by which it has reversed one."""

    number: str
    dated_on: date
    reason: str


def read_tax_number(text: str) -> str:
    """The 18 characters as they are kept. Raises WrongTaxNumber."""
    try:
        number = tax_numbers.tidy(text)
    except tax_numbers.WrongCheckCharacter:
        raise WrongTaxNumber from None
    if not _TAX_NUMBER.fullmatch(number):
        raise WrongTaxNumber
    return number


def is_number(text: str) -> bool:
    """Whether a fapiao may bear it: 20 digits, or the 8 of the older ones."""
    return _NUMBER.fullmatch(text) is not None


def suggest(order: Order) -> dict[str, str]:
    """What the form begins with: from the newest billing details, and the bank from the fapiao asked for last."""
    facts = details.read(details.current(order.organisation_id))
    asked = Fapiao.objects.filter(organisation_id=order.organisation_id, buyer=Fapiao.Buyer.COMPANY).light()
    last = asked.order_by("-id").first()
    kept = {name: getattr(last, name) for name in ("phone", "bank", "bank_account")} if last else {}
    return kept | {
        "title": facts.legal_name_zh or facts.legal_name_en,
        "tax_number": facts.tax_number if _TAX_NUMBER.fullmatch(facts.tax_number) else "",
        "address": " ".join(facts.address.splitlines())[:200],
    }


def ask(*, order_id: UUID, wish: Wish, by: User, form_token: str, now: datetime) -> Fapiao:
    """Ask for a fapiao of a paid order. The same form token with the same content returns the first one.

    Raises `FormTokenReused`, `MayNotHandle`, `NothingToAskFor`, `TooMuch` and `WrongTaxNumber`; then nothing has
    happened.
    """
    entity = documents.find_issuer(Order.objects.get(pk=order_id))
    with transaction.atomic():
        order = orders.lock(order_id)
        if stored := Fapiao.objects.filter(form_token=form_token).light().first():
            return _repeat(stored, order_id=order_id, wish=wish)
        _check_wish(order, wish, by=by)
        fapiao = Fapiao.objects.create(
            organisation_id=order.organisation_id,
            order=order,
            place=(order.fapiaos.aggregate(last=Max("place"))["last"] or 0) + 1,
            entity=entity,
            asked_by=by,
            asked_by_name=str(by),
            asked_at=now,
            form_token=form_token,
            **vars(wish),
        )
        _tell(fapiao, Note.FAPIAO_ASKED, by=by, now=now)
        return fapiao


def withdraw(*, fapiao_id: UUID, by: User, now: datetime) -> Fapiao:
    """The customer wants it no more. Raises `MayNotHandle` and `NotWaiting`. Repeating it changes nothing."""
    with transaction.atomic():
        fapiao = _lock(fapiao_id)
        if not persons.may_ask(by, fapiao.order):
            raise MayNotHandle(_say_who_may())
        if fapiao.state == _State.WITHDRAWN:
            return fapiao
        _end(fapiao, to=_State.WITHDRAWN, reason="", by=by, now=now)
        _tell(fapiao, Note.FAPIAO_WITHDRAWN, by=by, now=now)
        return fapiao


def issue(*, fapiao_id: UUID, issued: Issued, by: User, now: datetime) -> Fapiao:
    """Record that it was made, with its file. Raises `MayNotHandle`, `NotWaiting` and `CannotBeIssued`. Repeating it
    with the same number and date changes nothing.
    """
    with transaction.atomic():
        fapiao = _lock(fapiao_id)
        _check_finance(by, fapiao)
        if fapiao.state == _State.ISSUED and (fapiao.number, fapiao.issued_on) == (issued.number, issued.issued_on):
            return fapiao
        _check_issue(fapiao, issued, now=now)
        fapiao.number, fapiao.issued_on = issued.number, issued.issued_on
        fapiao.file_kind, fapiao.file = issued.file_kind, issued.file
        fapiao.sha256 = hashlib.sha256(issued.file).hexdigest()
        fapiao.issued_by, fapiao.issued_by_name, fapiao.issued_at = by, str(by), now
        fapiao.state = _State.ISSUED
        fapiao.save(
            update_fields=[
                *("state", "number", "issued_on", "file_kind", "file", "sha256"),
                *("issued_by", "issued_by_name", "issued_at"),
            ]
        )
        _tell(fapiao, Note.FAPIAO_ISSUED, by=by, now=now)
        return fapiao


def reject(*, fapiao_id: UUID, reason: str, by: User, now: datetime) -> Fapiao:
    """Finance does not issue it; the customer reads the reason. Raises `MayNotHandle` and `NotWaiting`. Repeating it
    changes nothing.
    """
    with transaction.atomic():
        fapiao = _lock(fapiao_id)
        _check_finance(by, fapiao)
        if fapiao.state == _State.REJECTED:
            return fapiao
        _end(fapiao, to=_State.REJECTED, reason=reason, by=by, now=now)
        _tell(fapiao, Note.FAPIAO_REJECTED, by=by, now=now)
        return fapiao


def reverse(*, fapiao_id: UUID, red_letter: RedLetter, by: User, now: datetime) -> Fapiao:
    """Record the red-letter fapiao that reversed it: its amount can be asked for again, or refunded. Raises
    `MayNotHandle`, `NotIssued` and `CannotBeIssued`. Repeating it with the same number changes nothing.
    """
    with transaction.atomic():
        fapiao = _lock(fapiao_id)
        _check_finance(by, fapiao)
        if fapiao.state == _State.REVERSED and fapiao.red_number == red_letter.number:
            return fapiao
        _check_red_letter(fapiao, red_letter, now=now)
        fapiao.red_number, fapiao.red_on = red_letter.number, red_letter.dated_on
        _end(fapiao, to=_State.REVERSED, reason=red_letter.reason, by=by, now=now)
        _tell(fapiao, Note.FAPIAO_REVERSED, by=by, now=now)
        return fapiao


def why_not_finance(fapiao: Fapiao, *, by: User) -> str:
    """Why this person may not issue, reject or reverse it, in words; empty when he may."""
    return persons.why_not_finance(by, fapiao.order)


def _lock(fapiao_id: UUID) -> Fapiao:
    order = orders.lock(Fapiao.objects.values_list("order_id", flat=True).get(pk=fapiao_id))
    fapiao = Fapiao.objects.select_for_update().light().get(pk=fapiao_id)
    fapiao.order = order
    return fapiao


def _repeat(stored: Fapiao, *, order_id: UUID, wish: Wish) -> Fapiao:
    if stored.order_id != order_id or any(getattr(stored, name) != value for name, value in vars(wish).items()):
        raise FormTokenReused(stored)
    return stored


def _check_wish(order: Order, wish: Wish, *, by: User) -> None:
    if not persons.may_ask(by, order):
        raise MayNotHandle(_say_who_may())
    room = fapiao_remainders.find(order)
    if room.why:
        raise NothingToAskFor(room.why)
    if wish.amount > room.most:
        raise TooMuch(room)
    if wish.buyer == Fapiao.Buyer.COMPANY and read_tax_number(wish.tax_number) != wish.tax_number:
        raise WrongTaxNumber


def _check_finance(by: User, fapiao: Fapiao) -> None:
    if why := why_not_finance(fapiao, by=by):
        raise MayNotHandle(why)


def _check_issue(fapiao: Fapiao, issued: Issued, *, now: datetime) -> None:
    if fapiao.state != _State.REQUESTED:
        raise NotWaiting(str(fapiao))
    if why := fapiao_remainders.why_not_issue(fapiao):
        raise CannotBeIssued(why)
    _check_number(issued.number, fapiao)
    _check_date(issued.issued_on, first=business_date(fapiao.order.created_at), now=now)


def _check_red_letter(fapiao: Fapiao, red_letter: RedLetter, *, now: datetime) -> None:
    if fapiao.state != _State.ISSUED or fapiao.issued_on is None:
        raise NotIssued(str(fapiao))
    _check_number(red_letter.number, fapiao)
    _check_date(red_letter.dated_on, first=fapiao.issued_on, now=now)


def _check_number(number: str, fapiao: Fapiao) -> None:
    if not is_number(number):
        raise CannotBeIssued(_("A fapiao number has 20 digits, or the 8 of the older kind."))
    taken = Fapiao.objects.filter(Q(number=number) | Q(red_number=number))
    if other := taken.select_related("order").light().first():
        said = {"number": number, "order": other.order.number}
        if other.pk == fapiao.pk:
            raise CannotBeIssued(_("This is the number of the fapiao itself."))
        raise CannotBeIssued(_("Number %(number)s was recorded before, with order %(order)s.") % said)


def _check_date(day: date, *, first: date, now: datetime) -> None:
    today = business_date(now)
    if not first <= day <= today:
        said = {"first": first.isoformat(), "last": today.isoformat()}
        raise CannotBeIssued(_("The date lies between %(first)s and %(last)s.") % said)


def _end(fapiao: Fapiao, *, to: Fapiao.State, reason: str, by: User, now: datetime) -> None:
    if to not in TRANSITIONS.get(_State(fapiao.state), frozenset()):
        raise NotWaiting(str(fapiao))
    fapiao.state, fapiao.reason = to, reason[:500]
    fapiao.ended_by, fapiao.ended_by_name, fapiao.ended_at = by, str(by), now
    fapiao.save(update_fields=["state", "reason", "ended_by", "ended_by_name", "ended_at", "red_number", "red_on"])


def _tell(fapiao: Fapiao, note: Note, *, by: User, now: datetime) -> None:
    """No words of ours in the detail, since the timeline is read in several languages."""
    said = [labelled(fapiao.amount), fapiao.number, fapiao.red_number, fapiao.reason]
    orders.tell(order=fapiao.order, note=note, by=str(by), now=now, detail=" · ".join(filter(None, said)))


def _say_who_may() -> str:
    return _("Only an owner or a member with the role Billing may ask for a fapiao.")
