"""Undoing a move from the wallet: asked with both balances before it is done."""

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from billing import auto_fill, moves, search
from billing.models import Order
from wallet.access import MemberRequest, member_required, memberships_of
from wallet.models import Account, Member
from wallet.money import labelled


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def undo(request: MemberRequest, number: str) -> HttpResponseBase:
    order = get_object_or_404(search.readable(request.memberships), number=number)
    acting = memberships_of(request)[order.organisation_id]
    if not acting.may_top_up:
        return _refuse(request, acting)
    try:
        return _undo(request, order) if request.method == "POST" else _ask(request, order)
    except moves.CannotBeUndone:
        return _say_no(request, order, {"is_spent": False})
    except moves.AlreadySpent:
        holds = Account.objects.balance(
            organisation_id=order.organisation_id, code=order.target, currency=order.credited.currency.code
        )
        return _say_no(request, order, {"is_spent": True, "holds": holds})


def _ask(request: MemberRequest, order: Order) -> HttpResponse:
    if order.paid_at is None or not moves.may_be_undone(order, now=timezone.now()):
        raise moves.CannotBeUndone(order.number)
    context = {
        "order": order,
        "changes": moves.foresee_undo(order),
        "until": order.paid_at + moves.UNDOABLE_FOR,
        "rule": auto_fill.find_for(organisation_id=order.organisation_id, target=order.target),
    }
    return render(request, "billing/undo.html", context)


def _undo(request: MemberRequest, order: Order) -> HttpResponse:
    moves.undo(order_id=order.pk, by=str(request.user), now=timezone.now())
    messages.success(request, _("%(amount)s is back in the wallet.") % {"amount": labelled(order.credited)})
    return HttpResponseRedirect(reverse("billing:order", args=[order.number]), status=HTTPStatus.SEE_OTHER)


def _say_no(request: MemberRequest, order: Order, why: dict[str, object]) -> HttpResponse:
    return render(request, "billing/undo_refused.html", {"order": order} | why, status=HTTPStatus.CONFLICT)


def _refuse(request: MemberRequest, member: Member) -> HttpResponse:
    """Say who in the organisation may top up (403)."""
    context = {"able": Member.objects.able_to_top_up(member.organisation_id), "member": member}
    return render(request, "wallet/may_not_top_up.html", context, status=HTTPStatus.FORBIDDEN)
