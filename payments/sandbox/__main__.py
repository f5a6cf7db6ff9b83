"""The way in and out: one file on standard input, one answer on standard output.

The answer is READY, then a line of JSON, then the bytes of the file to keep and of its previews, one behind the other.
A library that crashes on the file ends the process, and the parent refuses the file.
"""

import json
import sys
from dataclasses import dataclass
from typing import Any

from payments.sandbox import documents, limits, pictures
from payments.sandbox.refusals import Reason, Refused

READY = b"READY\n"


@dataclass(frozen=True)
class Cleaned:
    kind: str
    pages: int
    content: bytes
    previews: tuple[bytes, ...]


def main() -> None:
    limits.confine()
    answer = sys.stdout.buffer
    answer.write(READY)
    answer.flush()
    try:
        cleaned = clean(sys.stdin.buffer.read(limits.MAX_BYTES + 1))
    except Refused as refused:
        _say({"refused": refused.reason})
    except MemoryError:
        _say({"refused": Reason.TOO_COMPLEX})
    except Exception as error:  # noqa: BLE001  # whatever a library raises at a stranger's file
        _say({"refused": Reason.UNREADABLE, "error": repr(error)[:500]})
    else:
        files = (cleaned.content, *cleaned.previews)
        _say({"kind": cleaned.kind, "pages": cleaned.pages, "sizes": [len(file) for file in files]})
        answer.writelines(files)


def clean(raw: bytes) -> Cleaned:
    """What is kept of the file. The bytes say what it is; no name was given, and none would be believed."""
    if raw.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or (raw[:4] == b"RIFF" and raw[8:12] == b"WEBP"):
        kind, content, preview = pictures.redraw(raw)
        cleaned = Cleaned(kind=kind, pages=1, content=content, previews=(preview,))
    elif b"%PDF-" in raw[:1024]:
        content, pages = documents.resave(raw)
        cleaned = Cleaned(kind="PDF", pages=pages, content=content, previews=tuple(documents.draw_pages(content)))
    else:
        raise Refused(Reason.WRONG_KIND)
    if len(cleaned.content) > limits.MAX_KEPT_BYTES:
        raise Refused(Reason.TOO_LARGE)
    return cleaned


def _say(facts: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(facts).encode() + b"\n")


if __name__ == "__main__":
    main()
