"""One supervisor a folder."""

import signal
import subprocess
import sys
from pathlib import Path

from innopaas.local.locks import Lock

_HOLD = """
import sys, time
from pathlib import Path
from innopaas.local.locks import Lock
print(Lock(Path(sys.argv[1])).take(), flush=True)
time.sleep(60)
"""


def test_a_lock_is_held_once_and_ends_with_its_holder_even_when_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", _HOLD, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        assert not Lock(path).take()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert Lock(path).take()


def test_a_released_lock_is_free(tmp_path: Path) -> None:
    first = Lock(tmp_path / "lock")
    assert first.take()
    first.release()
    assert Lock(tmp_path / "lock").take()
