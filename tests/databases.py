"""One migrated database, kept on the server: a copy of it takes a second, the migrations half a minute."""

import hashlib
import itertools
import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

_PROJECT = Path(__file__).resolve().parents[1]
_APPS = ("wallet", "products", "billing", "payments", "innopaas")
_PREFIX = "migrated_"
_LOCK = 7_214_009
"""Of the server, for as long as the original is made or copied."""
_PATIENCE = 30


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
    """Ends the owner's sessions there; waits for those it may not end: the site's own, and the server's housekeeping.

    Both are of other roles, and a session outlives its process, just ended, by a moment.
    """
    statement = SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name))
    with psycopg.connect(_address("postgres"), autocommit=True) as server:
        for turn in itertools.count():
            try:
                server.execute(statement)
            except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectInUse):
                if turn == _PATIENCE:
                    raise
                time.sleep(1)
            else:
                return


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
