"""Who is online: a person with a connection that counts, and for a while after the last one dropped."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from chatserver.batcher import Batcher
from chatserver.delivery import Delivery
from chatserver.directory import Directory
from chatserver.errors import ChatError
from chatserver.index import Index
from chatserver.logs import get_logger
from chatserver.presence_store import PresenceStore, Status
from chatserver.pushes import user_room
from chatserver.session import Session, User
from chatserver.store import Database
from chatserver.times import iso_now
from schemas.presence import UserStatusChanged
from schemas.resources import Person
from schemas.wire import payload

_log = get_logger(__name__)

# Bytes of user ids whose contacts may be asked for at once: no process has so many users.
_MOST_ASKED = 64 * 1024 * 1024
# Time for what is under way when the server stops.
_FINISH = 1.0


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
    ) -> None:
        self._db = db
        self._directory = directory
        self._delivery = delivery
        self._store = store
        self._max_members = max_members
        self._present: Index[str] = Index()
        self._pending: dict[str, asyncio.Task[None]] = {}
        self._contacts: Batcher[str, tuple[str, ...]] = Batcher(
            self._contacts_of, key=None, weigh=len, bound=_MOST_ASKED
        )

    def start(self) -> None:
        """Begin to announce whose grace is over, here or on a process that is no more."""
        self._store.start(lambda user_id, status: self._start(self._tell, user_id, status))

    def connect(self, session: Session) -> None:
        """A connection counts from now on; a single REST request is none."""
        if not session.lasting:
            return
        user_id = session.user.id
        if self._present.add(user_id, session.connection_id):
            self._start(self._arrive, user_id)

    def disconnect(self, session: Session) -> None:
        """A connection dropped: after the grace period its user is gone, unless another is there by then."""
        if self._uncount(session):
            self._start(self._store.drop, session.user.id)

    def leave(self, session: Session) -> None:
        """A connection said that it no longer counts: no grace."""
        if self._uncount(session):
            self._start(self._depart, session.user.id)

    async def contacts(self, user: User) -> tuple[Person, ...]:
        """The contacts who are online, by name."""
        ids = await self._contacts.ask(user.id)
        names = await self._directory.names(await self._store.online(ids))
        people = sorted(names.values(), key=lambda person: (person.username, person.id))
        return tuple(
            Person(user_id=person.id, username=person.username, display_name=person.display_name)
            for person in people
        )

    async def close(self) -> None:
        """Forget everybody, silently: their clients are about to connect to another process."""
        self._present.clear()
        if pending := list(self._pending.values()):
            await asyncio.wait(pending, timeout=_FINISH)
            for task in pending:
                task.cancel()
        await self._store.close()

    def _uncount(self, session: Session) -> bool:
        """Whether this was the last connection that counted."""
        return self._present.discard(session.user.id, session.connection_id)

    async def _arrive(self, user_id: str) -> None:
        if await self._store.add(user_id):
            await self._tell(user_id, "online")

    async def _depart(self, user_id: str) -> None:
        if await self._store.leave(user_id):
            await self._tell(user_id, "offline")

    async def _tell(self, user_id: str, status: Status) -> None:
        """Announce a change, and what has changed since then; another process leaves that to this one."""
        said: Status | None = status
        while said:
            await self._announce(user_id, said)
            said = await self._store.settle(user_id, said)

    async def _announce(self, user_id: str, status: Status) -> None:
        contacts = await self._contacts.ask(user_id)
        push = UserStatusChanged(user_id=user_id, status=status, timestamp=iso_now())
        rooms = [user_room(contact) for contact in contacts]
        if rooms:
            self._delivery.tell(rooms, "user:status_changed", payload(push))

    async def _contacts_of(self, user_ids: Sequence[str]) -> list[tuple[str, ...]]:
        """Of each, in one query for all: after a crash thousands come or go at once."""
        rows = await self._db.all("contacts", user_ids, self._max_members)
        found: list[list[str]] = [[] for _ in user_ids]
        for row in rows:
            found[row["position"] - 1].append(row["user_id"])
        return [tuple(contacts) for contacts in found]

    def _start(self, work: Callable[..., Awaitable[None]], user_id: str, *arguments: Any) -> None:
        """Changes run beside what caused them, nobody's connecting waits; one user's in their order."""
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
