"""The API of orders. Mounted by innopaas/api.py."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from ninja import Query, Router
from pydantic import BaseModel, Field

from billing import search
from billing.models import Method, Order, State
from products.api_access import ORGANISATION_KEY, KeyRequest
from products.api_answers import EVERYWHERE, Asked, Problem, Refused, Shown, errors, refuse_unknown, shown
from wallet import chart

router = Router()

_Day = Annotated[date, Field(ge=date(2000, 1, 1), lt=date(2100, 1, 1))]


class OrdersAsked(Asked):
    state: State | None = None
    first_day: _Day | None = Field(
        default=None, alias="from", description="Created on this day (Asia/Shanghai) or later."
    )
    last_day: _Day | None = Field(
        default=None, alias="to", description="Created on this day (Asia/Shanghai) or before."
    )
    after: str | None = Field(
        default=None,
        pattern=r"^TU[0-9A-Z]{1,22}$",
        description="`next` of the page before; left out: the newest.",
    )
    limit: Annotated[int, Field(ge=1, le=200, description="How many at the most.")] = 50


class OrderAnswer(BaseModel):
    number: str = Field(examples=["TU2607154K7QW2ZP9X"])
    state: State
    method: Method
    balance: Literal["wallet", "product"]
    product: str | None = Field(description="The slug of the product topped up; null for the wallet.")
    paid: Shown = Field(description="What was, or is, to be paid, in `paid_currency`.")
    paid_currency: str
    credited: Shown
    credited_currency: str
    created_at: datetime
    paid_at: datetime | None
    follows: str | None = Field(description="The number of the first order, when this one books what came later.")


class OrdersAnswer(BaseModel):
    """Newest first. `next` leads on; null: there is nothing older."""

    orders: list[OrderAnswer]
    next: str | None


@router.get(
    "/orders",
    auth=ORGANISATION_KEY,
    operation_id="list_orders",
    summary="The organisation's orders, newest first",
    tags=["Reading"],
    response={200: OrdersAnswer, **errors(*EVERYWHERE)},
)
def list_orders(request: KeyRequest, asked: Query[OrdersAsked]) -> OrdersAnswer:
    """All top-ups, whatever became of them. For organisation keys."""
    refuse_unknown(request, {field.alias or name for name, field in OrdersAsked.model_fields.items()})
    organisation_id = request.auth.organisation_id
    if organisation_id is None:
        raise Refused(Problem.NOT_ALLOWED)
    narrowed_to = search.OrderFilter(state=asked.state or "", first_day=asked.first_day, last_day=asked.last_day)
    orders = search.select(organisation_id=organisation_id, narrowed_to=narrowed_to).select_related("follows")
    if asked.after:
        orders = orders.filter(pk__lt=_find_place(organisation_id, asked.after))
    found = list(orders.order_by("-id")[: asked.limit + 1])
    page = found[: asked.limit]
    return OrdersAnswer(
        orders=[_describe(order) for order in page], next=page[-1].number if len(found) > asked.limit else None
    )


def _find_place(organisation_id: UUID, number: str) -> UUID:
    """Another organisation's order is as unknown as one that nobody has."""
    place = Order.objects.filter(organisation_id=organisation_id, number=number).values_list("pk", flat=True).first()
    if place is None:
        raise Refused(Problem.INVALID, "No order of yours has this number.", field="after")
    return place


def _describe(order: Order) -> OrderAnswer:
    return OrderAnswer(
        number=order.number,
        state=State(order.state),
        method=Method(order.method),
        balance="wallet" if order.target == chart.WALLET else "product",
        product=None if order.target == chart.WALLET else order.target.removeprefix(chart.product("")),
        paid=shown(order.paid),
        paid_currency=order.paid.currency.code,
        credited=shown(order.credited),
        credited_currency=order.credited.currency.code,
        created_at=order.created_at,
        paid_at=order.paid_at,
        follows=order.follows.number if order.follows else None,
    )
