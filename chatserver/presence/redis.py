"""Presence for several processes, in Redis. What the keys mean is said in `presence.scripts`."""

import asyncio
import math
import random
import secrets
from collections.abc import Iterable, Sequence
from typing import Any

from redis.asyncio import Redis

from chatserver.core.logging import get_logger
from chatserver.core.user_ids import is_user_id
from chatserver.presence import scripts
from chatserver.presence.store import Changed, LocalPresence, PresenceStatus
from chatserver.redis import ScriptRunner

_log = get_logger(__name__)

_TIMEOUT = 0.5
# Users in one script: a millisecond or so in which Redis does nothing else.
_BATCH = 200
_SWEEP_EVERY = 1.0
# Announcing somebody costs a query: a crashed process' thousands of users are taken some at a time.
_SWEEP_AT_MOST = 100
_CLAIM = 10.0


class RedisPresence:
    """A user is online while any process holds a lease for them, and for the grace after that.

    Each process also keeps a `LocalPresence` of its own users. Where Redis does not answer, that decides; it also
    rebuilds what a Redis that comes back empty has lost.

    Args:
        grace, lease: seconds. Leases are renewed three times in their length.
        claim: how long one process may take to announce a change, before another one does.
    """

    def __init__(self, redis: Redis, *, grace: float, lease: float, claim: float = _CLAIM) -> None:
        self._line = ScriptRunner(redis, _TIMEOUT, "presence", scripts.kind_of)
        self._process = secrets.token_hex(8)
        self._grace = grace
        self._lease = lease
        self._claim = claim
        # The epoch of the Redis that knows all that this process knows.
        self._epoch = ""
        self._changed: Changed = lambda _user_id, _status: None
        self._local = LocalPresence(grace)
        # The users here, and when Redis last took a lease for them, by the loop's clock.
        self._held: dict[str, float] = {}
        # Those who went while Redis was away: until when they had grace.
        self._owed: dict[str, float] = {}
        self._renewed_at = -math.inf
        self._task: asyncio.Task[None] | None = None

    @property
    def is_shared(self) -> bool:
        """See `PresenceStore`."""
        return self._line.healthy

    def start(self, changed: Changed) -> None:
        """See `PresenceStore`."""
        self._changed = changed
        self._local.start(self._expired_here)
        self._task = asyncio.create_task(self._keep())

    async def add(self, user_id: str) -> bool:
        """See `PresenceStore`."""
        first_here = await self._local.add(user_id)
        self._owed.pop(user_id, None)
        self._held[user_id] = -math.inf
        announce = await self._hold([(user_id, "add")])
        return first_here if announce is None else bool(announce)

    async def drop(self, user_id: str) -> None:
        """See `PresenceStore`."""
        await self._local.drop(user_id)
        self._held.pop(user_id, None)
        if await self._release([(user_id, "drop", self._grace)]) is None:
            self._owed[user_id] = _now() + self._grace

    async def leave(self, user_id: str) -> bool:
        """See `PresenceStore`."""
        was_here = await self._local.leave(user_id)
        self._held.pop(user_id, None)
        announce = await self._release([(user_id, "leave", 0)])
        if announce is None:
            self._owed[user_id] = _now()
            return was_here
        return bool(announce)

    async def settle(self, user_id: str, said: PresenceStatus) -> PresenceStatus | None:
        """See `PresenceStore`."""
        written = user_id.encode(errors="surrogateescape")
        answer = await self._run(scripts.SETTLE, (), (written, said))
        return _status(answer[1]) if answer and len(answer) > 1 else None

    async def online(self, user_ids: Sequence[str]) -> set[str]:
        """See `PresenceStore`."""
        # Those who are here are online, also before a Redis that lost everything has been told.
        found = {user_id for user_id in user_ids if user_id in self._held}
        for batch in _batches(user_ids, 1000):
            answer = await self._run(scripts.ONLINE, (), batch)
            if answer is None:
                return found | await self._local.online(user_ids)
            found.update(answer[1:])
        return found

    async def close(self) -> None:
        """See `PresenceStore`."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        for batch in _batches(list(self._held), _BATCH):
            if await self._release([(user_id, "drop", self._grace) for user_id in batch]) is None:
                break
        self._held.clear()
        await self._local.close()
        await self._line.close()

    # -- the heartbeat ----------------------------------------------------------------------------

    async def _keep(self) -> None:
        every = min(_SWEEP_EVERY, self._lease / 4)
        while True:
            # Jittered, so that processes started together do not all ask at once.
            await asyncio.sleep(every * random.uniform(0.8, 1.2))  # noqa: S311 - no secret
            try:
                await self._beat()
            except Exception:
                _log.exception("presence could not be kept")

    async def _beat(self) -> None:
        """Find out whether Redis is there, renew leases, and announce those whose time has come."""
        was_healthy = self._line.healthy
        answer = await self._run(scripts.SWEEP, (), (_SWEEP_AT_MOST,), probe=True)
        if answer is None:
            return
        epoch, *changes = answer
        if self._owed:
            await self._pay()
        if epoch != self._epoch:
            if self._epoch:
                await self._restore()
            if await self._renew():
                # From here on a user whom Redis does not know was announced offline, not lost.
                self._epoch = epoch
        elif not was_healthy or _now() - self._renewed_at >= self._lease / 3:
            await self._renew()
        for user_id, status in zip(changes[::2], changes[1::2], strict=True):
            if is_user_id(user_id):
                self._changed(user_id, _status(status))
            else:
                # Somebody else has written it.
                await self.settle(user_id, _status(status))

    async def _renew(self) -> bool:
        """Renew all leases of this process. Returns whether Redis has them now."""
        started = _now()
        for batch in _batches(list(self._held), _BATCH):
            # Some may have gone since the batches were made; nothing is awaited between here and the queue.
            held = [
                (user_id, "lapsed" if -math.inf < at < started - self._lease else "renew")
                for user_id in batch
                if (at := self._held.get(user_id)) is not None
            ]
            came_back = await self._hold(held)
            if came_back is None:
                return False
            for user_id in came_back:
                self._changed(user_id, "online")
        self._renewed_at = started
        return True

    async def _restore(self) -> None:
        for batch in _batches(self._local.leaving(), _BATCH):
            now = _now()
            await self._release([(u, "restore", max(0.0, until - now)) for u, until in batch])

    async def _pay(self) -> None:
        """Tell Redis who went while it was away."""
        now = _now()
        for batch in _batches(list(self._owed.items()), _BATCH):
            gone: list[tuple[str, str, float]] = [
                (user_id, "drop" if until > now else "forget", max(0.0, until - now))
                for user_id, until in batch
                if user_id not in self._held
            ]
            if await self._release(gone) is None:
                break
            for user_id, until in batch:
                if self._owed.get(user_id) == until:
                    del self._owed[user_id]
        # Redis finds out by itself that these have gone.
        for user_id in [u for u, t in self._owed.items() if now - t > self._lease + self._grace]:
            del self._owed[user_id]

    def _expired_here(self, user_id: str, status: PresenceStatus) -> None:
        """Announce that the grace of somebody who left from here is over; while Redis answers, it does that."""
        if not self._line.healthy:
            self._owed[user_id] = _now()
            self._changed(user_id, status)

    # -- the scripts ------------------------------------------------------------------------------

    async def _hold(self, users: Sequence[tuple[str, str]]) -> list[str] | None:
        now = _now()
        args = [text for pair in users for text in pair]
        answer = await self._run(scripts.HOLD, [user_id for user_id, _ in users], args)
        if answer is None:
            return None
        for user_id, _ in users:
            if user_id in self._held:
                self._held[user_id] = now
        return answer[1:]

    async def _release(self, users: Sequence[tuple[str, str, float]]) -> list[str] | None:
        args: list[str | int] = []
        for user_id, mode, wait in users:
            args += (user_id, mode, int(wait * 1000))
        answer = await self._run(scripts.RELEASE, [user_id for user_id, _, _ in users], args)
        return None if answer is None else answer[1:]

    async def _run(
        self,
        script: str,
        users: Sequence[str],
        args: Sequence[str | int | bytes],
        *,
        probe: bool = False,
    ) -> list[str] | None:
        """Run a script. Returns what it answers: Redis' epoch, then its own answer."""
        return await self._line.call(
            script,
            (*scripts.SHARED, *(f"{scripts.PREFIX}user:{user_id}" for user_id in users)),
            (
                self._process,
                int(self._lease * 1000),
                int(self._grace * 1000),
                int(self._claim * 1000),
                self._epoch,
                # Should this call find Redis empty: the new epoch's name.
                secrets.token_hex(8),
                *args,
            ),
            probe=probe,
        )


def _status(text: str) -> PresenceStatus:
    return "online" if text == "online" else "offline"


def _now() -> float:
    return asyncio.get_running_loop().time()


def _batches(items: Sequence[Any], size: int) -> Iterable[Any]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
