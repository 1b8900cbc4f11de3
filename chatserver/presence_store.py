"""Where presence is kept: in this process, or in Redis for several (`presence_redis`)."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

Status = Literal["online", "offline"]
Changed = Callable[[str, Status], None]


class PresenceStore(Protocol):
    """The users who are online, over all processes.

    A user is online from `add` until `leave`, or until a grace after the last `drop`. Each change is for one
    process to announce: the one that is told so by `add`, `leave` or the callback of `start`. Having announced it,
    it calls `settle`. Calls for one user must come one after the other.
    """

    def start(self, changed: Changed) -> None:
        """Begin; `changed` is called with what this process is to announce and did not cause just now."""

    async def add(self, user_id: str) -> bool:
        """A user is here; True where this process is to announce that they are online."""

    async def drop(self, user_id: str) -> None:
        """A user is no longer here, and has the grace to come back."""

    async def leave(self, user_id: str) -> bool:
        """A user is no longer here, without grace; True where this process is to announce it."""

    async def settle(self, user_id: str, said: Status) -> Status | None:
        """A change was announced; gives what has become true meanwhile, for this process to announce next."""

    async def online(self, user_ids: Sequence[str]) -> set[str]:
        """Those of the users who are online anywhere."""

    async def close(self) -> None:
        """This process serves nobody any more; its users have the grace to come back elsewhere."""


class LocalPresence:
    """For one process alone. Where it ends, so does what it knows.

    Args:
        grace: seconds.
    """

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._changed: Changed = lambda _user_id, _status: None
        self._here: set[str] = set()
        self._leaving: dict[str, asyncio.TimerHandle] = {}

    def start(self, changed: Changed) -> None:
        """See `PresenceStore`."""
        self._changed = changed

    async def add(self, user_id: str) -> bool:
        """See `PresenceStore`."""
        known = user_id in self._here or self._cancel(user_id)
        self._here.add(user_id)
        return not known

    async def drop(self, user_id: str) -> None:
        """See `PresenceStore`."""
        if user_id in self._here:
            self._here.discard(user_id)
            loop = asyncio.get_running_loop()
            self._leaving[user_id] = loop.call_later(self._grace, self._expire, user_id)

    async def leave(self, user_id: str) -> bool:
        """See `PresenceStore`."""
        known = user_id in self._here or self._cancel(user_id)
        self._here.discard(user_id)
        return known

    async def settle(self, user_id: str, said: Status) -> Status | None:
        """See `PresenceStore`. Nobody else can have changed anything."""
        return None

    async def online(self, user_ids: Sequence[str]) -> set[str]:
        """See `PresenceStore`."""
        return {
            user_id for user_id in user_ids if user_id in self._here or user_id in self._leaving
        }

    async def close(self) -> None:
        """See `PresenceStore`."""
        for timer in self._leaving.values():
            timer.cancel()
        self._leaving.clear()
        self._here.clear()

    def leaving(self) -> list[tuple[str, float]]:
        """The users in their grace, and when it ends by the loop's clock."""
        return [(user_id, timer.when()) for user_id, timer in self._leaving.items()]

    def _cancel(self, user_id: str) -> bool:
        timer = self._leaving.pop(user_id, None)
        if timer:
            timer.cancel()
        return timer is not None

    def _expire(self, user_id: str) -> None:
        del self._leaving[user_id]
        self._changed(user_id, "offline")
