"""`make load`: everybody at once on the whole site; what was slow, what failed, what grew. Exits 1 when it should not.

LOAD_MINUTES (30) and LOAD_USERS (60) say how long and how many.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from innopaas.local.servers import HOME, PROJECT
from innopaas.local.trouble import Trouble
from tests.load import payments, report, stack, verdict
from tests.load.sampler import MEGABYTE, QUEUES, Sample, Sampler
from tests.load.stack import Stack
from tests.load.verdict import Growth

_LOAD: Final = HOME / "load" / "bin"
_JUDGED: Final = ("web", "worker", "beat", "Valkey", "PostgreSQL")
_FEWEST_ORGANISATIONS: Final = 50
_ORDERS: Final = 27
_DRAINED_WITHIN: Final = 60.0
_READY_WITHIN: Final = 300.0
_MORE_FILES: Final = 20
"""Connections come and go; a leak of half an hour is longer."""


def main() -> int:
    minutes, users = float(os.environ.get("LOAD_MINUTES") or 30), int(os.environ.get("LOAD_USERS") or 60)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that whatever was started is stopped
    try:
        with stack.running() as site:
            run = _load(site, minutes=minutes, users=users)
    except Trouble as trouble:
        sys.stderr.write(f"load: {trouble}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    report.write(run, python=_LOAD / "python")
    sys.stdout.write(report.tell(run))
    _say(f"{report.path()} is written. " + ("It failed: see above." if run.troubles else "Everything held."))
    return 1 if run.troubles else 0


def _load(site: Stack, *, minutes: float, users: int) -> report.Run:
    organisations = max(_FEWEST_ORGANISATIONS, users)
    sampler = Sampler(site)
    _get_ready(site, sampler, organisations=organisations, users=users)
    _say(f"{users} users for {minutes:g} minutes")
    sampler.start()
    result = _run_locust(site, minutes=minutes, users=users)
    sampler.stop()
    drained = _wait_until_drained(sampler, seconds=_DRAINED_WITHIN)
    growths = _measure_growth(sampler.samples)
    audited = _audit(site)
    site.stand_in.stop()
    paid = payments.list_paid(site.folder)
    troubles = [
        *result["errors"],
        *sampler.troubles,
        *_judge_samples(sampler.samples, growths, minutes=minutes),
        *([f"queues were not empty after {_DRAINED_WITHIN:g} s"] if drained > _DRAINED_WITHIN else []),
        *payments.find_wrong(site, paid),
        *_find_errors(site),
        *audited,
    ]
    return report.Run(
        machine=stack.machine(),
        commit=stack.commit(),
        day=datetime.now(UTC).date().isoformat(),
        minutes=minutes,
        users=users,
        organisations=organisations,
        per_second=result["per_second"],
        pages=result["pages"],
        samples=sampler.samples,
        growths=growths,
        troubles=troubles,
        drained=drained,
        paid=len(paid),
    )


def _get_ready(site: Stack, sampler: Sampler, *, organisations: int, users: int) -> None:
    _say(f"filling {organisations} organisations")
    _choose_cast(site, organisations=organisations, users=users)
    for name in ("web", "worker", "beat"):
        site.start(name)
    if _wait_until_drained(sampler, seconds=_READY_WITHIN) > _READY_WITHIN:
        raise Trouble(f"The site was not ready after {_READY_WITHIN:g} s: see {site.folder / 'worker.log'}")


def _choose_cast(site: Stack, *, organisations: int, users: int) -> None:
    staff = f"finance={max(4, users // 4)}, ops={max(4, users // 6)}"
    told = f"cast.tell(organisations={organisations}, orders={_ORDERS}, {staff})"
    printed = site.manage("shell", "--no-imports", "-c", f"from tests.load import cast; {told}", seconds=1800)
    cast = json.loads(next(line for line in printed.splitlines() if line.startswith("CAST "))[5:])
    _cast_file(site).write_text(json.dumps(cast | {"charged": cast["customers"][:]}))


def _run_locust(site: Stack, *, minutes: float, users: int) -> Any:
    failures, result = site.folder / "failures", site.folder / "result.json"
    failures.mkdir()
    command = [
        *(str(_LOAD / "locust"), "--locustfile", "tests/load/locustfile.py", "--headless", "--host", site.base),
        *("--users", str(users), "--spawn-rate", "2", "--run-time", f"{int(minutes * 60)}s"),
        *("--stop-timeout", "20", "--only-summary", "--exit-code-on-error", "0"),
    ]
    given = {"LOAD_CAST": str(_cast_file(site)), "LOAD_FAILURES": str(failures), "LOAD_RESULT": str(result)}
    plain = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    environment = plain | given | {"PYTHONPATH": str(PROJECT)}
    with (site.folder / "locust.log").open("wb") as log:
        subprocess.run(command, cwd=PROJECT, env=environment, stdout=log, check=False)
    if not result.exists():
        raise Trouble(f"locust told nothing: see {site.folder / 'locust.log'}")
    return json.loads(result.read_text())


def _wait_until_drained(sampler: Sampler, *, seconds: float) -> float:
    """How long it took; more than `seconds` when it never was."""
    began = time.monotonic()
    while sampler.count_left():
        if time.monotonic() - began > seconds:
            return seconds + 1
        time.sleep(0.5)
    return time.monotonic() - began


def _measure_growth(samples: Sequence[Sample]) -> list[Growth]:
    if len(samples) < 5:
        return []
    times = [sample.at for sample in samples]
    roles = [role for role in samples[0].memory if all(role in sample.memory for sample in samples)]
    return [verdict.judge(role, times, [sample.memory[role] / MEGABYTE for sample in samples]) for role in roles]


def _judge_samples(samples: Sequence[Sample], growths: Sequence[Growth], *, minutes: float) -> list[str]:
    troubles = []
    roles = {role for sample in samples for role in sample.pids if role.startswith(_JUDGED)}
    for role in sorted(roles):
        pids = {sample.pids.get(role) for sample in samples}
        if len(pids) > 1:
            troubles.append(f"{role} did not live through the run: {len(pids)} processes")
    if minutes * 60 < verdict.SHORTEST:
        return troubles
    troubles += [
        f"{growth.name} grew from {growth.early:.1f} to {growth.late:.1f} MB"
        for growth in growths
        if growth.name.startswith(_JUDGED) and not growth.is_flat
    ]
    counts = {name: [sample.waiting[name].count for sample in samples] for name in QUEUES}
    counts |= {"tasks at the broker": [sample.tasks for sample in samples]}
    files = [
        (role, [float(sample.files.get(role, 0)) for sample in samples]) for role in sorted(roles - {"PostgreSQL"})
    ]
    for growth in (verdict.judge(role, [sample.at for sample in samples], values) for role, values in files):
        if growth.late > growth.early + _MORE_FILES:
            troubles.append(f"{growth.name} had {growth.early:g} open files, then {growth.late:g}")
    return troubles + [f"{name} went on growing" for name, values in counts.items() if verdict.is_growing(values)]


def _find_errors(site: Stack) -> list[str]:
    """What the site itself wrote down as an error, though nobody in front of it noticed."""
    lines = [line for name in site.processes for line in (site.folder / f"{name}.log").read_text().splitlines()]
    return [line[:300] for line in lines if '"level": "error"' in line or '"level": "critical"' in line]


def _audit(site: Stack) -> list[str]:
    try:
        site.manage("audit_ledger", seconds=600)
    except AssertionError as found:
        return [f"the audit found: {found}"]
    return []


def _cast_file(site: Stack) -> Path:
    return site.folder / "cast.json"


def _say(what: str) -> None:
    sys.stdout.write(f"load: {what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
