"""What the pages of paying have in common: whose order it is, and who may pay for it."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from billing import search
from billing.models import Order
from wallet.access import MemberRequest
from wallet.models import Member


def find_order(request: MemberRequest, number: str) -> Order:
    """An order of any organisation the reader belongs to; everybody else gets 404."""
    return get_object_or_404(search.readable(request.memberships), number=number)


def refuse(request: MemberRequest, member: Member) -> HttpResponse:
    """Say who in the organisation may top up (403)."""
    context = {"able": Member.objects.able_to_top_up(member.organisation_id), "member": member}
    return render(request, "wallet/may_not_top_up.html", context, status=403)
