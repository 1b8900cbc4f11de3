"""Where tests put databases: in memory, where the machine has enough of it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")
# All processes of tests together need less than a quarter of this there.
_ENOUGH = 4 << 30


def _free_memory() -> int:
    """What the machine could still give, in bytes; 0 where it does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))


def _parent() -> Path:
    """Where programs may be written and run; containers have a small /dev/shm, or one that runs none."""
    try:
        found = os.statvfs(_MEMORY)
    except OSError:
        return Path("/tmp")
    fits = min(found.f_bavail * found.f_frsize, _free_memory()) >= _ENOUGH
    runs = not found.f_flag & os.ST_NOEXEC
    return _MEMORY if fits and runs and os.access(_MEMORY, os.W_OK) else Path("/tmp")


# A new database is some 300 new files: in memory that takes a tenth of the time, or less where others write too.
PLACE = _parent()


@contextmanager
def open_directory(prefix: str) -> Iterator[Path]:
    """A new directory that every account may enter; removed in the end.

    As root, PostgreSQL's account must get in: else its data would be put where nobody cleans up.
    """
    with tempfile.TemporaryDirectory(prefix=prefix, dir=PLACE) as name:
        path = Path(name)
        path.chmod(0o755)
        yield path
