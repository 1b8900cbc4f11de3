"""Who is online: a person with a connection that counts, and for a while after the last one dropped."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chatserver.core.about import About
from chatserver.core.caller import Session, User
from chatserver.core.errors import ChatError
from chatserver.core.index import Index
from chatserver.core.logging import get_logger
from chatserver.core.slices import in_slices
from chatserver.core.times import iso_now
from chatserver.delivery import Delivery, user_room
from chatserver.presence.focus import Focus
from chatserver.presence.store import PresenceStatus, PresenceStore
from chatserver.resources import Directory
from chatserver.schemas.presence import UserStatusChanged
from chatserver.schemas.resources import Person
from chatserver.schemas.wire import payload
from chatserver.store import Batcher, Database

_log = get_logger(__name__)

# How many bytes of user ids may wait for their contacts: no process has so many users.
_MOST_ASKED = 64 * 1024 * 1024
# How long work that is under way may take when the server stops (s).
_FINISH = 1.0


@dataclass(slots=True)
class _Rest:
    """What somebody's contacts were told a moment ago, and what comes next where the store does not know."""

    said: PresenceStatus
    timer: asyncio.TimerHandle
    heard: PresenceStatus | None = None


class Presence:
    """Counts connections and tells contacts.

    A contact shares a direct conversation, or a group of at most `max_members`, and no block.

    Args:
        on_read: told how many contacts were looked up for whoever asks who is online.
        focus: what people have in front of them.
        interval: seconds in which a person's contacts are told once; what is true after them is told then.

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
        interval: float = 0.0,
        focus: Focus | None = None,
        on_read: Callable[[int], None] = lambda _rows: None,
    ) -> None:
        self._on_read = on_read
        self._db = db
        self._interval = interval
        self._resting: dict[str, _Rest] = {}
        self._directory = directory
        self._delivery = delivery
        self._store = store
        self._max_members = max_members
        self._focus = focus or Focus()
        self._present: Index[str] = Index()
        self._pending: dict[str, asyncio.Task[None]] = {}
        self.lookups: Batcher[str, tuple[str, ...]] = Batcher(
            self._contacts_of, key=None, weigh=len, bound=_MOST_ASKED
        )
        self._names: Batcher[str, User] = Batcher(
            self._named, key=None, weigh=len, bound=_MOST_ASKED
        )

    @property
    def is_shared(self) -> bool:
        """Whether it is known over all processes who is online."""
        return self._store.is_shared

    def start(self) -> None:
        """Begin to announce those whose grace is over, here or on a process that has ended."""
        self._store.start(lambda user_id, status: self._start(self._tell, user_id, status))

    def connect(self, session: Session) -> None:
        """Count a connection from now on. (A single REST request is not a connection.)"""
        if not session.lasting:
            return
        user_id = session.user.id
        if self._present.add(user_id, session.connection_id):
            self._start(self._arrive, user_id)

    def disconnect(self, session: Session) -> None:
        """Note that a connection dropped: after the grace its user is offline, unless they have another one."""
        if self._uncount(session):
            self._start(self._store.drop, session.user.id)

    def leave(self, session: Session) -> None:
        """Count a connection no longer, without grace, since it asked for that."""
        if self._uncount(session):
            self._start(self._depart, session.user.id)

    def focus(self, session: Session, conversation_id: UUID | None) -> None:
        """Note what a connection has in front of its user; one that does not count has nothing."""
        user_id = session.user.id
        if session.connection_id in self._present.of(user_id):
            shown = None if conversation_id is None else str(conversation_id)
            if self._focus.hold(user_id, session.connection_id, shown):
                self._start(self._focus.share, user_id)

    async def contacts(self, user: User) -> tuple[Person, ...]:
        """Return the contacts who are online, by name."""
        ids = await self.lookups.ask(user.id)
        self._on_read(len(ids))
        names = await self._directory.names(await self._store.online(ids))
        people = sorted(names.values(), key=lambda person: (person.username, person.id))
        return tuple(
            Person(user_id=person.id, username=person.username, display_name=person.display_name)
            for person in people
        )

    def blocks_changed(self, one: str, other: str) -> None:
        """Tell two people, between whom a block has come or gone, how they see each other from now on.

        They are told at once, whatever `interval` is. Those who were no contacts are told nothing.
        """
        self._start(self._tell_each_other, one, other)

    async def _tell_each_other(self, one: str, other: str) -> None:
        row = await self._db.one("are_contacts", one, other, self._max_members)
        if row is None or row["so"] is None:
            return
        status: PresenceStatus = "online" if row["so"] else "offline"
        # Those who are offline look the same either way.
        online = await self._store.online((one, other))
        for seen, by in ((one, other), (other, one)):
            if seen in online:
                push = UserStatusChanged(user_id=seen, status=status, timestamp=iso_now())
                self._delivery.tell([user_room(by)], "user:status_changed", payload(push))

    async def close(self) -> None:
        """Forget everybody, silently: their clients are about to connect to another process."""
        self._present.clear()
        for user_id, rest in tuple(self._resting.items()):
            rest.timer.cancel()
            self._rested(user_id)
        # From now on nobody rests: what is told now is told at once.
        self._interval = 0.0
        if pending := list(self._pending.values()):
            await asyncio.wait(pending, timeout=_FINISH)
            for task in pending:
                task.cancel()
        await self._store.close()

    def _uncount(self, session: Session) -> bool:
        """Count a connection no longer. Returns whether it was the last one that counted."""
        if self._focus.hold(session.user.id, session.connection_id, None):
            self._start(self._focus.share, session.user.id)
        return self._present.discard(session.user.id, session.connection_id)

    async def _arrive(self, user_id: str) -> None:
        if await self._store.add(user_id):
            await self._tell(user_id, "online")

    async def _depart(self, user_id: str) -> None:
        if await self._store.leave(user_id):
            await self._tell(user_id, "offline")

    async def _tell(self, user_id: str, status: PresenceStatus) -> None:
        """Announce a change, and after the interval what has changed since then.

        Until it has settled, another process leaves that to this one; a store that is one process' alone does not
        know of it, and says so again.
        """
        if rest := self._resting.get(user_id):
            rest.heard = status
        elif await self._announce(user_id, status) and self._interval:
            timer = asyncio.get_running_loop().call_later(self._interval, self._rested, user_id)
            self._resting[user_id] = _Rest(status, timer)
        else:
            await self._settle(user_id, status, None)

    def _rested(self, user_id: str) -> None:
        rest = self._resting.pop(user_id)
        self._start(self._settle, user_id, rest.said, rest.heard)

    async def _settle(
        self, user_id: str, said: PresenceStatus, heard: PresenceStatus | None
    ) -> None:
        status = await self._store.settle(user_id, said) or heard
        if status is not None and status != said:
            await self._tell(user_id, status)

    async def _announce(self, user_id: str, status: PresenceStatus) -> bool:
        """Tell somebody's contacts. Returns whether there was anybody to tell."""
        contacts = await self.lookups.ask(user_id)
        if not contacts:
            return False
        about = About(actor=await self._names.ask(user_id))
        push = UserStatusChanged(user_id=user_id, status=status, timestamp=iso_now())
        async for some in in_slices(contacts):
            rooms = [user_room(contact) for contact in some]
            self._delivery.tell(rooms, "user:status_changed", payload(push), about=about)
        return True

    async def _named(self, user_ids: Sequence[str]) -> list[User]:
        names = await self._directory.names(user_ids)
        return [names[user_id] for user_id in user_ids]

    async def _contacts_of(self, user_ids: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the contacts of each, by one query for all: after a crash thousands come or go at once."""
        rows = await self._db.all("contacts", user_ids, self._max_members)
        found: list[list[str]] = [[] for _ in user_ids]
        async for some in in_slices(rows):
            for row in some:
                found[row["position"] - 1].append(row["user_id"])
        return [tuple(contacts) for contacts in found]

    def _start(self, work: Callable[..., Awaitable[None]], user_id: str, *arguments: Any) -> None:
        """Do some work behind what is under way for the same user; nobody who connects waits for it."""
        before = self._pending.get(user_id)
        self._pending[user_id] = asyncio.create_task(self._after(before, user_id, work, arguments))

    async def _after(
        self,
        before: asyncio.Task[None] | None,
        user_id: str,
        work: Callable[..., Awaitable[None]],
        arguments: tuple[Any, ...],
    ) -> None:
        try:
            if before is not None:
                await asyncio.wait((before,))
            await work(user_id, *arguments)
        except ChatError as error:
            _log.warning("presence was not announced", code=error.code)
        except Exception:
            _log.exception("presence crashed")
        finally:
            if self._pending.get(user_id) is asyncio.current_task():
                del self._pending[user_id]
