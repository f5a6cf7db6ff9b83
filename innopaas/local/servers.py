"""The database and the broker: ours, or the ones the environment names."""

import os
from pathlib import Path

from innopaas.local.locks import Lock
from innopaas.local.memory import Memory
from innopaas.local.postgres import APP, OWNER, Postgres
from innopaas.local.trouble import Trouble
from innopaas.local.valkey import Valkey

PROJECT = Path(__file__).resolve().parents[2]
HOME = PROJECT / ".innopaas"


class Servers:
    """One folder, one PostgreSQL and one Valkey, for as long as its lock is held."""

    def __init__(self, folder: Path) -> None:
        for place in (HOME, folder):
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self.memory = Memory(folder / "memory.json")
        self._lock = Lock(folder / "lock")
        own_database, own_broker = needs()
        self.postgres = Postgres(folder=folder, memory=self.memory) if own_database else None
        self.valkey = Valkey(folder=folder, memory=self.memory) if own_broker else None

    def claim(self) -> bool:
        """False when another process has this folder."""
        return self._lock.take()

    def release(self) -> None:
        self._lock.release()

    def find(self) -> None:
        """Reads where the servers are that another process keeps up."""
        for server in self._own():
            server.find()

    def start(self) -> None:
        """Only after `claim`."""
        try:
            for server in self._own():
                server.start()
        except BaseException:
            self.stop()
            raise

    def revive(self) -> None:
        """Starts again what has ended by itself, as a service manager would."""
        for server in self._own():
            if not server.is_running():
                print(f"innopaas: {server.name} has ended and is started again …", flush=True)
                server.start()

    def stop(self) -> None:
        for server in self._own():
            server.stop()
        self._lock.release()

    def addresses(self, *, database: str, broker: int) -> dict[str, str]:
        found = {}
        if self.postgres is not None:
            found["DATABASE_URL"] = self.postgres.url(APP, database=database)
            found["DATABASE_OWNER_URL"] = self.postgres.url(OWNER, database=database)
            found["DATABASE_SUPERUSER_URL"] = self.postgres.superuser_url(database=database)
        if self.valkey is not None:
            found["REDIS_URL"] = self.valkey.url(database=broker)
        return found

    def _own(self) -> list[Postgres | Valkey]:
        return [server for server in (self.postgres, self.valkey) if server is not None]


def needs() -> tuple[bool, bool]:
    """Whether we need a database and a broker of our own."""
    named = [name for name in ("DATABASE_URL", "DATABASE_OWNER_URL") if os.environ.get(name)]
    if len(named) == 1:
        raise Trouble("Set both DATABASE_URL (the application's role) and DATABASE_OWNER_URL (migrations), or neither.")
    return not named, not os.environ.get("REDIS_URL")
