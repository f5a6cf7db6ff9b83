"""Drawing up a business day, saying who looks after what does not agree, signing the day, and withdrawing that."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from payments import settlement, sightings
from payments.closing import figures, finders, months, words
from payments.closing.found import Found
from payments.models import CloseAct, DayClose, Difference
from wallet.calendar import business_date
from wallet.models import Posting, SealedDay, User

_DAY = timedelta(days=1)
_AT_ONCE = 500
_TOLD = (
    "kind",
    "amount",
    "amount_currency",
    "subject",
    "detail",
    "facts",
    "is_timing",
    "order",
    "line",
    "since",
    "gone_at",
)
"""What drawing up says of a difference; owner and note are people's."""


class DayNotOver(Exception):
    """Money may still move on this business day, or it lies ahead."""


class DaySigned(Exception):
    """The close is signed: withdraw the signature first."""


class NotSignable(Exception):
    """The day cannot be signed now; the message says why, and what to do."""


class DaySealed(NotSignable):
    """The day was sealed with a later one, before anybody signed it; the message says with which."""


class FoundOtherwise(sightings.ChangedMeanwhile):
    """Drawn up once more, the day is not what its signer was shown; it is kept as it is found now."""

    def __str__(self) -> str:
        return _(
            "The day is no longer what this page showed: it was compared once more, and something was found otherwise, "
            "or somebody changed an owner or a note. Nothing was signed. Look at it as it stands now, then sign."
        )


class NotWithdrawable(Exception):
    """The signature cannot be withdrawn by this person, or there is none; the message says which."""


class NotExplained(ValueError):
    """An owner has to be of the team, and a note has to say something."""


def draw_up(*, day: date, now: datetime) -> DayClose:
    """Compare the four sides of a day that is over, and keep what was found. May be repeated until the day is signed:
    owners and notes stay, what is found no more is marked as gone. Reads much; call it outside any transaction.

    Raises `DayNotOver`, and `DaySealed` for a day that nobody could sign any more; a signed day stays as it is and is
    returned.
    """
    if day >= business_date(now):
        raise DayNotOver(day.isoformat())
    if why := _why_sealed(day):
        raise DaySealed(why)
    known = DayClose.objects.filter(day=day).first()
    if known and known.is_signed:
        return known
    rows = figures.compare(day)
    found = finders.find(day=day, rows=rows, now=now)
    with transaction.atomic():
        DayClose.objects.bulk_create([DayClose(day=day, drawn_up_at=now)], ignore_conflicts=True)
        close = DayClose.objects.select_for_update().get(day=day)
        if close.is_signed:
            return close
        close.figures, close.drawn_up_at = [asdict(row) for row in rows], now
        close.save(update_fields=["figures", "drawn_up_at"])
        _keep(close, found, now=now)
        return close


def explain(*, difference_id: UUID, owner: User, note: str, now: datetime) -> Difference:
    """Say who looks after a difference, and why it is there. Raises `DaySigned` and `NotExplained`."""
    if not note.strip() or not (owner.is_active and owner.is_staff):
        raise NotExplained
    with transaction.atomic(durable=True):
        found = Difference.objects.get(pk=difference_id)
        if DayClose.objects.select_for_update().get(pk=found.close_id).is_signed:
            raise DaySigned(str(found.close))
        found.owner, found.note, found.noted_at = owner, note.strip()[:500], now
        found.save(update_fields=["owner", "note", "noted_at"])
        return found


def why_not_signable(close: DayClose, *, now: datetime) -> str:
    """Why the day cannot be signed, in words; empty when it can."""
    if close.is_signed:
        return _("The day is signed already.")
    if close.day >= business_date(now):
        return _("The day is not over yet.")
    following = next_to_sign()
    if following and close.day > following:
        return _("Days are signed one after the other: %(day)s comes first.") % {"day": following.isoformat()}
    if following and close.day < following:
        before = _("The days before %(day)s are closed already.") % {"day": following.isoformat()}
        return _why_sealed(close.day) or before
    if unexplained := close.differences.filter(pk__in=Difference.objects.unexplained().values("pk")).count():
        return _("%(count)s differences have no owner with a note yet.") % {"count": unexplained}
    return ""


def next_to_sign() -> date | None:
    """The first day that nobody has signed, of those in a row behind signed or sealed ones; None before the first."""
    last = DayClose.objects.filter(state=DayClose.State.SIGNED).order_by("-day").first()
    withdrawn = DayClose.objects.filter(state=DayClose.State.OPEN, acts__isnull=False).order_by("day").first()
    if withdrawn:
        return withdrawn.day
    if last:
        return last.day + _DAY
    sealed = SealedDay.objects.order_by("-day").first()
    return sealed.day + _DAY if sealed else None


def count_unsigned(*, now: datetime) -> int:
    """How many days that are over wait for their signature, from the first unsigned one on. Before the first signature
    of all it is one: that closes every day before it too.
    """
    today, first = business_date(now), next_to_sign()
    if first is None:
        return int(Posting.objects.filter(business_date__lt=today).exists())
    return max((today - first).days, 0)


def sign(*, day: date, by: User, now: datetime, seen: str | None = None, note: str = "") -> DayClose:
    """Sign the day as it is found now, and seal it in the ledger. Repeating it changes nothing. `seen` is what the
    signer was shown, `sightings.of_close`; None: he was shown nothing.

    Raises `DayNotOver`, `FoundOtherwise` when that is not what is found, and `NotSignable` when a day before it is not
    signed, or when what does not agree has neither owner nor note.
    """
    close = draw_up(day=day, now=now)
    with transaction.atomic(durable=True):
        close = DayClose.objects.select_for_update().get(pk=close.pk)
        if close.is_signed:
            return close
        if seen is not None and sightings.of_close(close) != seen:
            raise FoundOtherwise(day.isoformat())
        if why := why_not_signable(close, now=now):
            raise NotSignable(why)
        close.seal = settlement.seal_day(day=day, by=str(by), now=now).hex()
        close.state, close.signed_by, close.signed_at = DayClose.State.SIGNED, by, now
        close.save(update_fields=["state", "signed_by", "signed_at", "seal"])
        _tell(close, CloseAct.Kind.SIGNED, by=by, note=note.strip(), now=now)
        return close


def withdraw(*, day: date, by: User, note: str, now: datetime) -> DayClose:
    """Open a signed day's owners and notes again. The ledger's day stays sealed: no posting is touched.

    Raises `NotWithdrawable` when the day is not signed, was signed by the same person, or is followed by a signed day.
    """
    with transaction.atomic(durable=True):
        close = DayClose.objects.select_for_update().filter(day=day).first()
        if close is None or not close.is_signed:
            raise NotWithdrawable(_("The day is not signed."))
        if why := why_not_withdrawable(close, by=by):
            raise NotWithdrawable(why)
        if not note.strip():
            raise NotWithdrawable(_("Say why, for whoever reads it later."))
        close.state, close.signed_by, close.signed_at = DayClose.State.OPEN, None, None
        close.save(update_fields=["state", "signed_by", "signed_at"])
        _tell(close, CloseAct.Kind.WITHDRAWN, by=by, note=note.strip(), now=now)
        return close


def why_not_withdrawable(close: DayClose, *, by: User) -> str:
    """Why this person may not withdraw the signature, in words; empty when he may."""
    if close.signed_by_id == by.pk:
        return _("You signed the day yourself: somebody else has to withdraw it.")
    if DayClose.objects.filter(day__gt=close.day, state=DayClose.State.SIGNED).exists():
        return _("A later day is signed: withdraw that one first.")
    return ""


def _why_sealed(day: date) -> str:
    sealed = months.find_seal_over(day)
    if sealed is None:
        return ""
    return _(
        "%(day)s was sealed with %(sealed)s, the first day that was signed: it needs neither close nor signature."
    ) % {"day": day.isoformat(), "sealed": sealed.isoformat()}


def _keep(close: DayClose, found: Sequence[Found], *, now: datetime) -> None:
    """Write what was found beside what is known, and carry owners and notes over from the day before."""
    known = {difference.key: difference for difference in close.differences.all()}
    before = _open_before(close)
    new, again = [], []
    for item in found:
        earlier = before.get(item.key)
        told = _tell_found(item, close=close, since=earlier.since if earlier else close.day)
        if difference := known.pop(item.key, None):
            for name, value in told.items():
                setattr(difference, name, value)
            again.append(difference)
            continue
        carried = {name: getattr(earlier, name) for name in ("owner", "note", "noted_at")} if earlier else {}
        new.append(Difference(close=close, key=item.key, found_at=now, **carried, **told))
    Difference.objects.bulk_create(new, batch_size=_AT_ONCE)
    Difference.objects.bulk_update(again, _TOLD, batch_size=_AT_ONCE)
    gone = [difference.pk for difference in known.values() if difference.gone_at is None]
    Difference.objects.filter(pk__in=gone).update(gone_at=now)


def _tell_found(item: Found, *, close: DayClose, since: date) -> Mapping[str, Any]:
    subject, detail = words.write_down(item)
    return {
        "kind": item.kind,
        "amount": item.amount,
        "subject": subject[:200],
        "detail": detail[:500],
        "facts": dict(item.facts),
        "is_timing": item.is_timing and since >= close.day,
        "order_id": item.order_id,
        "line_id": item.line_id,
        "since": since,
        "gone_at": None,
    }


def _open_before(close: DayClose) -> dict[str, Difference]:
    """What was still open in the close before this one, by key: it keeps its age, owner and note."""
    previous = DayClose.objects.filter(day__lt=close.day).order_by("-day").first()
    if previous is None:
        return {}
    return {difference.key: difference for difference in previous.differences.open().select_related("owner")}


def _tell(close: DayClose, kind: CloseAct.Kind, *, by: User, note: str, now: datetime) -> None:
    CloseAct.objects.create(close=close, kind=kind, by=by, by_name=str(by), at=now, note=note[:500])
