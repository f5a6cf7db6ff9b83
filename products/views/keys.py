"""The page of an organisation's API keys: owners make and revoke them, everybody else sees who may."""

import secrets
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from products import keys
from products.forms import KeyForm, RevocationForm
from products.models import ApiKey
from wallet.access import MemberRequest, member_required, owner_required
from wallet.models import Member, Role


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: MemberRequest) -> HttpResponseBase:
    return _issue(request) if request.method == "POST" else _show(request)


@member_required
def _show(request: MemberRequest) -> HttpResponseBase:
    shown_for = {"organisation": request.member.organisation_id, "token": secrets.token_urlsafe(18)}
    return _render(request, KeyForm(initial=shown_for))


@owner_required
def _issue(request: MemberRequest) -> HttpResponseBase:
    """The one answer that holds the key: neither the session nor the database knows it."""
    form = KeyForm(request.POST)
    if not form.is_valid():
        return _render(request, form, status=422)
    if form.cleaned_data["organisation"] != request.member.organisation_id:
        raise Http404  # shown for another organisation than the one chosen now
    try:
        issued = keys.issue_for_organisation(
            organisation_id=request.member.organisation_id,
            name=form.cleaned_data["name"],
            form_token=form.cleaned_data["token"],
            by=request.user,
            now=timezone.now(),
        )
    except keys.SentBefore:
        messages.warning(
            request, _("This form was sent before, and its key made. A key is shown once: if you missed it, revoke it.")
        )
        return redirect("products:keys")
    except keys.TooManyKeys:
        messages.error(
            request, _("An organisation has at most %(most)d keys. Revoke one first.") % {"most": keys.MOST_LIVE}
        )
        return redirect("products:keys")
    return render(request, "products/key_made.html", {"issued": issued})


@never_cache
@require_POST
@owner_required
def revoke(request: MemberRequest) -> HttpResponseBase:
    """Asks first, then revokes."""
    form = RevocationForm(request.POST)
    if not form.is_valid():
        raise Http404
    key_id: UUID = form.cleaned_data["key"]
    organisation_id = request.member.organisation_id
    key = get_object_or_404(ApiKey, pk=key_id, organisation_id=organisation_id)
    if not form.cleaned_data["sure"]:
        return render(request, "products/key_revoke.html", {"key": key})
    keys.revoke_own(key_id=key_id, organisation_id=organisation_id, by=request.user, now=timezone.now())
    messages.success(request, _("“%(name)s” is revoked: nothing is answered to it any more.") % {"name": key.name})
    return redirect("products:keys")


def _render(request: MemberRequest, form: KeyForm, *, status: int = 200) -> HttpResponse:
    organisation_id = request.member.organisation_id
    made = ApiKey.objects.filter(organisation_id=organisation_id).select_related("revoked_by").order_by("-created_at")
    owners = Member.objects.filter(organisation_id=organisation_id, role=Role.OWNER).select_related("user")
    return render(
        request,
        "products/keys.html",
        {
            "live": [key for key in made if key.revoked_at is None],
            "revoked": [key for key in made if key.revoked_at],
            "form": form,
            "able": owners.order_by("joined_at"),
            "rate": keys.ORGANISATION_RATE,
        },
        status=status,
    )
