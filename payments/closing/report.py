"""The close of a day as it is handed on: one file for spreadsheets, one to print, both with all that was signed."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from django.utils import translation
from django.utils.translation import gettext as _
from djmoney.money import Money

from billing import csv_files, papers
from billing.csv_files import disarm
from payments.closing import figures, words
from payments.models import CloseAct, DayClose, Difference
from wallet.calendar import BOOKS
from wallet.money import labelled

COLUMNS = (
    "section",
    "business_date",
    "what",
    "currency",
    "orders",
    "stripe",
    "bank",
    "ledger",
    "subject",
    "amount",
    "detail",
    "class",
    "since",
    "owner",
    "note",
    "at",
)
"""The same in every language and for every day. `section` is FIGURE, DIFFERENCE, SIGNATURE or SEAL."""


def write_csv(close: DayClose, *, language: str) -> Iterator[str]:
    """The file, line by line; codes as they are kept, amounts as plain decimals, moments in UTC; subjects and details
    in the language.
    """
    return csv_files.write(COLUMNS, _rows(close, language=language))


def draw_pdf(close: DayClose, *, language: str, now: datetime) -> bytes:
    """The same on paper: sums, differences, signatures, and the hash that the ledger's chain has of the day."""
    with translation.override(language):
        paper = papers.Paper(
            title=_("Daily close"),
            number=close.day.isoformat(),
            issuer=papers.Party(name="InnoPaaS", details=[_("Business day, Asia/Shanghai")]),
            reader=papers.Party(name=_("Finance"), details=[str(close.get_state_display())]),
            facts=[(f"{row.label} · {row.currency}", _tell_sides(row)) for row in _figures(close)],
            table=_draw_table(close, list_differences(close)),
            notes=[*_tell_acts(close), _tell_drawn_up(close, now=now)],
        )
        return papers.draw(paper.to_json(), language=language)


def list_differences(close: DayClose) -> Sequence[Difference]:
    """What still does not agree, that which is more than timing first."""
    return list(close.differences.open().select_related("owner").order_by("is_timing", "kind", "subject", "key"))


def tell_age(close: DayClose, difference: Difference) -> str:
    """Timing, or how many days old."""
    if difference.is_timing:
        return _("timing")
    return _("%(days)s days") % {"days": (close.day - difference.since).days}


def tell_owner(difference: Difference) -> str:
    return f"{difference.owner}: {difference.note}" if difference.owner else "—"


def _figures(close: DayClose) -> list[figures.Row]:
    return [figures.read_row(kept) for kept in close.figures]


def _rows(close: DayClose, *, language: str) -> Iterator[Sequence[str]]:
    for row in _figures(close):
        yield _cells(close, "FIGURE", what=row.measure, currency=row.currency, sides=row.sides)
    for difference in list_differences(close):
        with translation.override(language):  # none while the reader of the rows goes on with something else
            subject, detail = words.tell_subject(difference), words.tell_detail(difference)
        yield _cells(
            close,
            "DIFFERENCE",
            what=difference.kind,
            currency=difference.amount.currency.code,
            subject=subject,
            amount=f"{difference.amount.amount:f}",
            detail=detail,
            kept="TIMING" if difference.is_timing else "OPEN",
            since=difference.since.isoformat(),
            owner=difference.owner.email if difference.owner else "",
            note=difference.note,
            at=difference.noted_at,
        )
    for act in close.acts.order_by("id"):
        yield _cells(close, "SIGNATURE", what=act.kind, owner=act.by_name, note=act.note, at=act.at)
    if close.seal:
        yield _cells(close, "SEAL", subject=close.seal)


def _cells(  # noqa: PLR0913  # one for each column
    close: DayClose,
    section: str,
    *,
    what: str = "",
    currency: str = "",
    sides: Sequence[str | None] = (None,) * len(figures.SIDES),
    subject: str = "",
    amount: str = "",
    detail: str = "",
    kept: str = "",
    since: str = "",
    owner: str = "",
    note: str = "",
    at: datetime | None = None,
) -> list[str]:
    moment = f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else ""
    said = [side or "" for side in sides]
    texts = [disarm(subject), amount, disarm(detail), kept, since, disarm(owner), disarm(note), moment]
    return [section, close.day.isoformat(), what, currency, *said, *texts]


def _tell_sides(row: figures.Row) -> str:
    names = (_("orders"), "Stripe", _("bank"), _("ledger"))
    said = [f"{name} {Decimal(side):,}" for name, side in zip(names, row.sides, strict=True) if side is not None]
    return " · ".join([*said, tell_agreement(row)])


def tell_agreement(row: figures.Row) -> str:
    """Whether the sides agree, in words; a colour alone says nothing."""
    if row.agrees:
        return _("agree")
    return _("%(amount)s apart") % {"amount": labelled(Money(row.spread, row.currency))}


def _draw_table(close: DayClose, found: Sequence[Difference]) -> papers.Table | None:
    if not found:
        return None
    columns = [
        papers.Column(label=_("Difference"), share=3),
        papers.Column(label=_("About"), share=3),
        papers.Column(label=_("Amount"), is_number=True),
        papers.Column(label=_("Age")),
        papers.Column(label=_("Owner and note"), share=3),
    ]
    rows = [
        [
            str(one.get_kind_display()),
            f"{words.tell_subject(one)} {words.tell_detail(one)}".strip(),
            labelled(one.amount),
            tell_age(close, one),
            tell_owner(one),
        ]
        for one in found
    ]
    return papers.Table(columns=columns, rows=rows)


def _tell_acts(close: DayClose) -> list[str]:
    said = [_tell_act(act) for act in close.acts.order_by("id")]
    if close.seal:
        said.append(_("SHA-256 of the day in the ledger's chain: %(seal)s") % {"seal": close.seal})
    return said or [_("Nobody has signed this day.")]


def _tell_act(act: CloseAct) -> str:
    words = {"what": act.get_kind_display(), "name": act.by_name, "at": _say(act.at), "note": act.note}
    return (_("%(what)s by %(name)s, %(at)s %(note)s") % words).strip()


def _tell_drawn_up(close: DayClose, *, now: datetime) -> str:
    words = {"drawn_up": _say(close.drawn_up_at), "printed": _say(now)}
    return _("Drawn up %(drawn_up)s, printed %(printed)s.") % words


def _say(moment: datetime) -> str:
    return f"{moment.astimezone(BOOKS):%Y-%m-%d %H:%M} (UTC+8)"
