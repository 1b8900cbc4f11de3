"""A PostgreSQL cluster of the suite's own that can be stopped, stalled, killed and started again in place."""

import asyncio
import os
import shlex
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg

from chatserver.ops.embedded.account import account_for
from chatserver.ops.embedded.postgres import EmbeddedPostgres

PATIENCE = 30.0

_BACKENDS = "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
_TERMINATE = """
SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) AS all,
    count(*) FILTER (WHERE state = 'active') AS busy
FROM pg_stat_activity WHERE application_name = 'chatserver'
"""


class Postgres:
    """The embedded PostgreSQL, durable as in production, and what can befall it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._embedded = EmbeddedPostgres(directory)
        self._again: subprocess.Popen[bytes] | None = None
        self.dsn = ""

    def create(self) -> None:
        """Make the cluster and start it."""
        self.dsn = self._embedded.start()

    def destroy(self) -> None:
        """Stop it for good."""
        if self._again is not None and self._again.poll() is None:
            self._again.send_signal(signal.SIGINT)
            self._again.wait(PATIENCE)
        self._embedded.stop()

    async def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: a fast shutdown. SIGQUIT: as a crash, with recovery at the next start."""
        pid = self._postmaster
        os.kill(pid, number)
        async with asyncio.timeout(PATIENCE):
            while self._alive(pid):  # noqa: ASYNC110 - a process that is not our child tells nobody
                await asyncio.sleep(0.01)

    async def start(self) -> None:
        """Start it again, where it was, and wait until it takes connections."""
        # As it was started the first time: the same socket, so that its address stays.
        self.launch(shlex.split((self.data / "postmaster.opts").read_text()))
        await self.answers()

    async def answers(self) -> None:
        """Wait until it takes connections."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    connection = await asyncpg.connect(self.dsn, timeout=1)
                except (OSError, TimeoutError, asyncpg.PostgresError):
                    await asyncio.sleep(0.01)
                else:
                    await connection.close()
                    return

    def kill(self) -> None:
        """SIGKILL of all its processes, as the end of its machine would have it."""
        with suppress(FileNotFoundError):
            pid = self._postmaster
            with suppress(ProcessLookupError):
                # No new ones come while the others are counted.
                os.kill(pid, signal.SIGSTOP)
            for each in (*children(pid), pid):
                with suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)
        if self._again is not None:
            self._again.wait(PATIENCE)

    def launch(self, command: list[str]) -> None:
        """Start its server by a command line."""
        with (self.data.parent / "postgres.again.log").open("ab") as log:
            self._again = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
                cwd="/",
                start_new_session=True,
                **account_for(self.data).popen_arguments(),
            )

    @asynccontextmanager
    async def stalled(self) -> AsyncIterator[None]:
        """Every process of the cluster stands still: it neither answers nor hangs up."""
        connection = await asyncpg.connect(self.dsn)
        # The postmaster first: then no new ones come while the others are counted.
        pids = [self._postmaster]
        try:
            os.kill(pids[0], signal.SIGSTOP)
            pids += [row["pid"] for row in await connection.fetch(_BACKENDS)]
            for pid in pids[1:]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            await connection.close()

    async def terminate_backends(self) -> tuple[int, int]:
        """End the servers' sessions, whatever they are at; returns how many, and how many were at something."""
        connection = await asyncpg.connect(self.dsn)
        try:
            row = await connection.fetchrow(_TERMINATE)
        finally:
            await connection.close()
        return row["all"], row["busy"]

    @property
    def is_running(self) -> bool:
        """Whether its server is there; one that ended and that nobody has buried is not."""
        try:
            stat = Path(f"/proc/{self._postmaster}/stat").read_text()
        except FileNotFoundError:
            return False
        return stat.rpartition(")")[2].split()[0] != "Z"

    @property
    def data(self) -> Path:
        """Its data directory."""
        return (self._directory / "postgres").resolve() / "data"

    @property
    def _postmaster(self) -> int:
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def _alive(self, pid: int) -> bool:
        """It is its parent that must bury it: `EmbeddedPostgres` at its end, or we."""
        if self._again is not None and self._again.pid == pid:
            return self._again.poll() is None
        return (self.data / "postmaster.pid").exists()


def children(pid: int) -> list[int]:
    """The processes that a process has started, as Linux lists them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(path.parent.name))
    return found


def now() -> float:
    """The clock of all the suite's times, in seconds."""
    return time.monotonic()
