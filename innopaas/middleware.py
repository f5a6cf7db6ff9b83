"""Request-wide rules of the site: how staff reach the admin, and what the admin's scripts may do."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import cast
from urllib.parse import urlencode

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

Answer = Callable[[HttpRequest], HttpResponse]

SECOND_FACTORS = {
    Authenticator.Type.TOTP: "mfa_reauthenticate",
    Authenticator.Type.WEBAUTHN: "mfa_reauthenticate_webauthn",
}
"""What counts as a second factor, and the page that asks for it again."""

ADMIN_POLICY = {"script-src": [UNSAFE_EVAL], "style-src": [UNSAFE_INLINE]}


class StaffSecondFactorMiddleware:
    """Staff reach the admin only with a second factor, used lately, where the setting asks for it."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        barrier = _find_barrier(request, timezone.now()) if is_admin(request) else None
        return barrier or self.get_response(request)


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
    mine = Authenticator.objects.filter(user_id=request.user.pk, type__in=SECOND_FACTORS)
    types = set(mine.values_list("type", flat=True))
    if not types:
        return render(request, "innopaas/second_factor_needed.html", status=403)
    if _used_second_factor_lately(request, now):
        return None
    page = next(name for kind, name in SECOND_FACTORS.items() if kind in types)
    return redirect(f"{reverse(page)}?{urlencode({'next': request.get_full_path()})}")


def _used_second_factor_lately(request: HttpRequest, now: datetime) -> bool:
    records = get_authentication_records(request, cast(AbstractBaseUser, request.user))
    used_at = max((record["at"] for record in records if record.get("method") == "mfa"), default=0)
    fresh_for: timedelta = getattr(settings, "STAFF_LOGIN_FRESH_FOR", timedelta(hours=12))
    return now.timestamp() - used_at < fresh_for.total_seconds()
