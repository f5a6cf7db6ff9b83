"""The pages of Billing > Order Details: list, one order, receipt, export."""

from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing import explanations, exports, receipts, search, targets
from billing.forms import OrderFilterForm
from billing.models import Order
from products import access
from wallet.access import MemberRequest, member_required, memberships_of
from wallet.models import Member


@never_cache
@require_safe
@member_required
def list_orders(request: MemberRequest) -> HttpResponseBase:
    organisation = request.member.organisation
    form = _read_filters(request)
    narrowed_to = form.narrowed_to()
    page = search.page(
        search.select_own(request.member, narrowed_to=narrowed_to),
        organisation_id=organisation.pk,
        after=form.cleaned_data.get("after", ""),
        before=form.cleaned_data.get("before", ""),
    )
    return render(
        request,
        "billing/orders.html",
        {
            "form": form,
            "page": page,
            "filters": _filters_in_address(request),
            "is_narrowed": narrowed_to != search.OrderFilter(),
        },
    )


@require_safe
@member_required
def export_orders(request: MemberRequest) -> HttpResponseBase:
    """The whole list as filtered, not only the page shown."""
    chosen = search.select_own(request.member, narrowed_to=_read_filters(request).narrowed_to())
    return StreamingHttpResponse(
        exports.write_csv(search.walk(chosen)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="orders.csv"', "Cache-Control": "no-store"},
    )


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
            "entries": search.entries(order),
            "product_number": targets.number(organisation_id=order.organisation_id, code=order.target),
            "story": search.tell(order, request.memberships),
            "may_top_up": acting.may_top_up,
            "able": () if acting.may_top_up else Member.objects.able_to_top_up(order.organisation_id),
        },
    )


@never_cache
@require_safe
@member_required
def show_receipt(request: MemberRequest, number: str) -> HttpResponseBase:
    order = _find_credited(request, number)
    return render(
        request,
        "billing/receipt.html",
        {
            "order": order,
            "lines": receipts.lines(order, readable=search.own(request.memberships)),
            "disclaimer": receipts.disclaimer(order),
        },
    )


@never_cache
@require_safe
@member_required
def download_receipt(request: MemberRequest, number: str) -> HttpResponseBase:
    order = _find_credited(request, number)
    receipt = receipts.draw(order, readable=search.own(request.memberships))
    return FileResponse(receipt, as_attachment=True, filename=f"{order.number}.pdf")


def _find(request: MemberRequest, number: str) -> Order:
    return get_object_or_404(search.readable(request.memberships), number=number)


def _find_credited(request: MemberRequest, number: str) -> Order:
    order = _find(request, number)
    if order.paid_at is None:
        raise Http404
    return order


def _read_filters(request: MemberRequest) -> OrderFilterForm:
    return OrderFilterForm(request.GET, products=access.usable(request.member))


def _filters_in_address(request: HttpRequest) -> str:
    """What leads from page to page keeps the filters and drops the place."""
    given = request.GET.copy()
    for place in ("after", "before"):
        given.pop(place, None)
    return given.urlencode()
