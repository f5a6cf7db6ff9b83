"""The page of callbacks: where an organisation is called, with what secret, and what became of each call."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from billing import callbacks
from billing.callback_forms import EndpointForm, EventsForm, NamedForm
from billing.models import Callback, CallbackEndpoint
from billing.models.callbacks import WISHES
from wallet.access import MemberRequest, owner_required

SHOWN = "shown_callback_secret"
"""The session's key for the user name of the endpoint whose secret the next page shows, once."""

_LATEST = 50


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@owner_required
def show(request: MemberRequest) -> HttpResponse:
    if request.method == "POST":
        return _add(request)
    return _render(request)


@require_POST
@owner_required
def show_secret(request: MemberRequest) -> HttpResponse:
    return _show_next(request, _find(request))


@require_POST
@owner_required
def rotate(request: MemberRequest) -> HttpResponse:
    endpoint = _find(request)
    if not _is_sure(request):
        return render(request, "billing/callback_rotate.html", {"endpoint": endpoint})
    callbacks.rotate(endpoint)
    messages.success(
        request, _("The secret is a new one. Calls that your server refuses until it knows it are tried again.")
    )
    return _show_next(request, endpoint)


@require_POST
@owner_required
def choose_events(request: MemberRequest) -> HttpResponse:
    endpoint, form = _find(request), EventsForm(request.POST)
    if form.is_valid():
        callbacks.choose_events(endpoint, events=form.cleaned_data["events"])
        messages.success(request, _("From now on %(url)s is called about what you chose.") % {"url": endpoint.url})
    else:
        messages.error(request, _("Nothing was changed: choose at least one event, or switch the address off."))
    return redirect("billing:callbacks")


@require_POST
@owner_required
def switch_off(request: MemberRequest) -> HttpResponse:
    endpoint = _find(request)
    callbacks.switch_off(endpoint)
    messages.success(request, _("%(url)s is not called until you switch it on again.") % {"url": endpoint.url})
    return redirect("billing:callbacks")


@require_POST
@owner_required
def switch_on(request: MemberRequest) -> HttpResponse:
    endpoint = _find(request)
    callbacks.switch_on(endpoint)
    messages.success(request, _("%(url)s is called again.") % {"url": endpoint.url})
    return redirect("billing:callbacks")


@require_POST
@owner_required
def remove(request: MemberRequest) -> HttpResponse:
    endpoint = _find(request)
    if not _is_sure(request):
        waiting = Callback.objects.filter(endpoint=endpoint, next_at__isnull=False).count()
        return render(request, "billing/callback_remove.html", {"endpoint": endpoint, "waiting": waiting})
    callbacks.remove(endpoint, now=timezone.now())
    messages.success(request, _("%(url)s is removed and not called any more.") % {"url": endpoint.url})
    return redirect("billing:callbacks")


@require_POST
@owner_required
def send_test(request: MemberRequest) -> HttpResponse:
    endpoint = _find(request)
    if not endpoint.is_on:
        messages.error(request, _("Switch the address on first: nothing is sent while it is off."))
        return redirect("billing:callbacks")
    try:
        callbacks.send_test(endpoint, now=timezone.now())
    except callbacks.TestUnderWay:
        messages.info(request, _("A test is under way already. Look again in a few seconds."))
    else:
        messages.success(request, _("A test is on its way. Look again in a few seconds to see the answer."))
    return redirect("billing:callbacks")


@require_POST
@owner_required
def send_again(request: MemberRequest) -> HttpResponse:
    form = NamedForm(request.POST)
    endpoint = _find(request)
    form.is_valid()
    callback = get_object_or_404(Callback, endpoint=endpoint, event_id=form.cleaned_data.get("event_id"))
    if callbacks.send_again(callback, now=timezone.now()):
        messages.success(request, _("It is sent again, with the same event id and the same body."))
    else:
        messages.info(request, _("It is under way already."))
    return redirect("billing:callbacks")


def _add(request: MemberRequest) -> HttpResponse:
    form = EndpointForm(request.POST)
    if not form.is_valid():
        return _render(request, form)
    if form.cleaned_data["organisation"] != request.member.organisation_id:
        raise Http404  # shown for another organisation than the one chosen now
    try:
        endpoint = callbacks.add(
            form.wish, organisation_id=request.member.organisation_id, by=request.user, now=timezone.now()
        )
    except callbacks.AlreadyThere:
        form.add_error("url", _("This address is in the list already."))
        return _render(request, form)
    except callbacks.TooManyEndpoints:
        most = {"most": callbacks.MOST_ENDPOINTS}
        messages.error(request, _("There are %(most)d addresses already. Remove one first.") % most)
        return redirect("billing:callbacks")
    messages.success(request, _("%(url)s is called from now on.") % {"url": endpoint.url})
    return _show_next(request, endpoint)


def _find(request: MemberRequest) -> CallbackEndpoint:
    """The endpoint of this organisation that the form names; 404 when there is none."""
    form = NamedForm(request.POST)
    form.is_valid()
    mine = CallbackEndpoint.objects.live().filter(organisation_id=request.member.organisation_id)
    return get_object_or_404(mine, username=form.cleaned_data.get("username"))


def _is_sure(request: MemberRequest) -> bool:
    form = NamedForm(request.POST)
    form.is_valid()
    return bool(form.cleaned_data.get("sure"))


def _show_next(request: MemberRequest, endpoint: CallbackEndpoint) -> HttpResponse:
    request.session[SHOWN] = endpoint.username
    return redirect("billing:callbacks")


def _render(request: MemberRequest, form: EndpointForm | None = None) -> HttpResponse:
    organisation_id = request.member.organisation_id
    endpoints = CallbackEndpoint.objects.live().filter(organisation_id=organisation_id).order_by("created_at", "pk")
    latest = Callback.objects.filter(organisation_id=organisation_id).select_related("endpoint").order_by("-pk")
    first = {"organisation": organisation_id, "events": [event.value for event in WISHES]}
    context = {
        "endpoints": endpoints,
        "shown": request.session.pop(SHOWN, ""),
        "callbacks": latest[:_LATEST],
        "latest": _LATEST,
        "most": callbacks.MOST_ENDPOINTS,
        "wishes": WISHES,
        "form": form or EndpointForm(initial=first),
    }
    return render(request, "billing/callbacks.html", context, status=422 if form else 200)
