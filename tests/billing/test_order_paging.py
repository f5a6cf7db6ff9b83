"""The list of orders in pages: each order once, both ways, by an index at any depth."""

from datetime import datetime, timedelta

import psycopg
import pytest
from django.db import connection
from django.db.models import QuerySet

from billing import paging, search
from billing.models import Method, Order, OrderEvent, State
from billing.search import OrderFilter
from tests import builders
from tests.billing import ordering
from wallet.models import Organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


def test_pages_lead_through_every_order_once_and_back_again(acme: Organisation, now: datetime) -> None:
    made = [ordering.open_order(acme, now=now).number for _ in range(2 * paging.PAGE_SIZE + 3)]
    everything = search.select(organisation_id=acme.pk, narrowed_to=OrderFilter())

    page = paging.page(everything, organisation_id=acme.pk, after="", before="")
    assert page.newer == ""
    pages = [page]
    while page.older:
        page = paging.page(everything, organisation_id=acme.pk, after=page.older, before="")
        pages.append(page)
    walked = [order.number for page in pages for order in page.orders]
    assert walked == made[::-1]
    assert [len(page.orders) for page in pages] == [25, 25, 3]

    back = paging.page(everything, organisation_id=acme.pk, after="", before=page.newer)
    assert back.orders == pages[1].orders
    back = paging.page(everything, organisation_id=acme.pk, after="", before=back.newer)
    assert (back.orders, back.newer) == (pages[0].orders, "")


def test_a_place_that_does_not_fit_the_filter_any_more_still_leads_on(acme: Organisation, now: datetime) -> None:
    older, edge = ordering.open_order(acme, now=now), ordering.open_order(acme, now=now)
    newest = ordering.open_order(acme, now=now)
    ordering.pay(edge, now=now)
    waiting = search.select(organisation_id=acme.pk, narrowed_to=OrderFilter(state=State.PENDING))

    assert paging.page(waiting, organisation_id=acme.pk, after=edge.number, before="").orders == [older]
    assert paging.page(waiting, organisation_id=acme.pk, after="", before=edge.number).orders == [newest]


def test_another_organisations_number_is_no_place_in_the_list(acme: Organisation, now: datetime) -> None:
    strange = ordering.open_order(builders.make_organisation(now=now, owner=builders.make_person("bob")), now=now)
    order = ordering.open_order(acme, now=now)
    everything = search.select(organisation_id=acme.pk, narrowed_to=OrderFilter())

    assert paging.page(everything, organisation_id=acme.pk, after=strange.number, before="").orders == [order]


def test_the_whole_list_is_walked_in_chunks(acme: Organisation, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "_CHUNK", 2)
    made = [ordering.open_order(acme, now=now) for _ in range(5)]

    assert list(paging.walk(Order.objects.filter(organisation=acme))) == made[::-1]


def test_orders_stand_by_when_they_were_made_and_those_of_one_moment_in_one_order(
    acme: Organisation, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "PAGE_SIZE", 2)
    made = [ordering.open_order(acme, now=now + timedelta(hours=hour)) for hour in (2, 0, 1, 1, 1)]
    everything = Order.objects.filter(organisation=acme)
    expected = [made[0], made[4], made[3], made[2], made[1]]

    first = paging.page(everything, organisation_id=acme.pk, after="", before="")
    second = paging.page(everything, organisation_id=acme.pk, after=first.older, before="")
    third = paging.page(everything, organisation_id=acme.pk, after=second.older, before="")

    assert [*first.orders, *second.orders, *third.orders] == expected
    assert paging.page(everything, organisation_id=acme.pk, after="", before=third.newer).orders == second.orders
    assert list(paging.walk(everything)) == expected


def test_a_list_fetches_the_endings_of_orders_and_not_their_whole_timelines(acme: Organisation, now: datetime) -> None:
    order = ordering.paid_order(acme, now=now)
    OrderEvent.objects.create(organisation=acme, order=order, state=State.REFUNDED, at=now, by="Alice", note="UNDONE")

    (listed,) = paging.page(Order.objects.all(), organisation_id=acme.pk, after="", before="").orders[:1]

    assert [event.note for event in listed.events.all()] == ["UNDONE"]
    assert order.events.count() == 3


@pytest.fixture
def crowd(acme: Organisation, superuser_dsn: str, now: datetime) -> Organisation:
    """A list long enough that the database would rather sort a part of it than read it in order, had it no index."""
    order = ordering.open_order(acme, now=now)
    with psycopg.connect(superuser_dsn) as session:  # what was counted of other tests' lists is no word on this one
        session.execute("SELECT pg_clear_relation_stats('public', 'billing_order')")
        for column in ("organisation_id", "paid", "credited", "state"):
            session.execute("SELECT pg_clear_attribute_stats('public', 'billing_order', %s, false)", [column])
    for batch in range(4):
        Order.objects.bulk_create(
            [
                Order(
                    organisation=acme,
                    number=f"TU{batch}{count:017}",
                    target=order.target,
                    method=Method.CARD,
                    paid=order.paid,
                    credited=order.credited,
                    state=State.EXPIRED if count % 40 else State.FAILED,
                    created_by=order.created_by,
                    created_by_name="Alice",
                    created_at=now - timedelta(minutes=500 * batch + count),
                    deadline_at=now,
                )
                for count in range(500)
            ]
        )
    return acme


@pytest.mark.parametrize("depth", [1, 1700])
@pytest.mark.parametrize(
    ("narrowed_to", "index"),
    [
        (OrderFilter(), "order_by_time"),
        (OrderFilter(state=State.FAILED), "order_by_state_and_time"),
        (OrderFilter(method=Method.OFFLINE), "order_by_method_and_time"),
        (OrderFilter(target="product:sms"), "order_by_target_and_time"),
    ],
)
def test_a_page_is_read_from_its_place_on_at_any_depth(
    crowd: Organisation, narrowed_to: OrderFilter, index: str, depth: int
) -> None:
    edge = Order.objects.filter(organisation=crowd).order_by("-created_at")[depth]
    chosen = search.select(organisation_id=crowd.pk, narrowed_to=narrowed_to)
    older = chosen.filter(paging._older_than(edge)).order_by(*paging._NEWEST_FIRST)[: paging.PAGE_SIZE + 1]

    plan = explain(older)

    assert f"using {index} " in plan
    assert "Sort" not in plan
    assert "Seq Scan" not in plan


@pytest.mark.parametrize("typed", ["77.00", "1234567.89"])
def test_an_amount_can_be_found_without_reading_the_list(crowd: Organisation, typed: str) -> None:
    chosen = search.select(organisation_id=crowd.pk, narrowed_to=OrderFilter(q=typed))

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_indexscan = off")  # in so short a list reading it in order is as good
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = chosen.order_by(*paging._NEWEST_FIRST)[: paging.PAGE_SIZE + 1].explain()

    assert "BitmapOr" in plan
    assert "order_by_paid" in plan
    assert "order_by_credited" in plan


def explain(orders: QuerySet[Order]) -> str:
    """What the database means to do when it would rather not sort: sorting is left where no index is in order."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_sort = off")
    return orders.explain()
