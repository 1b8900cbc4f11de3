"""Who is typing where. Nothing of it is stored."""

import asyncio
from uuid import UUID

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
        self._expires_after = expires_after
        self._timers: dict[str, dict[UUID, asyncio.TimerHandle]] = {}
        # (user, conversation): until when it holds, by the loop's clock, and whether a block is in the way.
        self._audiences: dict[tuple[str, UUID], tuple[float, bool]] = {}
        for name in _CHANGES:
            delivery.watch(name, self._forget)
        self._forgotten = 0

    async def typing(self, caller: Caller, conversation_id: UUID, is_typing: bool) -> None:
        """The caller types, or stopped. Where a block stands between the two people it goes nowhere.

        Raises:
            ChatError: RESOURCE_NOT_FOUND, UNAVAILABLE
        """
        if not await self._is_blocked(caller.user_id, conversation_id):
            self._set(conversation_id, caller.user, is_typing)

    async def _is_blocked(self, user_id: str, conversation_id: UUID) -> bool:
        now = asyncio.get_running_loop().time()
        until, blocked = self._audiences.get((user_id, conversation_id), (0.0, False))
        if now < until:
            return blocked
        forgotten = self._forgotten
        row = await self._db.one("typing_audience", user_id, conversation_id)
        if row is None:
            raise not_found("conversation")
        blocked = bool(row["blocked"])
        if len(self._audiences) >= _MOST_REMEMBERED:
            self._audiences.clear()
        if forgotten == self._forgotten:
            # Nothing has changed since it was asked.
            self._audiences[user_id, conversation_id] = now + _REMEMBERED, blocked
        return blocked

    def _forget(self) -> None:
        self._forgotten += 1
        self._audiences.clear()

    def stop(self, user: User) -> None:
        """A user's last device here is gone: they type nowhere."""
        for conversation_id in tuple(self._timers.get(user.id, ())):
            self._set(conversation_id, user, False)

    def _set(self, conversation_id: UUID, user: User, is_typing: bool) -> None:
        timers = self._timers.setdefault(user.id, {})
        if timer := timers.pop(conversation_id, None):
            timer.cancel()
        if is_typing:
            timers[conversation_id] = asyncio.get_running_loop().call_later(
                self._expires_after, self._set, conversation_id, user, False
            )
        elif not timers:
            del self._timers[user.id]
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
