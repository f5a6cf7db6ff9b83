"""What the process may use, and how it gives up everything else before it sees the file."""

import contextlib
import os
import resource
import sys
from pathlib import Path

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 25_000_000
MAX_PIXELS_WEBP = 12_000_000
"""Its decoder holds four copies of the picture at once."""
MAX_PAGES = 20
MAX_KEPT_BYTES = 2 * MAX_BYTES

MEMORY = 248 * 1024 * 1024
"""On top of what the interpreter and the libraries hold already, some 35 to 45 MB: 300 MB in all."""
CPU_SECONDS = 8
OPEN_FILES = 16
"""The three pipes, and the fonts of the machine that a PDF may ask for."""

_NOBODY = 65534


def confine() -> None:
    """Take the limits, for good: soft and hard ones are the same, and root becomes nobody.

    Call it when everything is imported. Of what a system lacks (macOS limits no address space) the rest still holds.
    """
    limits = {
        "RLIMIT_AS": _addresses_in_use() + MEMORY,
        "RLIMIT_CPU": CPU_SECONDS,
        "RLIMIT_NOFILE": OPEN_FILES,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_CORE": 0,
        "RLIMIT_NPROC": 0,  # binds everybody but root, who is nobody from here on
    }
    for name, limit in limits.items():
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (limit, limit))
    if os.getuid() == 0:
        with contextlib.suppress(OSError):  # a namespace may know no other user than its root
            os.setgroups([])
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)


def _addresses_in_use() -> int:
    if sys.platform != "linux":
        return MEMORY
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    return int(pages) * resource.getpagesize()
