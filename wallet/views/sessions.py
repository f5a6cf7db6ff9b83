"""Where a person is logged in: the list, and the ends of one or all others."""

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from wallet import devices, sessions
from wallet.models import User


@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    found = sessions.list_open(user=_read_user(request), key=request.session.session_key, now=timezone.now())
    rows = [(one, devices.describe(one.place.agent)) for one in found]
    return render(request, "wallet/sessions.html", {"rows": rows})


@require_POST
@reauthentication_required
def end(request: HttpRequest) -> HttpResponse:
    """Asks who he is first, so that nobody at a browser left open shuts its owner out elsewhere."""
    user, key = _read_user(request), request.session.session_key
    try:
        sessions.end_one(user=user, handle=request.POST.get("session", ""), but=key, now=timezone.now())
    except sessions.NotOpen:
        messages.info(request, _("That session has ended already."))
    else:
        messages.success(request, _("That browser is logged out."))
    return redirect("wallet:sessions")


@require_POST
@reauthentication_required
def end_others(request: HttpRequest) -> HttpResponse:
    sessions.end_others(user=_read_user(request), but=request.session.session_key)
    messages.success(request, _("You are logged out everywhere but here."))
    return redirect("wallet:sessions")


def _read_user(request: HttpRequest) -> User:
    return User.objects.get(pk=str(request.user.pk))
