"""Keeps presence: in this process, or in Redis for several (`presence.redis`)."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

PresenceStatus = Literal["online", "offline"]
Changed = Callable[[str, PresenceStatus], None]


class PresenceStore(Protocol):
    """The users who are online, over all processes.

    A user is online from `add` until `leave`, or until a grace after the last `drop`. Each change is for one
    process to announce: the one that is told so by `add`, `leave` or the callback of `start`. Having announced it,
    it calls `settle`. Calls for one user must come one after the other.
    """

    @property
    def is_shared(self) -> bool:
        """Whether other processes know of the users here, and this one of theirs."""

    def start(self, changed: Changed) -> None:
        """Begin; `changed` is called with what this process is to announce and did not cause just now."""

    async def add(self, user_id: str) -> bool:
        """Note that a user is here; return whether this process is to announce that they are online."""

    async def drop(self, user_id: str) -> None:
        """Note that a user is no longer here; they have the grace to come back."""

    async def leave(self, user_id: str) -> bool:
        """Note that a user is gone, without grace; return whether this process is to announce it."""

    async def settle(self, user_id: str, said: PresenceStatus) -> PresenceStatus | None:
        """Note that a change was announced; return what became true meanwhile, to announce next."""

    async def online(self, user_ids: Sequence[str]) -> set[str]:
        """Return those of the users who are online anywhere."""

    async def close(self) -> None:
        """Stop: this process' users have the grace to come back elsewhere."""


class LocalPresence:
    """A `PresenceStore` for one process alone. It forgets everything when the process ends.

    Args:
        grace: seconds.
    """

    is_shared = False

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

    async def settle(self, user_id: str, said: PresenceStatus) -> PresenceStatus | None:
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
        """Return the users in their grace, and when it ends by the loop's clock."""
        return [(user_id, timer.when()) for user_id, timer in self._leaving.items()]

    def _cancel(self, user_id: str) -> bool:
        timer = self._leaving.pop(user_id, None)
        if timer:
            timer.cancel()
        return timer is not None

    def _expire(self, user_id: str) -> None:
        del self._leaving[user_id]
        self._changed(user_id, "offline")
