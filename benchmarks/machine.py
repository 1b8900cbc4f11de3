"""The machine: which processor runs what, and what it is."""

import fcntl
import os
import platform
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_FIRST = -15


@dataclass(frozen=True, slots=True)
class Cores:
    """Which processors the server under test has, and which all the rest has.

    Where there is one processor alone, everything shares it.
    """

    server: frozenset[int]
    rest: frozenset[int]

    @property
    def all(self) -> frozenset[int]:
        """Every processor that we may use."""
        return self.server | self.rest


def cores(*, apart: bool = True) -> Cores:
    """The last processor for the server: the first one usually gets the machine's interrupts.

    Where it is not to be `apart`, everything shares every processor.
    """
    mine = sorted(os.sched_getaffinity(0))
    if len(mine) == 1 or not apart:
        return Cores(frozenset(mine), frozenset(mine))
    return Cores(frozenset(mine[-1:]), frozenset(mine[:-1]))


@contextmanager
def running_on(chosen: frozenset[int]) -> Iterator[None]:
    """What is started in this context runs on these processors for good: children inherit them."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, chosen)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def move(pid: int, chosen: frozenset[int]) -> None:
    """Move a process, all its threads and all its children to these processors."""
    for each in (pid, *_children(pid)):
        try:
            for task in Path(f"/proc/{each}/task").iterdir():
                os.sched_setaffinity(int(task.name), chosen)
        except (FileNotFoundError, ProcessLookupError):
            pass  # it ended meanwhile


def _children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name in parentheses may contain anything, so count from its end.
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def go_first(pid: int) -> None:
    """Have the sessions of a process and its children preferred to other sessions on the same processors.

    Raises PermissionError.
    """
    # Each process of PostgreSQL has a session of its own.
    for each in (pid, *_children(pid)):
        try:
            os.setpriority(os.PRIO_PROCESS, each, _FIRST)
            # The scheduler shares out the time among sessions, and only within one by its processes' niceness.
            group = Path(f"/proc/{each}/autogroup")
            if group.exists():
                group.write_text(str(_FIRST))
        except (FileNotFoundError, ProcessLookupError):
            pass  # it ended meanwhile


@contextmanager
def going_first() -> Iterator[None]:
    """Have our session preferred while this lasts: what runs in it later is not to be.

    Raises PermissionError.
    """
    group = Path("/proc/self/autogroup")
    before = group.read_text().rpartition(" ")[2] if group.exists() else None
    go_first(os.getpid())
    try:
        yield
    finally:
        if before is not None:
            group.write_text(before)


@contextmanager
def alone(waiting: Callable[[], None]) -> Iterator[None]:
    """Two runs would measure each other: the second one calls `waiting`, and waits here."""
    path = Path(tempfile.gettempdir(), f"chatserver-benchmarks-{os.getuid()}.lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        # Closing unlocks; the file stays, or two runs might lock two files of its name.
        os.close(descriptor)


def allow_many_files() -> None:
    """Thousands of connections need as many descriptors, here and in what is started here."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@dataclass(frozen=True, slots=True)
class Process:
    """What a process holds at a moment."""

    rss_kb: int
    descriptors: int
    cpu_seconds: float


def look_at(pid: int) -> Process:
    """A look at a running process."""
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return Process(
        rss_kb=int(status["VmRSS"].split()[0]),
        descriptors=len(os.listdir(f"/proc/{pid}/fd")),
        cpu_seconds=nanoseconds_of(pid) / 1e9,
    )


def most_memory(pid: int) -> int:
    """The most memory that a running process ever had, in KiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def nanoseconds_of(pid: int) -> int:
    """The processor time that a process has had, as the scheduler counts it: /proc/PID/stat has steps of 10 ms.

    Threads that have ended are not among those that are counted.
    """
    total = 0
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(FileNotFoundError):
            total += int(path.read_text().split()[0])
    return total


def describe(chosen: Cores, directory: Path) -> dict[str, str]:
    """The machine in words; `directory` is on the disk that the databases are on."""
    return {
        "processor": _processor(),
        "processors": f"{len(chosen.all)}, shared by everything"
        if chosen.server == chosen.rest
        else f"{len(chosen.all)}: {len(chosen.server)} for the server, {len(chosen.rest)} for the rest",
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release().split('-')[0]}",
        "operating system": platform.freedesktop_os_release().get("PRETTY_NAME", "unknown"),
        "disk": f"an 8 KiB write with fdatasync takes {_sync_time(directory):.0f} µs",
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model"):
            return value.strip()
    return platform.machine()


def _sync_time(directory: Path, times: int = 100) -> float:
    """What a commit waits for at least, in microseconds: the median of some."""
    path = directory / "sync"
    taken = []
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for _ in range(times):
            started = time.perf_counter()
            os.pwrite(descriptor, bytes(8192), 0)
            os.fdatasync(descriptor)
            taken.append(time.perf_counter() - started)
    finally:
        os.close(descriptor)
        path.unlink()
    return sorted(taken)[times // 2] * 1e6
