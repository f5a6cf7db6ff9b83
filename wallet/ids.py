"""Identifiers: time-ordered UUIDs for rows, so that indexes grow at one end."""

from uuid import UUID

from uuid_utils import compat


def new_id() -> UUID:
    """A UUID version 7 (RFC 9562): made by the application, unique on any number of machines."""
    return compat.uuid7()
