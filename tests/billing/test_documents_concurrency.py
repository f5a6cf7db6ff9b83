"""Documents asked for at once: one each, and no number is lost."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import pytest
from django.db import connections

from billing import documents
from billing.models import Document, DocumentSeries, LegalEntity
from tests import builders, races
from tests.billing import ordering
from wallet.models import Organisation

MANY = 8


@pytest.fixture
def acme(committed: None, now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


def numbers_of(acme: Organisation) -> list[int]:
    return sorted(Document.objects.filter(organisation=acme).values_list("sequence", flat=True))


def test_one_receipt_asked_for_by_many_is_issued_once(acme: Organisation, now: datetime) -> None:
    order = ordering.paid_order(acme, now=now)
    outcomes = races.run_at_once([partial(documents.issue_receipt, order_id=order.pk, now=now)] * MANY)

    races.raise_failures(outcomes)
    assert len({document.pk for document in outcomes}) == 1
    assert Document.objects.filter(order=order).count() == 1


def test_many_receipts_at_once_stand_in_one_row_without_a_gap(acme: Organisation, now: datetime) -> None:
    orders = [ordering.paid_order(acme, now=now) for _ in range(MANY)]
    calls: list[Callable[[], Document]] = [
        partial(documents.issue_receipt, order_id=order.pk, now=now) for order in orders for _twice in range(2)
    ]
    races.raise_failures(races.run_at_once(calls))

    found = numbers_of(acme)
    assert found == list(range(found[0], found[0] + MANY))
    entity = LegalEntity.objects.get(issues_by_default=True)
    series = DocumentSeries.objects.get(entity=entity, kind="RECEIPT", year=now.year)
    assert series.last == Document.objects.filter(entity=entity, kind="RECEIPT", year=now.year).count()


def test_at_new_year_one_order_gets_one_receipt_in_one_year(acme: Organisation, now: datetime) -> None:
    """The two series have a counter each, so only the row itself can keep the second out."""
    order = ordering.paid_order(acme, now=now)
    new_year = datetime.fromisoformat("2027-01-01T00:00:00+08:00")
    before = {series.pk: series.last for series in DocumentSeries.objects.all()}
    moments = [new_year - timedelta(seconds=1), new_year] * (MANY // 2)
    outcomes = races.run_at_once([partial(documents.issue_receipt, order_id=order.pk, now=at) for at in moments])

    races.raise_failures(outcomes)
    assert len({document.pk for document in outcomes}) == 1
    after = {series.pk: series.last for series in DocumentSeries.objects.all()}
    assert sum(after.values()) == sum(before.values()) + 1


def test_whoever_dies_while_issuing_leaves_no_gap_and_no_half(acme: Organisation, now: datetime) -> None:
    first, second = (ordering.paid_order(acme, now=now) for _ in range(2))
    last = documents.issue_receipt(order_id=ordering.paid_order(acme, now=now).pk, now=now).sequence
    with pytest.MonkeyPatch.context() as dying:
        dying.setattr("billing.papers.draw", _die)
        with pytest.raises(Exception, match=r"closed|terminating|lost"):
            documents.issue_receipt(order_id=first.pk, now=now)
    connections["default"].close()

    assert documents.issue_receipt(order_id=second.pk, now=now).sequence == last + 1
    assert not Document.objects.filter(order=first).exists()
    assert documents.issue_receipt(order_id=first.pk, now=now).sequence == last + 2


def _die(*args: object, **kwargs: object) -> bytes:
    """The database goes away with the number drawn and the row not written."""
    connections["default"].connection.close()
    return b"%PDF"
