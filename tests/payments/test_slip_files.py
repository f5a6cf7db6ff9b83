"""P16: an upload never runs and never hangs. Hostile files are refused, or nothing hostile of them is kept."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any
from zipfile import is_zipfile

import pikepdf
import psutil
import pytest
from django.conf import LazySettings
from pikepdf import Array, Dictionary, Name, String
from PIL import Image

from billing import papers
from payments import slip_files
from payments.models import Slip
from payments.sandbox import documents, limits
from payments.sandbox.refusals import Reason, Refused
from payments.slip_files import CleanSlip, SandboxBroken, SlipRefused, StoredSlip
from tests.payments import slip_samples as samples

Samples = dict[str, tuple[Callable[[], bytes], Reason]]

HOSTILE: Samples = {
    "no byte": (lambda: b"", Reason.EMPTY),
    "10 MB and a byte": (lambda: samples.picture("PNG") + bytes(10 * 1024 * 1024), Reason.TOO_LARGE),
    "a text": (lambda: b"Paid, believe me.", Reason.WRONG_KIND),
    "an SVG": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg">' + samples.SCRIPT + b"</svg>", Reason.WRONG_KIND),
    "a page": (lambda: b"<!doctype html>" + samples.SCRIPT, Reason.WRONG_KIND),
    "a GIF": (lambda: samples.picture("GIF"), Reason.WRONG_KIND),
    "a TIFF": (lambda: samples.picture("TIFF"), Reason.WRONG_KIND),
    "a BMP": (lambda: samples.picture("BMP"), Reason.WRONG_KIND),
    "a ZIP": (samples.zipped, Reason.WRONG_KIND),
    "a program": (lambda: b"\x7fELF" + bytes(200), Reason.WRONG_KIND),
    "a sound in WebP's box": (lambda: b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(28), Reason.WRONG_KIND),
    "a script that begins like a JPEG": (lambda: b"\xff\xd8\xff" + samples.SCRIPT, Reason.UNREADABLE),
    "a script that begins like a PNG": (lambda: b"\x89PNG\r\n\x1a\n" + samples.SCRIPT, Reason.UNREADABLE),
    "a script that begins like a WebP": (lambda: b"RIFF\x00\x00\x00\x00WEBP" + samples.SCRIPT, Reason.UNREADABLE),
    "a script that begins like a PDF": (lambda: b"%PDF-1.7\n" + samples.SCRIPT, Reason.UNREADABLE),
    "half a PNG": (lambda: _half(samples.picture("PNG", size=(600, 400))), Reason.UNREADABLE),
    "half a JPEG": (lambda: _half(samples.picture("JPEG", size=(600, 400))), Reason.UNREADABLE),
    "half a WebP": (lambda: _half(samples.picture("WEBP", size=(600, 400))), Reason.UNREADABLE),
    "26 megapixels": (lambda: samples.png_that_claims(width=5_200, height=5_000), Reason.TOO_MANY_PIXELS),
    "a billion pixels": (lambda: samples.png_that_claims(width=30_000, height=30_000), Reason.TOO_MANY_PIXELS),
    "13 megapixels of WebP": (lambda: _plain("WEBP", 3_610, 3_610), Reason.TOO_MANY_PIXELS),
    "a text bomb in a PNG": (samples.png_with_text_bomb, Reason.UNREADABLE),
    "21 pages": (lambda: samples.pdf(pages=21), Reason.TOO_MANY_PAGES),
    "no page": (lambda: samples.pdf(pages=0), Reason.UNREADABLE),
    "a PDF with a password": (lambda: samples.encrypted_pdf(password="secret"), Reason.ENCRYPTED),
    "a PDF with a password to change it": (lambda: samples.encrypted_pdf(password=""), Reason.ENCRYPTED),
    "pages that hold each other": (lambda: samples.tiny_pdf(b"[]", kids=b"[3 0 R 2 0 R]"), Reason.UNREADABLE),
    "a script in packed objects": (samples.pdf_with_hidden_script, Reason.ACTIVE_CONTENT),
    "a script spelt otherwise": (samples.pdf_with_misspelt_script, Reason.ACTIVE_CONTENT),
    "a script in a stream's dictionary": (samples.pdf_with_script_in_a_stream, Reason.ACTIVE_CONTENT),
    "an attachment": (samples.pdf_with_attachment, Reason.ACTIVE_CONTENT),
    "an attachment of no type": (samples.pdf_with_untyped_attachment, Reason.ACTIVE_CONTENT),
    "a script on opening": (
        lambda: samples.pdf_opening_with(Dictionary(S=Name.Named, N=Name.Print)),
        Reason.ACTIVE_CONTENT,
    ),
    "a bomb of content": (samples.pdf_content_bomb, Reason.TOO_COMPLEX),
    "a thousand million laughs": (samples.pdf_of_laughs, Reason.TOO_COMPLEX),
}

INERT: dict[str, Callable[[], bytes]] = {
    "a ZIP behind a PNG": lambda: samples.picture("PNG") + samples.zipped(),
    "a ZIP behind a JPEG": lambda: samples.picture("JPEG") + samples.zipped(),
    "a ZIP behind a PDF": lambda: samples.pdf() + samples.zipped(),
    "a page before a PDF": lambda: b"<html>" + samples.SCRIPT + b"\n" + samples.pdf(),
    "a GIF before a PDF": lambda: b"GIF89a" + samples.pdf(),
    "a page behind a WebP": lambda: samples.picture("WEBP") + samples.SCRIPT,
    "a virus in a JPEG's comment": lambda: samples.picture("JPEG", comment=samples.EICAR),
    "a script in a JPEG's EXIF": lambda: samples.picture("JPEG", exif=samples.exif()),
    "a script in a JPEG's profile": lambda: samples.picture("JPEG", icc_profile=samples.SCRIPT),
    "scripts in a PNG's texts": samples.png_with_texts,
    "a script in a WebP's EXIF": lambda: samples.picture("WEBP", exif=samples.exif(), xmp=samples.SCRIPT),
    "a link in a PDF": samples.pdf_with_link,
    "objects that hold each other": lambda: samples.tiny_pdf(b"[4 0 R 5 0 R]", b"<< /A 4 0 R /B 5 0 R >>"),
    "a PDF of a hundred thousand depths": samples.deep_pdf,
    "a form that draws itself": samples.pdf_drawing_itself,
    "a bomb in a PNG's data": samples.png_bomb,
    "a bomb of a picture in a PDF": samples.pdf_image_bomb,
}

TRACES = (b"<script", b"EICAR", b"PK\x03\x04", b"evil", b"GIF89a", b"<html")


def _half(file: bytes) -> bytes:
    return file[: len(file) // 2]


def _plain(kind: str, width: int, height: int) -> bytes:
    return samples.written(Image.new("RGB", (width, height)), kind, method=0)


SECONDS = slip_files.SECONDS


@pytest.fixture(autouse=True)
def folder(settings: LazySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where slips are kept; no virus scanner, and no refusal because this machine is busy."""
    settings.CLAMD_ADDRESS = ""
    settings.STORAGES = samples.storages_below(tmp_path / "slips")
    monkeypatch.setattr(slip_files, "SECONDS", 60.0)
    return tmp_path / "slips"


def refusal_of(raw: bytes) -> Reason:
    with pytest.raises(SlipRefused) as refused:
        slip_files.clean(raw)
    return refused.value.reason


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_refused_and_told_why(name: str) -> None:
    make, reason = HOSTILE[name]
    assert refusal_of(make()) == reason


@pytest.mark.parametrize("name", INERT)
def test_nothing_hostile_is_left_of_what_is_kept(name: str) -> None:
    slip = slip_files.clean(INERT[name]())
    for kept in (slip.content, *slip.previews):
        assert not [trace for trace in TRACES if trace in kept]
        assert not is_zipfile(BytesIO(kept))


@pytest.mark.parametrize("name", sorted(documents.ACTIVE - {"/OpenAction"}))
@pytest.mark.parametrize("place", ["key", "value"])
def test_active_name_is_refused_as_a_key_and_as_a_value(name: str, place: str) -> None:
    entries = {name: 1} if place == "key" else {"/S": Name(name)}
    with pytest.raises(Refused) as refused:
        documents.resave(samples.pdf_with(entries))
    assert refused.value.reason == Reason.ACTIVE_CONTENT


def test_names_that_are_active_are_those_of_the_rule() -> None:
    rule = "/JS /JavaScript /Launch /EmbeddedFile /OpenAction /AA /RichMedia /XFA /SubmitForm /GoToR"
    assert set(rule.split()) <= documents.ACTIVE


@pytest.mark.parametrize(
    "action", [Array([0, Name.Fit]), Dictionary(S=Name.GoTo, D=String("x"))], ids=["array", "go to"]
)
def test_pdf_that_only_says_where_to_open_is_taken_without_that(action: Any) -> None:
    slip = slip_files.clean(samples.pdf_opening_with(action))
    with pikepdf.open(BytesIO(slip.content)) as kept:
        assert "/OpenAction" not in kept.Root


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_picture_is_kept_as_its_kind_with_one_preview(kind: str) -> None:
    raw = samples.picture(kind, size=(2400, 1000))
    slip = slip_files.clean(raw)
    assert (slip.kind, slip.pages, slip.scan) == (Slip.Kind(kind), 1, Slip.Scan.UNSCANNED)
    assert slip.sha256 == sha256(raw).hexdigest()
    assert (opened(slip.content).format, opened(slip.content).size) == (kind, (2400, 1000))
    assert [(opened(preview).format, opened(preview).size) for preview in slip.previews] == [("JPEG", (1200, 500))]


def test_pdf_is_kept_with_previews_of_its_first_three_pages() -> None:
    slip = slip_files.clean(samples.pdf(pages=20))
    assert (slip.kind, slip.pages, len(slip.previews)) == (Slip.Kind.PDF, 20, 3)
    with pikepdf.open(BytesIO(slip.content)) as kept:
        assert len(kept.pages) == 20
    drawn = opened(slip.previews[0])
    assert (drawn.format, drawn.width) == ("JPEG", 1200)
    assert drawn.convert("L").getpixel((400, 1300)) == pytest.approx(128, abs=3)
    assert drawn.convert("L").getpixel((800, 300)) == 255


def test_picture_taken_sideways_is_kept_upright_and_without_its_facts() -> None:
    slip = slip_files.clean(samples.picture("JPEG", size=(120, 80), exif=samples.exif()))
    kept = opened(slip.content)
    assert (kept.size, dict(kept.getexif())) == ((80, 120), {})
    assert kept.getpixel((40, 20)) == pytest.approx((0, 0, 0), abs=5)
    assert kept.getpixel((40, 100)) == pytest.approx((255, 255, 255), abs=5)


def test_transparent_picture_is_kept_on_white_paper() -> None:
    clear = samples.written(Image.new("RGBA", (50, 50), (0, 0, 0, 0)), "PNG")
    assert opened(slip_files.clean(clear).content).getpixel((25, 25)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("drawn", "level"),
    [
        (Image.new("1", (50, 50), 1), 255),
        (Image.new("I;16", (50, 50), 0x8000), 128),
        (Image.new("LA", (50, 50), (100, 255)), (100, 100, 100)),
        (Image.new("RGB", (50, 50), (10, 20, 30)).quantize(4), (10, 20, 30)),
    ],
    ids=["one bit", "16 bits", "grey with transparency", "palette"],
)
def test_picture_of_any_depth_keeps_its_look(drawn: Image.Image, level: Any) -> None:
    kept = opened(slip_files.clean(samples.written(drawn, "PNG")).content)
    assert kept.getpixel((25, 25)) == level


def test_cmyk_picture_is_taken() -> None:
    slip = slip_files.clean(samples.written(Image.new("CMYK", (50, 50)), "JPEG"))
    assert opened(slip.content).mode == "RGB"


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_a_moving_picture_the_first_is_kept(kind: str) -> None:
    kept = opened(slip_files.clean(samples.animated(kind)).content)
    assert getattr(kept, "n_frames", 1) == 1
    assert kept.convert("RGB").getpixel((20, 15)) == (255, 255, 255)


def opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))


def test_file_over_the_limit_is_refused_before_anything_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slip_files, "command", lambda: pytest.fail("started"))
    assert refusal_of(bytes(limits.MAX_BYTES + 1)) == Reason.TOO_LARGE


def test_file_at_the_limit_is_read() -> None:
    file = samples.picture("JPEG")
    assert slip_files.clean(file + bytes(limits.MAX_BYTES - len(file))).kind == Slip.Kind.JPEG


@pytest.mark.parametrize("reason", Reason)
def test_every_refusal_says_what_to_do(reason: Reason) -> None:
    assert str(SlipRefused(reason)).count(". ") == 1


# --- the process ------------------------------------------------------------------------------------------------


@pytest.fixture
def waiting() -> Iterator[psutil.Process]:
    """The process as it stands before it is given a file."""
    with subprocess.Popen(
        slip_files.command(),
        env=slip_files.environment(),
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"READY\n"
        yield psutil.Process(child.pid)
        child.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell another process's limits")
def test_limits_stand_before_the_file_is_read(waiting: psutil.Process) -> None:
    told = Path(f"/proc/{waiting.pid}/limits").read_text().splitlines()[1:]
    held = {line[:26].strip(): line[26:].split()[:2] for line in told}
    for name, limit in {
        "Max cpu time": limits.CPU_SECONDS,
        "Max open files": limits.OPEN_FILES,
        "Max file size": 0,
        "Max core file size": 0,
        "Max processes": 0,
    }.items():
        assert held[name] == [str(limit)] * 2, name
    soft, hard = map(int, held["Max address space"])
    assert soft == hard <= waiting.memory_info().vms + limits.MEMORY
    assert waiting.memory_info().rss + limits.MEMORY < 300 * 1024 * 1024
    assert limits.CPU_SECONDS < SECONDS < 10


def test_process_is_never_root(waiting: psutil.Process) -> None:
    assert 0 not in waiting.uids()
    assert 0 not in waiting.gids()


MEASURE = """
import json, resource, subprocess, sys
child = subprocess.run(json.loads(sys.argv[1]), env=json.loads(sys.argv[2]), stdin=sys.stdin, capture_output=True)
spent = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"kilobytes": spent.ru_maxrss, "seconds": spent.ru_utime + spent.ru_stime}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counted in kilobytes on Linux only")
@pytest.mark.parametrize(
    "make",
    [
        samples.pdf_content_bomb,
        samples.pdf_of_laughs,
        samples.pdf_image_bomb,
        samples.png_bomb,
        lambda: samples.picture("JPEG", size=(5_000, 5_000), exif=samples.exif(), progressive=True),
        lambda: _plain("WEBP", 3_400, 3_400),
    ],
    ids=["content", "laughs", "picture in a PDF", "PNG", "25 megapixels turned", "WebP"],
)
def test_no_file_makes_the_process_large(make: Callable[[], bytes], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(make())
    with (tmp_path / "file").open("rb") as file:
        told = subprocess.run(
            [sys.executable, "-c", MEASURE, json.dumps(slip_files.command()), json.dumps(slip_files.environment())],
            stdin=file,
            capture_output=True,
            check=True,
            timeout=60,
        )
    spent = json.loads(told.stdout)
    assert spent["kilobytes"] < 300 * 1024
    assert spent["seconds"] <= limits.CPU_SECONDS + 1


def pretend(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Something else runs in the place of the process."""
    monkeypatch.setattr(slip_files, "command", lambda: [sys.executable, "-S", "-c", program])


@pytest.mark.parametrize(
    "program",
    [
        "import time; print('READY', flush=True); time.sleep(60)",
        "import os, time; print('READY', flush=True); os.close(0); time.sleep(60)",
        "while True: print('READY')",
    ],
    ids=["silent", "not reading", "talking for ever"],
)
def test_process_that_does_not_end_is_ended(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, program)
    monkeypatch.setattr(slip_files, "SECONDS", 1.0)
    monkeypatch.setattr(slip_files, "_MAX_ANSWER", 1_000_000)
    started = time.monotonic()
    assert refusal_of(samples.picture("PNG")) == Reason.TOO_COMPLEX
    assert time.monotonic() - started < 15
    assert not [child for child in psutil.Process().children() if program in child.cmdline()]


def test_process_that_talks_too_much_is_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "import time; print('READY'); print('x' * 2000, flush=True); time.sleep(60)")
    monkeypatch.setattr(slip_files, "_MAX_ANSWER", 1000)
    started = time.monotonic()
    assert refusal_of(samples.picture("PNG")) == Reason.TOO_COMPLEX
    assert time.monotonic() - started < 30


def test_process_is_given_nothing_but_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "of the site")
    found = "'EMPTY' if 'SECRET_KEY' in os.environ else 'ENCRYPTED'"
    pretend(monkeypatch, f"import json, os; print('READY'); print(json.dumps({{'refused': {found}}}))")
    assert refusal_of(samples.picture("PNG")) == Reason.ENCRYPTED


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import os; print('READY', flush=True); os.abort()", Reason.TOO_COMPLEX),
        ("print('READY')", Reason.UNREADABLE),
        ("""print('READY\\n{"kind": "PNG", "pages": 1, "sizes": [5, 5]}\\n1234567')""", Reason.UNREADABLE),
        ("print('READY\\n{\"kind')", Reason.UNREADABLE),
        ("""print('READY\\n{"kind": "HTML", "pages": 1, "sizes": [0, 1]}')""", Reason.UNREADABLE),
        ("""print('READY\\n{"kind": "PNG", "pages": 1, "sizes": [-1, 2]}\\n')""", Reason.UNREADABLE),
        ("""print('READY\\n{"kind": "PNG", "pages": 1, "sizes": []}\\n', end='')""", Reason.UNREADABLE),
        ("""print('READY\\n[]')""", Reason.UNREADABLE),
        ("""print('READY\\n{"refused": "OTHER"}')""", Reason.UNREADABLE),
    ],
)
def test_answer_that_is_not_whole_is_a_refusal(program: str, reason: Reason, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, program)
    assert refusal_of(samples.picture("PNG")) == reason


def test_process_that_cannot_start_is_our_fault_and_not_the_customers(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "raise SystemExit(1)")
    with pytest.raises(SandboxBroken):
        slip_files.clean(samples.picture("PNG"))


def test_file_waits_for_a_place_and_then_is_asked_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slip_files, "_PATIENCE", 0.1)
    monkeypatch.setattr(slip_files, "_ROOM", BoundedSemaphore(1))
    with slip_files._ROOM:
        assert refusal_of(samples.picture("PNG")) == Reason.BUSY


def test_refused_file_gives_its_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slip_files, "_ROOM", BoundedSemaphore(1))
    assert refusal_of(b"text") == Reason.WRONG_KIND
    assert slip_files.clean(samples.picture("PNG")).kind == Slip.Kind.PNG


# --- the storage ------------------------------------------------------------------------------------------------


@pytest.fixture
def slip() -> CleanSlip:
    return CleanSlip(
        kind=Slip.Kind.PDF, content=b"%PDF-", previews=(b"one", b"two"), pages=2, sha256="", scan=Slip.Scan.UNSCANNED
    )


def contents(stored: StoredSlip) -> list[bytes]:
    found = []
    for name in (stored.name, *stored.preview_names):
        with slip_files.open_stored(name) as file:
            found.append(file.read())
    return found


def test_stored_slip_is_found_again_and_nobody_else_may_read_it(slip: CleanSlip, folder: Path, now: datetime) -> None:
    stored = slip_files.store(slip, now=now)
    assert contents(stored) == [b"%PDF-", b"one", b"two"]
    assert stored.name.startswith(f"{now:%Y/%m/%d}/")
    assert stored.name.endswith(".pdf")
    assert all(name.endswith(".jpg") for name in stored.preview_names)
    for path in folder.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_same_slip_twice_is_stored_under_two_names_that_nobody_can_guess(slip: CleanSlip, now: datetime) -> None:
    first, second = slip_files.store(slip, now=now), slip_files.store(slip, now=now)
    assert not {first.name, *first.preview_names} & {second.name, *second.preview_names}
    assert len(Path(first.name).stem) >= 32


def test_deleted_slip_is_gone_with_its_previews_and_deleting_again_is_no_error(
    slip: CleanSlip, folder: Path, now: datetime
) -> None:
    stored = slip_files.store(slip, now=now)
    slip_files.delete_stored(stored)
    slip_files.delete_stored(stored)
    assert not [path for path in folder.rglob("*") if path.is_file()]
    with pytest.raises(FileNotFoundError):
        slip_files.open_stored(stored.name)


def test_slip_that_cannot_be_stored_whole_leaves_nothing(
    slip: CleanSlip, folder: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = slip_files._storage()
    save = storage.save

    def fail_at_second_preview(name: str, content: Any) -> str:
        if name.endswith("-2.jpg"):
            raise OSError("the disk is full")
        return save(name, content)

    monkeypatch.setattr(storage, "save", fail_at_second_preview)
    with pytest.raises(OSError, match="full"):
        slip_files.store(slip, now=now)
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_stored_is_listed_by_its_day_once_it_is_old_enough(slip: CleanSlip, now: datetime) -> None:
    stored = slip_files.store(slip, now=now)
    all_names = sorted((stored.name, *stored.preview_names))
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert sorted(slip_files.list_stored(now.date(), until=later)) == all_names
    assert slip_files.list_stored(now.date(), until=later - timedelta(hours=1)) == []
    assert slip_files.list_stored(now.date() - timedelta(days=1), until=later) == []


@pytest.mark.parametrize(
    ("reason", "named"),
    [
        (Reason.TOO_LARGE, [limits.MAX_BYTES // 2**20]),
        (Reason.TOO_MANY_PIXELS, [limits.MAX_PIXELS // 10**6, limits.MAX_PIXELS_WEBP // 10**6]),
        (Reason.TOO_MANY_PAGES, [limits.MAX_PAGES]),
    ],
)
def test_a_refusal_names_the_limit_that_the_sandbox_keeps(reason: Reason, named: list[int]) -> None:
    assert [int(figure) for figure in re.findall("[0-9]+", str(SlipRefused(reason)))] == named


def test_no_refusal_shows_a_place_that_was_not_filled() -> None:
    assert not [reason for reason in Reason if "%" in str(SlipRefused(reason))]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_papers_that_the_site_itself_drew_are_taken(language: str) -> None:
    """They carry XMP, for which a library is loaded on need: too late for a process that gave up its rights."""
    paper = papers.Paper(
        title="Receipt",
        number="RC-TEST-2026-000001",
        issuer=papers.Party(name="Test Ltd"),
        reader=papers.Party(name="Acme 客户"),
        facts=[("Amount", "USD $100.00")],
        table=None,
        notes=["A receipt is no tax invoice (fapiao)."],
    )
    raw = papers.draw(paper.to_json(), language=language)

    assert b"/Metadata" in raw
    assert slip_files.clean(raw).pages == 1
