"""The audit of a site after every story, by one process that stays: Python's start takes longer than the audit."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from tests.browser.site import PROJECT, Site

_END = "-- that was all --"
_LOOP = f"""
import sys
from django.core.management import CommandError, call_command
for _ in sys.stdin:
    try:
        call_command("audit_ledger")
    except CommandError as error:
        print(error)
    print({_END!r}, flush=True)
"""


@dataclass(frozen=True)
class Auditor:
    """Runs the command as often as it is asked to."""

    process: subprocess.Popen[str]

    def audit(self) -> str:
        """What the command printed; when it broke, the process has ended and this is not all."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            print("now", file=self.process.stdin, flush=True)
        lines = []
        for line in self.process.stdout:
            if line.rstrip() == _END:
                break
            lines.append(line)
        return "".join(lines)


@contextlib.contextmanager
def auditing(site: Site) -> Iterator[Auditor]:
    """An auditor of the site, for as long as the block lasts."""
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", _LOOP]
    with (
        (site.folder / "auditor.log").open("ab") as log,
        subprocess.Popen(
            command,
            cwd=PROJECT,
            env=site.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        yield Auditor(process=process)
        process.kill()
