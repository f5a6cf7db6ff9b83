"""A customer's server that takes callbacks: a real one, on loopback, in a thread."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from socket import socket
from socketserver import StreamRequestHandler, ThreadingTCPServer
from ssl import SSLContext
from typing import Any

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id_header(self) -> dict[str, str]:
        return dict(part.split("=", 1) for part in self.headers["X-CALLBACK-ID"].split(";"))


@dataclass(kw_only=True)
class Receiver:
    """Answers with what `answers` hold, one each; then with 200. What takes a socket writes to it itself."""

    port: int = 0
    answers: list[bytes | Callable[[socket], None]] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def safe_url(self) -> str:
        return self.url().replace("http:", "https:")

    def url(self, path: str = "/callbacks") -> str:
        return f"http://{self.host}{path}"


def status(code: int, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {code} So", "Content-Length: 0", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def drip(text: bytes, *, seconds: float) -> Callable[[socket], None]:
    """One byte now and then, for as long as somebody listens."""

    def write(connection: socket) -> None:
        end = time.monotonic() + seconds
        place = 0
        while time.monotonic() < end:
            connection.sendall(text[place : place + 1] or b"x")
            place += 1
            time.sleep(0.02)

    return write


@contextmanager
def receiver(
    context: SSLContext | None = None, *, at_once: Callable[[socket], None] | None = None
) -> Iterator[Receiver]:
    """One that speaks TLS with a context; or that does something at once, before it has heard anything."""
    mine = Receiver()
    with _Server(mine, context=context, at_once=at_once) as server:
        mine.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield mine
        server.shutdown()
        thread.join()


class _Server(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, mine: Receiver, **given: Any) -> None:
        self.mine = mine
        self.given = given
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, *_: Any) -> None:
        """A handshake that the caller broke off is the caller's business."""


class _Handler(StreamRequestHandler):
    server: _Server

    def setup(self) -> None:
        if context := self.server.given["context"]:
            self.request = context.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self) -> None:
        super().finish()
        self.request.close()

    def handle(self) -> None:
        with suppress(OSError):  # the caller has gone
            if at_once := self.server.given["at_once"]:
                at_once(self.connection)
            self._take()

    def _take(self) -> None:
        mine, line = self.server.mine, self.rfile.readline().decode().split()
        if not line:
            return
        headers = dict(_headers(self.rfile))
        body = self.rfile.read(int(headers.get("Content-Length", "0")))
        mine.received.append(Received(path=line[1], headers=headers, body=body))
        answer = mine.answers.pop(0) if mine.answers else OK
        if callable(answer):
            answer(self.connection)
        else:
            self.wfile.write(answer)


def _headers(lines: Any) -> Iterator[tuple[str, str]]:
    for line in iter(lines.readline, b"\r\n"):
        name, _, value = line.decode().partition(":")
        yield name, value.strip()
