"""How the file of a fapiao is handed out: as a file to save, which no browser opens as a page of ours."""

from typing import Final

from django.http import HttpResponse  # noqa: TID251  # part of the doors, for customers and for staff

from billing.models import Fapiao

_TYPES: Final = {Fapiao.FileKind.PDF: "application/pdf", Fapiao.FileKind.OFD: "application/ofd"}

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    # A policy that stands here already is left alone by the middleware that writes the site's, and the admin's.
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}


def attachment(fapiao: Fapiao) -> HttpResponse:
    """The file of one that was issued. Whether the asker may see it is for the caller to know."""
    kind = Fapiao.FileKind(fapiao.file_kind)
    named = f'attachment; filename="fapiao-{fapiao.number}.{kind.lower()}"'
    headers = {**_HEADERS, "Content-Disposition": named}
    return HttpResponse(bytes(fapiao.file or b""), content_type=_TYPES[kind], headers=headers)
