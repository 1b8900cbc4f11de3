"""Node.js and the JavaScript packages of the tests, where the machine has them."""

import asyncio
import fcntl
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE
from tests.support.servers import ROOT

JS = ROOT / "tests" / "js"
CLIENT = ROOT / "client"


async def node_modules(folder: Path = JS) -> Path:
    """The installed packages of a folder, installed first where they are missing or older than the lock file.

    Without Node.js the test is skipped; in CI, where nobody would notice, it fails.
    """
    if shutil.which("node") is None or shutil.which("npm") is None:
        sentence = "there is no Node.js here: the JavaScript clients are not tested"
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    installed = folder / "node_modules"
    # npm writes this file last.
    stamp = installed / ".package-lock.json"
    with (folder / "package-lock.json").open("rb") as lock:
        # One of the processes that run tests installs them, and the others wait.
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.stat().st_mtime < os.fstat(lock.fileno()).st_mtime:
            process = await asyncio.create_subprocess_exec(
                "npm", "ci", "--no-audit", "--no-fund", cwd=folder
            )
            assert await process.wait() == 0, "npm ci failed: its output is above"
    return installed


async def run_node(file: str, *, within: float = PATIENCE, **environment: str) -> None:
    """Run the tests of a file in tests/js; fail with what they print unless all pass, `within` seconds."""
    command = ("node", "--test", "--test-reporter=tap", file)
    await _run(*command, folder=JS, env=environment, within=within)


async def run_vitest(**environment: str) -> None:
    """Run the tests of client/, or those that CLIENT_TESTS names; fail with what they print unless all pass."""
    vitest = CLIENT / "node_modules/vitest/vitest.mjs"
    command = ("node", str(vitest), "run", *os.environ.get("CLIENT_TESTS", "").split())
    # All of them together take some twenty seconds where nothing else runs.
    await _run(*command, folder=CLIENT, env=environment, within=5 * PATIENCE)


async def _run(
    *command: str, folder: Path, env: Mapping[str, str], within: float = PATIENCE
) -> None:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    # Read beside the waiting, so that what was printed is there where they hang.
    reading = asyncio.create_task(process.stdout.read())
    try:
        await asyncio.wait_for(process.wait(), within)
        ended = f"ended with {process.returncode}"
    except TimeoutError:
        ended = f"did not end within {within:.0f} s"
    finally:
        if process.returncode is None:
            # Node runs the file in a process of its own, which would outlive its parent.
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        output = (await reading).decode()
    if process.returncode != 0:
        pytest.fail(f"{' '.join(command)} {ended}:\n{output}", pytrace=False)
