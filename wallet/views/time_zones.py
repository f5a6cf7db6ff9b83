"""The time zone that a person reads moments in."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from wallet import zones
from wallet.forms import ZoneForm
from wallet.models import User


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: HttpRequest) -> HttpResponse:
    user, now = User.objects.get(pk=str(request.user.pk)), timezone.now()
    form = ZoneForm(request.POST or None, initial={"zone": user.time_zone}, now=now)
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(request, "wallet/time_zone.html", {"form": form, "now": now}, status=status)
    User.objects.filter(pk=user.pk).update(time_zone=form.cleaned_data["zone"])
    with zones.telling(form.cleaned_data["zone"]):
        messages.success(request, _("It is %(now)s for you.") % {"now": zones.tell(now)})
    return redirect("wallet:time_zone")
