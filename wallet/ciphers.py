"""Secrets that have to be readable again (seeds of second factors, what signs callbacks) are stored encrypted.

Fernet of the library cryptography: AES-CBC with an HMAC-SHA256 over it, so what was changed is not read. The keys stand
in the environment and never in the database; a dump alone opens nothing.
"""

import base64
from functools import cache
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

BEGINS_WITH: Final = "gAAAA"
"""Whatever Fernet made begins so, and nothing that was stored before does."""


class Unreadable(Exception):
    """No key of DATA_KEYS opens it: its key was taken away too early, or the text was changed."""


def encrypt(*, text: str) -> str:
    """With the first key; the same text comes out differently each time."""
    return _read_ring().encrypt(text.encode()).decode()


def decrypt(*, text: str) -> str:
    """With whichever key fits. Raises `Unreadable`, also for what is not encrypted at all."""
    try:
        return _read_ring().decrypt(text).decode()
    except InvalidToken:
        raise Unreadable from None


def decrypt_if_encrypted(*, text: str) -> str:
    """As `decrypt`; what was never encrypted, as it stands. Only for what cannot begin with BEGINS_WITH by itself."""
    return decrypt(text=text) if text.startswith(BEGINS_WITH) else text


def is_of_first_key(*, text: str) -> bool:
    """Whether it could be read if all older keys were gone."""
    try:
        _make(settings.DATA_KEYS[0]).decrypt(text)
    except InvalidToken:
        return False
    return True


def _read_ring() -> MultiFernet:
    return MultiFernet([_make(key) for key in settings.DATA_KEYS])


@cache
def _make(key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(bytes.fromhex(key)))
