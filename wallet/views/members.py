"""Who belongs to the organisation: roles, removal, leaving."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from wallet import factor_demands, organisations
from wallet.access import MemberRequest, member_required, owner_required
from wallet.adapter import MAIL_TO
from wallet.forms import InvitationForm, PersonForm, RoleForm
from wallet.models import Invitation, Member, Role


def render_members(request: MemberRequest, form: InvitationForm) -> HttpResponse:
    organisation = request.member.organisation
    invitations = Invitation.objects.open_at(timezone.now()).filter(organisation=organisation)
    members = Member.objects.filter(organisation=organisation).select_related("user").order_by("joined_at", "pk")
    return render(
        request,
        "wallet/members.html",
        {
            "members": members,
            "owners": sum(member.role == Role.OWNER for member in members),
            "invitations": invitations,
            "roles": Role.choices,
            "without_factor": factor_demands.count_without(organisation_id=organisation.pk),
            "mailed": any(invitation.email == request.session.get(MAIL_TO) for invitation in invitations),
            "form": form,
        },
    )


@member_required
def show(request: MemberRequest) -> HttpResponse:
    return render_members(request, InvitationForm())


@require_POST
@owner_required
def change_role(request: MemberRequest) -> HttpResponse:
    form = RoleForm(request.POST)
    member = find_member(request, form)
    try:
        member = organisations.change_role(
            organisation_id=member.organisation_id,
            user_id=member.user_id,
            role=Role(form.cleaned_data["role"]),
            by=request.user,
        )
    except organisations.LastOwner:
        messages.error(request, _("An organisation needs an owner. Make somebody else an owner first."))
    except organisations.OwnershipNeedsAcceptance:
        messages.error(request, _("Offer the ownership instead: nobody becomes an owner without accepting it."))
    else:
        messages.success(
            request, _("%(who)s is now: %(role)s.") % {"who": member.user, "role": member.get_role_display()}
        )
    return redirect("wallet:members")


@require_POST
@owner_required
def remove(request: MemberRequest) -> HttpResponse:
    member = find_member(request, PersonForm(request.POST))
    try:
        organisations.remove(organisation_id=member.organisation_id, user_id=member.user_id, by=request.user)
    except organisations.LastOwner:
        messages.error(request, _("An organisation needs an owner. Make somebody else an owner first."))
    else:
        messages.success(request, _("%(email)s has no access any more.") % {"email": member.user.email})
    return redirect("wallet:members")


@require_POST
@member_required
def leave(request: MemberRequest) -> HttpResponse:
    name = request.member.organisation.name
    try:
        organisations.leave(organisation_id=request.member.organisation_id, user=request.user)
    except organisations.LastOwner:
        messages.error(request, _("You are the only owner. Make somebody else an owner first, then leave."))
        return redirect("wallet:members")
    messages.success(request, _("You have left %(name)s.") % {"name": name})
    return redirect("/")


def find_member(request: MemberRequest, form: PersonForm | RoleForm) -> Member:
    """The member of this organisation whom the form names; 404 when there is none."""
    if not form.is_valid():
        raise Http404
    mine = Member.objects.select_related("user").filter(organisation_id=request.member.organisation_id)
    return get_object_or_404(mine, user__email=form.cleaned_data["email"].lower())
