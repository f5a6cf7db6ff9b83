"""Files of fapiao: a PDF is written anew, an OFD kept as it is, and nothing else is taken."""

import pytest

from billing.models import Fapiao
from payments import fapiao_files, slip_files, virus_scan
from payments.sandbox.refusals import Reason
from tests.billing.fapiaos import make_ofd
from tests.payments import slip_samples


def test_a_pdf_is_written_anew() -> None:
    raw = slip_samples.pdf() + b"<script>"
    clean = fapiao_files.clean(raw)
    assert clean.kind == Fapiao.FileKind.PDF
    assert clean.content.startswith(b"%PDF-")
    assert b"<script>" not in clean.content


def test_an_ofd_is_kept_as_it_is() -> None:
    raw = make_ofd()
    assert fapiao_files.clean(raw) == fapiao_files.CleanFile(kind=Fapiao.FileKind.OFD, content=raw)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "neither a PDF nor an OFD"),
        (b"x" * 100, "neither a PDF nor an OFD"),
        (slip_samples.picture("PNG"), "neither a PDF nor an OFD"),
        (b"\xff\xd8\xff %PDF-1.7", "damaged|neither a PDF nor an OFD"),
        (make_ofd("Doc_0/Document.xml"), "neither a PDF nor an OFD"),
        (make_ofd("OFD.xml", *map(str, range(1000))), "neither a PDF nor an OFD"),
        (make_ofd()[:-10], "neither a PDF nor an OFD"),
        (make_ofd(content=bytes(Fapiao.LARGEST_FILE)), "larger than 2 MB"),
        (slip_samples.pdf_with_hidden_script(), "active content"),
        (slip_samples.encrypted_pdf(password="secret"), "password"),
        (b"%PDF-1.7 nothing behind", "damaged"),
    ],
)
def test_nothing_else_is_taken(raw: bytes, said: str) -> None:
    with pytest.raises(fapiao_files.FileRefused, match=said):
        fapiao_files.clean(raw)


def test_an_ofd_with_a_virus_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(_content: bytes) -> None:
        raise virus_scan.VirusFound("Eicar")

    monkeypatch.setattr(virus_scan, "scan", find)
    with pytest.raises(fapiao_files.FileRefused, match="A virus was found"):
        fapiao_files.clean(make_ofd())


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (Reason.TOO_MANY_PAGES, "more than 20 pages"),
        (Reason.ENCRYPTED, "or as an OFD"),
        (Reason.ACTIVE_CONTENT, "save it as an OFD"),
        (Reason.UNREADABLE, "or as an OFD"),
        (Reason.TOO_COMPLEX, "save it as an OFD"),
        (Reason.INFECTED, "tax office's system again"),
        (Reason.BUSY, "Try again in a minute"),
        (Reason.TOO_MANY_PIXELS, "neither a PDF nor an OFD"),
    ],
)
def test_nobody_is_asked_for_a_screenshot_of_a_fapiao(
    monkeypatch: pytest.MonkeyPatch, reason: Reason, said: str
) -> None:
    def refuse(_raw: bytes) -> None:
        raise slip_files.SlipRefused(reason)

    monkeypatch.setattr(slip_files, "clean", refuse)
    with pytest.raises(fapiao_files.FileRefused, match=said) as refused:
        fapiao_files.clean(slip_samples.pdf())
    assert "screenshot" not in str(refused.value)
