"""A directory in which a developer runs the server, and the processes that run there."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.places import PLACE


@contextmanager
def project_directory() -> Iterator[Path]:
    """A new directory that the embedded PostgreSQL's account can enter; removed in the end, with its data."""
    # pytest's own temporary directories are closed to the account that root starts PostgreSQL as.
    path = Path(tempfile.mkdtemp(prefix="project-", dir=PLACE))
    path.chmod(0o755)
    yield path
    kept = path / ".chatserver" / "postgres"
    if kept.is_symlink():  # as root, the data are out of reach of the account
        shutil.rmtree(kept.resolve())
    shutil.rmtree(path)


def postmaster(project: Path) -> int:
    """The process of the project's PostgreSQL."""
    data = project / ".chatserver" / "postgres" / "data"
    return int((data / "postmaster.pid").read_text().splitlines()[0])


def session_of(leader: int) -> set[int]:
    """The processes of a session that have not ended."""
    return {pid for pid in _processes() if _field(pid, 3) == leader}


def children_of(parent: int) -> set[int]:
    """The processes that a process has started, and that have not ended."""
    return {pid for pid in _processes() if _field(pid, 1) == parent}


def alive(pids: set[int]) -> set[int]:
    """Those of some processes that have not ended."""
    return {pid for pid in pids if _field(pid, 1) is not None}


async def ended(pids: set[int], seconds: float = 30.0) -> None:
    """Wait until some processes have ended."""
    async with asyncio.timeout(seconds):
        while alive(pids):  # noqa: ASYNC110 - they are not ours to wait for
            await asyncio.sleep(0.02)


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def _field(pid: int, position: int) -> int | None:
    """A field of /proc/PID/stat, counted from the state; None where the process has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return (
        None if fields[0] == "Z" else int(fields[position])
    )  # whose zombies are reaped is the machine's matter
