"""A streaming standby of the suite's PostgreSQL, which can be promoted."""

import asyncio
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import asyncpg

from chatserver.ops.embedded.account import account_for
from chatserver.ops.embedded.cluster import ENVIRONMENT
from tests.faults.postgres import PATIENCE, Postgres

_NAME = "standby"
_STREAMS = "SELECT sync_state FROM pg_stat_replication WHERE application_name = $1"
_RECEIVER = "SELECT pid FROM pg_stat_wal_receiver"


class Standby(Postgres):
    """Made of a running primary by `pg_basebackup`; after `promote` it is the primary."""

    def __init__(self, primary: Postgres, directory: Path) -> None:
        super().__init__(directory)
        self._primary = primary
        self._sockets = Path(tempfile.mkdtemp(prefix="chatserver-"))
        self.dsn = primary.dsn.replace(quote(self._parameter("host")), quote(str(self._sockets)))

    def either(self, primary: tuple[str, int] | None = None) -> str:
        """The DSN of both, as clients are given it; `primary`: its host and port, where not its own."""
        url = urlsplit(self._primary.dsn)
        host, port = primary or (self._parameter("host"), int(self._parameter("port")))
        hosts = f"host={quote(host)},{quote(str(self._sockets))}"
        ports = f"port={port},{self._parameter('port')}"
        rules = "target_session_attrs=read-write&sslmode=disable"
        return f"{url.scheme}://{url.netloc}{url.path}?{hosts}&{ports}&{rules}"

    def _parameter(self, name: str) -> str:
        return parse_qs(urlsplit(self._primary.dsn).query)[name][0]

    def create(self) -> None:
        """Copy the primary, and begin to follow it."""
        account = account_for(self._primary.data)
        command = shlex.split((self._primary.data / "postmaster.opts").read_text())
        self.data.parent.mkdir(parents=True)
        for path in (self.data.parent, self._sockets):
            os.chown(path, account.uid, account.gid)
        url = urlsplit(self._primary.dsn)
        where = f"host={self._parameter('host')} port={self._parameter('port')}"
        subprocess.run(
            [
                Path(command[0]).with_name("pg_basebackup"),
                f"--dbname={where} user={url.username} application_name={_NAME}",
                *("--pgdata", self.data, "--checkpoint=fast", "--write-recovery-conf", "--no-sync"),
            ],
            env=ENVIRONMENT | {"PGPASSWORD": url.password or ""},
            cwd="/",
            check=True,
            capture_output=True,
            **account.popen_arguments(),
        )
        command[command.index("-D") + 1] = str(self.data)
        command = [
            f"--unix_socket_directories={self._sockets}"
            if "unix_socket_directories" in word
            else word
            for word in command
        ]
        self.launch(command)

    async def follow(self, *, synchronous: bool) -> None:
        """Wait until it answers and streams; where `synchronous`, every commit waits for it from then on."""
        await self.answers()
        connection = await asyncpg.connect(self._primary.dsn)
        try:
            if synchronous:
                await connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{_NAME}'")
                await connection.execute("SELECT pg_reload_conf()")
            wanted = "sync" if synchronous else "async"
            async with asyncio.timeout(PATIENCE):
                while await connection.fetchval(_STREAMS, _NAME) != wanted:  # noqa: ASYNC110 - it has no event for it
                    await asyncio.sleep(0.02)
        finally:
            await connection.close()

    async def fall_behind(self) -> int:
        """Receive nothing from now on, as over a slow line; returns the process to go on with."""
        connection = await asyncpg.connect(self.dsn)
        pid: int = await connection.fetchval(_RECEIVER)
        await connection.close()
        os.kill(pid, signal.SIGSTOP)
        return pid

    async def promote(self) -> None:
        """Make it the primary, and wait until it takes writes."""
        connection = await asyncpg.connect(self.dsn)
        try:
            assert await connection.fetchval("SELECT pg_promote(true, 60)")
        finally:
            await connection.close()

    def destroy(self) -> None:
        """See `Postgres`."""
        self.kill()
        shutil.rmtree(self._sockets, ignore_errors=True)

    @property
    def data(self) -> Path:
        """See `Postgres`."""
        return self._directory / "standby" / "data"
