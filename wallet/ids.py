"""Identifiers: time-ordered UUIDs for rows, so that indexes grow at one end; and reading what should be one."""

from collections.abc import Iterable
from uuid import UUID

from uuid_utils import compat


def new_id() -> UUID:
    """A UUID version 7 (RFC 9562): made by the application, unique on any number of machines."""
    return compat.uuid7()


def read_id(text: str) -> UUID | None:
    """The id that a text from outside is, if it is one."""
    try:
        return UUID(text)
    except ValueError:
        return None


def read_ids(texts: Iterable[str]) -> set[UUID]:
    """The ids among what somebody sent."""
    return {found for text in texts if (found := read_id(text))}
