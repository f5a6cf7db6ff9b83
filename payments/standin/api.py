"""The API's door: key, version, parameters, idempotency, faults, and Stripe's shape of answers."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException

from . import ids
from .context import API_VERSION, Context, World
from .endpoints import ADDRESSES, Endpoint
from .errors import (
    ApiError,
    InvalidRequest,
    KeyInUse,
    KeyReused,
    NotFound,
    RateLimited,
    Refused,
    ServerFault,
    Unauthorized,
)
from .parameters import check, parse
from .store import Json
from .switches import Fault

_KEPT_FOR = 24 * 3600
_TEST_KEYS = ("sk_test_", "rk_test_")


class ConnectionDropped(ConnectionResetError):
    """The client is to see nothing but a closed connection."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self, request_id: str, version: str) -> Response:
        standing = {"Request-Id": request_id, "Stripe-Version": version, "Content-Type": "application/json"}
        return Response(self.body, self.status, {**standing, **self.headers})


@dataclass(frozen=True, kw_only=True)
class _Call:
    """One request, as far as it was understood."""

    method: str
    path: str
    endpoint: Endpoint
    names: Mapping[str, str]
    given: Json
    fault: Fault | None

    @property
    def fingerprint(self) -> str:
        content = json.dumps([self.method, self.path, self.given], sort_keys=True)
        return sha256(content.encode()).hexdigest()

    def suffers(self, kind: str, when: str) -> bool:
        return self.fault is not None and (self.fault.kind, self.fault.when) == (kind, when)


class Api:
    def __init__(self, world: World) -> None:
        self._world = world
        self._running: set[str] = set()
        self._lock = threading.Lock()

    def respond(self, request: Request) -> Response:
        """Answer any request; raises ConnectionDropped when a fault asks for it."""
        request_id = ids.make("req", length=14)
        fault = self._world.switches.take_fault(method=request.method, path=request.path)
        try:
            version = _authorise(request)
            call = _understand(request, fault)
            reply = self._suffer(call, request, request_id)
        except ApiError as error:
            version = request.headers.get("Stripe-Version", API_VERSION)
            reply = _error_reply(error)
        return reply.response(request_id, version)

    def _suffer(self, call: _Call, request: Request, request_id: str) -> Reply:
        """Answer, unless a fault lets the network spoil it."""
        if call.suffers("rate_limit", "before") or call.suffers("rate_limit", "after"):
            raise RateLimited("Too many requests. This is a switch of the stand-in.", code="rate_limit")
        _strike(call, "before")
        if call.suffers("html", "before"):
            return _HTML
        ctx = self._context(request, request_id)
        reply = self._perform(ctx, call) if ctx.idempotency_key is None else self._perform_once(ctx, call)
        _strike(call, "after")
        return _HTML if call.suffers("html", "after") else reply

    def _context(self, request: Request, request_id: str) -> Context:
        key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
        if key is not None and not 1 <= len(key) <= 255:
            raise InvalidRequest("Idempotency keys have 1 to 255 characters.")
        return Context(
            world=self._world,
            now=self._world.now,
            request_id=request_id,
            idempotency_key=key,
            base_url=request.host_url.rstrip("/"),
        )

    def _perform_once(self, ctx: Context, call: _Call) -> Reply:
        key = ctx.idempotency_key or ""
        with self._claimed(key):
            replay = _replay(ctx, call)
            return replay or self._perform(ctx, call)

    def _perform(self, ctx: Context, call: _Call) -> Reply:
        """Check, then work and remember the answer in one transaction. A refusal is an answer too."""
        given = check(call.given, call.endpoint.parameters)
        if call.suffers("slow", "before") and call.fault is not None:
            time.sleep(call.fault.seconds)
        with ctx.store.transaction():
            reply = _BROKEN if call.suffers("error", "before") else _work(ctx, call, given)
            if call.suffers("error", "after"):
                reply = _BROKEN
            _remember(ctx, call, reply)
        if call.suffers("slow", "after") and call.fault is not None:
            time.sleep(call.fault.seconds)
        return reply

    @contextmanager
    def _claimed(self, key: str) -> Iterator[None]:
        with self._lock:
            if key in self._running:
                message = f"There is currently another in-progress request using this Idempotency Key: {key}"
                raise KeyInUse(message, code="idempotency_key_in_use")
            self._running.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(key)


def _authorise(request: Request) -> str:
    """Return the version spoken. Only test keys are taken: nobody shall come here with real ones."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise Unauthorized("You did not provide an API key (Authorization: Bearer YOUR_SECRET_KEY).")
    if not key.startswith(_TEST_KEYS):
        shown = f"{key[:8]}***" if len(key) > 12 else "***"
        raise Unauthorized(f"Invalid API Key provided: {shown}. This stand-in takes test keys only.")
    version = request.headers.get("Stripe-Version", API_VERSION)
    if version != API_VERSION:
        raise InvalidRequest(f"Invalid Stripe API version: {version}. This stand-in speaks {API_VERSION}.")
    return version


def _understand(request: Request, fault: Fault | None) -> _Call:
    try:
        endpoint, names = ADDRESSES.bind("").match(request.path, request.method)
    except HTTPException as error:
        message = f"Unrecognized request URL ({request.method}: {request.path})."
        raise NotFound(message) from error
    return _Call(
        method=request.method,
        path=request.path,
        endpoint=endpoint,
        names=names,
        given=parse(_form(request)),
        fault=fault,
    )


def _form(request: Request) -> bytes:
    try:
        return request.get_data() if request.method == "POST" else request.query_string
    except HTTPException as error:
        raise InvalidRequest("The request body is too large.") from error


def _strike(call: _Call, when: str) -> None:
    if call.suffers("drop", when):
        raise ConnectionDropped


def _work(ctx: Context, call: _Call, given: Json) -> Reply:
    try:
        answer = call.endpoint.verb(ctx, given, call.names)
    except Refused as error:
        return _error_reply(error)
    return Reply(status=200, body=_json(answer))


def _replay(ctx: Context, call: _Call) -> Reply | None:
    rows = ctx.store.rows(
        "SELECT fingerprint, status, body, request_id FROM replies WHERE key = ? AND created > ?",
        ctx.idempotency_key, ctx.created - _KEPT_FOR,
    )  # fmt: skip
    if not rows:
        return None
    fingerprint, status, body, request_id = rows[0]
    if fingerprint != call.fingerprint:
        raise KeyReused(
            "Keys for idempotent requests can only be used with the same parameters they were first used "
            f"with. Try using a key other than '{ctx.idempotency_key}' for a different request."
        )
    headers = {**_retry_advice(status), "Idempotent-Replayed": "true", "Original-Request": request_id}
    return Reply(status=status, body=body, headers=headers)


def _remember(ctx: Context, call: _Call, reply: Reply) -> None:
    if ctx.idempotency_key is not None:
        ctx.store.change(
            "INSERT OR REPLACE INTO replies (key, fingerprint, status, body, request_id, created) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            ctx.idempotency_key, call.fingerprint, reply.status, reply.body, ctx.request_id, ctx.created,
        )  # fmt: skip


def _retry_advice(status: int) -> Mapping[str, str]:
    """Tell the SDK not to retry a 500: it is remembered and would only be replayed."""
    return {"Stripe-Should-Retry": "false"} if status >= 500 else {}


def _error_reply(error: ApiError) -> Reply:
    headers = {"WWW-Authenticate": 'Bearer realm="Stripe"'} if error.status == 401 else {}
    return Reply(status=error.status, body=_json(error.body()), headers=headers)


def _json(thing: Json) -> bytes:
    return (json.dumps(thing, indent=2) + "\n").encode()


_BROKEN = Reply(
    status=500,
    body=_json(ServerFault("An unknown error occurred. This is a switch of the stand-in.").body()),
    headers=_retry_advice(500),
)
_HTML = Reply(
    status=502,
    body=b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>",
    headers={"Content-Type": "text/html"},
)
