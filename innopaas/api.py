"""The HTTP API: each app's routes under one version, one shape for every error, and its page of documentation."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, cast

import structlog
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.urls import URLPattern, re_path
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI, Swagger
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.parser import Parser

from billing.api import router as orders
from products.api import router as products
from products.api_answers import ErrorAnswer, Problem, Refused, describe

log = structlog.get_logger(__name__)

_INTRODUCTION: Final = """
Spending from prepaid product balances, and reading them. The key goes into the header `Authorization: Bearer …`.
Amounts are decimal strings with at most 6 decimals, in the product's currency. Every POST that spends carries a
`request_id` of yours: the same request again changes nothing and is answered with the same body, and with the header
`Idempotent-Replayed: true`; other content under the same request id is refused with 409. Every error has the one shape
`{"error": {"code", "name", "message"}}`; decide by `code`:

| code | name | status | message |
| --- | --- | --- | --- |
"""
_PROBLEMS: Final = "\n".join(
    f"| {problem.code} | `{problem.name}` | {problem.status} | {problem.message} |" for problem in Problem
)


class StrictParser(Parser):
    """An object that names a field twice is not readable: nobody could say which of the two was meant."""

    def parse_body(self, request: HttpRequest) -> Any:
        return json.loads(request.body, object_pairs_hook=_take_once)


def _take_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    taken = dict(pairs)
    if len(taken) < len(pairs):
        raise ValueError("A field is named twice.")
    return taken


class Documentation(Swagger):
    """Swagger UI from ninja's own static files. It asks no one on the network to judge the description."""

    template = "innopaas/api_docs.html"
    default_settings = {**Swagger.default_settings, "validatorUrl": None}


api = NinjaAPI(
    title="InnoPaaS Top-up API",
    version="1",
    description=_INTRODUCTION.strip() + "\n" + _PROBLEMS,
    urls_namespace="api",
    docs=Documentation(),
    parser=StrictParser(),
)
api.add_router("", products)
api.add_router("", orders)


@api.exception_handler(Refused)
def answer_refused(_request: HttpRequest, refused: Refused) -> HttpResponse:
    return _answer(refused)


@api.exception_handler(AuthenticationError)
def answer_stranger(_request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
    return _answer(Refused(Problem.UNAUTHENTICATED))


@api.exception_handler(ValidationError)
def answer_invalid(_request: HttpRequest, error: ValidationError) -> HttpResponse:
    field, message = describe(error.errors[0])
    return _answer(Refused(Problem.INVALID, message, field=field or None))


@api.exception_handler(HttpError)
def answer_unreadable(_request: HttpRequest, _error: HttpError) -> HttpResponse:
    """The only one ninja raises itself, but for those above, is about the body."""
    return _answer(Refused(Problem.UNREADABLE_BODY))


@api.exception_handler(RequestDataTooBig)
def answer_too_large(_request: HttpRequest, _error: RequestDataTooBig) -> HttpResponse:
    """Seen before the body is read, at the size that the setting DATA_UPLOAD_MAX_MEMORY_SIZE names."""
    return _answer(Refused(Problem.BODY_TOO_LARGE))


@api.exception_handler(TooManyFieldsSent)
def answer_too_many(_request: HttpRequest, _error: TooManyFieldsSent) -> HttpResponse:
    """Seen as soon as one parameter of the address is asked for; the setting is DATA_UPLOAD_MAX_NUMBER_FIELDS."""
    return _answer(Refused(Problem.INVALID, "The address has too many parameters."))


@api.exception_handler(Exception)
def answer_failed(request: HttpRequest, error: Exception) -> HttpResponse:
    """Whoever repeats the request learns whether it had been carried out: that is what request ids are for."""
    log.error("API failed", path=request.path, exc_info=error)
    return _answer(Refused(Problem.FAILED))


@login_not_required
@csrf_exempt
def answer_unknown(_request: HttpRequest, **_place: str) -> HttpResponse:
    return _answer(Refused(Problem.NOT_FOUND))


def _answer(refused: Refused) -> HttpResponse:
    body = ErrorAnswer(error=refused.error).model_dump_json(exclude_none=True)
    headers = {"Cache-Control": "no-store", **refused.headers}
    if refused.problem is Problem.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = "Bearer"
    return HttpResponse(body, status=refused.problem.status, content_type="application/json", headers=headers)


Door = Callable[..., HttpResponseBase]

_READ: Final = ("openapi-json", "openapi-view")


def _guard(view: Door) -> Door:
    """What holds for every address of the API: it knows keys and no cookies, and its answers are nobody else's."""

    @login_not_required
    @csrf_exempt
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
        except Http404:
            return _answer(Refused(Problem.NOT_FOUND))
        except TooManyFieldsSent as error:
            return answer_too_many(request, error)
        if response.status_code == 405:
            return _answer(Refused(Problem.METHOD_NOT_ALLOWED, headers={"Allow": response["Allow"]}))
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return guarded


def _only_read(view: Door) -> Door:
    """The page and the description, which ninja answers whatever method they are asked by."""

    @wraps(view)
    def read(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method in ("GET", "HEAD"):
            return view(request, *args, **kwargs)
        return HttpResponseNotAllowed(["GET", "HEAD"])

    return read


def _list_addresses() -> list[URLPattern]:
    addresses = [address for address in api.urls[0] if isinstance(address, URLPattern)]
    for address in addresses:
        view = cast(Door, address.callback)
        address.callback = _guard(_only_read(view) if address.name in _READ else view)
    return [*addresses, re_path(r"^(?P<rest>.*)\Z", answer_unknown, name="unknown")]


urls: Final = (_list_addresses(), "ninja", "api")
