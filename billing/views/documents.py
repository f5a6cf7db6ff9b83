"""Receipts and refund notes: the page of an order's receipt, and the files as they were issued."""

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing import documents, receipts, search
from billing.models import Document, Order
from wallet.access import MemberRequest, member_required


@never_cache
@require_safe
@member_required
def show_receipt(request: MemberRequest, number: str) -> HttpResponseBase:
    """As issued; what became of the money since stands beside it."""
    order = _find_credited(request, number)
    document = documents.issue_receipt(order_id=order.pk, now=timezone.now())
    returned = receipts.describe_return(order, readable=search.own(request.memberships))
    said = {tuple(fact) for fact in document.content["facts"]}
    return render(
        request,
        "billing/receipt.html",
        {
            "order": order,
            "document": document,
            "returned": [fact for fact in returned if fact not in said],
        },
    )


@never_cache
@require_safe
@member_required
def download_receipt(request: MemberRequest, number: str) -> HttpResponseBase:
    order = _find_credited(request, number)
    return _send(documents.issue_receipt(order_id=order.pk, now=timezone.now()), name=order.number)


@never_cache
@require_safe
@member_required
def download(request: MemberRequest, number: str) -> HttpResponseBase:
    own = search.own(request.memberships)
    document = get_object_or_404(Document, number=number, order__in=own)
    return _send(document, name=document.number)


def _find_credited(request: MemberRequest, number: str) -> Order:
    return get_object_or_404(search.own(request.memberships), number=number, paid_at__isnull=False)


def _send(document: Document, *, name: str) -> HttpResponse:
    return HttpResponse(
        bytes(document.pdf),
        content_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{name}.pdf"'},
    )
