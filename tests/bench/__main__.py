"""How fast it is, side by side in one run, on a database of its own; writes docs/performance.md and stops.

Run by `python -m innopaas.local exec -- python -m tests.bench` (`make bench`), with the subjects wanted, as in
`post,hordak`, or none for all. It proves nothing and fails for no number: rates belong to the machine they were taken
on.
"""

import os
import subprocess
import sys

from tests.bench import stage


def main(wanted: str) -> int:
    told = "from tests.bench import run; run.run()"
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", told]
    with stage.open_database() as name, stage.prepare(name) as environment:
        ran = subprocess.run(command, cwd=stage.PROJECT, env=environment | {"BENCH_ONLY": wanted}, check=False)
    return ran.returncode


if __name__ == "__main__":
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    sys.exit(main(",".join(sys.argv[1:])))
