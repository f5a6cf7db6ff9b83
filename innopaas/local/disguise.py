"""PostgreSQL refuses to run as root: how it runs when we are root, without touching anybody's permissions."""

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from innopaas.local.memory import Memory
from innopaas.local.processes import plain_environment
from innopaas.local.trouble import Trouble


@dataclass(frozen=True)
class Disguise:
    """Under which user PostgreSQL runs, and with which binaries.

    `prefix` goes before each command; `user`, if not None, is whom the system runs it as.
    """

    binaries: Path
    prefix: tuple[str, ...] = ()
    user: pwd.struct_passwd | None = None

    @property
    def uid(self) -> int | None:
        return self.user.pw_uid if self.user else None

    @property
    def gid(self) -> int | None:
        return self.user.pw_gid if self.user else None

    def give(self, path: Path) -> None:
        """Makes the server the owner of a file or a tree of ours; nothing to do when it is so already."""
        owner = os.geteuid() if self.uid is None else self.uid
        if path.stat().st_uid != owner:
            for found in (path, *path.rglob("*")):
                os.chown(found, owner, -1, follow_symlinks=False)


@dataclass(frozen=True)
class Passage:
    """A way to a folder or file that the server's user could not walk to: an open descriptor, named by /proc."""

    path: str
    descriptors: tuple[int, ...] = ()


@contextlib.contextmanager
def open_passage(disguise: Disguise, path: Path) -> Iterator[Passage]:
    """Give the path itself where the server runs as ourselves, or where there is no /proc."""
    if disguise.user is None or sys.platform != "linux":
        yield Passage(str(path))
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield Passage(f"/proc/self/fd/{descriptor}", (descriptor,))
    finally:
        os.close(descriptor)


def choose(*, binaries: Path, folder: Path, memory: Memory) -> Disguise:
    """Give the first that works, tried by really running the server's binary and looking at the folder."""
    remove_copy(memory)
    if os.geteuid() != 0:
        return Disguise(binaries)
    nobody = _find_nobody()
    namespace = shutil.which("unshare")
    if namespace and nobody:
        prefix = (namespace, "--user", f"--map-user={nobody.pw_uid}", "--")
        mapped = Disguise(binaries, prefix=prefix)
        if _works(mapped, folder):
            return mapped
    if nobody:
        other = Disguise(_copy(binaries, memory), user=nobody)
        if _works(other, folder):
            return other
        remove_copy(memory)
    raise Trouble(
        "PostgreSQL does not run as root, and this machine allows neither a user namespace nor another user: "
        "run this as an ordinary user, or set DATABASE_URL and DATABASE_OWNER_URL to a server of yours."
    )


def remove_copy(memory: Memory) -> None:
    copy = memory.recall("copy")
    if copy:
        shutil.rmtree(copy, ignore_errors=True)
        memory.remember("copy", "")


def _works(disguise: Disguise, folder: Path) -> bool:
    """Whether that user can run the server's binary, and write to a folder given to it inside ours."""
    binary = str(disguise.binaries / "bin" / "postgres")
    with tempfile.TemporaryDirectory(dir=folder) as room:
        disguise.give(Path(room))
        with open_passage(disguise, Path(room)) as passage:
            probe = ["/bin/sh", "-c", '"$0" --version && : >"$1"/probe', binary, passage.path]
            try:
                return run(disguise, probe, passages=[passage]).returncode == 0
            except (OSError, subprocess.SubprocessError):
                return False


def run(disguise: Disguise, command: Sequence[str], *, passages: Sequence[Passage]) -> subprocess.CompletedProcess[str]:
    """Runs a command that ends by itself, such as initdb."""
    return subprocess.run(
        [*disguise.prefix, *command],
        env=plain_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd="/",
        user=disguise.uid,
        group=disguise.gid,
        extra_groups=[] if disguise.user else None,
        pass_fds=[descriptor for passage in passages for descriptor in passage.descriptors],
    )


def _copy(binaries: Path, memory: Memory) -> Path:
    """In the system's folder for temporary files, because the project's folder may be closed to other users."""
    copy = Path(tempfile.mkdtemp(prefix="innopaas-postgres-"))
    memory.remember("copy", str(copy))
    package = binaries.parent
    unneeded = shutil.ignore_patterns("include", "doc", "*.a", "__pycache__")
    # The libraries lie beside the package, and the programs look for them at that place.
    for folder in (package, package.with_name(f"{package.name}.libs")):
        if folder.exists():
            shutil.copytree(folder, copy / folder.name, ignore=unneeded)
    copy.chmod(0o755)
    return copy / package.name / binaries.name


def _find_nobody() -> pwd.struct_passwd | None:
    ordinary = [user for user in pwd.getpwall() if user.pw_uid != 0]
    named = [user for user in ordinary if user.pw_name == "nobody"]
    return next(iter(named + ordinary), None)
