"""`chatserver` as it is run: a process of its own, with an environment of its own."""

import asyncio
import itertools
import json
import os
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.patience import PATIENCE
from tests.support.servers import ROOT, environment
from tests.support.warm_cli import Call

_PATHS = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended, and what it wrote."""

    code: int | None
    out: str
    err: str

    @property
    def problem(self) -> str:
        """The one readable line of a failure."""
        assert "Traceback" not in self.err, self.err
        assert self.err.count("\n") == 1, self.err
        assert self.err.startswith("chatserver: "), self.err
        return self.err


def production(dsn: str, **overrides: str) -> dict[str, str]:
    """The variables of a server in production."""
    origins = {"CORS_ALLOWED_ORIGINS": "https://app.example"}
    return environment(dsn, **{"APP_ENV": "production", **origins, **overrides})


async def spawn(
    *arguments: str,
    env: Mapping[str, str],
    cwd: Path | None = None,
    preexec: Callable[[], None] | None = None,
) -> Process:
    """`chatserver …`, in a process group of its own, as a shell starts it; `preexec` runs in it before."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "chatserver",
        *arguments,
        env={**_PATHS, **env},
        cwd=cwd or Path("/"),
        stdout=PIPE,
        stderr=PIPE,
        start_new_session=True,
        preexec_fn=preexec,
    )


async def end(process: Process) -> Ended:
    """Wait for the end of a process."""
    try:
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    except TimeoutError:
        process.kill()
        await process.communicate()
        raise
    return Ended(process.returncode, out.decode(), err.decode())


async def run(*arguments: str, env: Mapping[str, str], cwd: Path | None = None) -> Ended:
    """`chatserver …`, until it ends; forked from a process that has loaded it already."""
    return await WARM.run(arguments, {**_PATHS, **env}, cwd or Path("/"))


class Warm:
    """The process from which those of `run` are forked; it starts when it is first needed."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._calls: dict[int, asyncio.Future[int]] = {}
        self._numbers = itertools.count()
        # Several may need it first at once.
        self._starting = asyncio.Lock()

    async def run(self, arguments: Sequence[str], env: Mapping[str, str], cwd: Path) -> Ended:
        """Call `main` in a process of its own, and wait for its end."""
        async with self._starting:
            if self._process is None:
                program = (sys.executable, "-m", "tests.support.warm_cli")
                self._process = await asyncio.create_subprocess_exec(
                    *program, cwd=ROOT, stdin=PIPE, stdout=PIPE
                )
                self._reader = asyncio.create_task(self._read(self._process))
        assert self._process.stdin is not None
        number = next(self._numbers)
        ended = self._calls[number] = asyncio.get_running_loop().create_future()
        with tempfile.TemporaryDirectory() as directory:
            out, err = Path(directory, "out"), Path(directory, "err")
            call: Call = {
                "number": number,
                "arguments": [*arguments],
                "env": dict(env),
                "cwd": str(cwd),
                "out": str(out),
                "err": str(err),
            }
            self._process.stdin.write(json.dumps(call).encode() + b"\n")
            code = await asyncio.wait_for(ended, PATIENCE)
            return Ended(code, *(file.read_text("utf-8") for file in (out, err)))

    async def _read(self, process: Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            number, code = map(int, line.split())
            if not (
                ended := self._calls.pop(number)
            ).done():  # somebody may have waited too long for it
                ended.set_result(code)
        # Nobody waits for what will never be told; the next call starts another.
        self._process = None
        for ended in self._calls.values():
            if not ended.done():
                ended.set_exception(RuntimeError("the process that forks `chatserver` ended"))
        self._calls.clear()

    async def close(self) -> None:
        """End it."""
        if (process := self._process) is not None and self._reader is not None:
            assert process.stdin is not None
            process.stdin.close()
            await self._reader
            await process.wait()


WARM = Warm()


@asynccontextmanager
async def serving(
    *arguments: str, env: Mapping[str, str], cwd: Path | None = None
) -> AsyncIterator[tuple[Process, str]]:
    """`chatserver serve …` in development, and its URL; killed in the end if it still runs."""
    process = await spawn("serve", *arguments, env=env, cwd=cwd)
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), PATIENCE)).decode()
        assert "listening on" in line, (line, await process.communicate())
        yield process, line.split()[-1].replace("localhost", "127.0.0.1")
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
