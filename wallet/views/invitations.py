"""Inviting people, handing over ownership, and accepting either."""

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from wallet import invitations
from wallet.access import MemberRequest, owner_required
from wallet.forms import INVITATION, InvitationForm, PersonForm
from wallet.middleware import CHOSEN
from wallet.models import Invitation, Role, User
from wallet.views.members import find_member, render_members


@require_POST
@owner_required
def invite(request: MemberRequest) -> HttpResponse:
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return render_members(request, form)
    try:
        issued = invitations.invite(
            organisation_id=request.member.organisation_id,
            email=form.cleaned_data["email"],
            role=Role(form.cleaned_data["role"]),
            by=request.user,
            now=timezone.now(),
        )
    except invitations.AlreadyAMember:
        form.add_error("email", _("This person is a member already."))
        return render_members(request, form)
    _mail(request, issued)
    return redirect("wallet:members")


@require_POST
@owner_required
def offer_ownership(request: MemberRequest) -> HttpResponse:
    member = find_member(request, PersonForm(request.POST))
    try:
        issued = invitations.offer_ownership(
            organisation_id=member.organisation_id, user_id=member.user_id, by=request.user, now=timezone.now()
        )
    except invitations.AlreadyAMember:
        messages.info(request, _("%(who)s is an owner already.") % {"who": member.user})
    else:
        _mail(request, issued)
    return redirect("wallet:members")


@require_POST
@owner_required
def withdraw(request: MemberRequest) -> HttpResponse:
    form = PersonForm(request.POST)
    if not form.is_valid():
        raise Http404
    email = form.cleaned_data["email"]
    invitations.withdraw(
        organisation_id=request.member.organisation_id, email=email, by=request.user, now=timezone.now()
    )
    messages.success(request, _("The invitation to %(email)s is withdrawn.") % {"email": email})
    return redirect("wallet:members")


@never_cache
@login_not_required
def accept(request: HttpRequest, token: str) -> HttpResponse:
    """Shows the offer; a logged-in reader accepts it with a POST, anybody else logs in or signs up first."""
    try:
        invitation = invitations.find(token=token)
        if request.method == "POST" and isinstance(request.user, User):
            return _accept(request, token, request.user)
        invitations.check_open(invitation=invitation, now=timezone.now())
    except invitations.InvitationClosed as closed:
        return render(request, "wallet/invitation_closed.html", {"why": closed.why}, status=410)
    except invitations.SomebodyElsesInvitation:
        return _show(request, invitation, status=403)
    if not request.user.is_authenticated:
        request.session[INVITATION] = token
    return _show(request, invitation, status=200)


def _show(request: HttpRequest, invitation: Invitation, status: int) -> HttpResponse:
    theirs = getattr(request.user, "email", invitation.email) != invitation.email
    facts = {"invitation": invitation, "somebody_elses": theirs, "role": Role(invitation.role).label}
    return render(request, "wallet/invitation.html", facts, status=status)


def _accept(request: HttpRequest, token: str, user: User) -> HttpResponse:
    member = invitations.accept(token=token, user=user, now=timezone.now())
    request.session[CHOSEN] = str(member.organisation_id)
    messages.success(request, _("Welcome to %(name)s.") % {"name": member.organisation.name})
    return redirect("/")


def _mail(request: MemberRequest, issued: invitations.Issued) -> None:
    invitation = issued.invitation
    link = request.build_absolute_uri(reverse("wallet:accept", args=[issued.token]))
    facts = {"invitation": invitation, "role": Role(invitation.role).label, "link": link, "by": request.user}
    get_adapter(request).send_mail("wallet/email/invitation", invitation.email, facts)
    messages.success(request, _("An invitation is on its way to %(email)s.") % {"email": invitation.email})
