"""Files that customers send, good ones and hostile ones, made here byte by byte."""

import zlib
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pikepdf
from django.conf import settings
from pikepdf import Array, Dictionary, Encryption, Name, Pdf, Stream, String
from PIL import Image, PngImagePlugin

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
SCRIPT = b"<script>alert(document.cookie)</script>"
UPRIGHT_AFTER_A_QUARTER = 6


def storages_below(folder: Path) -> dict[str, Any]:
    """The settings' storages, with slips kept in a folder of the test."""
    changed: dict[str, Any] = deepcopy(settings.STORAGES)
    changed["slips"]["OPTIONS"]["location"] = folder
    return changed


def picture(kind: str, *, size: tuple[int, int] = (120, 80), mode: str = "RGB", **options: Any) -> bytes:
    """The left half is dark, the right half light."""
    drawn = Image.new(mode, size, 0)
    drawn.paste(Image.new(mode, (size[0] // 2, size[1]), "white" if mode == "RGB" else 1), (size[0] // 2, 0))
    return written(drawn, kind, **options)


def written(drawn: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    drawn.save(file, kind, **options)
    return file.getvalue()


def exif(**tags: Any) -> Image.Exif:
    facts = Image.Exif()
    facts[0x0112] = UPRIGHT_AFTER_A_QUARTER
    facts[0x010E] = SCRIPT.decode()
    return facts


def animated(kind: str) -> bytes:
    second = Image.new("RGB", (40, 30), "red")
    return written(Image.new("RGB", (40, 30), "white"), kind, save_all=True, append_images=[second], duration=100)


def png_with_texts() -> bytes:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", SCRIPT.decode())
    texts.add_itxt("XML:com.adobe.xmp", SCRIPT.decode())
    return picture("PNG", pnginfo=texts, icc_profile=SCRIPT)


def png_that_claims(*, width: int, height: int) -> bytes:
    """A head that promises more pixels than the file has."""
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(bytes(1000))) + _chunk(b"IEND")


@cache
def png_bomb() -> bytes:
    """Within the allowed pixels by its head, and 512 MB when its data are unpacked."""
    head = (100).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zeros(1 << 29)) + _chunk(b"IEND")


@cache
def png_with_text_bomb() -> bytes:
    head = (1).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    text = b"Comment\x00\x00" + zeros(1 << 28)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", head)
        + _chunk(b"zTXt", text)
        + _chunk(b"IDAT", zlib.compress(b"\x00\x00"))
        + _chunk(b"IEND")
    )


def _chunk(name: bytes, content: bytes = b"") -> bytes:
    return len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")


def zeros(size: int) -> bytes:
    """That many zero bytes, deflated: a thousandth of it."""
    return repeated(bytes(1 << 16), size >> 16)


def repeated(part: bytes, times: int) -> bytes:
    packer = zlib.compressobj(1)
    return b"".join(packer.compress(part) for _ in range(times)) + packer.flush()


def zipped() -> bytes:
    file = BytesIO()
    with ZipFile(file, "w") as archive:
        archive.writestr("evil.html", SCRIPT)
    return file.getvalue()


def leave(document: Pdf) -> None:
    """Change nothing."""


def pdf(change: Callable[[Pdf], None] = leave, *, pages: int = 1, **options: Any) -> bytes:
    """A document of A4 pages, each with a grey field; `change` adds what the story needs."""
    document = pikepdf.new()
    for _ in range(pages):
        page = document.add_blank_page(page_size=(595, 842))
        page.Contents = document.make_stream(b"0.5 g 100 100 200 200 re f")
    change(document)
    file = BytesIO()
    document.save(file, **options)
    return file.getvalue()


def encrypted_pdf(*, password: str) -> bytes:
    return pdf(encryption=Encryption(owner="owner", user=password))


def pdf_opening_with(action: Any) -> bytes:
    def change(document: Pdf) -> None:
        document.Root.OpenAction = action

    return pdf(change)


def pdf_with(entries: dict[str, Any]) -> bytes:
    """The entries stand in a dictionary deep in the document, where no reader looks for anything active."""

    def change(document: Pdf) -> None:
        document.Root.PieceInfo = document.make_indirect(Dictionary(X=Array([1, Dictionary(entries)])))

    return pdf(change)


def pdf_with_link() -> bytes:
    def change(document: Pdf) -> None:
        link = Dictionary(
            Type=Name.Annot,
            Subtype=Name.Link,
            Rect=Array([0, 0, 100, 100]),
            A=Dictionary(S=Name.URI, URI=String("https://evil.example/")),
        )
        document.pages[0].Annots = Array([document.make_indirect(link)])

    return pdf(change)


def pdf_with_hidden_script() -> bytes:
    """The name is spelt in hexadecimal and stands in a packed object."""

    def change(document: Pdf) -> None:
        document.Root.Names = Dictionary(JavaScript=Dictionary(Names=Array([String("x"), _script()])))

    return pdf(change, object_stream_mode=pikepdf.ObjectStreamMode.generate)


def pdf_with_misspelt_script() -> bytes:
    return tiny_pdf(b"<< /S /Java#53cript /J#53 (app.alert(1)) >>")


def pdf_with_script_in_a_stream() -> bytes:
    def change(document: Pdf) -> None:
        document.Root.Extra = document.make_stream(b"", {"/X": Array([_script()])})

    return pdf(change)


def _script() -> Dictionary:
    return Dictionary(S=Name.JavaScript, JS=String("app.alert(1)"))


def pdf_with_attachment() -> bytes:
    def change(document: Pdf) -> None:
        document.attachments["evil.exe"] = b"MZ" + EICAR

    return pdf(change)


def pdf_with_untyped_attachment() -> bytes:
    def change(document: Pdf) -> None:
        file = document.make_stream(EICAR)
        document.Root.AF = Array([Dictionary(F=String("evil.exe"), EF=Dictionary(F=file))])

    return pdf(change)


@cache
def pdf_content_bomb() -> bytes:
    """Half a megabyte that becomes 100 MB of drawing."""
    return pdf(lambda document: _give_content(document, repeated(b"0 0 m 9 9 l " * 5000, 1700)))


def _give_content(document: Pdf, packed: bytes) -> None:
    stream = document.make_stream(b"")
    stream.write(packed, filter=Name.FlateDecode)
    document.pages[0].Contents = stream


@cache
def pdf_image_bomb() -> bytes:
    """One picture of 12,000 by 12,000 in three colours: 432 MB."""

    def change(document: Pdf) -> None:
        image = document.make_stream(
            b"", Type=Name.XObject, Subtype=Name.Image, Width=12_000, Height=12_000, ColorSpace=Name.DeviceRGB
        )
        image.BitsPerComponent = 8
        image.write(zeros(432_000_000), filter=Name.FlateDecode)
        _show(document, image)

    return pdf(change)


def pdf_of_laughs() -> bytes:
    """Ten forms, each drawing the one before ten times: ten thousand million drawings."""

    def change(document: Pdf) -> None:
        form = _form(document, b"0 0 9 9 re f")
        for _ in range(10):
            form = _form(document, b"/X Do " * 10, inner=form)
        _show(document, form)

    return pdf(change)


def pdf_drawing_itself() -> bytes:
    def change(document: Pdf) -> None:
        form = _form(document, b"/X Do")
        form.Resources = Dictionary(XObject=Dictionary(X=form))
        _show(document, form)

    return pdf(change)


def _form(document: Pdf, content: bytes, *, inner: Stream | None = None) -> Stream:
    known = Dictionary(XObject=Dictionary(X=inner)) if inner is not None else Dictionary()
    box = Array([0, 0, 100, 100])
    return document.make_stream(content, Type=Name.XObject, Subtype=Name.Form, BBox=box, Resources=known)


def _show(document: Pdf, thing: Stream) -> None:
    document.pages[0].Resources = Dictionary(XObject=Dictionary(X=thing))
    document.pages[0].Contents = document.make_stream(b"500 0 0 500 0 0 cm /X Do")


def deep_pdf() -> bytes:
    return tiny_pdf(b"[" * 100_000 + b"]" * 100_000)


def tiny_pdf(*objects: bytes, kids: bytes = b"[3 0 R]") -> bytes:
    """Written by hand, so that nothing about it is put right: one page, then the objects given, from number 4."""
    file = bytearray(b"%PDF-1.4\n")
    starts = []
    catalog = b"<< /Type /Catalog /Pages 2 0 R /X 4 0 R >>"
    tree = b"<< /Type /Pages /Count 1 /Kids " + kids + b" >>"
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] >>"
    for number, content in enumerate((catalog, tree, page, *objects), start=1):
        starts.append(len(file))
        file += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    table = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % (len(starts) + 1)
    file += b"".join(b"%010d 00000 n \n" % start for start in starts)
    file += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(starts) + 1, table)
    return bytes(file)
