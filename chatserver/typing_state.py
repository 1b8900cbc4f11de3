"""Who is typing where. Nothing of it is stored."""

import random
import time
from collections.abc import Callable
from uuid import UUID

from chatserver.deadlines import Deadlines
from chatserver.delivery import Delivery
from chatserver.errors import not_found
from chatserver.pushes import conversation_room
from chatserver.session import Caller, User
from chatserver.store import Database
from chatserver.times import iso_now
from schemas.messages import UserTyping
from schemas.wire import payload

# For how long (s) it is remembered that somebody may type somewhere. What changes it here is heard of at once; a
# block that the main back end writes into its own table is not.
_REMEMBERED = 5.0
_MOST_REMEMBERED = 20_000
_CHANGES = (
    "user:blocked",
    "user:unblocked",
    "chat:conversation_blocked",
    "group:member_removed",
    "group:member_left",
    "group:deleted",
)

# A client that goes silent while typing is not typing for ever (realtime-guide.md, scenario 3).
EXPIRES_AFTER = 3.0


class TypingState:
    """Passes typing on to the others in a conversation, and ends it when nobody else does."""

    def __init__(
        self, db: Database, delivery: Delivery, expires_after: float = EXPIRES_AFTER
    ) -> None:
        self._db = db
        self._delivery = delivery
        self._deadlines = Deadlines(expires_after)
        self._typing: dict[str, dict[UUID, _Typing]] = {}
        # (user, conversation): until when it holds, by time.monotonic, and whether a block is in the way.
        self._audiences: dict[tuple[str, UUID], tuple[float, bool]] = {}
        for name in _CHANGES:
            delivery.watch(name, self._forget)
        self._forgotten = 0

    async def typing(self, caller: Caller, conversation_id: UUID, is_typing: bool) -> None:
        """The caller types, or stopped. Where a block stands between the two people it goes nowhere.

        Raises:
            ChatError: RESOURCE_NOT_FOUND, UNAVAILABLE
        """
        until, blocked = self._audiences.get((caller.user_id, conversation_id), (0.0, False))
        if until < time.monotonic():
            blocked = await self._is_blocked(caller.user_id, conversation_id)
        if not blocked:
            self._set(conversation_id, caller.user, is_typing)

    async def _is_blocked(self, user_id: str, conversation_id: UUID) -> bool:
        """Asks, and remembers it for a while."""
        forgotten = self._forgotten
        row = await self._db.one("typing_audience", user_id, conversation_id)
        if row is None:
            raise not_found("conversation")
        blocked = bool(row["blocked"])
        if len(self._audiences) >= _MOST_REMEMBERED:
            self._audiences.clear()
        if forgotten == self._forgotten:
            # Nothing has changed since it was asked. Those who began together do not ask again together.
            until = time.monotonic() + _REMEMBERED * random.uniform(0.5, 1)  # noqa: S311 - no secret
            self._audiences[user_id, conversation_id] = until, blocked
        return blocked

    def _forget(self) -> None:
        self._forgotten += 1
        self._audiences.clear()

    def stop(self, user: User) -> None:
        """A user's last device here is gone: they type nowhere."""
        for conversation_id in tuple(self._typing.get(user.id, ())):
            self._set(conversation_id, user, False)

    def _set(self, conversation_id: UUID, user: User, is_typing: bool) -> None:
        typing = self._typing.setdefault(user.id, {})
        if before := typing.pop(conversation_id, None):
            before.settled = True
        if is_typing:
            typing[conversation_id] = now = _Typing(self._set, conversation_id, user)
            self._deadlines.watch(now)
        elif not typing:
            del self._typing[user.id]
        push = UserTyping(
            conversation_id=str(conversation_id),
            user_id=user.id,
            username=user.username,
            is_typing=is_typing,
            timestamp=iso_now(),
        )
        self._delivery.tell(
            [conversation_room(conversation_id)],
            "chat:user_typing",
            payload(push),
            skip_user=user.id,
        )


class _Typing:
    """Somebody types somewhere, until told otherwise or for too long."""

    __slots__ = ("_conversation_id", "_set", "_user", "settled")

    def __init__(
        self, set_typing: Callable[[UUID, User, bool], None], conversation_id: UUID, user: User
    ) -> None:
        self._set = set_typing
        self._conversation_id = conversation_id
        self._user = user
        self.settled = False

    def expire(self) -> None:
        self._set(self._conversation_id, self._user, False)
