"""Where owners ask their members for a second factor, or no longer do."""

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from wallet import factor_demands
from wallet.access import MemberRequest, owner_required


@require_POST
@owner_required
@reauthentication_required
def demand(request: MemberRequest) -> HttpResponse:
    try:
        factor_demands.demand(organisation_id=request.member.organisation_id, by=request.user)
    except factor_demands.OwnerHasNone:
        messages.error(request, _("Set up your own second factor first, then ask it of the others."))
        return redirect("mfa_index")
    messages.success(request, _("From now on nobody opens a page of yours without a second factor."))
    return redirect("wallet:members")


@require_POST
@owner_required
@reauthentication_required
def waive(request: MemberRequest) -> HttpResponse:
    factor_demands.waive(organisation_id=request.member.organisation_id, by=request.user)
    messages.success(request, _("Members may do without a second factor again."))
    return redirect("wallet:members")
