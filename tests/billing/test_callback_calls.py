"""One call: signed so that a customer can check it, only to the public internet, and over within three seconds."""

import re
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import LazySettings

from billing import callback_calls
from billing.callback_calls import BadAddress, Call, Outcome
from billing.models.callbacks import Failure
from tests.billing import receiving
from tests.billing.receiving import Receiver

SECRET = "cbs_quetzal"
DOCS = Path(__file__).parents[2] / "docs" / "callbacks.md"


@pytest.fixture
def server(settings: LazySettings) -> Iterator[Receiver]:
    with receiving.receiver() as mine:
        settings.CALLBACK_ALLOWED_HOSTS = [mine.host]
        yield mine


def call(url: str, *, body: bytes = b"{}", timestamp: int = 1_784_088_000) -> Call:
    return Call(url=url, username="cb_acme", secret=SECRET, body=body, timestamp=timestamp, nonce="0a" * 16)


def send(url: str) -> Outcome:
    return callback_calls.send(call(url))


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[Any]:
    """Names lead to these addresses, one after the other; returns where connections then go, and goes nowhere."""
    waiting, connected, real = list(addresses), [], socket.getaddrinfo

    def resolve(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if str(host).endswith(".example.com") and not kwargs.get("flags"):
            host = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return real(host, port, *args, **kwargs)

    def connect(_self: socket.socket, where: Any) -> None:
        connected.append(where)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", connect)
    return connected


def test_call_is_taken_with_any_status_of_success(server: Receiver) -> None:
    server.answers = [receiving.status(204)]
    assert send(server.url()) == Outcome(status=204)
    assert send(server.url()) == Outcome(status=200)
    [first, _second] = server.received
    assert (first.path, first.body) == ("/callbacks", b"{}")
    assert first.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("code", [199, 300, 304, 400, 401, 404, 429, 500, 503])
def test_call_answered_with_anything_else_is_not_taken(server: Receiver, code: int) -> None:
    server.answers = [receiving.status(code)]
    assert send(server.url()) == Outcome(status=code, failure=Failure.REFUSED)


def test_redirect_is_not_followed(server: Receiver) -> None:
    server.answers = [receiving.status(307, f"Location: {server.url('/elsewhere')}")]
    assert send(server.url()) == Outcome(status=307, failure=Failure.REFUSED)
    assert [each.path for each in server.received] == ["/callbacks"]


def test_customer_verifies_a_call_as_the_documentation_says(server: Receiver) -> None:
    """The sample is run as it stands in docs/callbacks.md."""
    samples = re.findall(r"```python\n(.*?)```", DOCS.read_text("utf-8"), flags=re.DOTALL)
    names: dict[str, Any] = {}
    exec("\n".join(samples), names)  # noqa: S102  # our own documentation
    at = 1_784_088_000
    assert callback_calls.send(call(server.url(), body=b'{"id":"1"}', timestamp=at)).status == 200
    [request] = server.received
    verify = names["verify"]
    assert verify(request.headers, request.body, secret=SECRET, username="cb_acme", now=at)
    assert not verify(request.headers, request.body + b" ", secret=SECRET, username="cb_acme", now=at)
    assert not verify(request.headers, request.body, secret="cbs_other", username="cb_acme", now=at)
    assert not verify(request.headers, request.body, secret=SECRET, username="cb_other", now=at)
    assert not verify(request.headers, request.body, secret=SECRET, username="cb_acme", now=at + 301)
    tampered = request.headers | {"X-CALLBACK-ID": request.headers["X-CALLBACK-ID"].replace("nonce=0a", "nonce=0b")}
    assert not verify(tampered, request.body, secret=SECRET, username="cb_acme", now=at)
    assert not verify({}, request.body, secret=SECRET, username="cb_acme", now=at)


def test_signature_is_the_one_worked_out_by_hand() -> None:
    """As `printf 17840880000a…0acb_acme | openssl dgst -sha256 -hmac cbs_quetzal` prints it."""
    headers = callback_calls.sign(call("https://example.com/", body=b'{"id":"1"}'))
    assert headers == {
        "X-CALLBACK-ID": (
            f"timestamp=1784088000;nonce={'0a' * 16};username=cb_acme;"
            "signature=5e1f38c691ef81a521da4cd7d2dd16a9db6ea036a04e475028e939f0ceedd8b0"
        ),
        "X-CALLBACK-BODY": "sha256=5bdf67fff72cc378b107d7e5031972c0292033347dec363a5bcd4e43e0c164d3",
    }


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 10_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000,
        b"",
    ],
    ids=["headers without end", "one interim answer after the other", "no status at all"],
)
def test_server_that_answers_in_drops_is_left_in_time(
    server: Receiver, text: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback_calls, "LONGEST", 0.3)
    server.answers = [receiving.drip(text, seconds=3)]
    began = time.monotonic()
    assert send(server.url()).failure == Failure.TOO_SLOW
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("code", [200, 302])
def test_body_of_the_answer_is_not_waited_for(server: Receiver, code: int) -> None:
    head = f"HTTP/1.1 {code} So\r\nLocation: https://example.com/\r\nContent-Length: 100000\r\n\r\n".encode()

    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        time.sleep(2)

    server.answers = [answer]
    began = time.monotonic()
    assert send(server.url()).status == code
    assert time.monotonic() - began < 1


def test_silent_server_is_left_in_time(server: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callback_calls, "LONGEST", 0.2)
    server.answers = [lambda _connection: time.sleep(1)]
    assert send(server.url()).failure == Failure.TOO_SLOW


def test_slow_resolver_leaves_no_time_to_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    connected, real = resolve_to(monkeypatch, "93.184.215.14"), socket.getaddrinfo

    def resolve(*args: Any, **kwargs: Any) -> Any:
        time.sleep(0.15)
        return real(*args, **kwargs)

    monkeypatch.setattr(callback_calls, "LONGEST", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert send("https://slow.example.com/").failure == Failure.TOO_SLOW
    assert not connected


def test_longest_wait_is_three_seconds() -> None:
    assert callback_calls.LONGEST == 3


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200])
def test_answer_that_is_no_http_is_a_failure(server: Receiver, answer: bytes) -> None:
    server.answers = [answer]
    assert send(server.url()).failure in {Failure.NO_ANSWER, Failure.REFUSED}


def test_closed_port_is_a_failure(settings: LazySettings) -> None:
    with receiving.receiver() as gone:
        pass
    settings.CALLBACK_ALLOWED_HOSTS = [gone.host]
    assert send(gone.url()).failure == Failure.NOT_CONNECTED


HOSTILE = [
    "127.0.0.1", "0", "0.0.0.00", "0x7f.1", "0177.0.0.1", "2130706433", "127.1", "[::1]", "[::]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[::127.0.0.1]", "169.254.169.254", "[fd00:ec2::254]", "[fe80::1]", "[fec0::1]", "10.0.0.1",
    "172.16.0.1", "192.168.1.1", "100.64.0.1", "192.0.0.192", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "[ff02::1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::a00:1]", "[2002:7f00:1::]", "[2001::1]",
]  # fmt: skip


@pytest.mark.parametrize("host", [*HOSTILE, "localhost", "postgres", "localhost."])
def test_private_address_is_refused_when_it_is_added(host: str) -> None:
    with pytest.raises(BadAddress):
        callback_calls.tidy_address(f"https://{host}/")


@pytest.mark.parametrize("address", HOSTILE)
def test_name_that_leads_into_a_private_network_is_not_called(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connected = resolve_to(monkeypatch, address.strip("[]"))
    assert send("https://innocent.example.com/").failure == Failure.NOT_PUBLIC
    assert not connected


def test_address_that_was_checked_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads elsewhere when it is asked again gains nothing."""
    connected = resolve_to(monkeypatch, "93.184.215.14", "127.0.0.1", "127.0.0.1")
    assert send("https://rebinding.example.com:8443/").failure == Failure.NOT_CONNECTED
    assert connected == [("93.184.215.14", 8443)]


def test_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would resolve the name itself."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:3128")
    connected = resolve_to(monkeypatch, "93.184.215.14")
    assert send("https://proxied.example.com/").failure == Failure.NOT_CONNECTED
    assert connected == [("93.184.215.14", 443)]


def test_name_that_does_not_exist_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_args: Any, **_kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert send("https://nowhere.example.com/").failure == Failure.NO_SUCH_HOST


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "http://example.com/", "ftp://example.com/", "file:///etc/passwd", "javascript:alert(1)",
        "https://example.com:22/", "https://example.com:80/", "https://example.com:99999/",
        "https://user@example.com/", "https://user:pass@example.com/",
        "https://127.0.0.1#@example.com/", "https:///", "https://[::1/", "https://exa mple.com/", "//example.com/",
    ],
)  # fmt: skip
def test_address_that_is_never_called_is_refused_when_it_is_added(url: str) -> None:
    with pytest.raises(BadAddress):
        callback_calls.tidy_address(url)


@pytest.mark.parametrize(
    ("url", "tidied"),
    [
        ("https://example.com", "https://example.com/"),
        ("https://example.com:8443/a?b=c", "https://example.com:8443/a?b=c"),
        ("https://EXAMPLE.com:443/a", "https://example.com:443/a"),
        ("https://例子.example.com/", "https://xn--fsqu00a.example.com/"),
        ("https://example.com\\@127.0.0.1/", "https://example.com/%5C@127.0.0.1/"),
        ("https://93.184.215.14/", "https://93.184.215.14/"),
    ],
)
def test_address_is_kept_as_it_will_be_called(url: str, tidied: str) -> None:
    assert callback_calls.tidy_address(url) == tidied


def test_allowed_host_is_allowed_at_its_port_alone(settings: LazySettings) -> None:
    settings.CALLBACK_ALLOWED_HOSTS = ["127.0.0.1:9000"]
    assert callback_calls.tidy_address("http://127.0.0.1:9000/") == "http://127.0.0.1:9000/"
    for url in ("http://127.0.0.1:9001/", "https://127.0.0.1/", "http://127.0.0.1/"):
        with pytest.raises(BadAddress):
            callback_calls.tidy_address(url)


def test_address_stored_before_a_rule_is_checked_again_when_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    connected = resolve_to(monkeypatch, "93.184.215.14")
    for url in ("https://old.example.com:22/", "http://old.example.com/", "http://127.0.0.1:5432/"):
        assert send(url).failure == Failure.NOT_PUBLIC
    assert not connected


@pytest.fixture
def safe_server(settings: LazySettings, tmp_path: Path) -> Iterator[tuple[Receiver, Path]]:
    """One that speaks TLS as 127.0.0.1, and its certificate, which nobody but itself has signed."""
    path = _make_certificate(tmp_path / "own.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with receiving.receiver(context) as mine:
        settings.CALLBACK_ALLOWED_HOSTS = [mine.host, f"localhost:{mine.port}"]
        yield mine, path


def test_certificate_of_nobody_we_know_is_refused(safe_server: tuple[Receiver, Path]) -> None:
    mine, _path = safe_server
    assert send(mine.safe_url()).failure == Failure.NOT_TRUSTED
    assert not mine.received


def test_certificate_is_of_the_host_that_is_called(
    safe_server: tuple[Receiver, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, path = safe_server
    monkeypatch.setattr("billing.callback_calls.DEFAULT_CA_BUNDLE_PATH", str(path))
    assert send(mine.safe_url()).status == 200
    assert send(f"https://localhost:{mine.port}/").failure == Failure.NOT_TRUSTED
    assert len(mine.received) == 1


def test_handshake_in_drops_is_left_in_time(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callback_calls, "LONGEST", 0.3)
    a_record_of_16_kilobytes = b"\x16\x03\x03\x3f\xff"
    with receiving.receiver(at_once=receiving.drip(a_record_of_16_kilobytes, seconds=3)) as mine:
        settings.CALLBACK_ALLOWED_HOSTS = [mine.host]
        began = time.monotonic()
        assert send(mine.safe_url()).failure == Failure.TOO_SLOW
        assert time.monotonic() - began < 1


def _make_certificate(path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    host = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(
        issuer_name=name, subject_name=name, public_key=key.public_key(), serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(days=1), not_valid_after=now + timedelta(days=1),
    ).add_extension(host, critical=False)  # fmt: skip
    signed = builder.sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


def test_name_whose_servers_do_not_answer_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, real = Event(), socket.getaddrinfo

    def wait(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("flags"):
            return real(*args, **kwargs)
        asked.wait(5)
        raise socket.gaierror

    monkeypatch.setattr(callback_calls, "LONGEST", 0.3)
    monkeypatch.setattr(socket, "getaddrinfo", wait)
    began = time.monotonic()
    assert send("https://slow.example.com/").failure == Failure.TOO_SLOW
    assert time.monotonic() - began < 2
    asked.set()


def test_a_clouds_own_address_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    connected = resolve_to(monkeypatch, "168.63.129.16")
    assert send("https://cloud.example.com/").failure == Failure.NOT_PUBLIC
    assert connected == []
