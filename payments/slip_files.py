"""Slips: what a customer uploads as a proof of payment, made harmless and kept where no address leads.

Nothing of the uploaded file is kept but what a process without rights has drawn or saved anew.
"""

import hashlib
import json
import logging
import os
import secrets
import selectors
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, datetime
from itertools import accumulate, pairwise
from pathlib import Path
from tempfile import TemporaryFile
from threading import BoundedSemaphore
from time import monotonic
from typing import IO, Any, Final, cast

from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage, storages
from django.utils.translation import gettext_lazy as _

from payments import virus_scan
from payments.models import Slip
from payments.sandbox.limits import MAX_BYTES, MAX_KEPT_BYTES, MAX_PAGES, MAX_PIXELS, MAX_PIXELS_WEBP
from payments.sandbox.refusals import Reason

logger = logging.getLogger(__name__)

SECONDS: Final = 9.0
"""From the start of the process to its last byte, whatever it does."""

_ROOM = BoundedSemaphore(2)
"""Two files at once in one web process: each may take 300 MB."""

_PATIENCE: Final = 3.0
"""How long a file waits for its place."""

_READY = b"READY\n"
_MAX_ANSWER = 2 * MAX_KEPT_BYTES

_EXTENSIONS: Final = {Slip.Kind.JPEG: "jpg", Slip.Kind.PNG: "png", Slip.Kind.WEBP: "webp", Slip.Kind.PDF: "pdf"}

_WORDS: Final = {
    Reason.EMPTY: _("The file is empty. Choose it again."),
    Reason.TOO_LARGE: _("The file is larger than %(megabytes)d MB. Send a smaller picture, or a PDF of fewer pages."),
    Reason.WRONG_KIND: _("Only JPG, PNG, WebP and PDF files can be read. Send a screenshot or a PDF from your bank."),
    Reason.TOO_MANY_PIXELS: _(
        "The picture has too many pixels (at most %(million)d million; WebP: %(million_webp)d million). "
        "Make it smaller or send a screenshot."
    ),
    Reason.TOO_MANY_PAGES: _("The PDF has more than %(pages)d pages. Send only the pages that show the payment."),
    Reason.ENCRYPTED: _("The PDF is protected by a password. Print it to a new PDF, or send a screenshot."),
    Reason.ACTIVE_CONTENT: _(
        "The PDF holds scripts, attachments or other active content. Print it to a new PDF, or send a screenshot."
    ),
    Reason.UNREADABLE: _("The file is damaged and cannot be read. Save it again, or send a screenshot."),
    Reason.TOO_COMPLEX: _("The file takes too much time or memory to read. Send a smaller picture or a screenshot."),
    Reason.INFECTED: _("A virus was found in the file. Check your computer, and send a screenshot instead."),
    Reason.BUSY: _("Too many files are being read at this moment. Try again in a minute."),
}

MEGABYTES: Final = MAX_BYTES // (1024 * 1024)
"""No file is larger."""

_LIMITS: Final = {
    "megabytes": MEGABYTES,
    "million": MAX_PIXELS // 1_000_000,
    "million_webp": MAX_PIXELS_WEBP // 1_000_000,
    "pages": MAX_PAGES,
}


class SlipRefused(Exception):
    """The file is not taken; as a text it says to the customer what is wrong and what to do."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return str(_WORDS[self.reason]) % _LIMITS


class SandboxBroken(Exception):
    """The process that reads files does not start, whatever the file: the installation is at fault."""


@dataclass(frozen=True)
class CleanSlip:
    """`sha256` (hex) is of the file as it came, `content` what is kept of it, `previews` JPEGs of its first pages."""

    kind: Slip.Kind
    content: bytes
    previews: tuple[bytes, ...]
    pages: int
    sha256: str
    scan: Slip.Scan


@dataclass(frozen=True)
class StoredSlip:
    """The names under which the storage has it."""

    name: str
    preview_names: tuple[str, ...]


def clean(raw: bytes) -> CleanSlip:
    """The file, made harmless. It takes some tenths of a second; at the most `SECONDS`, and 3 to wait and 5 to scan.

    Raises `SlipRefused`. Call it outside any transaction.
    """
    if not raw:
        raise SlipRefused(Reason.EMPTY)
    if len(raw) > MAX_BYTES:
        raise SlipRefused(Reason.TOO_LARGE)
    try:
        scan = virus_scan.scan(raw)
    except virus_scan.VirusFound as found:
        logger.warning("uploaded file refused: %s", found)
        raise SlipRefused(Reason.INFECTED) from None
    if not _ROOM.acquire(timeout=_PATIENCE):
        raise SlipRefused(Reason.BUSY)
    try:
        answer = _ask_sandbox(raw)
    finally:
        _ROOM.release()
    try:
        facts, files = _read_answer(answer)
        return CleanSlip(
            kind=Slip.Kind(facts["kind"]),
            content=files[0],
            previews=files[1:],
            pages=facts["pages"],
            sha256=hashlib.sha256(raw).hexdigest(),
            scan=scan,
        )
    except (ValueError, KeyError, TypeError, IndexError):  # a process that crashed half way
        raise SlipRefused(Reason.UNREADABLE) from None


def store(slip: CleanSlip, *, now: datetime) -> StoredSlip:
    """Keep a slip under names that nobody can guess: all of it or nothing."""
    stem = f"{now:%Y/%m/%d}/{secrets.token_hex(16)}"
    files = {f"{stem}.{_EXTENSIONS[slip.kind]}": slip.content}
    files |= {f"{stem}-{page}.jpg": preview for page, preview in enumerate(slip.previews, start=1)}
    kept: list[str] = []
    try:
        for name, content in files.items():
            kept.append(_storage().save(name, ContentFile(content)))
    except BaseException:
        for name in kept:
            _storage().delete(name)
        raise
    return StoredSlip(name=kept[0], preview_names=tuple(kept[1:]))


def open_stored(name: str) -> "File[bytes]":
    """The file, or a preview, for reading. Raises FileNotFoundError."""
    return _storage().open(name)


def list_stored(day: date, *, until: datetime) -> list[str]:
    """The names of all files stored on a day (of UTC) until a moment, previews too."""
    folder = f"{day:%Y/%m/%d}"
    try:
        _folders, files = _storage().listdir(folder)
    except FileNotFoundError:
        return []
    names = [f"{folder}/{name}" for name in files]
    return [name for name in names if _storage().get_modified_time(name) <= until]


def delete_stored(stored: StoredSlip) -> None:
    """Forget a slip and its previews; what is gone already is passed over."""
    for name in (*stored.preview_names, stored.name):
        _storage().delete(name)


def _storage() -> Storage:
    return storages["slips"]


def command() -> list[str]:
    """How the process is started. Its environment is `environment()`, and nothing else of ours."""
    return [sys.executable, "-B", "-P", "-s", "-m", "payments.sandbox"]


def environment() -> dict[str, str]:
    return {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}


def _ask_sandbox(raw: bytes) -> bytes:
    deadline = monotonic() + SECONDS
    with TemporaryFile() as file:  # unlike a pipe, it never makes its writer wait
        file.write(raw)
        file.seek(0)
        child = subprocess.Popen(  # noqa: S603  # our own interpreter and module; nothing of the file is in it
            command(),
            env=environment(),
            cwd="/",
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    with child:
        try:
            answer = _read_all(cast(IO[bytes], child.stdout), deadline)
        finally:
            child.kill()
    if not answer.startswith(_READY):
        raise SandboxBroken(f"{command()} ended with {child.returncode} before it read anything")
    if child.returncode < 0:  # out of memory, out of time, or a crash of a library
        raise SlipRefused(Reason.TOO_COMPLEX)
    return answer.removeprefix(_READY)


def _read_all(pipe: IO[bytes], deadline: float) -> bytes:
    """All that comes until the other end closes. Raises `SlipRefused` at the deadline, or when it is too much."""
    answer = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while selector.select(timeout=max(0.0, deadline - monotonic())):
            part = os.read(pipe.fileno(), 1 << 16)
            if not part:
                return bytes(answer)
            answer += part
            if len(answer) > _MAX_ANSWER:
                break
    raise SlipRefused(Reason.TOO_COMPLEX)


def _read_answer(answer: bytes) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    """The facts, and the files cut apart. Raises ValueError, KeyError or TypeError when the answer is not whole."""
    line, _end, rest = answer.partition(b"\n")
    facts = json.loads(line)
    if "refused" in facts:
        logger.info("uploaded file refused: %(refused)s %(error)s", {"error": "", **facts})
        raise SlipRefused(Reason(facts["refused"]))
    ends = list(accumulate(facts["sizes"], initial=0))
    if ends[-1] != len(rest) or ends != sorted(ends):
        raise ValueError("the files are not as long as they should be")
    return facts, tuple(rest[start:end] for start, end in pairwise(ends))
