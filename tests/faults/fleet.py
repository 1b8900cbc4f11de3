"""People on both processes who write to each other."""

import asyncio
import itertools
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import asyncpg

from tests.conftest import token_for
from tests.faults.client import Client
from tests.faults.cluster import Cluster, Server
from tests.faults.history import History, Send
from tests.faults.judge import Verdict, judge, stored
from tests.faults.other_doors import OtherDoor
from tests.faults.postgres import now
from tests.faults.returning import Returning

# Whatever goes wrong, a load ends after so many messages and so many seconds.
_MOST = 30_000
_LONGEST = 200.0
# Nothing waits this long unless it fails.
_PATIENCE = 60.0
_LIFETIME = 24 * 3600


class Fleet:
    """Pairs of people: one of each pair on each process, and a second device of the first beside the other.

    Args:
        doors: where the two of each pair are; the second device is at the main door.
    """

    def __init__(
        self,
        cluster: Cluster,
        pairs: int,
        doors: tuple[type[Returning], type[Returning]] = (Client, Client),
    ) -> None:
        self.cluster = cluster
        self._doors = doors
        self.history = History()
        self.clients: list[Returning] = []
        self.pairs: list[tuple[Returning, Returning, str]] = []
        self._run = uuid.uuid4().hex[:8]
        self._count = pairs
        self._numbers = itertools.count(1)
        self._posts: set[asyncio.Task[None]] = set()
        self._crashes = len(cluster.crashes())

    @property
    def conversations(self) -> list[str]:
        """Their ids."""
        return [conversation for _, _, conversation in self.pairs]

    async def gather(self) -> None:
        """Make the people, connect them, and open their conversations."""
        users = [f"{self._run}-{n}" for n in range(2 * self._count)]
        connection = await asyncpg.connect(self.cluster.postgres.dsn)
        try:
            await connection.execute(
                "INSERT INTO chat_users (user_id, username, display_name) "
                "SELECT id, id, id FROM unnest($1::text[]) AS id",
                users,
            )
        finally:
            await connection.close()
        here, there = (server.url for server in self.cluster.servers)
        for low, high in zip(users[::2], users[1::2], strict=True):
            first, second = self._doors
            self._add(first, f"{low}/a", low, here, there)
            self._add(second, f"{high}/a", high, there, here)
            self._add(Client, f"{low}/b", low, there, here)
        await self.all_connected()
        for n in range(self._count):
            first, second, opener = self.clients[3 * n : 3 * n + 3]
            assert isinstance(opener, Client)
            opened = await opener.ask("chat:conversation_open", recipientId=second.user_id)
            conversation = opened["conversation"]["id"]
            self.pairs.append((first, second, conversation))
            for client in (first, second):
                if isinstance(client, OtherDoor):
                    client.conversation = conversation
                    client.start()
        await self.all_connected()

    def _add(self, door: type[Returning], name: str, user_id: str, *urls: str) -> None:
        # Those of the other doors know one conversation, and come when there is one.
        is_other = issubclass(door, OtherDoor)
        client = door(
            name + "~" * is_other, user_id, token_for(user_id, _LIFETIME), urls, self.history
        )
        self.clients.append(client)
        if not is_other:
            client.start()

    async def all_connected(self) -> None:
        """Wait until everybody is."""
        begun = [client for client in self.clients if client.has_begun]
        await patiently(asyncio.gather(*(client.connected() for client in begun)))

    async def hurt(
        self, server: Server, fault: Awaitable[object], clients: list[Returning] | None = None
    ) -> float:
        """Do something to a process that cuts its clients; returns how long until all (or those) were back."""
        returning = self.clients if clients is None else clients
        cut = [(client, client.connections) for client in returning if client.at == server.url]
        began = now()
        await fault
        await patiently(asyncio.gather(*(client.connected(after) for client, after in cut)))
        return now() - began

    async def back(self) -> float:
        """Wait until everybody is connected again; returns how long it took."""
        began = now()
        await self.all_connected()
        return now() - began

    async def spread(self) -> None:
        """Send everybody to where they want to be: after a fault all are on the process that survived it."""
        for client in self.clients:
            if client.at != client.urls[0]:
                after = client.connections
                await client.hang_up()
                await patiently(client.connected(after))

    # -- load -------------------------------------------------------------------------------------

    @asynccontextmanager
    async def load(self, rate: float, content: str = "") -> AsyncIterator[None]:
        """Messages at `rate` per second, everybody in turn, whether or not the earlier ones are acked."""
        self.history.load_begins()
        task = asyncio.create_task(self._write(rate, content))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.history.load_ends()

    async def _write(self, rate: float, content: str) -> None:
        began = now()
        writers = itertools.cycle(
            (client, conversation)
            for first, second, conversation in self.pairs
            for client in (first, second)
        )
        for n in range(_MOST):
            if now() - began > _LONGEST:
                return
            await asyncio.sleep(began + n / rate - now())
            self.post(*next(writers), content)

    def post(
        self, client: Returning, conversation: str, content: str = "", pause: float | None = None
    ) -> asyncio.Task[None]:
        """Begin to send one message; `pause` as of `Client.post`."""
        name = f"{self._run}-m{next(self._numbers)}"
        send = Send(client.user_id, conversation, name)
        self.history.began(send)
        task = asyncio.create_task(client.post(send, content or f"text of {name}", pause))
        self._posts.add(task)
        task.add_done_callback(self._posts.discard)
        return task

    async def probe(self, client: Returning | None = None) -> float:
        """Send one fresh message now, at once again where it is refused; returns how long until it was acked.

        Args:
            client: of the first pair; otherwise a device that writes nothing else, so that no earlier message of
                its own is in the way.
        """
        began = now()
        _, _, conversation = self.pairs[0]
        await patiently(self.post(client or self.clients[2], conversation, pause=0.05))
        return now() - began

    async def refused(self, code: str, after: int) -> None:
        """Wait until more sends than so many were refused with a code."""
        async with asyncio.timeout(_PATIENCE):
            while self.history.retries[code] <= after:  # noqa: ASYNC110 - nobody is woken by a refusal
                await asyncio.sleep(0.02)

    # -- the end ----------------------------------------------------------------------------------

    async def settle(self) -> None:
        """Wait until everything is acked, and everybody has everything; what is not by then, the judge finds."""
        if self._posts:
            await asyncio.wait(self._posts, timeout=_PATIENCE)
        await self._have_everything(self.clients)

    async def has_everything(self, client: Returning) -> float:
        """Wait until a client has every event there is by now; returns how long it took."""
        began = now()
        await self._have_everything([client])
        return now() - began

    async def _have_everything(self, clients: list[Returning]) -> None:
        there = await stored(self.cluster.postgres.dsn, self.conversations)
        messages = Counter(row.conversation for row in there.rows)

        def owed(client: Returning, conversation: str) -> int:
            return (messages if isinstance(client, OtherDoor) else there.last)[conversation]

        wanted = [
            (client.name, conversation, owed(client, conversation))
            for first, second, conversation in self.pairs
            for client in clients
            if client.user_id in (first.user_id, second.user_id)
        ]
        deadline = now() + _PATIENCE
        while now() < deadline:
            self.history.changed.clear()
            if all(len(self.history.held[d, c]) >= count for d, c, count in wanted):
                return
            try:
                async with asyncio.timeout(deadline - now()):
                    await self.history.changed.wait()
            except TimeoutError:
                return

    async def judged(self) -> Verdict:
        """What is to be said of the whole."""
        owners = {client.name: client.user_id for client in self.clients}
        crashes = self.cluster.crashes()[self._crashes :]
        for crash in crashes:
            sys.stderr.write(f"{crash[:2000]}\n")
        return await judge(
            self.cluster.postgres.dsn, self.history, owners, self.conversations, len(crashes)
        )

    async def disperse(self) -> None:
        """Everybody hangs up."""
        for task in self._posts:
            task.cancel()
        await asyncio.gather(*self._posts, return_exceptions=True)
        await asyncio.gather(*(client.stop() for client in self.clients))


async def patiently(waited: Awaitable[object]) -> None:
    """Wait for what does not take long unless it fails."""
    async with asyncio.timeout(_PATIENCE):
        await waited
