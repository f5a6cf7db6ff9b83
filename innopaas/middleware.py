"""Request-wide rules of the site: how staff reach the admin, how often money is sent, what browsers are told."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

import pghistory
import structlog
from allauth.account import app_settings
from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from csp.constants import UNSAFE_EVAL, UNSAFE_INLINE
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, HttpResponseNotAllowed, QueryDict
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect
from django_structlog.middlewares import RequestMiddleware

from innopaas import history, sending_rates, step_up
from wallet import second_factors, zones
from wallet.views.second_factors import forget, may_set_up

Answer = Callable[[HttpRequest], HttpResponse]

log = structlog.get_logger(__name__)

PAGES_ASKING = {
    Authenticator.Type.TOTP: "mfa_reauthenticate",
    Authenticator.Type.WEBAUTHN: "mfa_reauthenticate_webauthn",
}
"""The page that asks for each kind of second factor again."""

SETTING_UP = {"mfa_activate_totp", "mfa_add_webauthn"}
CHANGING = {"account_email", "account_change_password", "account_set_password", "admin:password_change"}
CHANGING_NOTHING = {"mfa_index", "mfa_authenticate", "mfa_login_webauthn", "mfa_list_webauthn", *PAGES_ASKING.values()}
"""Whatever else allauth has, or gets, below `mfa_` shows or changes a second factor."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
FOR_PROGRAMS = ("/api/", f"/{settings.STRIPE_WEBHOOK_PATH}")
"""Addresses that are not redirected to https (SECURE_REDIRECT_EXEMPT)."""

READING = {"GET", "HEAD", "OPTIONS", "TRACE"}

PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
"""What no page of ours asks a browser for; payment is asked for at Stripe's own address."""

ADMIN_POLICY = {"script-src": [UNSAFE_EVAL], "style-src": [UNSAFE_INLINE]}


class StaffSecondFactorMiddleware:
    """Where the setting asks for it, staff reach the admin only with a second factor, used lately, and change what
    guards their account (factors, recovery codes, password, address) only with one used just now. A password alone is
    never enough: the first factor is set up by a link from an administrator.

    What step_up.GUARDED names takes a factor used within STAFF_STEP_UP_MINUTES; else what was typed is kept.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        barrier = _find_barrier(request, timezone.now()) if is_admin(request) else None
        return barrier or self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        """Here, and not earlier, it is known that the request is no stranger's forgery (CSRF)."""
        name = request.resolver_match.view_name if request.resolver_match else ""
        if not (settings.STAFF_MFA_REQUIRED and getattr(request.user, "is_staff", False)):
            return None
        if _guards_account(name):
            return _find_barrier_to_change(request, name, timezone.now())
        return _find_barrier_to_act(request, name, timezone.now()) if _is_guarded_act(request, name) else None


class ReaderZoneMiddleware:
    """Tells moments in the reader's own zone. The staff pages keep that of the books: banks and closes go by it."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with zones.telling("" if is_admin(request) else getattr(request.user, "time_zone", "")):
            return self.get_response(request)


class StaffHistoryMiddleware:
    """Tells the audit trail who changes a tracked row, and at which address. Only where staff edit such rows: each
    statement that writes carries the two along, and those that move money are not to.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in READING or not is_admin(request) or not history.is_edited_at(_find_name(request)):
            return self.get_response(request)
        with pghistory.context(user=str(request.user.pk), url=request.path_info):
            return self.get_response(request)


class RequestLogMiddleware(RequestMiddleware):
    """A line names the address without what was asked there: addresses of people, texts looked for, tokens."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {request.path}"


class AdminContentPolicyMiddleware:
    """The admin's Alpine.js evaluates its attributes, and its colours stand in the page; nobody else's do."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if is_admin(request):
            response._csp_update = ADMIN_POLICY  # type: ignore[attr-defined]  # noqa: SLF001  # csp's door
        return response


class RefusingMiddleware:
    """Answers before anything is looked at: methods that nobody here needs, and programs that come without https, from
    whom a redirect would hide that their key has been read on the way.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in METHODS:
            return HttpResponseNotAllowed(METHODS)
        is_plain = settings.SECURE_SSL_REDIRECT and not request.is_secure()
        if is_plain and request.path_info.startswith(FOR_PROGRAMS):
            return HttpResponseForbidden("Use https.\n", content_type="text/plain; charset=utf-8")
        return self.get_response(request)


class PrivateAnswersMiddleware:
    """No answer of a page or of the API is kept by a browser or on the way, whoever asked and whatever came of it."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if "no-store" not in response.get("Cache-Control", ""):
            response["Cache-Control"] = "no-store, private"
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        return response


class SendingRateMiddleware:
    """Counts what customers send that moves money. Too much of it is refused, and all of it while nothing counts."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        """Here the address is known, and that the request is no stranger's forgery (CSRF)."""
        name = request.resolver_match.view_name if request.resolver_match else ""
        if request.method in READING or name not in sending_rates.COUNTED or not request.user.is_authenticated:
            return None
        try:
            wait = sending_rates.count(user_id=UUID(str(request.user.pk)), now=timezone.now())
        except sending_rates.Uncounted:
            log.exception("money refused: its sender cannot be counted", view=name)
            return _turn_away(request, status=503, wait=60)
        return _turn_away(request, status=429, wait=wait) if wait else None


def is_admin(request: HttpRequest) -> bool:
    return request.path_info.startswith(reverse("admin:index"))


def _turn_away(request: HttpRequest, *, status: int, wait: int) -> HttpResponse:
    answer = render(request, f"{status}.html", status=status)
    answer["Retry-After"] = str(wait)
    return answer


def _find_barrier(request: HttpRequest, now: datetime) -> HttpResponse | None:
    """The page that stands between this request and the admin, if one does."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    if not request.user.is_staff:
        raise PermissionDenied
    if not settings.STAFF_MFA_REQUIRED:
        return None
    types = second_factors.list_types(user_id=request.user.pk)
    if not types:
        return render(request, "innopaas/second_factor_needed.html", status=403)
    if _is_guarded_act(request, _find_name(request)):
        return None  # process_view asks for more, and keeps what was typed
    return None if _used_second_factor(request, now, within=settings.STAFF_LOGIN_FRESH_FOR) else _ask(request, types)


def _find_name(request: HttpRequest) -> str:
    """The view's name, before Django has looked for it."""
    try:
        return resolve(request.path_info).view_name
    except Resolver404:
        return ""


def _is_guarded_act(request: HttpRequest, name: str) -> bool:
    return request.method not in READING and name in step_up.GUARDED


def _guards_account(name: str) -> bool:
    return name in CHANGING or (name.startswith("mfa_") and name not in CHANGING_NOTHING)


def _find_barrier_to_change(request: HttpRequest, name: str, now: datetime) -> HttpResponse | None:
    user_id = UUID(str(request.user.pk))
    if types := second_factors.list_types(user_id=user_id):
        forget(session=request.session)
        within = timedelta(seconds=app_settings.REAUTHENTICATION_TIMEOUT)
        return None if _used_second_factor(request, now, within=within) else _ask(request, types)
    if name in SETTING_UP and may_set_up(session=request.session, user_id=user_id, now=now):
        return None
    return render(request, "innopaas/second_factor_needed.html", status=403)


def _find_barrier_to_act(request: HttpRequest, name: str, now: datetime) -> HttpResponse | None:
    """Lets a guarded act pass with a fresh factor; what had waited for one is put in the place of what is posted."""
    key, user_id = request.POST.get(step_up.KEY, ""), UUID(str(request.user.pk))
    within = min(timedelta(minutes=settings.STAFF_STEP_UP_MINUTES), settings.STAFF_LOGIN_FRESH_FOR)
    if not _used_second_factor(request, now, within=within):
        return _ask(request, second_factors.list_types(user_id=user_id), then=_keep(request, name, now))
    if not key:
        return None
    try:
        kept = step_up.use_up(session=request.session, key=key, user_id=user_id, path=request.get_full_path(), now=now)
    except step_up.NotKept:
        context = admin.site.each_context(request) | {"title": _("Sent already"), "path": request.path}
        return render(request, "innopaas/step_up_closed.html", context, status=410)
    request.POST = _restore(kept.fields)  # type: ignore[assignment]  # the stubs know it as immutable only
    return None


def _keep(request: HttpRequest, name: str, now: datetime) -> str:
    """Where to go on after the factor: with what was typed, or where it is too much, with the empty form."""
    if key := request.POST.get(step_up.KEY):
        return reverse("resume", args=[key])  # it had waited, and the factor has grown old once more
    try:
        key = step_up.keep(
            session=request.session,
            user_id=UUID(str(request.user.pk)),
            name=name,
            path=request.get_full_path(),
            fields=request.POST.lists(),
            files=[file.name or "" for _field, files in request.FILES.lists() for file in files],
            now=now,
        )
    except step_up.TooLarge:
        messages.warning(request, _("What you had typed was too long to be kept: please type it again."))
        return request.get_full_path()
    return reverse("resume", args=[key])


def _restore(fields: step_up.Fields) -> QueryDict:
    posted = QueryDict(mutable=True)
    for field, values in fields:
        posted.setlist(field, values)
    return posted


def _ask(request: HttpRequest, types: set[str], *, then: str = "") -> HttpResponse:
    page = next(name for kind, name in PAGES_ASKING.items() if kind in types)
    address = f"{reverse(page)}?{urlencode({'next': then or request.get_full_path()})}"
    return HttpResponseClientRedirect(address) if getattr(request, "htmx", False) else redirect(address)


def _used_second_factor(request: HttpRequest, now: datetime, *, within: timedelta) -> bool:
    records = get_authentication_records(request, cast(AbstractBaseUser, request.user))
    used_at = max((record["at"] for record in records if record.get("method") == "mfa"), default=0)
    return now.timestamp() - used_at < within.total_seconds()
