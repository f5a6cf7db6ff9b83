"""One signed call to an address that a customer chose: only to public addresses, and never for longer than 3 seconds.

The address is resolved once; what it resolves to is checked, and that very address is connected to, so a name that
points elsewhere a moment later gains nothing. Redirects are not followed, proxies of the environment not used.
"""

import hashlib
import hmac
import io
import ipaddress
import secrets
import socket
import time
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from http.client import HTTPResponse
from threading import Thread
from types import MappingProxyType
from typing import Any, Final, cast
from urllib.parse import SplitResult, urlsplit

import requests
from django.conf import settings
from django.utils.translation import gettext as _
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from requests_hardened.ip_filter import EXTRA_BLOCKED_NET_RANGES, InvalidIPAddress
from requests_hardened.ip_filter_adapter import IPFilterAdapter
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError, SSLError

from billing.models.callbacks import Failure

LONGEST: Final = 3.0
"""Seconds from the first question for the address to the last byte that is read."""

LONGEST_ADDRESS: Final = 500
"""Characters, as it is called."""

_PORTS: Final = (443, 8443)
_DEFAULT_PORTS: Final = MappingProxyType({"https": 443, "http": 80})
_NOT_FOR_STRANGERS: Final = (ipaddress.ip_network("168.63.129.16/32"),)
"""Public by its number, and inside a cloud (Azure) what every machine asks about itself."""


class BadAddress(ValueError):
    """The address can never be called; the message says what one looks like."""


class NotPublic(Exception):
    """The address leads into a private network, or to nobody."""


_WHAT_ADDRESSES_DO: Final = (BadAddress, NotPublic, requests.RequestException, UnicodeError, HTTPError, TimeoutError)
_FAILURES: Final[tuple[tuple[tuple[type[Exception], ...], Failure], ...]] = (
    ((BadAddress, NotPublic, InvalidIPAddress), Failure.NOT_PUBLIC),
    ((requests.RequestException, UnicodeError), Failure.NO_SUCH_HOST),  # requests only resolves; the rest is urllib3's
    ((SSLError,), Failure.NOT_TRUSTED),
    ((NewConnectionError,), Failure.NOT_CONNECTED),
    ((ConnectTimeoutError, ReadTimeoutError, TimeoutError), Failure.TOO_SLOW),
    ((HTTPError,), Failure.NO_ANSWER),
)


@dataclass(frozen=True, kw_only=True)
class Call:
    """What is sent: the body as it stands in the outbox, signed anew for this attempt."""

    url: str
    username: str
    secret: str
    body: bytes
    timestamp: int
    nonce: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a call; without a failure it was taken."""

    status: int | None = None
    failure: Failure | None = None


def tidy_address(url: str) -> str:
    """The address as it will be called; raises `BadAddress` for one that never will be."""
    try:
        tidied = requests.Request("POST", url).prepare().url or ""
        parts = urlsplit(tidied)
        port = _port_of(parts)
    except (ValueError, requests.RequestException) as error:
        raise BadAddress(_("Write a whole address, like https://example.com/callbacks.")) from error
    if len(tidied) > LONGEST_ADDRESS:  # letters that no address has become three or more signs each
        raise BadAddress(_("The address is too long: it may have %(most)d characters.") % {"most": LONGEST_ADDRESS})
    if not _is_allowed(parts, port):
        _check_parts(parts, port)
    return tidied


def draw_nonce() -> str:
    return secrets.token_hex(16)


def sign(call: Call) -> dict[str, str]:
    """The headers by which the receiver knows us, and that the body is ours (docs/callbacks.md)."""
    stamp = f"{call.timestamp}{call.nonce}".encode()
    who = _hmac(call.secret, stamp + call.username.encode())
    return {
        "X-CALLBACK-ID": (
            f"timestamp={call.timestamp};nonce={call.nonce};username={call.username};signature={who}"  # one header
        ),
        "X-CALLBACK-BODY": f"sha256={_hmac(call.secret, stamp + call.body)}",
    }


def send(call: Call) -> Outcome:
    """Call the address once. Never raises for what the address does; its answer is not read beyond the headers."""
    try:
        status = _post(call, deadline=time.monotonic() + LONGEST)
    except _WHAT_ADDRESSES_DO as error:
        return Outcome(failure=next(failure for kinds, failure in _FAILURES if isinstance(error, kinds)))
    return Outcome(status=status, failure=None if 200 <= status < 300 else Failure.REFUSED)


def _post(call: Call, *, deadline: float) -> int:
    headers = sign(call) | {"Content-Type": "application/json", "User-Agent": "InnoPaaS", "Connection": "close"}
    request = requests.Request("POST", tidy_address(call.url), data=call.body, headers=headers).prepare()
    adapter = _adapter_for(urlsplit(request.url or ""))
    adapter.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SafePool}
    try:
        pool = _resolve(adapter, request, deadline=deadline)
        with _answer(pool, request, deadline=deadline) as answer:
            return answer.status
    finally:
        adapter.close()


def _resolve(adapter: HTTPAdapter, request: requests.PreparedRequest, *, deadline: float) -> ConnectionPool:
    """The pool for the one address that the name leads to; adds the header Host. Whoever runs the name's servers
    decides how long they take, and nothing stops the system's own question: it is left to end by itself.
    """
    found: Future[ConnectionPool] = Future()

    def resolve() -> None:
        try:
            found.set_result(adapter.get_connection_with_tls_context(request, verify=DEFAULT_CA_BUNDLE_PATH))
        except Exception as error:  # noqa: BLE001  # it is raised where it is waited for
            found.set_exception(error)

    Thread(target=resolve, name="callback address", daemon=True).start()
    return found.result(timeout=_left(deadline))


def _answer(pool: ConnectionPool, request: requests.PreparedRequest, *, deadline: float) -> BaseHTTPResponse:
    return cast(HTTPConnectionPool, pool).urlopen(
        "POST",
        request.path_url,
        body=request.body,
        headers=request.headers,
        redirect=False,
        retries=False,
        preload_content=False,
        timeout=Timeout(total=_left(deadline)),
    )


def _adapter_for(parts: SplitResult) -> HTTPAdapter:
    if _is_allowed(parts, _port_of(parts)):
        return HTTPAdapter()
    return _PublicOnly(is_https_proto=True)


class _PublicOnly(IPFilterAdapter):
    """The library refuses private addresses; this refuses whatever else is not on the public internet."""

    def build_connection_pool_key_attributes(
        self,
        request: requests.PreparedRequest,
        verify: bool | str,  # noqa: FBT001  # requests' signature
        cert: str | tuple[str, str] | None = None,
    ) -> tuple[Any, Any]:
        host, rest = super().build_connection_pool_key_attributes(request, verify, cert)
        address = ipaddress.ip_address(host["host"].strip("[]"))
        if not _is_public(address):
            raise NotPublic(str(address))
        return host, rest


class _Drip(io.RawIOBase):
    """What arrives on a socket until the deadline, however slowly: a time-out of the socket alone counts from the last
    byte, and would let a server that sends one byte a second hold us for hours.
    """

    def __init__(self, sock: socket.socket, *, deadline: float) -> None:
        super().__init__()
        self._sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(_left(self._deadline))
        return self._sock.recv_into(buffer)


class _Answer(HTTPResponse):
    def __init__(self, sock: socket.socket, *, deadline: float, method: str | None = None) -> None:
        super().__init__(sock, method=method)
        self.fp.close()
        self.fp = io.BufferedReader(_Drip(sock, deadline=deadline))


class _Timed(HTTPConnection):
    """A connection whose time-outs bound each step as a whole: connecting with the handshake, and the answer."""

    def _new_conn(self) -> socket.socket:
        deadline = time.monotonic() + float(self.timeout or 0)
        sock = super()._new_conn()
        sock.settimeout(_left(deadline))
        return sock

    def getresponse(self) -> Any:
        deadline = time.monotonic() + float(self.timeout or 0)
        self.response_class = partial(_Answer, deadline=deadline)  # type: ignore[assignment]  # any maker of answers
        return super().getresponse()


class _SafeTimed(_Timed, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Timed


class _SafePool(HTTPSConnectionPool):
    ConnectionCls = _SafeTimed


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _hmac(secret: str, text: bytes) -> str:
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def _port_of(parts: SplitResult) -> int:
    return _DEFAULT_PORTS.get(parts.scheme, 0) if parts.port is None else parts.port


def _is_allowed(parts: SplitResult, port: int) -> bool:
    return f"{parts.hostname}:{port}" in settings.CALLBACK_ALLOWED_HOSTS


def _check_parts(parts: SplitResult, port: int) -> None:
    if parts.scheme != "https":
        raise BadAddress(_("The address must begin with https://."))
    if "@" in parts.netloc:
        raise BadAddress(
            _("An address with a user name or password in it is not called. Our calls are signed instead.")
        )
    if port not in _PORTS:
        raise BadAddress(_("Only the ports 443 and 8443 are called."))
    if not _may_be_public(parts.hostname or ""):
        raise BadAddress(_("The address must be on the public internet, not in a private network."))


def _may_be_public(host: str) -> bool:
    """Whether it can be public at all; what a name leads to is seen when it is called."""
    host = host.rstrip(".")  # 127.0.0.1. is 127.0.0.1
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return "." in host.strip(".")
    return all(_is_public(ipaddress.ip_address(where[0])) for *_rest, where in found)


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped or address.is_site_local):
        return False
    if any(address in network for network in (*EXTRA_BLOCKED_NET_RANGES, *_NOT_FOR_STRANGERS)):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved
