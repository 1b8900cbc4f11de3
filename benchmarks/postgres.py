"""The PostgreSQL of a run, with a database for every server: durable as in production, if anything is measured."""

import asyncio
from pathlib import Path

import asyncpg

from benchmarks.machine import Cores, move
from chatserver.ops.embedded.postgres import EmbeddedPostgres

# A checkpoint in the middle of a measurement would be measured too. It delays none of the commits' fsyncs.
_SETTINGS = ("max_wal_size = '16GB'", "checkpoint_timeout = '1h'")

# S9 has sixteen processes, each with a pool of ten.
_CONNECTIONS = 250

_BELIEVED = "SELECT reltuples FROM pg_class WHERE oid = $1::regclass"


class Postgres:
    """The embedded PostgreSQL (if `durable`: fsync on, synchronous_commit on), beside the server under test."""

    def __init__(self, directory: Path, cores: Cores, *, durable: bool) -> None:
        self._directory = directory
        self._cores = cores
        self._embedded = EmbeddedPostgres(directory, durable=durable, connections=_CONNECTIONS)
        self._dsn = ""

    async def start(self) -> None:
        """Make the cluster and start it."""
        self._dsn = await asyncio.to_thread(self._embedded.start)
        await self.execute(None, *(f"ALTER SYSTEM SET {setting}" for setting in _SETTINGS))
        await self.execute(None, "SELECT pg_reload_conf()")
        self.calm()

    async def autovacuum(self, *, on: bool) -> None:
        """Whether statistics are gathered by themselves, as they are in production."""
        await self.execute(
            None,
            f"ALTER SYSTEM SET autovacuum = {'on' if on else 'off'}",
            "SELECT pg_reload_conf()",
        )

    def stop(self) -> None:
        """Stop it for good."""
        self._embedded.stop()

    def dsn(self, database: str) -> str:
        """The address of a database."""
        return self._dsn.replace("/chatserver?", f"/{database}?")

    async def create(self, database: str, template: str = "template1") -> str:
        """Create a database as `template` is, in the place of any that is there; returns its address."""
        await self.execute(
            None,
            f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)',
            f'CREATE DATABASE "{database}" TEMPLATE "{template}"',
        )
        return self.dsn(database)

    async def execute(self, database: str | None, *statements: str) -> None:
        """Run statements, each in a transaction of its own."""
        connection = await asyncpg.connect(self.dsn(database) if database else self._dsn)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def believed(self, database: str, table: str) -> int:
        """How many rows its planner believes a table to have; -1 where statistics were never gathered."""
        connection = await asyncpg.connect(self.dsn(database))
        try:
            return int(await connection.fetchval(_BELIEVED, table))
        finally:
            await connection.close()

    async def version(self) -> str:
        """Such as 18.0."""
        connection = await asyncpg.connect(self._dsn)
        try:
            version = connection.get_server_version()
        finally:
            await connection.close()
        return f"{version.major}.{version.minor}"

    def calm(self) -> None:
        """Leave the server's processor to the server."""
        move(self.pid, self._cores.rest)

    def spread(self) -> None:
        """Use every processor, while nothing is measured."""
        move(self.pid, self._cores.all)

    @property
    def pid(self) -> int:
        """Of the process that all others of it come from."""
        data = (self._directory / "postgres").resolve() / "data"
        return int((data / "postmaster.pid").read_text().split()[0])
