"""What no password may be: our own words, and what became known in a breach of another site."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from tests.people import PASSWORD, make_owner

KNOWN = "Tr0ub4dor&3 staple"
FINE = "gravel lantern 42 orbit"


@dataclass(kw_only=True)
class Service:
    """The range interface of Have I Been Pwned: it knows one password, and pads its answers."""

    base: str = ""
    status: int = 200
    lines_before: int = 0
    """So many others are sent first, in chunks of their own."""
    asked: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    made, digest = Service(), hashlib.sha1(KNOWN.encode(), usedforsecurity=False).hexdigest().upper()
    padding = hashlib.sha1(FINE.encode(), usedforsecurity=False).hexdigest().upper()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # http.server's contract
            made.asked.append((self.path, str(self.headers)))
            lines = [f"{digest[5:]}:37", f"{padding[5:]}:0", f"{'0' * 35}:2"]
            self.send_response(made.status)
            if not made.lines_before:
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write("\r\n".join(lines).encode())
                return
            self.send_header("Transfer-Encoding", "chunked")
            self.send_header("Connection", "close")
            self.end_headers()
            for line in [*[f"{number:035d}:1" for number in range(made.lines_before)], *lines]:
                self.wfile.write(f"{len(line) + 2:x}\r\n{line}\r\n\r\n".encode())
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    settings.BREACHED_PASSWORDS_URL = made.base = f"http://127.0.0.1:{server.server_port}/range/"
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def codes_of(password: str) -> set[str]:
    try:
        validate_password(password)
    except ValidationError as error:
        return {str(one.code) for one in error.error_list}
    return set()


@pytest.mark.parametrize(
    "password",
    ["InnoPaaS-2026!", "1nn0p4a5 topup", "Wh4tsapp123456", "充值充值2026充值!!", "my-sms-wallet-99", "topup555555"],
)
def test_our_own_words_with_little_else_are_refused(password: str) -> None:
    assert "own_words" in codes_of(password)


@pytest.mark.parametrize("password", [FINE, "whatsapp gravel lantern", "Kd83-hhw-Lq2-0Zx", PASSWORD])
def test_our_words_among_others_are_fine(password: str) -> None:
    assert codes_of(password) == set()


def test_password_known_from_a_breach_is_refused_and_only_five_signs_of_its_hash_leave(service: Service) -> None:
    assert codes_of(KNOWN) == {"breached"}
    digest = hashlib.sha1(KNOWN.encode(), usedforsecurity=False).hexdigest().upper()
    ((path, headers),) = service.asked
    assert path == f"/range/{digest[:5]}"
    assert "Add-Padding: true" in headers
    assert not {KNOWN, digest, digest[5:]} & {*path.split("/"), *headers.split()}


def test_padding_of_the_answer_is_no_breach(service: Service) -> None:
    assert codes_of(FINE) == set()
    assert service.asked


def test_password_known_from_a_breach_is_refused_although_the_answer_comes_in_pieces(service: Service) -> None:
    service.lines_before = 50
    assert codes_of(KNOWN) == {"breached"}


@pytest.mark.parametrize("trouble", ["fails", "is away", "never ends"])
def test_password_passes_when_nobody_answers_and_a_line_says_so(
    trouble: str, service: Service, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    if trouble == "never ends":
        service.lines_before = 8000
    else:
        service.status = 503
    if trouble == "is away":
        settings.BREACHED_PASSWORDS_URL = "http://127.0.0.1:1/range/"
    assert codes_of(KNOWN) == set()
    assert "breached passwords cannot be looked up" in caplog.text
    assert KNOWN not in caplog.text


def test_nobody_is_asked_where_the_setting_is_empty(service: Service, settings: Settings) -> None:
    settings.BREACHED_PASSWORDS_URL = ""
    assert codes_of(KNOWN) == set()
    assert service.asked == []


@pytest.mark.django_db
def test_change_of_a_password_says_what_is_wrong_with_a_known_one(service: Service) -> None:
    alice, client = make_owner().user, Client()
    client.force_login(alice)
    form = {"oldpassword": PASSWORD, "password1": KNOWN, "password2": KNOWN}
    page = client.post(reverse("account_change_password"), form)
    assert "has become known in a breach" in page.content.decode()
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
