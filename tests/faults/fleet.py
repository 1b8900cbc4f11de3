"""People on both processes who write to each other."""

import asyncio
import itertools
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import asyncpg

from tests.conftest import token_for
from tests.faults.client import Client
from tests.faults.cluster import Cluster, Server
from tests.faults.history import History, Send
from tests.faults.judge import Verdict, judge, last_seqs
from tests.faults.postgres import now

# Whatever goes wrong, a load ends after so many messages and so many seconds.
_MOST = 30_000
_LONGEST = 200.0
# Nothing waits this long unless it fails.
_PATIENCE = 60.0
_LIFETIME = 24 * 3600


class Fleet:
    """Pairs of people: one of each pair on each process, and a second device of the first beside the other."""

    def __init__(self, cluster: Cluster, pairs: int) -> None:
        self.cluster = cluster
        self.history = History()
        self.clients: list[Client] = []
        self.pairs: list[tuple[Client, Client, str]] = []
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
            self._add(f"{low}/a", low, here, there)
            self._add(f"{high}/a", high, there, here)
            self._add(f"{low}/b", low, there, here)
        await self.all_connected()
        for n in range(self._count):
            first, second = self.clients[3 * n : 3 * n + 2]
            opened = await first.ask("chat:conversation_open", recipientId=second.user_id)
            self.pairs.append((first, second, opened["conversation"]["id"]))

    def _add(self, name: str, user_id: str, *urls: str) -> Client:
        client = Client(name, user_id, token_for(user_id, _LIFETIME), urls, self.history)
        self.clients.append(client)
        client.start()
        return client

    async def all_connected(self) -> None:
        """Wait until everybody is."""
        await _patiently(asyncio.gather(*(client.connected() for client in self.clients)))

    async def hurt(
        self, server: Server, fault: Awaitable[object], clients: list[Client] | None = None
    ) -> float:
        """Do something to a process that cuts its clients; returns how long until all (or those) were back."""
        returning = self.clients if clients is None else clients
        cut = [(client, client.connections) for client in returning if client.at == server.url]
        began = now()
        await fault
        await _patiently(asyncio.gather(*(client.connected(after) for client, after in cut)))
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
                await _patiently(client.connected(after))

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
        self, client: Client, conversation: str, content: str = "", pause: float | None = None
    ) -> asyncio.Task[None]:
        """Begin to send one message; `pause` as of `Client.post`."""
        name = f"{self._run}-m{next(self._numbers)}"
        send = self.history.sends[name] = Send(client.user_id, conversation, name)
        task = asyncio.create_task(client.post(send, content or f"text of {name}", pause))
        self._posts.add(task)
        task.add_done_callback(self._posts.discard)
        return task

    async def probe(self) -> float:
        """Send one fresh message now, at once again where it is refused; returns how long until it was acked.

        From a device that writes nothing else: no earlier message of its own is in the way.
        """
        began = now()
        _, _, conversation = self.pairs[0]
        await _patiently(self.post(self.clients[2], conversation, pause=0.05))
        return now() - began

    # -- the end ----------------------------------------------------------------------------------

    async def settle(self) -> None:
        """Wait until everything is acked, and everybody has everything; what is not by then, the judge finds."""
        if self._posts:
            await asyncio.wait(self._posts, timeout=_PATIENCE)
        await self._have_everything(self.clients)

    async def has_everything(self, client: Client) -> float:
        """Wait until a client has every event there is by now; returns how long it took."""
        began = now()
        await self._have_everything([client])
        return now() - began

    async def _have_everything(self, clients: list[Client]) -> None:
        last = await last_seqs(self.cluster.postgres.dsn, self.conversations)
        wanted = [
            (client.name, conversation, last[conversation])
            for first, second, conversation in self.pairs
            for client in clients
            if client.user_id in (first.user_id, second.user_id)
        ]
        deadline = now() + _PATIENCE
        while now() < deadline:
            self.history.changed.clear()
            if all(len(set(self.history.receipts[d, c])) >= count for d, c, count in wanted):
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


async def _patiently(waited: Awaitable[object]) -> None:
    async with asyncio.timeout(_PATIENCE):
        await waited
