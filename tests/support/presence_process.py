"""Processes that share a presence, as their stores see it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from chatserver.presence.redis import RedisPresence
from chatserver.presence.store import LocalPresence, PresenceStatus, PresenceStore
from chatserver.redis.client import close_client, redis_client
from tests.support.patience import PATIENCE

GRACE = 0.3
LEASE = 1.0
# Does not end while a test runs, and is no longer than a store believes.
LONG = 60.0


class Process:
    """A process' store, and what it was given to announce beside its calls."""

    def __init__(self, store: PresenceStore) -> None:
        self.store = store
        self.changes: list[tuple[str, PresenceStatus]] = []
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        store.start(self._on_change)

    def _on_change(self, user_id: str, status: PresenceStatus) -> None:
        self.changes.append((user_id, status))
        task = asyncio.create_task(self._settle(user_id, status))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _settle(self, user_id: str, status: PresenceStatus) -> None:
        await self.store.settle(user_id, status)
        async with self._changed:
            self._changed.notify_all()

    def grace(self, seconds: float) -> None:
        """Whoever drops from now on has so long to come back."""
        store = self.store
        for each in (store, store._local) if isinstance(store, RedisPresence) else (store,):
            assert isinstance(each, RedisPresence | LocalPresence)
            each._grace = seconds

    async def add(self, user_id: str) -> bool:
        """Add a user, and announce it."""
        first = await self.store.add(user_id)
        if first:
            assert await self.store.settle(user_id, "online") is None
        return first

    async def expect(self, *change: str) -> None:
        """Wait until that change was given to announce."""
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(lambda: change in self.changes)

    async def is_online(self, user_id: str) -> bool:
        """Whether the store says so."""
        return await self.store.online([user_id, "nobody"]) == {user_id}

    async def crash(self) -> None:
        """Renew no lease and announce nothing any more, as after a kill -9."""
        assert isinstance(self.store, RedisPresence)
        assert self.store._task
        self.store._task.cancel()
        await asyncio.wait([self.store._task])

    def resume(self) -> None:
        """Go on after what looked like a crash to the others."""
        assert isinstance(self.store, RedisPresence)
        self.store._task = asyncio.create_task(self.store._keep())


Start = Callable[..., Process]


@asynccontextmanager
async def processes(patience: float | None = None) -> AsyncIterator[Start]:
    """Starts processes on a Redis, and closes them in the end.

    Args:
        patience: seconds that they wait for Redis before they go by what they know themselves.
    """
    started: list[Process] = []
    clients: list[Redis] = []

    def start(url: str, claim: float = 5.0, lease: float = LEASE) -> Process:
        client = redis_client(url, timeout=patience or 1)
        clients.append(client)
        store = RedisPresence(client, grace=GRACE, lease=lease, claim=claim)
        if patience:
            store._line._timeout = patience
        started.append(Process(store))
        return started[-1]

    yield start
    for process in started:
        await process.store.close()
    for client in clients:
        await close_client(client)


async def until(found: Callable[[], Awaitable[bool]]) -> None:
    """Ask until it is so."""
    async with asyncio.timeout(PATIENCE):
        # There is nobody to say when: the change is another process'.
        while not await found():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
