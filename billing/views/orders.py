"""The pages of Billing > Order Details: list, totals, one order, export."""

from collections.abc import Iterator
from typing import Any

from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponseBase,
    HttpResponseRedirect,
    QueryDict,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing import allowances, explanations, exports, paging, saved_filters, search, stories, targets, totals
from billing.forms import OrderFilterForm
from billing.models import Order
from billing.views.limiting import limited_to
from products import access
from wallet import replica
from wallet.access import MemberRequest, member_required, memberships_of
from wallet.models import Member


@never_cache
@require_safe
@member_required
def list_orders(request: MemberRequest) -> HttpResponseBase:
    form = _read_filters(request)
    chosen = search.select_own(request.member, narrowed_to=form.narrowed_to())
    page = paging.page(
        chosen,
        organisation_id=request.member.organisation_id,
        after=form.cleaned_data.get("after", ""),
        before=form.cleaned_data.get("before", ""),
    )
    context = _describe_filters(request, form) | {
        "page": page,
        "totals": totals.add_up(chosen) if page.is_whole and page.orders else None,
        "kept": saved_filters.of_member(request.member),
    }
    return render(request, "billing/orders.html", context)


@never_cache
@require_safe
@member_required
def add_up_orders(request: MemberRequest) -> HttpResponseBase:
    """The totals of the list as filtered; a part of its page, and a page of its own without JavaScript."""
    form = _read_filters(request)
    chosen = search.select_own(request.member, narrowed_to=form.narrowed_to())
    context = _describe_filters(request, form) | {"totals": totals.add_up(chosen)}
    part = getattr(request, "htmx", False)
    return render(request, "billing/_totals.html" if part else "billing/totals.html", context)


@require_safe
@member_required
@limited_to(allowances.FILES)
def export_orders(request: MemberRequest) -> HttpResponseBase:
    """The whole list as filtered, not only the page shown, as CSV."""
    form = _read_filters(request)
    if not form.is_understood:
        return _name_the_errors(request)
    return StreamingHttpResponse(
        exports.write_csv(_read_rows(request, form)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="orders.csv"', "Cache-Control": "no-store"},
    )


@never_cache
@require_safe
@member_required
@limited_to(allowances.FILES)
def export_orders_xlsx(request: MemberRequest) -> HttpResponseBase:
    """The same as XLSX, as far as one such file holds it; else a page says so and offers CSV."""
    form = _read_filters(request)
    if not form.is_understood:
        return _name_the_errors(request)
    chosen = search.select_own(request.member, narrowed_to=form.narrowed_to())
    with replica.reading():
        count = chosen.order_by()[: exports.XLSX_MOST + 1].count()
    if count > exports.XLSX_MOST:
        return render(request, "billing/orders_too_many.html", _describe_filters(request, form), status=422)
    file = exports.write_xlsx(_read_rows(request, form), now=timezone.now())
    return FileResponse(file, as_attachment=True, filename="orders.xlsx", content_type=exports.XLSX_TYPE)


@never_cache
@require_safe
@member_required
def show_order(request: MemberRequest, number: str) -> HttpResponseBase:
    order = _find(request, number)
    acting = memberships_of(request)[order.organisation_id]
    return render(
        request,
        "billing/order.html",
        {
            "order": order,
            "explanation": explanations.explain(order, now=timezone.now()),
            "refunded": stories.sum_refunds(order),
            "movements": stories.list_movements(order),
            "target": targets.describe(organisation_id=order.organisation_id, code=order.target),
            "story": stories.tell(order, request.memberships),
            "may_top_up": acting.may_top_up,
            "able": () if acting.may_top_up else Member.objects.able_to_top_up(order.organisation_id),
        },
    )


def _find(request: MemberRequest, number: str) -> Order:
    return get_object_or_404(search.readable(request.memberships), number=number)


def _read_filters(request: MemberRequest) -> OrderFilterForm:
    return OrderFilterForm(request.GET, products=access.usable(request.member))


def _read_rows(request: MemberRequest, form: OrderFilterForm) -> Iterator[exports.Row]:
    """From the replica, where there is one: a long list holds up nobody who pays."""
    return replica.walk(exports.read(search.select_own(request.member, narrowed_to=form.narrowed_to())))


def _describe_filters(request: HttpRequest, form: OrderFilterForm) -> dict[str, Any]:
    """`filters` is as given, for what leads from page to page; `address` is what would be kept under a name."""
    given = _drop_place(request.GET)
    return {
        "form": form,
        "filters": given,
        "address": form.address(),
        "is_narrowed": form.narrowed_to() != search.OrderFilter(),
        "xlsx_most": exports.XLSX_MOST,
    }


def _name_the_errors(request: HttpRequest) -> HttpResponseBase:
    """A file of everything is not what was asked for: the page says which filter cannot be understood."""
    return HttpResponseRedirect(f"{reverse('billing:orders')}?{_drop_place(request.GET)}")


def _drop_place(given: QueryDict) -> str:
    """The filters alone, as an address has them."""
    filters = given.copy()
    for place in ("after", "before"):
        filters.pop(place, None)
    return filters.urlencode()
