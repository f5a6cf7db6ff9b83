"""A month in one file, or in as many as needed: statements of every balance, receipts and refund notes, the orders."""

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from tempfile import TemporaryFile
from typing import IO, Final

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from billing import exports, search, statement_files, statements
from billing.models import Document
from billing.statements import Statement
from wallet.models import Member

MOST_DOCUMENTS: Final = 300
"""So many receipts and notes one part holds."""

MOST_ENTRIES: Final = 50_000
"""The CSV of a balance with more entries is not put into the pack; it is downloaded by itself."""

MOST_ORDERS: Final = 20_000
"""So many orders are listed in the pack; the list itself gives any number."""


@dataclass(frozen=True, kw_only=True)
class Pack:
    """What a month's pack will hold."""

    first: date
    last: date
    document_count: int

    @property
    def parts(self) -> int:
        return max(-(-self.document_count // MOST_DOCUMENTS), 1)

    @property
    def numbers(self) -> range:
        """Of the parts, from 1."""
        return range(1, self.parts + 1)

    @property
    def most(self) -> int:
        return MOST_DOCUMENTS

    @property
    def month(self) -> str:
        return f"{self.first:%Y-%m}"


def plan(member: Member, *, first: date, last: date) -> Pack:
    return Pack(first=first, last=last, document_count=_select(member, first=first, last=last).count())


def write(pack: Pack, *, member: Member, part: int, now: datetime, today: date) -> IO[bytes]:
    """One part, at its beginning; it goes when it is closed. The first has statements and orders besides documents.

    It is written to disk piece by piece, so that a large month needs little memory.
    """
    file = TemporaryFile()  # noqa: SIM115  # handed on open, and closed by whoever sends it
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        writer = _Writer(archive, now=now)
        if part == 1:
            for balance in statements.list_balances(member):
                statement = statements.read(balance, first=pack.first, last=pack.last, today=today)
                _add_statement(writer, statement, pack, member=member, now=now)
            _add_orders(writer, pack, member=member)
        documents = _select(member, first=pack.first, last=pack.last).order_by("dated_on", "id")
        _add_documents(writer, documents[(part - 1) * MOST_DOCUMENTS : part * MOST_DOCUMENTS], pack, part=part)
        writer.write("README.txt", ["\r\n".join(writer.said), "\r\n"])
    file.seek(0)
    return file


class _Writer:
    """Adds files to the archive, and keeps what its reader is told."""

    def __init__(self, archive: zipfile.ZipFile, *, now: datetime) -> None:
        self.archive = archive
        self.now = now
        self.said: list[str] = []

    def write(self, name: str, pieces: Iterable[str]) -> None:
        with self.archive.open(self._describe(name, zipfile.ZIP_DEFLATED), "w") as file:
            for piece in pieces:
                file.write(piece.encode())

    def store(self, name: str, content: bytes) -> None:
        """As it is: a PDF is packed already."""
        self.archive.writestr(self._describe(name, zipfile.ZIP_STORED), content)

    def _describe(self, name: str, way: int) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(name, date_time=self.now.timetuple()[:6])
        info.compress_type = way
        return info


def _select(member: Member, *, first: date, last: date) -> QuerySet[Document]:
    own = Document.objects.filter(organisation_id=member.organisation_id, order__in=search.own([member]))
    return own.filter(dated_on__gte=first, dated_on__lte=last)


def _add_statement(writer: _Writer, statement: Statement, pack: Pack, *, member: Member, now: datetime) -> None:
    if statement.balance.account is None:
        return
    name = f"statement-{statement.balance.file_name}-{pack.month}"
    writer.store(f"{name}.pdf", statement_files.draw_pdf(statement, member=member, now=now))
    if statement.entry_count > MOST_ENTRIES:
        said = _("%(name)s.csv is not here: it has more than %(most)d entries. The statement page gives it by itself.")
        writer.said.append(said % {"name": name, "most": MOST_ENTRIES})
        return
    writer.write(f"{name}.csv", statement_files.write_csv(statement, member=member))


def _add_orders(writer: _Writer, pack: Pack, *, member: Member) -> None:
    days = search.OrderFilter(first_day=pack.first, last_day=pack.last)
    orders = search.select_own(member, narrowed_to=days)
    if orders.order_by()[: MOST_ORDERS + 1].count() > MOST_ORDERS:
        said = _("orders.csv is not here: the month has more than %(most)d orders. Order Details gives them as CSV.")
        writer.said.append(said % {"most": MOST_ORDERS})
        return
    writer.write(f"orders-{pack.month}.csv", exports.write_csv(exports.read(orders)))


def _add_documents(writer: _Writer, documents: QuerySet[Document], pack: Pack, *, part: int) -> None:
    count = 0
    for document in documents.iterator(chunk_size=50):
        writer.store(f"documents/{document.number}.pdf", bytes(document.pdf))
        count += 1
    said = _("%(month)s, part %(part)d of %(parts)d: %(count)d receipts and refund notes here, %(total)d in the month.")
    writer.said.insert(
        0,
        said
        % {
            "month": pack.month,
            "part": part,
            "parts": pack.parts,
            "count": count,
            "total": pack.document_count,
        },
    )
    writer.said.append(_("Documents are as they were issued. None of them is a tax invoice (fapiao)."))
