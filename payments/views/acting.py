"""For whom somebody acts on a page of paying: the form's or the order's organisation, not the one chosen last."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from billing import search
from billing.models import Order
from wallet.access import MemberRequest
from wallet.models import Member, Role


def find_acting(request: MemberRequest, organisation_id: UUID) -> Member | None:
    """The membership in that organisation; None when there is none (any more)."""
    return next((member for member in request.memberships if member.organisation_id == organisation_id), None)


def find_order(request: MemberRequest, number: str) -> Order:
    """An order of any organisation the reader belongs to; everybody else gets 404."""
    mine = search.with_story(search.own(request.memberships)).select_related("organisation", "follows")
    return get_object_or_404(mine, number=number)


def refuse(request: MemberRequest, member: Member) -> HttpResponse:
    """Say who in the organisation may top up (403)."""
    able = Member.objects.filter(organisation_id=member.organisation_id, role__in=[Role.OWNER, Role.BILLING])
    context = {"able": able.select_related("user").order_by("joined_at"), "member": member}
    return render(request, "wallet/may_not_top_up.html", context, status=403)
