"""Request-wide rules of the site: how staff reach the admin, and what the admin's scripts may do."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from allauth.account import app_settings
from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from csp.constants import UNSAFE_EVAL, UNSAFE_INLINE
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from wallet import second_factors
from wallet.views.second_factors import forget, may_set_up

Answer = Callable[[HttpRequest], HttpResponse]

PAGES_ASKING = {
    Authenticator.Type.TOTP: "mfa_reauthenticate",
    Authenticator.Type.WEBAUTHN: "mfa_reauthenticate_webauthn",
}
"""The page that asks for each kind of second factor again."""

SETTING_UP = {"mfa_activate_totp", "mfa_add_webauthn"}
CHANGING = {"account_email", "account_change_password", "account_set_password", "admin:password_change"}
CHANGING_NOTHING = {"mfa_index", "mfa_authenticate", "mfa_login_webauthn", "mfa_list_webauthn", *PAGES_ASKING.values()}
"""Whatever else allauth has, or gets, below `mfa_` shows or changes a second factor."""

ADMIN_POLICY = {"script-src": [UNSAFE_EVAL], "style-src": [UNSAFE_INLINE]}


class StaffSecondFactorMiddleware:
    """Where the setting asks for it, staff reach the admin only with a second factor, used lately, and change what
    guards their account (factors, recovery codes, password, address) only with one used just now. A password alone is
    never enough: the first factor is set up by a link from an administrator.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        barrier = _find_barrier(request, timezone.now()) if is_admin(request) else None
        return barrier or self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        name = request.resolver_match.view_name if request.resolver_match else ""
        if not _guards_account(name) or not (settings.STAFF_MFA_REQUIRED and getattr(request.user, "is_staff", False)):
            return None
        return _find_barrier_to_change(request, name, timezone.now())


class AdminContentPolicyMiddleware:
    """The admin's Alpine.js evaluates its attributes, and its colours stand in the page; nobody else's do."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if is_admin(request):
            response._csp_update = ADMIN_POLICY  # type: ignore[attr-defined]  # noqa: SLF001  # csp's door
        return response


def is_admin(request: HttpRequest) -> bool:
    return request.path_info.startswith(reverse("admin:index"))


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
    return None if _used_second_factor(request, now, within=settings.STAFF_LOGIN_FRESH_FOR) else _ask(request, types)


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


def _ask(request: HttpRequest, types: set[str]) -> HttpResponse:
    page = next(name for kind, name in PAGES_ASKING.items() if kind in types)
    return redirect(f"{reverse(page)}?{urlencode({'next': request.get_full_path()})}")


def _used_second_factor(request: HttpRequest, now: datetime, *, within: timedelta) -> bool:
    records = get_authentication_records(request, cast(AbstractBaseUser, request.user))
    used_at = max((record["at"] for record in records if record.get("method") == "mfa"), default=0)
    return now.timestamp() - used_at < within.total_seconds()
