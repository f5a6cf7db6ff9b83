"""Where staff open the link by which an administrator lets them set up their first second factor."""

from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from wallet import second_factors

_ACCEPTED = "second_factor_link_accepted"
"""The session's key: who used a link up in this browser, and when."""

_TIME_TO_SET_UP = timedelta(minutes=30)


@never_cache
def accept(request: HttpRequest, token: str) -> HttpResponse:
    """Opening the link uses nothing up (mail scanners open links too); the button does."""
    user_id, now = UUID(str(request.user.pk)), timezone.now()
    try:
        if request.method != "POST":
            second_factors.check(token=token, user_id=user_id, now=now)
            return render(request, "wallet/second_factor_link.html")
        second_factors.accept(token=token, user_id=user_id, now=now)
    except second_factors.LinkClosed:
        return render(request, "wallet/second_factor_link_closed.html", status=410)
    request.session[_ACCEPTED] = [str(user_id), now.timestamp()]
    return redirect("mfa_activate_totp")


def may_set_up(*, session: SessionBase, user_id: UUID, now: datetime) -> bool:
    """Whether this browser has used a link of this person's up a short while ago."""
    whose, accepted_at = session.get(_ACCEPTED, ("", 0))
    since = timedelta(seconds=now.timestamp() - accepted_at)
    return str(whose) == str(user_id) and timedelta(0) <= since < _TIME_TO_SET_UP


def forget(*, session: SessionBase) -> None:
    """A link is good for one second factor, also when that one is taken away soon afterwards."""
    session.pop(_ACCEPTED, None)
