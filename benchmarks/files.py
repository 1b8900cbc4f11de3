"""S11, files: many are uploaded and many downloaded at once, while somebody else pings.

``python -m benchmarks.files LOAD`` makes the load, in a process of its own: what it does is not what the server
does. LOAD is JSON. It says a line when it begins, goes on until its standard input ends, and prints what moved.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from benchmarks.bench import Bench, LoadError, Numbers
from benchmarks.lateness import late_between
from benchmarks.machine import look_at, most_memory, running_on
from benchmarks.scenario import READY
from benchmarks.servers import Kind, Server
from benchmarks.tools import ROOT

_PIECE = os.urandom(256 * 1024)
# Those that are downloaded.
_SERVED = 3


async def up_and_down(bench: Bench, kind: Kind) -> Numbers:
    """S11: how long others wait meanwhile, and what it takes. The loop's lag is seen from inside the server."""
    noted = bench.directory / f"{kind.name}.lag"
    server = bench.another(
        kind,
        bench.cores.server,
        watch=("lag", noted),
        FILES_URL=f"file://{bench.directory}/{kind.name}-files",
        FILE_QUOTA_PER_DAY="0",
    )
    await server.start()
    try:
        numbers = await _under_load(bench, server)
    finally:
        await server.stop()
    # Both by the machine's monotonic clock.
    until = numbers["window_ended"]
    numbers["loop_lag_ms"] = late_between(noted, until - numbers["seconds"], until)
    return numbers


async def _under_load(bench: Bench, server: Server) -> Numbers:
    form, talk = bench.form, bench.pairs[0]
    load = {
        "url": f"http://127.0.0.1:{server.port}",
        "token": bench.world.tokens[talk.members[0]],
        "conversation": talk.id,
        "at_once": form.files,
        "size": form.file_bytes,
    }
    with running_on(bench.cores.rest):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.files", json.dumps(load)),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        await process.stdout.readline()
        before = look_at(server.pid)
        numbers = await bench.load(
            "ask",
            server,
            connections=bench.lines("pinging", [bench.world.line(talk.members[1], talk)]),
            event="system:ping",
            payload="{}",
            pushes_per_ask=0,
            rate=form.pings,
            ready=READY,
            connect_window=1,
            seconds=form.seconds,
            warmup=form.warmup,
            settle=30,
        )
        process.stdin.close()
        moved: Numbers = json.loads(await process.stdout.readline() or "{}")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    if not moved:
        raise LoadError("files were not uploaded, or not served")
    gibibytes = (moved["up"] + moved["down"]) / 2**30
    used = look_at(server.pid).cpu_seconds - before.cpu_seconds
    return numbers | {
        "files": moved["files"],
        "mib_per_second": gibibytes * 1024 / moved["seconds"],
        "cpu_seconds_per_gib": used / gibibytes,
        "memory_mb": (most_memory(server.pid) - before.rss_kb) / 1024,
    }


class _Load:
    """So many uploads and as many downloads, each again when it is done, until it is told to stop."""

    def __init__(self, http: aiohttp.ClientSession, conversation: str, size: int) -> None:
        self._http = http
        self._conversation = conversation
        self._size = size
        self.up = 0
        self.down = 0
        self.files = 0

    async def _do(self, command: str, **payload: Any) -> dict[str, Any]:
        async with self._http.post(f"/api/commands/{command}", json=payload) as response:
            body: dict[str, Any] = await response.json()
            assert body.get("success"), body
            return body

    async def upload(self) -> str:
        created = await self._do(
            "file:create",
            conversationId=self._conversation,
            name="a.bin",
            size=self._size,
            type="",
        )
        upload = created["upload"]
        headers = {**upload["headers"], "Content-Length": str(self._size)}
        async with self._http.put(upload["url"], data=self._pieces(), headers=headers) as response:
            assert response.status == 200, await response.text()
        file_id: str = created["file"]["id"]
        await self._do("file:complete", fileId=file_id)
        self.files += 1
        return file_id

    async def _pieces(self) -> AsyncIterator[bytes]:
        left = self._size
        while left:
            piece = _PIECE[:left]
            left -= len(piece)
            self.up += len(piece)
            yield piece

    async def download(self, file_id: str) -> None:
        came = 0
        async with self._http.get(f"/api/files/{file_id}") as response:
            assert response.status == 200
            async for piece in response.content.iter_any():
                came += len(piece)
                self.down += len(piece)
        assert came == self._size
        self.files += 1

    async def for_ever(self, *, file_id: str | None) -> None:
        while True:
            await (self.upload() if file_id is None else self.download(file_id))


async def _load(
    url: str, token: str, conversation: str, at_once: int, size: int
) -> dict[str, float]:
    told = asyncio.Event()
    reader = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    reader.add_done_callback(lambda _: told.set())
    async with aiohttp.ClientSession(
        url,
        connector=aiohttp.TCPConnector(limit=0),
        headers={"Authorization": f"Bearer {token}"},
    ) as http:
        load = _Load(http, conversation, size)
        file_ids = [await load.upload() for _ in range(_SERVED)]
        load.up = load.files = 0
        began = time.perf_counter()
        say("begun")
        running: list[asyncio.Task[Any]] = [
            asyncio.create_task(
                load.for_ever(file_id=file_ids[n // 2 % _SERVED] if n % 2 else None)
            )
            for n in range(2 * at_once)
        ]
        waiting: asyncio.Task[Any] = asyncio.create_task(told.wait())
        # None of the others ends, unless it fails.
        ended, _ = await asyncio.wait([waiting, *running], return_when=asyncio.FIRST_COMPLETED)
        took = time.perf_counter() - began
        found = {"up": load.up, "down": load.down, "files": load.files, "seconds": took}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for task in ended - {waiting}:
            task.result()
        return found


def say(line: str) -> None:
    """A line for who waits for it."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    say(json.dumps(asyncio.run(_load(**json.loads(sys.argv[1])))))
