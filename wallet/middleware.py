"""Finds out for which organisation the user of this request acts."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from wallet.models import Member

CHOSEN = "organisation_id"
"""The session's key for the organisation chosen last."""


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


def _list(request: HttpRequest) -> list[Member]:
    if not request.user.is_authenticated:
        return []
    mine = Member.objects.filter(user_id=request.user.pk)
    return list(mine.select_related("organisation").order_by("joined_at", "pk"))


def _choose(request: HttpRequest, memberships: list[Member]) -> Member | None:
    chosen = request.session.get(CHOSEN) if memberships else None
    return next((m for m in memberships if str(m.organisation_id) == chosen), memberships[0] if memberships else None)
