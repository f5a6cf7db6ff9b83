"""One bank sheet for several open orders of one organisation, account and currency."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from billing import numbers, search
from payments import sheets, transfers
from payments.forms import DeclarationForm
from payments.models import DECLARABLE, Transfer
from payments.views.acting import refuse
from payments.views.orders import SeeOther
from payments.views.transfers import MOST_TOGETHER, read_initial, send_pdf
from wallet.access import MemberRequest, member_required, memberships_of
from wallet.calendar import business_date


@dataclass(frozen=True)
class _Chosen:
    """The orders asked for: those that can still be paid, and the numbers of those that cannot."""

    open: list[Transfer]
    closed: list[str]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def show(request: MemberRequest) -> HttpResponseBase:
    chosen = _choose(request, request.POST if request.method == "POST" else request.GET)
    if len(chosen.open) < 2:
        return _show_less(request, chosen)
    if request.method == "POST":
        return _declare(request, chosen)
    today = business_date(timezone.now())
    return _render(request, chosen, DeclarationForm(initial=read_initial(chosen.open[0]), today=today), status=200)


@never_cache
@require_safe
@member_required
def download(request: MemberRequest) -> HttpResponseBase:
    chosen = _choose(request, request.GET)
    return send_pdf(chosen.open) if chosen.open else _show_less(request, chosen)


def _choose(request: MemberRequest, given: QueryDict) -> _Chosen:
    """404 unless the reader may see every one of them, and one transfer can pay them all."""
    wanted = {numbers.read(text) for text in given.getlist("order")[: MOST_TOGETHER + 1]}
    readable = search.readable(request.memberships).filter(number__in=wanted - {None}).order_by("id")
    found = [order.transfer for order in readable if hasattr(order, "transfer")]
    payable_as_one = {(transfer.organisation_id, transfer.account_id) for transfer in found}
    if not 0 < len(wanted) <= MOST_TOGETHER or len(found) != len(wanted) or len(payable_as_one) != 1:
        raise Http404
    waiting = [transfer for transfer in found if transfer.order.state in DECLARABLE]
    return _Chosen(waiting, [transfer.order.number for transfer in found if transfer not in waiting])


def _show_less(request: MemberRequest, chosen: _Chosen) -> HttpResponseBase:
    """Where fewer than two are left to pay, there is a better page."""
    if chosen.closed:
        messages.info(request, _say_closed(chosen))
    return redirect("payments:transfer", chosen.open[0].order.number if chosen.open else chosen.closed[0])


def _declare(request: MemberRequest, chosen: _Chosen) -> HttpResponseBase:
    """Each order is declared by itself: one that cannot be any more does not keep the others from it."""
    acting = memberships_of(request)[chosen.open[0].organisation_id]
    if not acting.may_top_up:
        return refuse(request, acting)
    now = timezone.now()
    form = DeclarationForm(request.POST, today=business_date(now))
    if not form.is_valid():
        return _render(request, chosen, form, status=422)
    declared = 0
    for transfer in chosen.open:
        try:
            transfers.declare(transfer_id=transfer.pk, declaration=form.declaration, by=request.user, now=now)
            declared += 1
        except (transfers.AlreadyTaken, transfers.CannotBeDeclared):
            messages.warning(request, _("%(number)s cannot be changed any more.") % {"number": transfer.order.number})
    if declared:
        said = _(
            "Thank you. Our finance team looks for your transfer at the bank. You are told by mail when it is credited "
            "and when something is missing."
        )
        messages.success(request, said)
    return SeeOther(f"{redirect('billing:orders').url}?method=OFFLINE")


def _render(request: MemberRequest, chosen: _Chosen, form: DeclarationForm, *, status: int) -> HttpResponseBase:
    acting = memberships_of(request)[chosen.open[0].organisation_id]
    context = {
        "organisation": acting.organisation,
        "sheet": sheets.compose(chosen.open),
        "numbers": [transfer.order.number for transfer in chosen.open],
        "closed": _say_closed(chosen) if chosen.closed else "",
        "form": form,
        "may_top_up": acting.may_top_up,
    }
    return render(request, "payments/transfers.html", context, status=status)


def _say_closed(chosen: _Chosen) -> str:
    return _("Not on this sheet, for they do not wait for a transfer any more: %(numbers)s") % {
        "numbers": ", ".join(chosen.closed)
    }
