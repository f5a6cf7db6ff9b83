"""The audit of documents: numbers without gaps, files as they were issued, and nothing paid without its receipt."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from billing.models import Document, DocumentSeries, LegalEntity
from wallet.audit import Check, compare_schema, read
from wallet.schema import read_schema

_COUNTED: Final = frozenset({"INSERT", "UPDATE"})
_FILES_OF: Final = timedelta(days=7)
"""Every night the files issued in these days are hashed again; all of them would be read for hours."""

DOCUMENTS: Final = read_schema(
    folder=Path(__file__).parent / "sql",
    files="documents.sql",
    prefix="documents_",
    models=(Document, LegalEntity, DocumentSeries),
    grants={
        "billing_document": frozenset({"INSERT"}),
        "billing_legalentity": _COUNTED,
        "billing_documentseries": _COUNTED,
    },
)


def check_guards(using: str, _now: datetime) -> Iterable[str]:
    """What keeps documents as issued is there, and as this version defines it."""
    yield from compare_schema(using, DOCUMENTS)


def check_numbers(using: str, _now: datetime) -> Iterable[str]:
    """Every series runs from one to its last number."""
    rows = read(
        using,
        """
        SELECT entity.code, series.kind, series.year, series.last, count(document.id),
               coalesce(max(document.sequence), 0)
        FROM billing_documentseries AS series
        JOIN billing_legalentity AS entity ON entity.id = series.entity_id
        LEFT JOIN billing_document AS document ON document.entity_id = series.entity_id
         AND document.kind = series.kind AND document.year = series.year
        GROUP BY entity.code, series.id
        HAVING count(document.id) <> series.last OR coalesce(max(document.sequence), 0) <> series.last
        """,
    )
    for code, kind, year, last, count, highest in rows:
        yield f"Series {kind} of {code} in {year} is at {last}, with {count} documents up to number {highest}."


def check_files(using: str, now: datetime) -> Iterable[str]:
    """The files issued lately are those that were issued."""
    rows = read(
        using,
        "SELECT number FROM billing_document WHERE issued_at > %s AND encode(sha256(pdf), 'hex') <> sha256",
        [now - _FILES_OF],
    )
    for (number,) in rows:
        yield f"Document {number} has another file than the one issued."


def check_issued(using: str, _now: datetime) -> Iterable[str]:
    """Whatever the job says it has issued is there."""
    rows = read(
        using,
        """
        SELECT 'order ' || "order".number, 'receipt'
        FROM billing_issuingmark AS mark JOIN billing_order AS "order" ON "order".paid_at < mark.at
        LEFT JOIN billing_document AS document ON document.order_id = "order".id AND document.kind = 'RECEIPT'
        WHERE mark.kind = 'RECEIPT' AND document.id IS NULL
        UNION ALL
        SELECT 'refund ' || refund.number, 'refund note'
        FROM billing_issuingmark AS mark JOIN billing_refund AS refund ON refund.succeeded_at < mark.at
        LEFT JOIN billing_document AS document ON document.refund_number = refund.number
        WHERE mark.kind = 'REFUND_NOTE' AND refund.state = 'SUCCEEDED' AND document.id IS NULL
        """,
    )
    for what, kind in rows:
        yield f"The {what} has no {kind}, though the job has passed it."


CHECKS: Final[tuple[Check, ...]] = (check_guards, check_numbers, check_files, check_issued)
