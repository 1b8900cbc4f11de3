"""Node.js and the JavaScript packages of the tests, where the machine has them."""

import asyncio
import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.support.servers import ROOT

JS = ROOT / "tests" / "js"
# A file takes 5 s at most; less than pytest's own timeout, which would not show what Node printed.
_PATIENCE = 40.0


async def node_modules() -> Path:
    """The installed packages of tests/js, installed first where they are missing or older than the lock file.

    Without Node.js the test is skipped; in CI, where nobody would notice, it fails.
    """
    if shutil.which("node") is None or shutil.which("npm") is None:
        sentence = "there is no Node.js here: the JavaScript clients are not tested"
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    installed = JS / "node_modules"
    # npm writes this file last.
    stamp = installed / ".package-lock.json"
    if not stamp.exists() or stamp.stat().st_mtime < (JS / "package-lock.json").stat().st_mtime:
        process = await asyncio.create_subprocess_exec(
            "npm", "ci", "--no-audit", "--no-fund", cwd=JS
        )
        assert await process.wait() == 0, "npm ci failed: its output is above"
    return installed


async def run_node(file: str, **environment: str) -> None:
    """Run the tests of a file in tests/js, and fail with what they print unless all of them pass."""
    process = await asyncio.create_subprocess_exec(
        "node",
        "--test",
        "--test-reporter=tap",
        file,
        cwd=JS,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    # Read beside the waiting, so that what was printed is there where they hang.
    reading = asyncio.create_task(process.stdout.read())
    try:
        await asyncio.wait_for(process.wait(), _PATIENCE)
        ended = f"ended with {process.returncode}"
    except TimeoutError:
        ended = f"did not end within {_PATIENCE:.0f} s"
    finally:
        if process.returncode is None:
            # Node runs the file in a process of its own, which would outlive its parent.
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        output = (await reading).decode()
    if process.returncode != 0:
        pytest.fail(f"{file} {ended}:\n{output}", pytrace=False)
