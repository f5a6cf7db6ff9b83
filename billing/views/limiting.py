"""Where a page is asked for too often: it says when to try again (429)."""

import math
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from http import HTTPStatus
from typing import Concatenate, ParamSpec

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

from billing import allowances
from billing.allowances import Allowance
from wallet.access import MemberRequest

P = ParamSpec("P")
MemberPage = Callable[Concatenate[MemberRequest, P], HttpResponseBase]


def limited_to(allowance: Allowance) -> Callable[[MemberPage[P]], MemberPage[P]]:
    """A page that one person may open so often. Put it below `member_required`."""

    def limit(view: MemberPage[P]) -> MemberPage[P]:
        @wraps(view)
        def counted(request: MemberRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            now = timezone.now()
            if free_at := allowances.use(allowance, user_id=request.user.pk, now=now):
                return _refuse(request, free_at, now=now)
            return view(request, *args, **kwargs)

        return counted

    return limit


def count_minutes(free_at: datetime, *, now: datetime) -> int:
    """How many minutes to wait, rounded up."""
    return max(math.ceil((free_at - now).total_seconds() / 60), 1)


def tell_when(response: HttpResponse, free_at: datetime, *, now: datetime) -> HttpResponse:
    response["Retry-After"] = str(max(math.ceil((free_at - now).total_seconds()), 1))
    return response


def _refuse(request: MemberRequest, free_at: datetime, *, now: datetime) -> HttpResponse:
    context = {"minutes": count_minutes(free_at, now=now)}
    answer = render(request, "billing/too_often.html", context, status=HTTPStatus.TOO_MANY_REQUESTS)
    return tell_when(answer, free_at, now=now)
