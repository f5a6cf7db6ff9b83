"""Children of this process: commands, and servers that are found again after a start that was killed."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from innopaas.local.trouble import Trouble

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Record:
    """A pid alone may belong to a stranger after a while; with the time the process began it cannot."""

    pid: int
    began: float


def die_with_parent(by: signal.Signals) -> Callable[[], None]:
    """For `preexec_fn`: where Linux has it, the child gets the signal when this process is gone, however it went."""

    def ask_kernel() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(by), 0, 0, 0)

    return ask_kernel


class Server:
    """One foreground server process. `stop_signals` are sent in turn, each with its patience in seconds."""

    def __init__(self, *, name: str, folder: Path, stop_signals: Sequence[tuple[signal.Signals, float]]) -> None:
        self.name = name
        self.log = folder / "log" / f"{name}.log"
        self._folder = folder
        self._record = folder / f"{name}.pid.json"
        self._stop_signals = stop_signals
        self._process: subprocess.Popen[bytes] | None = None

    def start(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        user: int | None = None,
        group: int | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        """Call `stop_leftover` before."""
        self.log.parent.mkdir(exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self.log.replace(self.log.with_suffix(".previous.log"))
        with self.log.open("wb") as log:
            # A session of its own, so that Ctrl-C reaches only this process, which then stops servers in order.
            self._process = subprocess.Popen(
                argv,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=user,
                group=group,
                cwd="/",
                extra_groups=[] if user is not None else None,
                pass_fds=pass_fds,
                preexec_fn=die_with_parent(self._stop_signals[0][0]),  # noqa: PLW1509 -- no threads run here
            )
        began = psutil.Process(self._process.pid).create_time()
        # With the folder, because a copy of it elsewhere must not stop the original's servers.
        record = {"pid": self._process.pid, "began": began, "folder": str(self._folder)}
        self._record.write_text(json.dumps(record))

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        if self._process is not None and self.is_running():
            end(psutil.Process(self._process.pid), self._stop_signals)
            self._process.wait()
        self.stop_leftover()

    def stop_leftover(self) -> None:
        """Ends what a killed start left behind, and never a stranger that got its pid."""
        process = find(_read_record(self._record, folder=self._folder))
        if process is not None:
            end(process, self._stop_signals)
        self._record.unlink(missing_ok=True)

    def read_log(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


def find(record: Record | None) -> psutil.Process | None:
    if record is None:
        return None
    try:
        process = psutil.Process(record.pid)
        if abs(process.create_time() - record.began) < 0.05 and process.status() != psutil.STATUS_ZOMBIE:
            return process
    except psutil.NoSuchProcess:
        pass
    return None


def _read_record(path: Path, *, folder: Path) -> Record | None:
    try:
        values = json.loads(path.read_text())
        record = Record(pid=int(values["pid"]), began=float(values["began"]))
        return record if values["folder"] == str(folder) else None
    except (FileNotFoundError, ValueError, KeyError):
        return None


def end(process: psutil.Process, stop_signals: Sequence[tuple[signal.Signals, float]]) -> None:
    for number, patience in stop_signals:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
        try:
            process.wait(timeout=patience)
        except psutil.TimeoutExpired:
            continue
        except psutil.NoSuchProcess:
            return
        return


def plain_environment() -> dict[str, str]:
    """What a server needs of ours: nothing of the project's settings, no locale that the machine may lack."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def obey(command: Sequence[str], *, env: Mapping[str, str]) -> int:
    """Runs it, and returns its exit code. Ctrl-C reaches the child from the terminal; SIGTERM is handed on; we stay to
    tidy up after it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child = subprocess.Popen(command, env=dict(env))
    except OSError as error:
        raise Trouble(f"{command[0]} cannot be run: {error.strerror}") from None
    signal.signal(signal.SIGTERM, lambda number, _frame: child.send_signal(number))
    code = child.wait()
    return code if code >= 0 else 128 - code
