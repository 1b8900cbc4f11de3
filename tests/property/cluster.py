"""Two servers on one database, and a bell between them that fails as it is told."""

import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from chatserver.app import App
from chatserver.core.about import About
from chatserver.delivery.pushes import Event, Frame
from tests.support.servers import Server, local_server

# What may become of a ring.
FATES = ("hear", "lose", "hold", "twice", "lie")


class Bell:
    """The bell of one of two servers: a `chatserver.delivery.delivery.Bell`."""

    def __init__(self, cluster: "Cluster", to: int) -> None:
        self._cluster = cluster
        self._to = to

    def ring(self, event: Event) -> None:
        """As Redis would, or would not."""
        self._cluster.rung(self._to, event)

    def tell(
        self,
        rooms: Sequence[str],
        name: str,
        payload: Any,
        skip_user: str | None,
        about: About | None = None,
    ) -> None:
        """Receipts are in no log, so a bell that loses them loses them (docs: "Redis, the doorbell")."""
        delivery = self._cluster.app(self._to).delivery
        delivery.told(rooms, Frame(name, payload, about=about), skip_user=skip_user)


class Cluster:
    """The servers by number."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._stacks = [AsyncExitStack(), AsyncExitStack()]
        self._servers: list[Server] = []
        self.fates: Iterator[str] = itertools.repeat("hear")
        self._held: list[tuple[int, Event]] = []

    def url(self, server: int) -> str:
        """Where one of them listens."""
        return self._servers[server].url

    def app(self, server: int) -> App:
        """One of them from inside."""
        app = self._servers[server].app
        assert app is not None  # they are in this process
        return app

    async def start(self) -> None:
        """Start both."""
        for stack in self._stacks:
            self._servers.append(await stack.enter_async_context(local_server(self._dsn)))
        self._hang_bells()

    async def restart(self, server: int) -> None:
        """Stop one, and start another in its place."""
        await self._stacks[server].aclose()
        stack = self._stacks[server] = AsyncExitStack()
        self._servers[server] = await stack.enter_async_context(local_server(self._dsn))
        self._hang_bells()

    async def stop(self) -> None:
        """Stop both."""
        for stack in self._stacks:
            await stack.aclose()

    def _hang_bells(self) -> None:
        for here, there in ((0, 1), (1, 0)):
            self.app(here).delivery.bell = Bell(self, there)

    def rung(self, to: int, event: Event) -> None:
        """A ring reaches the other server, or not, or later, or twice."""
        fate = next(self.fates)
        if fate == "hold":
            self._held.append((to, event))
        elif fate == "lie":
            # Somebody has changed it on its way, and says that the stream is far ahead.
            self.app(to).delivery.rung(event._replace(seq=event.seq + 2**40))
        elif fate != "lose":
            for _ in range(2 if fate == "twice" else 1):
                self.app(to).delivery.rung(event)

    def let_go(self) -> None:
        """What was held is heard now, the last first."""
        held, self._held = self._held, []
        for to, event in reversed(held):
            self.app(to).delivery.rung(event)

    def tell_receipts(self) -> None:
        """What receipts have changed is told."""
        for server in (0, 1):
            self.app(server).status_updates.flush()

    async def look_at_files(self) -> None:
        """Whatever is being looked at has been."""
        for server in (0, 1):
            await self.app(server).files.completion.settled()

    async def read(self) -> None:
        """The log readers hand on what is committed."""
        for server in (0, 1):
            await self.app(server).log_reader.read()


@asynccontextmanager
async def cluster(dsn: str) -> AsyncIterator[Cluster]:
    """Two servers that run."""
    servers = Cluster(dsn)
    await servers.start()
    try:
        yield servers
    finally:
        await servers.stop()
