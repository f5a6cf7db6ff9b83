"""The virus scanner beside the site, where there is one: clamd, asked over a socket."""

import logging
import socket
from contextlib import closing
from time import monotonic
from typing import Final

from django.conf import settings

from payments.models import Slip

logger = logging.getLogger(__name__)

_SECONDS: Final = 5.0
_CHUNK: Final = 1 << 16
_END: Final = b"\x00"
_MAX_ANSWER: Final = 4096


class VirusFound(Exception):
    """The scanner knows this file; the text is its name for it."""


def scan(content: bytes) -> Slip.Scan:
    """UNSCANNED when no scanner is set up, or it does not answer in time: a slip never waits for it.

    Raises `VirusFound`.
    """
    if not settings.CLAMD_ADDRESS:
        return Slip.Scan.UNSCANNED
    try:
        answer = _ask(content)
    except OSError as error:
        logger.warning("clamd does not answer: %s", error)
        return Slip.Scan.UNSCANNED
    name, _space, word = answer.removeprefix("stream: ").rpartition(" ")
    if word == "FOUND":
        raise VirusFound(name)
    if answer == "stream: OK":
        return Slip.Scan.CLEAN
    logger.warning("clamd could not scan: %s", answer)
    return Slip.Scan.UNSCANNED


def _ask(content: bytes) -> str:
    """What clamd says of it. Its protocol: a command, chunks with their lengths before them, a chunk of none."""
    deadline = monotonic() + _SECONDS
    with closing(_connect(settings.CLAMD_ADDRESS)) as connection:
        connection.sendall(b"zINSTREAM\x00")
        for start in range(0, len(content), _CHUNK):
            connection.settimeout(_left(deadline))
            chunk = content[start : start + _CHUNK]
            connection.sendall(len(chunk).to_bytes(4, "big") + chunk)
        connection.sendall(bytes(4))
        answer = b""
        while not answer.endswith(_END) and len(answer) < _MAX_ANSWER:
            connection.settimeout(_left(deadline))
            part = connection.recv(_MAX_ANSWER)
            if not part:
                raise ConnectionError("the answer broke off")
            answer += part
    return answer.rstrip(_END).decode(errors="replace").strip()


def _connect(address: str) -> socket.socket:
    """`host:port`, or the path of a Unix socket."""
    if not address.startswith("/"):
        host, _colon, port = address.rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(_SECONDS)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def _left(deadline: float) -> float:
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError("too slow")
    return left
