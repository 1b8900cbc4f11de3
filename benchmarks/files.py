"""S11, files: ``python -m benchmarks.files`` uploads and downloads many files at once.

It starts a server on an embedded PostgreSQL. Fifty files of 25 MiB are uploaded while fifty are downloaded, and
somebody pings meanwhile, which waits for the event loop alone. Judged: that wait (p99 under 20 ms), and memory:
all of it together is 2.5 GiB. Both are true of a machine that does nothing else.
"""

import argparse
import asyncio
import base64
import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from benchmarks.servers import ENCRYPTION_KEY, JWT_SECRET
from chatserver.config import load_settings
from chatserver.ops.embedded.postgres import EmbeddedPostgres
from chatserver.sessions import issue_token
from chatserver.store.migrate import migrate

_MIB = 1024 * 1024
_LAG = 0.020
_GROWTH = 200 * _MIB
_PIECE = os.urandom(256 * 1024)


class _Person:
    """Somebody who asks over REST."""

    def __init__(self, http: aiohttp.ClientSession, url: str, token: str) -> None:
        self._http = http
        self._url = url
        self._auth = {"Authorization": f"Bearer {token}"}

    async def do(self, command: str, **payload: Any) -> dict[str, Any]:
        async with self._http.post(
            f"{self._url}/api/commands/{command}", json=payload, headers=self._auth
        ) as response:
            body: dict[str, Any] = await response.json()
            assert body.get("success"), body
            return body

    async def upload(self, talk: str, size: int) -> str:
        created = await self.do(
            "file:create", conversationId=talk, name="a.bin", size=size, type=""
        )
        upload = created["upload"]
        headers = {**upload["headers"], "Content-Length": str(size)}
        async with self._http.put(
            self._url + upload["url"], data=_pieces(size), headers=headers
        ) as response:
            assert response.status == 200, await response.text()
        file_id: str = created["file"]["id"]
        await self.do("file:complete", fileId=file_id)
        return file_id

    async def download(self, file_id: str) -> int:
        came = 0
        async with self._http.get(
            f"{self._url}/api/files/{file_id}", headers=self._auth
        ) as response:
            assert response.status == 200
            async for piece in response.content.iter_chunked(_MIB):
                came += len(piece)
        return came


async def _pieces(size: int) -> AsyncIterator[bytes]:
    while size:
        piece = _PIECE[:size]
        size -= len(piece)
        yield piece


def _memory(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 if found else 0


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _measured(person: _Person, pid: int, stop: asyncio.Event) -> tuple[list[float], int]:
    """How long `system:ping` takes, which waits for the loop alone, and the most memory."""
    waits, most = [], 0
    while not stop.is_set():
        asked = time.perf_counter()
        await person.do("system:ping")
        waits.append(time.perf_counter() - asked)
        most = max(most, _memory(pid))
        await asyncio.sleep(0.02)
    return waits, most


async def _load(
    url: str, tokens: list[str], talk: str, file_ids: list[str], many: int, size: int
) -> None:
    """Upload and download; in a process of its own, so that whoever asks meanwhile waits for the server alone."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        people = [_Person(http, url, token) for token in tokens]
        ups = [people[n % 2].upload(talk, size) for n in range(many)]
        downs = [people[0].download(file_ids[n % 3]) for n in range(many)]
        came = await asyncio.gather(*downs, *ups)
        assert all(one == size for one in came[:many])


async def _play(url: str, pid: int, tokens: list[str], many: int, size: int) -> bool:
    async with aiohttp.ClientSession() as http:
        people = [_Person(http, url, token) for token in tokens]
        talk = (await people[0].do("chat:conversation_open", recipientId="p1"))["conversation"][
            "id"
        ]
        file_ids = [await people[0].upload(talk, size) for _ in range(3)]
        before, busy, began = _memory(pid), _cpu(pid), time.perf_counter()
        stop = asyncio.Event()
        watching = asyncio.create_task(_measured(people[1], pid, stop))
        load = json.dumps([url, tokens, talk, file_ids, many, size])
        loading = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.files", "--load", load
        )
        failed = await loading.wait()
        took = time.perf_counter() - began
        stop.set()
        waits, most = await watching
    if failed:
        return False
    waits.sort()
    p50, p99 = statistics.median(waits), waits[int(len(waits) * 0.99)]
    grown, moved = most - before, 2 * many * size
    print(  # noqa: T201 - its output
        f"{many} uploads and {many} downloads of {size // _MIB} MiB: {took:.1f} s, "
        f"{moved / took / _MIB:.0f} MiB/s, "
        f"{(_cpu(pid) - busy) / moved * 1024 * _MIB:.2f} s of CPU a GiB\n"
        f"a ping meanwhile: p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms ({len(waits)} of them)\n"
        f"memory: {before // _MIB} MiB before, {most // _MIB} MiB at most, {grown // _MIB} MiB more"
    )
    return p99 < _LAG and grown < _GROWTH


async def _main(many: int, size: int) -> int:
    with tempfile.TemporaryDirectory(prefix="chatserver-bench-") as directory:
        os.chmod(directory, 0o755)
        with EmbeddedPostgres(Path(directory)) as dsn:
            await migrate(dsn)
            env = {
                "PATH": os.environ["PATH"],
                "APP_ENV": "development",
                "DATABASE_URL": dsn,
                "JWT_SECRET": base64.b64encode(JWT_SECRET).decode(),
                "CHAT_ENCRYPTION_KEY": ENCRYPTION_KEY,
                "PORT": "0",
                "FILES_URL": f"file://{directory}/files",
                "FILE_QUOTA_PER_DAY": "0",
                "COMMAND_RATE_LIMIT": "0",
                "IP_RATE_LIMIT": "0",
                "MAX_SOCKETS_PER_IP": "0",
                "LOG_LEVEL": "warning",
            }
            settings = load_settings(env, state_directory=Path(directory))
            connection = await asyncpg.connect(dsn)
            await connection.execute(
                "INSERT INTO chat_users (user_id, username) VALUES ('p0', 'p0'), ('p1', 'p1')"
            )
            await connection.close()
            tokens = [issue_token(settings.jwt_secret, f"p{n}", lifetime=3600) for n in range(2)]
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "chatserver", "serve", env=env, stdout=asyncio.subprocess.PIPE
            )
            assert process.stdout is not None
            try:
                line = (await process.stdout.readline()).decode()
                url = line.split()[-1].replace("localhost", "127.0.0.1")
                good = await _play(url, process.pid, tokens, many, size)
            finally:
                process.kill()
                await process.communicate()
    return 0 if good else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--many", type=int, default=50)
    parser.add_argument("--mib", type=int, default=25)
    parser.add_argument("--load", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.load:
        asyncio.run(_load(*json.loads(given.load)))
        sys.exit()
    sys.exit(asyncio.run(_main(given.many, given.mib * _MIB)))
