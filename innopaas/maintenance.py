"""The site at rest: while MAINTENANCE is set, people are shown one page and programs are told to come back."""

from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from products.api_answers import ErrorAnswer, Problem, Refused

OPEN: Final = ("payments:webhook", "healthz", "readyz", "metrics")
"""What is answered all the same: Stripe, whose news would otherwise come late, and whoever watches the site."""

RETRY_AFTER: Final = 300
"""Seconds after which whoever was turned away may ask again."""


class MaintenanceMiddleware:
    """Stands outside of all that asks the database, which may be what is worked on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not settings.MAINTENANCE:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info in map(reverse, OPEN):
            return self.get_response(request)
        answer = _tell_program() if request.path_info.startswith("/api/") else render(request, "maintenance.html")
        answer.status_code = 503
        answer["Retry-After"] = str(RETRY_AFTER)
        return answer


def _tell_program() -> HttpResponse:
    body = ErrorAnswer(error=Refused(Problem.UNAVAILABLE).error).model_dump_json(exclude_none=True)
    return HttpResponse(body, content_type="application/json")
