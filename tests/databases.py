"""One migrated database, kept on the server: a copy of it takes a second, the migrations half a minute."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

_PROJECT = Path(__file__).resolve().parents[1]
_APPS = ("wallet", "products", "billing", "payments", "innopaas")
_PREFIX = "migrated_"
_LOCK = 7_214_009
"""Of the server, for as long as the original is made or copied."""


def copy(name: str) -> None:
    """Make a migrated database of this name; one that an earlier run left there goes."""
    with psycopg.connect(_address("postgres"), autocommit=True) as server:
        server.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        original = _PREFIX + _digest()
        if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [original]).fetchone():
            _make(original, server=server)
        drop(name)
        server.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(original)))
        # What a database as such allows is not copied with it.
        server.execute(SQL("REVOKE TEMPORARY, CREATE ON DATABASE {} FROM PUBLIC").format(Identifier(name)))


def drop(name: str) -> None:
    with psycopg.connect(_address("postgres"), autocommit=True) as server:
        server.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))


def address(role_url: str, name: str) -> str:
    """The same server and role, another database."""
    return f"{role_url.rpartition('/')[0]}/{name}"


def _make(original: str, *, server: psycopg.Connection) -> None:
    """Under another name until it is complete; those of other sources go, so that one is kept."""
    kept = server.execute(
        "SELECT datname FROM pg_database WHERE starts_with(datname, %s) AND pg_get_userbyid(datdba) = current_user",
        [_PREFIX],
    )
    for (old,) in kept.fetchall():
        drop(old)
    draft = f"{_PREFIX}draft"
    server.execute(SQL("CREATE DATABASE {}").format(Identifier(draft)))
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--database", "owner", "--verbosity", "0"],
        cwd=_PROJECT,
        env=os.environ | {name: address(os.environ[name], draft) for name in ("DATABASE_URL", "DATABASE_OWNER_URL")},
        check=True,
    )
    server.execute(SQL("ALTER DATABASE {} RENAME TO {}").format(Identifier(draft), Identifier(original)))


def _digest() -> str:
    """Of all that migrations could read: the source of every app, and the libraries."""
    found = hashlib.sha256((_PROJECT / "requirements/dev.lock").read_bytes())
    for app in _APPS:
        for path in sorted((_PROJECT / app).rglob("*")):
            if path.suffix in {".py", ".sql"}:
                found.update(str(path.relative_to(_PROJECT)).encode())
                found.update(path.read_bytes())
    return found.hexdigest()[:16]


def _address(name: str) -> str:
    return address(os.environ["DATABASE_OWNER_URL"], name)
