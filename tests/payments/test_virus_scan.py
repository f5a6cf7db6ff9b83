"""The virus scanner: what it says of a slip, and what holds when it says nothing."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from threading import Thread

import pytest
from django.conf import LazySettings

from payments import slip_files, virus_scan
from payments.models import Slip
from payments.sandbox.refusals import Reason
from payments.slip_files import SlipRefused
from payments.virus_scan import VirusFound, scan
from tests.payments import slip_samples as samples


class Clamd:
    """A scanner that speaks the protocol, knows one virus, or answers what it is told to."""

    def __init__(self, listening: socket.socket, answer: bytes | None) -> None:
        self.received = b""
        self.answer = answer
        self.listening = listening

    def serve(self) -> None:
        with suppress(OSError), closing(self.listening.accept()[0]) as connection, connection.makefile("rb") as stream:
            assert stream.read(10) == b"zINSTREAM\x00"
            while size := int.from_bytes(stream.read(4), "big"):
                self.received += stream.read(size)
            if self.answer is None:
                stream.read()  # until the other side has waited long enough
            connection.sendall(self.answer or b"")


Start = Callable[..., Clamd]


@pytest.fixture
def start(settings: LazySettings) -> Iterator[Start]:
    """Starts a scanner and makes the site use it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        threads: list[Thread] = []

        def make(*, answer: bytes | None) -> Clamd:
            clamd = Clamd(listening, answer)
            threads.append(Thread(target=clamd.serve))
            threads[0].start()
            settings.CLAMD_ADDRESS = f"127.0.0.1:{listening.getsockname()[1]}"
            return clamd

        yield make
        for thread in threads:
            thread.join(timeout=10)


def test_file_without_a_virus_is_clean_and_was_read_whole(start: Start) -> None:
    clamd = start(answer=b"stream: OK\x00")
    content = bytes(range(256)) * 1000
    assert scan(content) == Slip.Scan.CLEAN
    assert clamd.received == content


def test_virus_is_named(start: Start) -> None:
    start(answer=b"stream: Eicar-Test-Signature FOUND\x00")
    with pytest.raises(VirusFound, match=r"^Eicar-Test-Signature$"):
        scan(samples.EICAR)


def test_slip_with_a_virus_is_refused_before_anything_else_reads_it(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(answer=b"stream: Eicar-Test-Signature FOUND\x00")
    monkeypatch.setattr(slip_files, "command", lambda: pytest.fail("started"))
    with pytest.raises(SlipRefused) as refused:
        slip_files.clean(samples.picture("JPEG", comment=samples.EICAR))
    assert refused.value.reason == Reason.INFECTED


def test_slip_says_that_it_was_scanned(start: Start) -> None:
    start(answer=b"stream: OK\x00")
    assert slip_files.clean(samples.picture("PNG")).scan == Slip.Scan.CLEAN


@pytest.mark.parametrize(
    "answer",
    [b"", b"stream: OK", b"\x00", b"INSTREAM size limit exceeded. ERROR\x00", b"stream: NOT OK\x00", b"x" * 5000],
    ids=["nothing", "cut off", "empty", "error", "unknown", "endless"],
)
def test_answer_that_is_none_leaves_the_file_unscanned(start: Start, answer: bytes) -> None:
    start(answer=answer)
    assert scan(b"content") == Slip.Scan.UNSCANNED


def test_scanner_that_does_not_answer_is_not_waited_for(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virus_scan, "_SECONDS", 0.2)
    start(answer=None)
    assert scan(b"content") == Slip.Scan.UNSCANNED


def test_scanner_that_is_away_leaves_the_file_unscanned(settings: LazySettings, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        settings.CLAMD_ADDRESS = f"127.0.0.1:{closed.getsockname()[1]}"
    assert scan(b"content") == Slip.Scan.UNSCANNED


@pytest.mark.usefixtures("socket_enabled")
def test_scanner_may_listen_on_a_unix_socket(settings: LazySettings, tmp_path: Path) -> None:
    settings.CLAMD_ADDRESS = str(tmp_path / "clamd")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(settings.CLAMD_ADDRESS)
        listening.listen()
        thread = Thread(target=Clamd(listening, b"stream: OK\x00").serve)
        thread.start()
        assert scan(b"content") == Slip.Scan.CLEAN
        thread.join(timeout=10)
    (tmp_path / "clamd").unlink()
    assert scan(b"content") == Slip.Scan.UNSCANNED


def test_without_a_scanner_every_file_is_unscanned(settings: LazySettings) -> None:
    settings.CLAMD_ADDRESS = ""
    assert scan(samples.EICAR) == Slip.Scan.UNSCANNED
