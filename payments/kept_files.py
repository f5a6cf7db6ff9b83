"""Statement files between their preview and their import: kept where slips are, under names nobody can guess."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.files.storage import Storage, storages

_FOLDER: Final = "statements"
_LIVES: Final = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class KeptFile:
    """`stored` is the storage's name of it, `name` its own."""

    stored: str
    name: str


class FileGone(Exception):
    """It was imported or thrown away, perhaps in another window."""


def keep(file: Any, *, now: datetime) -> KeptFile:
    """Keep an uploaded file until it is imported or thrown away."""
    stored = _storage().save(f"{_FOLDER}/{now:%Y/%m/%d}/{secrets.token_hex(16)}", file)
    return KeptFile(stored=stored, name=str(file.name)[:200])


def read(kept: KeptFile) -> bytes:
    """All of it. Raises `FileGone`."""
    try:
        with _storage().open(kept.stored) as file:
            content: bytes = file.read()
            return content
    except FileNotFoundError as error:
        raise FileGone(kept.name) from error


def throw_away(kept: KeptFile) -> None:
    """Delete it; what is gone already is passed over."""
    _storage().delete(kept.stored)


def forget(*, now: datetime) -> int:
    """Delete what nobody imported within a day; returns how many files there were."""
    forgotten = 0
    for day in _list_folders(_FOLDER, depth=3):
        _folders, files = _storage().listdir(day)
        names = [f"{day}/{name}" for name in files]
        old = [name for name in names if _storage().get_modified_time(name) <= now - _LIVES]
        for name in old:
            _storage().delete(name)
        forgotten += len(old)
    return forgotten


def _list_folders(folder: str, *, depth: int) -> Iterator[str]:
    """The folders of days: of years, of months, of theirs."""
    try:
        below, _files = _storage().listdir(folder)
    except FileNotFoundError:
        return
    for name in sorted(below):
        if depth == 1:
            yield f"{folder}/{name}"
        else:
            yield from _list_folders(f"{folder}/{name}", depth=depth - 1)


def _storage() -> Storage:
    return storages["slips"]
