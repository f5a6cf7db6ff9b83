"""Choosing the organisation one acts for, and founding another."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from wallet import organisations
from wallet.access import MemberRequest, member_required
from wallet.forms import OrganisationForm
from wallet.middleware import CHOSEN
from wallet.models import User


@require_POST
@member_required
def switch(request: MemberRequest) -> HttpResponse:
    """An organisation that is not one's own changes nothing."""
    wanted = request.POST.get("organisation")
    if any(str(member.organisation_id) == wanted for member in request.memberships):
        request.session[CHOSEN] = wanted
    return redirect("/")


def create(request: HttpRequest) -> HttpResponse:
    form = OrganisationForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and isinstance(request.user, User):
        organisation = organisations.create(name=form.cleaned_data["name"], owner=request.user, now=timezone.now())
        request.session[CHOSEN] = str(organisation.pk)
        messages.success(request, _("%(name)s is ready.") % {"name": organisation.name})
        return redirect("/")
    return render(request, "wallet/organisation_form.html", {"form": form})
