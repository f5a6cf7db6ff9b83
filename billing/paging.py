"""The list of orders in pages and in chunks, newest first, by the place of an order in it and never by counting.

A page costs the same at any depth: it begins where an index says that the order before it stands.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet

from billing.models import Order, OrderEvent, State

PAGE_SIZE = 25
_CHUNK = 1000
_NEWEST_FIRST = ("-created_at", "-id")
_OLDEST_FIRST = ("created_at", "id")


class Placed(Protocol):
    """What has an order's place in the list."""

    @property
    def pk(self) -> UUID: ...

    @property
    def created_at(self) -> datetime: ...


Row = TypeVar("Row", bound=Placed)


@dataclass(frozen=True, kw_only=True)
class OrderPage:
    """One page of a list, newest first; `newer` and `older` are the order numbers that lead on, or empty."""

    orders: Sequence[Order]
    newer: str
    older: str

    @property
    def is_whole(self) -> bool:
        """Whether there is no other page."""
        return not self.newer and not self.older


def page(orders: QuerySet[Order], *, organisation_id: UUID, after: str, before: str) -> OrderPage:
    """The page older than the order numbered `after`, or newer than `before`, else the first.

    A number that is not one of the organisation's counts as not given.
    """
    orders = with_endings(orders)
    if before and (edge := _find(organisation_id, before)):
        found = list(orders.filter(_newer_than(edge)).order_by(*_OLDEST_FIRST)[: PAGE_SIZE + 1])
        rows = found[:PAGE_SIZE][::-1]
        return OrderPage(
            orders=rows,
            newer=rows[0].number if len(found) > PAGE_SIZE else "",
            older=rows[-1].number if rows else before,
        )
    edge = _find(organisation_id, after) if after else None
    newest = orders.order_by(*_NEWEST_FIRST)
    found = list((newest.filter(_older_than(edge)) if edge else newest)[: PAGE_SIZE + 1])
    rows = found[:PAGE_SIZE]
    return OrderPage(
        orders=rows,
        newer=rows[0].number if edge and rows else "",
        older=rows[-1].number if len(found) > PAGE_SIZE else "",
    )


def walk(orders: QuerySet[Order, Row]) -> Iterator[Row]:
    """All of them, newest first, a chunk at a time, so that a long list needs little memory. Rows of values do, if they
    have the place of their order: `pk` and `created_at`.
    """
    newest = orders.order_by(*_NEWEST_FIRST)
    rows = list(newest[:_CHUNK])
    yield from rows
    while len(rows) == _CHUNK:
        rows = list(newest.filter(_older_than(rows[-1]))[:_CHUNK])
        yield from rows


def with_endings(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Together with what the name of a state is read from, `explanations.name_state`: not the whole timeline."""
    endings = OrderEvent.objects.filter(state=State.REFUNDED)
    return orders.prefetch_related(Prefetch("events", queryset=endings))


def _find(organisation_id: UUID, number: str) -> Order | None:
    return Order.objects.filter(organisation_id=organisation_id, number=number).only("created_at").first()


# The first condition is where the index begins, the second leaves out what happened at the same moment.
def _older_than(edge: Placed) -> Q:
    return Q(created_at__lte=edge.created_at) & (Q(created_at__lt=edge.created_at) | Q(pk__lt=edge.pk))


def _newer_than(edge: Placed) -> Q:
    return Q(created_at__gte=edge.created_at) & (Q(created_at__gt=edge.created_at) | Q(pk__gt=edge.pk))
