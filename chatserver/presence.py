"""Who is online: a person with a connection that counts, and for a minute after the last one dropped."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from chatserver.delivery import Delivery, user_room
from chatserver.directory import Directory
from chatserver.errors import ChatError
from chatserver.logs import get_logger
from chatserver.presence_store import PresenceStore
from chatserver.session import Session, User
from chatserver.store import Database
from chatserver.times import iso_now
from schemas.presence import UserStatusChanged
from schemas.resources import Person
from schemas.wire import payload

_log = get_logger(__name__)

# messaging-implementation.md, "Grace Period Implementation": a dropped link is not a departure.
GRACE = 60.0


class Presence:
    """Counts connections and tells contacts.

    A contact shares a direct conversation, or a group of at most `max_members`, and no block.

    Raises (coroutines):
        ChatError: UNAVAILABLE where the database cannot answer now.
    """

    def __init__(
        self,
        db: Database,
        directory: Directory,
        delivery: Delivery,
        store: PresenceStore,
        *,
        max_members: int,
        grace: float = GRACE,
    ) -> None:
        self._db = db
        self._directory = directory
        self._delivery = delivery
        self._store = store
        self._max_members = max_members
        self._grace = grace
        self._present: dict[str, set[str]] = {}
        self._leaving: dict[str, asyncio.TimerHandle] = {}
        self._announcing: dict[str, asyncio.Task[None]] = {}

    def connect(self, session: Session) -> None:
        """A connection counts from now on; a single REST request is none."""
        if not session.lasting:
            return
        user_id = session.user.id
        if timer := self._leaving.pop(user_id, None):
            timer.cancel()
        connections = self._present.setdefault(user_id, set())
        connections.add(session.connection_id)
        if len(connections) == 1 and timer is None:
            self._start(user_id, self._arrive(user_id))

    def disconnect(self, session: Session) -> None:
        """A connection dropped: after the grace period its user is gone, unless another is there by then."""
        if self._uncount(session):
            self._leaving[session.user.id] = asyncio.get_running_loop().call_later(
                self._grace, self._expire, session.user.id
            )

    def leave(self, session: Session) -> None:
        """A connection said that it no longer counts: no grace."""
        if self._uncount(session):
            self._start(session.user.id, self._depart(session.user.id))

    async def contacts(self, user: User) -> tuple[Person, ...]:
        """The contacts who are online, by name."""
        ids = [row["user_id"] for row in await self._db.all("contacts", user.id, self._max_members)]
        names = await self._directory.names(await self._store.online(ids))
        people = sorted(names.values(), key=lambda person: (person.username, person.id))
        return tuple(
            Person(user_id=person.id, username=person.username, display_name=person.display_name)
            for person in people
        )

    async def close(self) -> None:
        """Forget everybody, silently: their clients are about to connect to another process."""
        for timer in self._leaving.values():
            timer.cancel()
        self._leaving.clear()
        for task in self._announcing.values():
            task.cancel()
        await self._store.close()

    def _uncount(self, session: Session) -> bool:
        """Whether this was the last connection that counted."""
        connections = self._present.get(session.user.id)
        if not connections or session.connection_id not in connections:
            return False
        connections.discard(session.connection_id)
        if connections:
            return False
        del self._present[session.user.id]
        return True

    def _expire(self, user_id: str) -> None:
        del self._leaving[user_id]
        self._start(user_id, self._depart(user_id))

    async def _arrive(self, user_id: str) -> None:
        if await self._store.add(user_id):
            await self._announce(user_id, "online")

    async def _depart(self, user_id: str) -> None:
        if user_id not in self._present and await self._store.remove(user_id):
            await self._announce(user_id, "offline")

    async def _announce(self, user_id: str, status: str) -> None:
        rows = await self._db.all("contacts", user_id, self._max_members)
        push = UserStatusChanged(user_id=user_id, status=status, timestamp=iso_now())
        rooms = [user_room(row["user_id"]) for row in rows]
        if rooms:
            self._delivery.tell(rooms, "user:status_changed", payload(push))

    def _start(self, user_id: str, work: Coroutine[Any, Any, None]) -> None:
        """Announcements run beside what caused them, nobody's connecting waits; one user's in their order."""
        task = asyncio.create_task(self._guard(self._announcing.get(user_id), work))
        self._announcing[user_id] = task
        task.add_done_callback(lambda done: self._done(user_id, done))

    def _done(self, user_id: str, task: asyncio.Task[None]) -> None:
        if self._announcing.get(user_id) is task:
            del self._announcing[user_id]

    @staticmethod
    async def _guard(before: asyncio.Task[None] | None, work: Coroutine[Any, Any, None]) -> None:
        if before is not None:
            await asyncio.wait((before,))
        try:
            await work
        except ChatError as error:
            _log.warning("presence was not announced", code=error.code)
