"""Callers over HTTP, each on a connection of its own."""

import http.client
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

Answer = tuple[int, bytes]
"""Status and body."""

_AS_BEHIND_THE_PROXY = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}


def connect(base: str) -> Callable[[str, bytes, Mapping[str, str]], Answer]:
    """What posts to a path of the site at `base`: JSON, with more headers."""
    session = http.client.HTTPConnection(urlsplit(base).netloc, timeout=60)

    def post(path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        stated = {"Content-Type": "application/json", **_AS_BEHIND_THE_PROXY, **headers}
        session.request("POST", path, body, stated)
        answer = session.getresponse()
        return answer.status, answer.read()

    return post


def expect(status: int, answer: Answer) -> bytes:
    """The body of an answer that has to have this status."""
    if answer[0] != status:
        raise RuntimeError(f"{answer[0]}, not {status}: {answer[1][:300]!r}")
    return answer[1]
