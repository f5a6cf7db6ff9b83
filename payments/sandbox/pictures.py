"""Pictures: decoded for real, made upright, and written anew without anything but their pixels."""

from io import BytesIO

# Plugins are loaded on need; inside the limits no module can be found any more.
from PIL import Image, ImageOps, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

from payments.sandbox.limits import MAX_PIXELS, MAX_PIXELS_WEBP
from payments.sandbox.refusals import Reason, Refused

PREVIEW = (1200, 3600)
"""Wide enough to read a receipt beside a form, and long enough for a telephone's screenshot."""

FORMATS: dict[str | None, str] = {
    JpegImagePlugin.JpegImageFile.format: "JPEG",
    MpoImagePlugin.MpoImageFile.format: "JPEG",  # a telephone's JPEG with a second picture behind the first
    PngImagePlugin.PngImageFile.format: "PNG",
    WebPImagePlugin.WebPImageFile.format: "WEBP",
}
_OPTIONS = {
    "JPEG": {"quality": 88},
    "PNG": {},
    "WEBP": {"quality": 88, "method": 2},
}
_PLAIN = {"L", "RGB"}

Image.MAX_IMAGE_PIXELS = None  # ours is counted below, and refused instead of warned of
TiffImagePlugin.READ_LIBTIFF = False  # reads EXIF here, never a picture


def redraw(raw: bytes) -> tuple[str, bytes, bytes]:
    """The kind, the picture written anew, and its preview. Of several frames the first is taken."""
    picture = Image.open(BytesIO(raw), formats=["JPEG", "PNG", "WEBP"])
    kind = FORMATS[picture.format]
    if picture.width * picture.height > (MAX_PIXELS_WEBP if kind == "WEBP" else MAX_PIXELS):
        raise Refused(Reason.TOO_MANY_PIXELS)
    picture.load()
    ImageOps.exif_transpose(picture, in_place=True)
    plain = _flatten(picture)
    del picture
    plain.info.clear()  # else a comment, a profile or a text would be written along
    return kind, _write(plain, kind), draw_preview(plain)


def draw_preview(picture: Image.Image) -> bytes:
    """A JPEG that fits the page; `picture` itself is made small."""
    picture.thumbnail(PREVIEW)
    return _write(picture, "JPEG")


def _flatten(picture: Image.Image) -> Image.Image:
    """Grey or colour, on white paper: what is transparent would be black otherwise."""
    if picture.mode in _PLAIN and "transparency" not in picture.info:
        return picture
    if picture.mode.startswith("I"):
        return picture.convert("I").point(lambda level: level / 256).convert("L")
    if not picture.has_transparency_data:
        return picture.convert("L" if picture.mode == "1" else "RGB")
    seen = picture if picture.mode == "RGBA" else picture.convert("RGBA")
    paper = Image.new("RGB", seen.size, "white")
    paper.paste(seen, mask=seen)
    return paper


def _write(picture: Image.Image, kind: str) -> bytes:
    written = BytesIO()
    picture.save(written, kind, **_OPTIONS[kind])
    return written.getvalue()
