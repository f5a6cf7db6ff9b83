"""The first lines of `make run` on machines that lack something."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_PROJECT = Path(__file__).resolve().parents[3]
# This very Python, which says of itself that it is an old one.
_OLD = f"""#!/bin/sh
[ "$1" = --version ] && echo Python 3.9.2 && exit 0
exec {sys.executable} -c "import sys
sys.version_info = (3, 9, 2)
$2"
"""
_NO_VENV = '#!/bin/sh\ncase "$2" in *venv*) exit 1;; esac\nexit 0\n'


def _set_up(folder: Path, python: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """In an empty project, with every Python of the machine hidden behind a false one."""
    tools = folder / "tools"
    tools.mkdir()
    for name in ("python", "python3", "python3.11", "python3.12", "python3.13"):
        (tools / name).write_text(python)
        (tools / name).chmod(0o755)
    return subprocess.run(
        ["sh", str(_PROJECT / "innopaas" / "local" / "setup.sh"), "local"],
        cwd=folder,
        env={"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_too_old_python_is_one_sentence(tmp_path: Path) -> None:
    done = _set_up(tmp_path, _OLD)
    assert done.returncode == 1
    assert done.stderr.startswith("innopaas: Python 3.11 or newer is needed, and Python 3.9.2 is here:")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / ".venv").exists()


def test_a_python_without_venv_is_one_sentence(tmp_path: Path) -> None:
    done = _set_up(tmp_path, _NO_VENV)
    assert done.returncode == 1
    assert "has no venv module: install it" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_named_python_that_is_too_old_is_one_sentence(tmp_path: Path) -> None:
    done = _set_up(tmp_path, _OLD, PYTHON=str(tmp_path / "tools" / "python3"))
    assert done.returncode == 1
    assert "is not Python 3.11 or newer" in done.stderr


@pytest.mark.parametrize("lock", ["local", "dev"])
def test_the_lock_files_name_no_place_to_download_from(lock: str) -> None:
    text = (_PROJECT / "requirements" / f"{lock}.lock").read_text()
    assert "://" not in text
    assert "--index" not in text
