"""Runs once more, alone, what failed in the run before: what ran beside it may be what failed it.

What passes then is named, because a test that hangs on its neighbours is to be mended. Where promises are played
against faults nothing is tried again: what fails there once is a promise that was broken once.
"""

import json
import subprocess
import sys
from pathlib import Path

from tests.support.servers import ROOT

# More than this is no matter of neighbours.
_MOST = 10
_JUDGED_ONCE = ("tests/faults/", "tests/property/")
_FAILED = Path(".pytest_cache", "v", "cache", "lastfailed")
# How pytest ends when all ran and some failed; anything else is no verdict on tests.
_SOME_FAILED = 1


def main(status: int, root: Path = ROOT) -> int:
    """Try again what failed in the repository at *root*; returns the exit status of the whole."""
    kept = root / _FAILED
    failed: list[str] = sorted(json.loads(kept.read_text())) if kept.exists() else []
    if (
        status != _SOME_FAILED
        or not 0 < len(failed) <= _MOST
        or any(test.startswith(_JUDGED_ONCE) for test in failed)
    ):
        return status
    _say("once more, alone", failed)
    again = subprocess.run([sys.executable, "-m", "pytest", *failed], cwd=root, check=False)
    if again.returncode == 0:
        _say("these pass alone, and failed beside others; mend them", failed)
    return again.returncode


def _say(what: str, tests: list[str]) -> None:
    sys.stdout.write("\n  ".join([f"\n{what}:", *tests]) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
