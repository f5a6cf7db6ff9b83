"""Why a file is refused: what the process says and what its parent puts into words."""

from enum import StrEnum


class Reason(StrEnum):
    EMPTY = "EMPTY"
    TOO_LARGE = "TOO_LARGE"
    WRONG_KIND = "WRONG_KIND"
    TOO_MANY_PIXELS = "TOO_MANY_PIXELS"
    TOO_MANY_PAGES = "TOO_MANY_PAGES"
    ENCRYPTED = "ENCRYPTED"
    ACTIVE_CONTENT = "ACTIVE_CONTENT"
    UNREADABLE = "UNREADABLE"
    TOO_COMPLEX = "TOO_COMPLEX"
    INFECTED = "INFECTED"
    BUSY = "BUSY"


class Refused(Exception):
    """The file is not taken; `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason
