"""What people see in the place of a page that failed, or, in DEBUG, of one that is not there."""

from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseServerError
from django.template.loader import render_to_string
from django.views.defaults import page_not_found

Answer = Callable[[HttpRequest], HttpResponse]


def show_failure(_request: HttpRequest) -> HttpResponse:
    """Names the request's id, which stands in every line of its log. Asks neither the database nor the session: they
    may be what failed.
    """
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    return HttpResponseServerError(render_to_string("500.html", {"request_id": request_id, **_name_support()}))


class OurOwnPagesMiddleware:
    """In DEBUG, where Django would show its list of addresses, people of the demo see the page that production has."""

    def __init__(self, get_response: Answer) -> None:
        if not settings.DEBUG:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        leads_nowhere = response.status_code == 404 and request.resolver_match is None
        return page_not_found(request, Http404()) if leads_nowhere else response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return page_not_found(request, exception) if isinstance(exception, Http404) else None


def _name_support() -> dict[str, Any]:
    return {"support_url": settings.SUPPORT_URL, "support_email": settings.SUPPORT_EMAIL}
