"""The copies of the migrated database that tests work on."""

import os
import secrets
import threading

import psycopg
from psycopg.sql import SQL, Identifier

from tests import databases


def test_drop_waits_for_a_session_that_its_owner_may_not_end() -> None:
    name = f"dropped_{secrets.token_hex(4)}"
    with psycopg.connect(databases.address(os.environ["DATABASE_OWNER_URL"], "postgres"), autocommit=True) as server:
        server.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        with psycopg.connect(databases.address(os.environ["DATABASE_URL"], name)) as session:
            threading.Timer(0.5, session.close).start()

            databases.drop(name)

        assert not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
