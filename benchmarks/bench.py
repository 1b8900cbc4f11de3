"""One run's surroundings: the database with its worlds, the servers, and the load generator."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from copy import copy
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson
from redis.asyncio import Redis

from benchmarks import seed_ours, seed_peer, tools
from benchmarks.form import Form
from benchmarks.loadgen.build import build
from benchmarks.machine import Cores, allow_many_files, cores, go_first, going_first, running_on
from benchmarks.postgres import Postgres
from benchmarks.servers import Kind, Server
from benchmarks.world import Talk, World, write_lines
from tests.support.redis_server import redis_server

Numbers = dict[str, Any]


class LoadError(Exception):
    """The load generator could not do its work; the message says why."""


# Of one run of the generator beyond what it was told to take.
_PATIENCE = 120.0


class Bench:
    """What scenarios are played on. Everything is under `directory`, and goes with it."""

    def __init__(
        self,
        kinds: list[Kind],
        form: Form,
        directory: Path,
        redis_url: str,
        *,
        shared: Cores,
        first: bool,
    ) -> None:
        self._first = first
        self.kinds = kinds
        self.form = form
        self.directory = directory
        self.redis_url = redis_url
        self.cores = shared
        self.world = World(form.size)
        self.postgres = Postgres(directory, self.cores, durable=form.durable)
        # Of old, in each database.
        self.messages = 0
        # The databases that are made once: those that others are copies of, and those beside them.
        self._made: set[str] = set()
        self._servers: dict[str, Server] = {}
        # What looks at the first server of every load while it lasts, by its process id.
        self.looking: Callable[[int], AbstractAsyncContextManager[None]] | None = None
        self._generator = build()

    # -- the database -----------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Start PostgreSQL."""
        await self.postgres.start()

    async def redis_version(self) -> str:
        """Such as 7.2.4."""
        redis = Redis.from_url(self.redis_url)
        info = await redis.info("server")
        await redis.aclose()
        return str(info["redis_version"])

    async def create(self, kinds: Sequence[Kind]) -> None:
        """New databases, with the tables and nothing in them; the servers are stopped."""
        for kind in kinds:
            if server := self._servers.pop(kind.name, None):
                await server.stop()
        with self.seeding():
            await asyncio.gather(*map(self._create, kinds))
        self.messages = 0

    @contextmanager
    def seeding(self) -> Iterator[None]:
        """While nothing is measured, everything uses every processor."""
        self.postgres.spread()
        try:
            with running_on(self.cores.all):
                yield
        finally:
            self.postgres.calm()

    async def _create(self, kind: Kind) -> None:
        await self.postgres.create(kind.database, await self._blank(kind))

    async def _blank(self, kind: Kind) -> str:
        """The database of a kind that has the tables and nothing in them, to be copied."""
        blank = f"{kind.database}_blank"
        if blank not in self._made:
            dsn = await self.postgres.create(blank)
            if kind.ours:
                await seed_ours.prepare(kind, dsn)
            else:
                await seed_peer.prepare(dsn)
            self._made.add(blank)
        return blank

    async def beside(self, kind: Kind, name: str) -> tuple[str, bool]:
        """Another database of a kind, which lasts as long as the run; its address, and whether it is new."""
        beside = f"{kind.database}_{name}"
        if beside in self._made:
            return self.postgres.dsn(beside), False
        self._made.add(beside)
        return await self.postgres.create(beside, await self._blank(kind)), True

    async def analyse(self, kinds: Sequence[Kind]) -> None:
        """Do what autovacuum would do in time."""
        with self.seeding():
            for kind in kinds:
                await self.postgres.execute(kind.database, "VACUUM (ANALYZE)")

    async def add_first_messages(self, kinds: Sequence[Kind]) -> None:
        """Add those that are there before anything is measured: 10,000, half of them in one conversation."""
        deep = self.form.pages
        counts = {self.deep: deep} | dict.fromkeys(self.pairs, deep // self.form.pairs)
        await self.add_messages(kinds, counts)
        self.messages = sum(counts.values())

    @property
    def pairs(self) -> list[Talk]:
        """The pairs that write to each other."""
        return self.world.pairs[: self.form.pairs]

    @property
    def deep(self) -> Talk:
        """The conversation with a long history."""
        return self.world.pairs[-1]

    async def add_messages(
        self, kinds: Sequence[Kind], counts: dict[Talk, int], *, apart: bool = True
    ) -> None:
        """Add messages of old to conversations of two; `apart` from what is measured, with every processor."""
        workers = max(1, len(self.cores.all) // len(kinds))

        async def add(kind: Kind) -> None:
            dsn = self.postgres.dsn(kind.database)
            await self._seed(kind).add_messages(dsn, counts, workers)

        with self.seeding() if apart else nullcontext():
            await asyncio.gather(*map(add, kinds))

    async def add_conversations(self, kinds: Sequence[Kind], talks: Sequence[Talk]) -> None:
        """Add conversations, and the people in them who are not there yet."""

        async def add(kind: Kind) -> None:
            await self._seed(kind).populate(self.postgres.dsn(kind.database), talks)

        with self.seeding():
            await asyncio.gather(*map(add, kinds))

    @staticmethod
    def _seed(kind: Kind) -> ModuleType:
        return seed_ours if kind.ours else seed_peer

    # -- the servers ------------------------------------------------------------------------------

    async def server(self, kind: Kind, *, fresh: bool = False) -> Server:
        """The running server of a kind; `fresh` is one that has done nothing yet."""
        running = self._servers.get(kind.name)
        if running is not None and not fresh:
            return running
        if running is not None:
            await running.stop()
        server = self._servers[kind.name] = self.another(kind, self.cores.server)
        await server.start()
        return server

    def another(
        self, kind: Kind, processors: frozenset[int], name: str | None = None, **options: Any
    ) -> Server:
        """A server that is not started yet; `name` is that of its log."""
        log = self.directory / f"{name or kind.name}.log"
        return Server(kind, self.postgres.dsn(kind.database), processors, log, **options)

    def with_form(self, form: Form) -> "Bench":
        """The same surroundings for runs of another form."""
        same = copy(self)
        same.form = form
        return same

    async def stop(self) -> None:
        """Stop everything."""
        for server in self._servers.values():
            await server.stop()
        self.postgres.stop()

    async def settle(self, kind: Kind) -> None:
        """Nobody has anything left to receive, and what was written is on disk."""
        if kind.ours:
            await seed_ours.everybody_received(self.postgres.dsn(kind.database))
        await self.postgres.execute(None, "CHECKPOINT")

    # -- the load ---------------------------------------------------------------------------------

    def lines(self, name: str, lines: Iterable[str]) -> Path:
        """A file of connections."""
        return write_lines(self.directory / f"{name}.txt", lines)

    async def load(
        self,
        mode: str,
        *servers: Server,
        processors: frozenset[int] | None = None,
        **options: object,
    ) -> Numbers:
        """Run the load generator against servers, whose connections take turns; what it counted and measured.

        Options are those of its command line; True stands alone, None is left out.

        Raises LoadError.
        """
        if self._first:
            # Its processes that the servers have connected to are new.
            go_first(self.postgres.pid)
        given: dict[str, object] = {
            "port": ",".join(str(server.port) for server in servers),
            "pid": ",".join(str(server.pid) for server in servers),
            "database": self.postgres.pid,
            **options,
        }
        arguments = [mode]
        for name, value in given.items():
            if value is not None:
                option = f"--{name.replace('_', '-')}"
                arguments += [option] if value is True else [option, str(value)]
        with running_on(processors or self.cores.rest):
            process = await asyncio.create_subprocess_exec(
                str(self._generator),
                *arguments,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        look = self.looking(servers[0].pid) if self.looking and servers else nullcontext()
        try:
            async with look, asyncio.timeout(_PATIENCE):
                out, complaints = await process.communicate()
        except TimeoutError:
            raise LoadError(f"{mode} took longer than {_PATIENCE:.0f} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise LoadError(complaints.decode(errors="replace").strip().removeprefix("loadgen: "))
        numbers: Numbers = orjson.loads(out)
        return numbers


@asynccontextmanager
async def bench(kinds: list[Kind], form: Form, *, first: bool = False) -> AsyncIterator[Bench]:
    """The surroundings of a run, set up and in the end taken down; `first`: as `going_first`.

    Raises BuildError, MissingTool, PermissionError.
    """
    allow_many_files()
    if not all(kind.ours for kind in kinds):
        tools.install_peer()
    with tempfile.TemporaryDirectory(prefix="chatserver-bench-") as name:
        directory = Path(name)
        # As root, PostgreSQL's account must get in.
        directory.chmod(0o755)  # noqa: ASYNC240 - nothing else runs yet
        # Asked before anything is pinned: afterwards there would be one processor for all.
        shared = cores(apart=form.apart)
        before_others = going_first() if first else nullcontext()
        with before_others, running_on(shared.rest), redis_server() as redis_url:
            made = Bench(kinds, form, directory, redis_url, shared=shared, first=first)
            try:
                await made.prepare()
                yield made
            finally:
                await made.stop()
