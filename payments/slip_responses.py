"""How a slip is handed out: as a file to save, which no browser opens as a page of ours."""

from pathlib import PurePath
from typing import Final

from django.http import FileResponse  # noqa: TID251  # part of the doors, for customers and for staff

from payments import slip_files

_TYPES: Final = {
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".pdf": "application/pdf",
}

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    # A policy that stands here already is left alone by the middleware that writes the site's, and the admin's.
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}


def attachment(name: str, *, filename: str) -> FileResponse:
    """The stored slip or preview of this name. An `<img>` shows a preview all the same.

    Raises FileNotFoundError. Whether the asker may see it is for the caller to know.
    """
    kind = PurePath(name).suffix
    shown_as = PurePath(filename).stem + kind
    stored = slip_files.open_stored(name)
    return FileResponse(stored, as_attachment=True, filename=shown_as, content_type=_TYPES[kind], headers=_HEADERS)
