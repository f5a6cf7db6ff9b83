"""PDFs: looked through object by object, saved anew, and their first pages drawn."""

from collections.abc import Iterable, Iterator
from importlib import import_module
from io import BytesIO
from typing import Any

import pikepdf
import pypdfium2
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream

from payments.sandbox.limits import MAX_PAGES
from payments.sandbox.pictures import PREVIEW, draw_preview
from payments.sandbox.refusals import Reason, Refused

import_module("lxml.etree")  # pikepdf loads it on need, to write XMP; inside the limits no module can be found any more

DRAWN_PAGES = 3

ACTIVE = {
    "/AA",
    "/EF",
    "/EmbeddedFile",
    "/EmbeddedFiles",
    "/GoToE",
    "/GoToR",
    "/ImportData",
    "/JS",
    "/JavaScript",
    "/Launch",
    "/Movie",
    "/OnInstantiate",
    "/OpenAction",
    "/Rendition",
    "/RichMedia",
    "/Sound",
    "/SubmitForm",
    "/XFA",
}
"""Names that make a PDF do something, reach out, or carry another file; as a key or as a value, in any object."""


def resave(raw: bytes) -> tuple[bytes, int]:
    """The document written anew, and how many pages it has: nothing before, behind or between its objects is left.

    Links to addresses and the page it opens at are taken out; whatever else is active refuses the whole document.
    """
    try:
        document = pikepdf.open(BytesIO(raw))
    except pikepdf.PasswordError:
        raise Refused(Reason.ENCRYPTED) from None
    if document.is_encrypted:  # a password to change it, none to open it
        raise Refused(Reason.ENCRYPTED)
    _disarm(document)
    pages = len(document.pages)
    if pages > MAX_PAGES:
        raise Refused(Reason.TOO_MANY_PAGES)
    written = BytesIO()
    document.save(written)
    return written.getvalue(), pages


def draw_pages(content: bytes) -> Iterator[bytes]:
    """Pictures of the first pages, one at a time, with what stands in the fields of a form and on its seals."""
    document = pypdfium2.PdfDocument(content)
    document.init_forms()
    for index in range(min(len(document), DRAWN_PAGES)):
        page = document[index]
        width, height = page.get_size()
        scale = min(PREVIEW[0] / max(width, 1), PREVIEW[1] / max(height, 1))
        yield draw_preview(page.render(scale=scale).to_pil())
        page.close()


def _disarm(document: Pdf) -> None:
    if _only_shows_a_page(document.Root.get("/OpenAction")):
        del document.Root["/OpenAction"]
    for thing in _walk(document):
        names = {str(thing)} if isinstance(thing, Name) else set(thing.keys())
        if names & ACTIVE:
            raise Refused(Reason.ACTIVE_CONTENT)
        if "/URI" in names and not isinstance(thing, Name):
            del thing["/URI"]


def _only_shows_a_page(action: Any) -> bool:
    return isinstance(action, Array) or (isinstance(action, Dictionary) and action.get("/S") == Name.GoTo)


def _walk(document: Pdf) -> Iterator[Object]:
    """Every name and everything that has keys. What is only referred to is met in its own turn: no circle is run."""
    for whole in document.objects:
        waiting = [whole]
        while waiting:
            thing = waiting.pop()
            if isinstance(thing, Array):
                waiting += _standing_in(thing)
            elif isinstance(thing, Dictionary | Stream):
                yield thing
                waiting += _standing_in(value for _key, value in thing.items())
            elif isinstance(thing, Name):
                yield thing


def _standing_in(values: Iterable[Any]) -> list[Object]:
    return [value for value in values if isinstance(value, Object) and not value.is_indirect]
