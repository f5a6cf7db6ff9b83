"""Finds out for which organisation a user acts, and ends the session of one who was away or has other rights now."""

from collections.abc import Callable
from typing import Any, cast

import structlog
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from wallet import factor_demands, sessions
from wallet.models import Member, User
from wallet.session_store import SessionStore

log = structlog.get_logger(__name__)

ENDED = "session_ended"
"""The session's key, of nobody any more, under which the page of the login learns that one was away too long."""

CHOSEN = "organisation_id"
"""The session's key for the organisation chosen last."""

SETTING_UP = ("account_", "mfa_")
WITHOUT_FACTOR = {
    *("wallet:language", "wallet:time_zone", "wallet:switch", "wallet:leave", "wallet:confirm_email"),
    *("wallet:sessions", "wallet:end_session", "wallet:end_other_sessions"),
    *("wallet:mail", "wallet:accept_second_factor"),
    *("healthz", "readyz", "metrics", "payments:webhook"),
}
"""What people reach without the second factor that their organisation asks for: their own account, and leaving."""

OWN_CHANGES = {"wallet:leave", "wallet:accept", "wallet:change_role", "wallet:remove"}
"""Pages where people may change their own roles, by URL name."""


class IdleSessionMiddleware:
    """Ends a session that was not used for as long as the setting says, before anything is done with it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user, session, now = request.user, cast(SessionStore, request.session), timezone.now()
        if isinstance(user, User) and session.seen_at and session.session_key:
            if sessions.is_idle(user=user, seen_at=session.seen_at, now=now):
                log.info("session ended: not used", user=str(user.pk))
                logout(request)
                request.session[ENDED] = True
            else:
                sessions.see(key=session.session_key, seen_at=session.seen_at, now=now)
        return self.get_response(request)


class DemandedFactorMiddleware:
    """Nobody opens a page without the second factor that one of his organisations asks for; he is led to set it up."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        user, name = request.user, _find_name(request)
        if not isinstance(user, User) or name in WITHOUT_FACTOR or name.startswith(SETTING_UP):
            return None
        memberships: list[Member] = request.memberships  # type: ignore[attr-defined]  # set before
        asking = factor_demands.find(user=user, memberships=memberships)
        return render(request, "wallet/second_factor_demanded.html", {"asking": asking}, status=403) if asking else None


class CurrentOrganisationMiddleware:
    """Sets `request.memberships` and `request.member`: the one chosen in the session, else the oldest, else None.

    Read anew for every request, so that access ends at once when somebody is removed.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.memberships = _list(request)  # type: ignore[attr-defined]  # HttpRequest is open by design
        request.member = _choose(request, request.memberships)  # type: ignore[attr-defined]  # as above
        return self.get_response(request)


class ChangedRightsMiddleware:
    """Rights are read anew for every request. Besides, a session ends when somebody else took or changed them: whoever
    sits at that browser proves once more who he is. What a person changes himself he may go on with.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if not isinstance(user, User):
            return self.get_response(request)
        memberships: list[Member] = request.memberships  # type: ignore[attr-defined]  # set just before
        if sessions.have_rights_changed(session=request.session, user=user, memberships=memberships):
            logout(request)
            request.memberships, request.member = [], None  # type: ignore[attr-defined]  # HttpRequest is open by design
        answer = self.get_response(request)
        if request.method == "POST" and _find_name(request) in OWN_CHANGES and request.user.is_authenticated:
            sessions.renew_rights(session=request.session, user=user)
        return answer


def _find_name(request: HttpRequest) -> str:
    return request.resolver_match.view_name if request.resolver_match else ""


def _list(request: HttpRequest) -> list[Member]:
    if not request.user.is_authenticated:
        return []
    mine = Member.objects.filter(user_id=request.user.pk)
    return list(mine.select_related("organisation").order_by("joined_at", "pk"))


def _choose(request: HttpRequest, memberships: list[Member]) -> Member | None:
    chosen = request.session.get(CHOSEN) if memberships else None
    return next((m for m in memberships if str(m.organisation_id) == chosen), memberships[0] if memberships else None)
