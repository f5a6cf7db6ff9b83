"""Finds out for which organisation a user acts, and ends the session of one who has other rights now."""

from collections.abc import Callable

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

from wallet import sessions
from wallet.models import Member, User

CHOSEN = "organisation_id"
"""The session's key for the organisation chosen last."""

OWN_CHANGES = {"wallet:leave", "wallet:accept", "wallet:change_role", "wallet:remove"}
"""Pages where people may change their own roles, by URL name."""


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
