"""Files of fapiao that finance uploads: a PDF is written anew by the process that reads slips, an OFD kept as it is."""

import zipfile
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import Fapiao
from payments import slip_files, virus_scan
from payments.models import Slip
from payments.sandbox.limits import MAX_PAGES
from payments.sandbox.refusals import Reason

MEGABYTES: Final = Fapiao.LARGEST_FILE // (1024 * 1024)

_MOST_PARTS: Final = 1000
"""So many files the archive that an OFD is may name; a fapiao has some twenty."""


_WORDS: Final = {
    Reason.TOO_MANY_PAGES: gettext_lazy("The PDF has more than %(pages)d pages, so it is no fapiao alone."),
    Reason.ENCRYPTED: gettext_lazy(
        "The PDF is protected by a password. Save it from the tax office's system again, without one, or as an OFD."
    ),
    Reason.ACTIVE_CONTENT: gettext_lazy(
        "The PDF holds scripts, attachments or other active content. Print it to a new PDF, or save it as an OFD."
    ),
    Reason.UNREADABLE: gettext_lazy(
        "The PDF is damaged and cannot be read. Save it from the tax office's system again, or as an OFD."
    ),
    Reason.TOO_COMPLEX: gettext_lazy(
        "The PDF takes too much time or memory to read. Print it to a new PDF, or save it as an OFD."
    ),
    Reason.INFECTED: gettext_lazy("A virus was found in the file. Save it from the tax office's system again."),
    Reason.BUSY: gettext_lazy("Too many files are being read at this moment. Try again in a minute."),
}
"""Why a PDF is not taken, and what finance does about it; the other reasons never are of a PDF that comes this far."""


class FileRefused(Exception):
    """The file is not taken; as a text it says to finance what is wrong and what to do."""


@dataclass(frozen=True, kw_only=True)
class CleanFile:
    """What is kept of an upload."""

    kind: Fapiao.FileKind
    content: bytes


def clean(raw: bytes) -> CleanFile:
    """The file, made harmless, or refused by `FileRefused`. Call it outside any transaction."""
    if len(raw) > Fapiao.LARGEST_FILE:
        raise _too_large()
    found = _clean_pdf(raw) if b"%PDF-" in raw[:1024] else _clean_ofd(raw)
    if len(found.content) > Fapiao.LARGEST_FILE:
        raise _too_large()
    return found


def _clean_pdf(raw: bytes) -> CleanFile:
    try:
        slip = slip_files.clean(raw)
    except slip_files.SlipRefused as refused:
        words = _WORDS.get(refused.reason)
        if words is None:
            raise _wrong_kind() from None
        raise FileRefused(str(words) % {"pages": MAX_PAGES}) from None
    if slip.kind != Slip.Kind.PDF:
        raise _wrong_kind()
    return CleanFile(kind=Fapiao.FileKind.PDF, content=slip.content)


def _clean_ofd(raw: bytes) -> CleanFile:
    """Only the list of what is in the archive is read; nothing is unpacked, now or ever."""
    try:
        with zipfile.ZipFile(BytesIO(raw)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise _wrong_kind() from None
    if "OFD.xml" not in names or len(names) > _MOST_PARTS:
        raise _wrong_kind()
    try:
        virus_scan.scan(raw)
    except virus_scan.VirusFound:
        raise FileRefused(_("A virus was found in the file. Save it from the tax office's system again.")) from None
    return CleanFile(kind=Fapiao.FileKind.OFD, content=raw)


def _too_large() -> FileRefused:
    return FileRefused(
        _("The file is larger than %(megabytes)d MB. Save it from the tax office's system again.")
        % {"megabytes": MEGABYTES}
    )


def _wrong_kind() -> FileRefused:
    return FileRefused(
        _("This is neither a PDF nor an OFD. Save the fapiao from the tax office's system as one of them.")
    )
