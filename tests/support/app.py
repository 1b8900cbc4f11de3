"""The React app of client/app, built for the tests, and people who open it in a browser."""

import asyncio
import fcntl
import json
import os
from pathlib import Path

from chatserver.doors.http.app_page import BUILT, content_security_policy
from tests.support.browser import chromium
from tests.support.node import CLIENT, node_modules, run_node
from tests.support.patience import PATIENCE

_SOURCES = ("app", "packages/client/src", "packages/zustand/src")


async def built_app() -> Path:
    """The folder of the built app, built first where it is missing or older than its sources."""
    await node_modules(CLIENT)
    with (CLIENT / "package.json").open("rb") as lock:
        # One of the processes that run tests builds it, and the others wait.
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        index = BUILT / "index.html"
        if not index.exists() or index.stat().st_mtime < _newest():
            await build_app()
    return BUILT


async def build_app(*options: str, mode: str = "production") -> None:
    """Build the app; in the mode "development" with the React that says what is wrong, and does things twice."""
    process = await asyncio.create_subprocess_exec(
        *("npm", "run", "--silent", "build", "--workspace", "app", "--", "--mode", mode, *options),
        cwd=CLIENT,
        env={**os.environ, "NODE_ENV": mode},
    )
    assert await process.wait() == 0, "the app was not built: what Vite says is above"


def _newest() -> float:
    files = (path for folder in _SOURCES for path in (CLIENT / folder).rglob("*"))
    return max(path.stat().st_mtime for path in files if path.is_file())


async def run_in_browser(file: str, url: str, tokens: dict[str, str], **given: object) -> None:
    """Run a file of tests/js/app, which opens the app as the people whose tokens these are.

    Where there is no browser the test is skipped.
    """
    executable = await chromium()
    await node_modules()
    static = await built_app()
    app = {
        "chromium": executable,
        "static": str(static),
        "csp": content_security_policy(),
        "url": url,
        "tokens": tokens,
        **given,
    }
    await run_node(f"app/{file}", within=4 * PATIENCE, APP=json.dumps(app))
