"""The statement of a balance as CSV and as PDF: opening, entries, closing."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from django.db.models import Case, Count, F, Sum, When
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from djmoney.money import Money

from billing import csv_files, papers, receipts, statements, targets
from billing.documents import describe_issuer
from billing.models import LegalEntity
from billing.papers import Column, Paper, Table
from billing.statements import Line, Statement
from wallet.calendar import BOOKS
from wallet.models import Entry, Member, Side

MOST_IN_PDF: Final = 2000
"""A PDF of more entries has one row a day instead; the CSV always has each."""

COLUMNS: Final = (
    "posted_at_utc",
    "business_date",
    "kind",
    "order_number",
    "description",
    "amount",
    "balance_after",
    "currency",
)
_PLACES, _MOST_PLACES = 2, 6


def write_csv(statement: Statement, *, member: Member, kind: str = "") -> Iterator[str]:
    """The file, line by line. Narrowed to a kind it has the entries alone."""
    rows = (_cells(line) for line in statements.walk(statement, member=member, kind=kind))
    edges = [] if kind else [_edge("OPENING", statement.first, statement.opening)]
    ends = [] if kind else [_edge("CLOSING", statement.last, statement.closing)]
    return csv_files.write(COLUMNS, _chain(edges, rows, ends))


def draw_pdf(statement: Statement, *, member: Member, now: datetime) -> bytes:
    """The file in the reader's language; a month of many entries takes a second of a processor."""
    language = get_language() or "en"
    return papers.draw(compose(statement, member=member, now=now).to_json(), language=language)


def compose(statement: Statement, *, member: Member, now: datetime) -> Paper:
    """What the PDF says."""
    if statement.entry_count > MOST_IN_PDF:
        table: Table | None = _tabulate_days(statement)
    else:
        table = _tabulate(statement, member=member)
    organisation = member.organisation
    code = statement.balance.code
    places = _find_places([statement.opening.amount, statement.closing.amount])
    return Paper(
        title=_("Statement"),
        number=_("%(first)s to %(last)s") % {"first": statement.first, "last": statement.last},
        issuer=describe_issuer(LegalEntity.objects.get(issues_by_default=True)),
        reader=receipts.describe_reader(organisation),
        facts=[
            (_("Organisation"), organisation.name),
            (_("Balance"), targets.full_name(organisation_id=organisation.pk, code=code)),
            (_("Currency"), statement.balance.currency),
            (_("Opening balance"), _figure(statement.opening.amount, places)),
            (
                _("Closing balance so far") if statement.is_running else _("Closing balance"),
                _figure(statement.closing.amount, places),
            ),
            (_("Entries"), str(statement.entry_count)),
            (_("Made at"), receipts.show_moment(now)),
        ],
        table=table,
        notes=_describe(statement),
    )


def _describe(statement: Statement) -> list[str]:
    said = []
    if statement.entry_count > MOST_IN_PDF:
        long = _("A PDF lists %(most)d entries at the most, so each row is one day. The CSV has all %(count)d entries.")
        said.append(long % {"count": statement.entry_count, "most": MOST_IN_PDF})
    if statement.is_running:
        said.append(_("The last day is not over yet: this statement shows what was booked so far."))
    return [*said, _("Days are those of Asia/Shanghai (UTC+8). A statement is no tax invoice (fapiao).")]


def _tabulate(statement: Statement, *, member: Member) -> Table | None:
    lines = list(statements.walk(statement, member=member))
    if not lines:
        return None
    places = _find_places(money.amount for line in lines for money in (line.entry.amount, line.entry.balance_after))
    columns = [
        Column(label=_("When")),
        Column(label=_("What"), share=1),
        Column(label=_("Order")),
        Column(label=_("Amount"), is_number=True),
        Column(label=_("Balance after"), is_number=True),
    ]
    return Table(columns=columns, rows=[_row(line, places) for line in lines])


def _row(line: Line, places: int) -> list[str]:
    posting = line.entry.posting
    what = f"{line.what} · {line.memo}" if line.memo else str(line.what)
    amount = _figure(line.entry.amount.amount, places)
    return [
        f"{posting.posted_at.astimezone(BOOKS):%Y-%m-%d %H:%M:%S}",
        what,
        line.order_number,
        f"+{amount}" if line.is_in else f"−{amount}",
        _figure(line.entry.balance_after.amount, places),
    ]


def _tabulate_days(statement: Statement) -> Table:
    entries = Entry.objects.filter(
        account=statement.balance.account, position__gt=statement.start, position__lte=statement.end
    )
    ins, outs = (Sum(Case(When(side=side, then=F("amount")), default=Decimal(0))) for side in (Side.CREDIT, Side.DEBIT))
    days = entries.values_list("posting__business_date").annotate(count=Count("pk"), came=ins, went=outs)
    columns = [
        Column(label=_("Day"), share=1),
        Column(label=_("Entries"), is_number=True),
        Column(label=_("In"), is_number=True),
        Column(label=_("Out"), is_number=True),
        Column(label=_("Balance after"), is_number=True),
    ]
    found, balance = [], statement.opening.amount
    for day, count, came, went in days.order_by("posting__business_date"):
        balance += came - went
        found.append((str(day), str(count), (came, went, balance)))
    places = _find_places(amount for _day, _count, amounts in found for amount in amounts)
    rows = [[day, count, *(_figure(amount, places) for amount in amounts)] for day, count, amounts in found]
    return Table(columns=columns, rows=rows)


def _cells(line: Line) -> list[str]:
    posting, entry = line.entry.posting, line.entry
    return [
        f"{posting.posted_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        str(posting.business_date),
        line.kind,
        line.order_number,
        csv_files.disarm(line.memo),
        f"{'' if line.is_in else '-'}{_plain(entry.amount)}",
        _plain(entry.balance_after),
        entry.amount.currency.code,
    ]


def _edge(kind: str, day: date, balance: Money) -> list[str]:
    return ["", str(day), kind, "", "", "", _plain(balance), balance.currency.code]


def _chain(*parts: Iterable[Sequence[str]]) -> Iterator[Sequence[str]]:
    for part in parts:
        yield from part


def _find_places(amounts: Iterable[Decimal]) -> int:
    """Two decimals, and as many more as the finest of them has; all are written alike, so that digits line up."""
    return max([_PLACES, *(-int(amount.normalize().as_tuple().exponent) for amount in amounts)])


def _figure(amount: Decimal, places: int) -> str:
    return f"{amount:,.{places}f}"


def _plain(amount: Money) -> str:
    return f"{amount.amount:.{_MOST_PLACES}f}"
