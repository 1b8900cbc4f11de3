"""How much memory this process has (proc(5), ``/proc/[pid]/status``)."""

import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
# Documented names, which are Node.js's: what they are here.
_FIELDS = {"rss": "VmRSS", "heapUsed": "RssAnon", "heapTotal": "VmData"}


def memory() -> dict[str, int]:
    """Return the memory in MB: ``rss`` is resident; of it ``heapUsed`` is our own, of ``heapTotal`` reserved.

    Where there is no ``/proc``, all of them are the most that was ever resident.
    """
    try:
        lines = dict(line.split(":", 1) for line in _STATUS.read_text("ascii").splitlines())
        return {name: int(lines[field].split()[0]) // 1024 for name, field in _FIELDS.items()}
    except (OSError, KeyError, ValueError):
        # Bytes on macOS, kilobytes elsewhere.
        unit = 1024 * 1024 if sys.platform == "darwin" else 1024
        return dict.fromkeys(_FIELDS, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit)
