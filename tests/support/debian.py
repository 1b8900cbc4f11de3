"""Programs that tests need beside the wheels: found, or installed from Debian where packages may be installed."""

import asyncio
import fcntl
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.servers import ROOT

# Administrators' programs are not on everybody's PATH. RUNLEVEL: services stay as they are.
_PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
_APT = {**os.environ, "PATH": _PATH, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}


async def program(names: Sequence[str], package: str, without: str) -> str:
    """The path of the first program or file found, whose Debian package is installed where there is none.

    Where that cannot be the test is skipped.

    Args:
        names: of programs, or paths of files.
        without: what is not tested then.
    """
    with (ROOT / "setup.cfg").open("rb") as lock:
        # One of the processes that run tests installs it, and the others wait.
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        found = _found(names) or (await _installed(package) and _found(names)) or None
    if found is None:
        pytest.skip(f"there is no {names[0]} here, and none can be installed: {without}")
    return found


def _found(names: Sequence[str]) -> str | None:
    for name in names:
        if found := name if Path(name).is_file() else shutil.which(name, path=_PATH):
            return found
    return None


async def _installed(package: str) -> bool:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    for command in ("update", f"install --yes --no-install-recommends {package}"):
        process = await asyncio.create_subprocess_exec(
            "apt-get", "-qq", *command.split(), env=_APT, stdout=asyncio.subprocess.DEVNULL
        )
        if await process.wait() != 0:
            return False
    return True
