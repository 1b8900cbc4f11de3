"""What the server makes on disk: who may read and write it, whatever the umask."""

import asyncio
import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from chatserver.config.secrets import SECRET_FILE
from tests.support.cli import run
from tests.support.patience import PATIENCE
from tests.support.servers import ROOT


def _modes(root: Path) -> dict[str, int]:
    """The mode of everything under a directory, links followed to what they lead to."""
    found = {}
    for folder, folders, files in os.walk(root, followlinks=True):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            found[os.path.relpath(path, root)] = stat.S_IMODE(os.stat(path).st_mode)
    return found


@pytest.mark.parametrize("umask", [0o000, 0o077], ids=oct)
async def test_modes_do_not_depend_on_the_umask(umask: int, project: Path) -> None:
    """Whatever the umask, nobody else may write what a development server makes, nor read its secrets."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "chatserver", "serve"),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "APP_ENV": "development", "PORT": "0"},
        cwd=project,
        umask=umask,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        assert await asyncio.wait_for(process.stdout.readline(), PATIENCE)
        modes = _modes(project)
    finally:
        process.send_signal(signal.SIGTERM)
        await process.communicate()
    state = ".chatserver"
    assert {
        f"{state}/{SECRET_FILE}",
        f"{state}/postgres/data",
        f"{state}/postgres/socket",
    } <= modes.keys()
    # PostgreSQL's socket is open to who may enter its directory, which nobody else may.
    loose = {
        name: oct(mode) for name, mode in modes.items() if mode & 0o022 and ".s.PGSQL" not in name
    }
    assert loose == {}
    for name in (SECRET_FILE, "postgres/password", "postgres/postgres.log", "postgres/lock"):
        assert modes[f"{state}/{name}"] == 0o600, name
    for name in ("postgres/data", "postgres/socket"):
        assert modes[f"{state}/{name}"] == 0o700, name


async def test_a_secret_that_everybody_may_replace(tmp_path: Path) -> None:
    """A development secret that everybody may write or replace is refused, and how to mend it is said."""
    state = tmp_path / ".chatserver"
    env = {"APP_ENV": "development"}
    assert (await run("token", "alice", env=env, cwd=tmp_path)).code == 0
    for path, mode in ((state, 0o777), (state / SECRET_FILE, 0o602)):
        usual = stat.S_IMODE(path.stat().st_mode)
        path.chmod(mode)
        refused = await run("token", "alice", env=env, cwd=tmp_path)
        assert (refused.code, refused.out) == (2, "")
        assert "chmod o-w" in refused.problem
        path.chmod(usual)
    assert (await run("token", "alice", env=env, cwd=tmp_path)).code == 0
