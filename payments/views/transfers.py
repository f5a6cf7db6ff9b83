"""The bank sheet of an order: how to pay it, “I have paid”, and where it stands."""

from datetime import datetime
from io import BytesIO
from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from billing import explanations
from payments import sheet_drawings, sheets, slips, transfers
from payments.forms import SlipDeclarationForm
from payments.models import DECLARABLE, PAYABLE, Transfer
from payments.views.acting import find_order, refuse
from payments.views.orders import SeeOther, sheet_address
from payments.views.slips import attach_all
from wallet import details
from wallet.access import MemberRequest, member_required, memberships_of
from wallet.calendar import business_date
from wallet.models import Member

MOST_TOGETHER = 10
"""So many references fit into the text of one transfer (SWIFT has 140 characters)."""


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def show(request: MemberRequest, number: str) -> HttpResponseBase:
    transfer = find_transfer(request, number)
    if request.method == "POST":
        return _declare(request, transfer)
    now = timezone.now()
    form = SlipDeclarationForm(initial=read_initial(transfer), today=business_date(now))
    return _render(request, transfer, form, now=now, status=200)


@never_cache
@require_safe
@member_required
def download(request: MemberRequest, number: str) -> HttpResponseBase:
    transfer = find_transfer(request, number)
    if transfer.order.state not in PAYABLE:
        return redirect("payments:transfer", number)
    return send_pdf([transfer])


def send_pdf(paid_together: list[Transfer]) -> FileResponse:
    sheet = sheets.compose(paid_together)
    return FileResponse(BytesIO(sheet_drawings.draw(sheet)), as_attachment=True, filename=f"{sheet.title}.pdf")


def find_transfer(request: MemberRequest, number: str) -> Transfer:
    """404 for everybody outside the organisation, and for orders that no transfer pays."""
    order = find_order(request, number)
    transfer: Transfer | None = getattr(order, "transfer", None)
    if transfer is None:
        raise Http404
    return transfer


def read_initial(transfer: Transfer) -> dict[str, Any]:
    """As declared before; else the payer of the organisation's last declaration, or its legal name."""
    if transfer.declared_at:
        return {name: getattr(transfer, name) for name in ("payer_name", "paid_on", "bank_number")}
    declared = Transfer.objects.filter(organisation_id=transfer.organisation_id, declared_at__isnull=False)
    last = declared.order_by("-declared_at").values_list("payer_name", flat=True).first()
    facts = details.read(details.current(transfer.organisation_id))
    return {"payer_name": last or (facts.legal_name_zh or facts.legal_name_en)[:120]}


def _declare(request: MemberRequest, transfer: Transfer) -> HttpResponseBase:
    """Good slips are kept first, whatever else is wrong with the form: a browser cannot fill files in again."""
    acting = memberships_of(request)[transfer.organisation_id]
    if not acting.may_top_up:
        return refuse(request, acting)
    now = timezone.now()
    form = SlipDeclarationForm(request.POST, request.FILES, today=business_date(now))
    form.is_valid()
    try:
        for refusal in attach_all(form.cleaned_data.get("slips", ()), transfer=transfer, by=request.user, now=now):
            form.add_error("slips", refusal)
        if not form.is_valid():
            return _render(request, transfer, form, now=now, status=422)
        transfers.declare(transfer_id=transfer.pk, declaration=form.declaration, by=request.user, now=now)
    except transfers.AlreadyTaken:
        messages.warning(request, taken())
    except transfers.CannotBeDeclared:
        messages.warning(request, _("This order is not waiting for a transfer any more."))
    else:
        said = _(
            "Thank you. Our finance team looks for your transfer at the bank. You are told by mail when it is credited "
            "and when something is missing."
        )
        messages.success(request, said)
    return SeeOther(f"{sheet_address(transfer.order)}#top")  # else the browser stays at the form's `#declare`


def taken() -> str:
    return _("Our finance team is working on this transfer, so nothing can be changed now. Contact our team.")


def _render(
    request: MemberRequest, transfer: Transfer, form: SlipDeclarationForm, *, now: datetime, status: int
) -> HttpResponseBase:
    order = transfer.order
    acting = memberships_of(request)[order.organisation_id]
    is_payable = order.state in PAYABLE
    context = {
        "order": order,
        "transfer": transfer,
        "form": form,
        "explanation": explanations.explain(order, now=now),
        "sheet": sheets.compose([transfer]) if is_payable else None,
        "slips": number_slips(transfer),
        "may_change": acting.may_top_up and slips.may_change(transfer, now=now),
        "together": _list_others(transfer) if is_payable and acting.may_top_up else (),
        "is_unknown_payer": bool(transfer.payer_name)
        and not details.is_known_payer(organisation_id=order.organisation_id, name=transfer.payer_name),
        "may_top_up": acting.may_top_up,
        "able": () if acting.may_top_up else Member.objects.able_to_top_up(order.organisation_id),
    }
    return render(request, "payments/transfer.html", context, status=status)


def number_slips(transfer: Transfer) -> list[tuple[int, Any]]:
    """The slips that count, each with its place among all there were."""
    every = enumerate(transfer.slips.order_by("id"), start=1)
    return [(place, slip) for place, slip in every if slip.removed_at is None]


def _list_others(transfer: Transfer) -> list[Transfer]:
    """Open orders that the same transfer could pay as well."""
    if transfer.order.state not in DECLARABLE:
        return []
    others = Transfer.objects.filter(
        organisation_id=transfer.organisation_id,
        account_id=transfer.account_id,
        order__state__in=DECLARABLE,
    ).exclude(pk=transfer.pk)
    return list(others.select_related("order").order_by("-id")[: MOST_TOGETHER - 1])
