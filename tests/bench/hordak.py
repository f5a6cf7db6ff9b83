"""The same two-leg posting by django-hordak, which keeps no balance, guard or key: what these cost here, and do not."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from uuid import UUID

from tests.bench import posting, stage
from tests.bench.rounds import SECONDS, Line, take_turns

_SCRIPT: Final = Path(__file__).with_name("hordak_site.py")
_BESIDE: Final = "django-hordak 2.0, `Account.transfer_to`"


def hordak(spenders: Sequence[UUID]) -> list[Line]:
    if not stage.PYTHON.exists():
        return [_leave_out("its packages could not be installed; `make bench` says why")]
    with stage.open_database("hordak") as name:
        migrated = _run(name, "migrate")
        if migrated.returncode:
            return [_leave_out(f"it could not be set up: {migrated.stderr.strip().splitlines()[-1]}")]
        return [_compare(name, spenders[:clients]) for clients in (1, 4)]


def _compare(name: str, spenders: Sequence[UUID]) -> Line:
    clients = len(spenders)
    ours, theirs = take_turns(
        lambda: posting.posted(spenders),
        lambda: float(json.loads(_run(name, "post", str(clients), str(SECONDS)).stdout)),
    )
    return Line(
        subject="hordak",
        what=f"`ledger.post` from Django, {clients} {'client' if clients == 1 else 'clients'}",
        unit="a second",
        values=ours,
        beside=_BESIDE,
        floors=theirs,
        least=4,
    )


def _leave_out(why: str) -> Line:
    return Line(
        subject="hordak",
        what="`ledger.post` from Django",
        unit="a second",
        values=(),
        beside=_BESIDE,
        least=4,
        note=why,
    )


def _run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """As the owner: hordak's functions and triggers know no other role."""
    address = f"{os.environ['DATABASE_OWNER_URL'].rpartition('/')[0]}/{name}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    return subprocess.run(
        [str(stage.PYTHON), "-P", str(_SCRIPT), *arguments],
        env=environment | {"HORDAK_DATABASE_URL": address},
        capture_output=True,
        text=True,
        check=False,
    )
