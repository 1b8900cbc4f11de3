"""Tells others who is typing where. Nothing of it is stored."""

import random
import time
from collections import deque
from collections.abc import Callable
from uuid import UUID

from chatserver.chat.status_updates import BROADCAST_MEMBERS
from chatserver.core.about import About
from chatserver.core.caller import Caller, User
from chatserver.core.deadlines import Deadlines
from chatserver.core.errors import not_found
from chatserver.core.times import iso_now
from chatserver.delivery import Delivery, conversation_room
from chatserver.resources import Abouts
from chatserver.schemas.typing import UserTyping
from chatserver.schemas.wire import payload
from chatserver.store import Database

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

# How often the others may be told of somebody's beginning and ending in one conversation, in an interval.
_MOST_CHANGES = 4

# A client that goes silent while typing is not typing for ever (realtime-guide.md, scenario 3).
EXPIRES_AFTER = 3.0


class TypingState:
    """Passes typing on to the others in a conversation, and ends it when nobody else does.

    Args:
        interval: seconds in which the same is told once, and no more than four changes; 0 tells all.
    """

    def __init__(
        self,
        db: Database,
        delivery: Delivery,
        abouts: Abouts,
        expires_after: float = EXPIRES_AFTER,
        *,
        interval: float = 1.0,
    ) -> None:
        self._db = db
        self._delivery = delivery
        self._abouts = abouts
        self._interval = interval
        self._deadlines = Deadlines(expires_after)
        self._typing: dict[str, dict[UUID, _Typing]] = {}
        # (user, conversation): until when it holds, by time.monotonic, and whether nobody is told.
        self._audiences: dict[tuple[str, UUID], tuple[float, bool]] = {}
        # (user, conversation): what was told of late.
        self._told: dict[tuple[str, UUID], _Told] = {}
        for name in _CHANGES:
            delivery.watch(name, self._forget)
        self._forgotten = 0

    async def typing(self, caller: Caller, conversation_id: UUID, is_typing: bool) -> None:
        """Tell the others that the caller types, or has stopped.

        It goes nowhere where a block stands between the two people, where there are over 100 members, and where
        the same, or too much, was told within the interval.

        Raises:
            ChatError: RESOURCE_NOT_FOUND, UNAVAILABLE
        """
        key = caller.user_id, conversation_id
        until, silent = self._audiences.get(key, (0.0, False))
        if until < time.monotonic():
            silent = await self._is_silent(caller.user_id, conversation_id)
        if silent:
            self._told.pop(key, None)
            return
        about = await self._abouts.of(conversation_id)
        if self._is_news(key, is_typing):
            self._set(conversation_id, about, caller.user, is_typing)

    def _is_news(self, key: tuple[str, UUID], is_typing: bool) -> bool:
        """Return whether the others are to be told, whichever of the caller's connections said so."""
        told = self._told.get(key)
        if told is None or not self._interval:
            return True
        since = time.monotonic() - self._interval
        if told.is_typing == is_typing:
            return told.at[-1] <= since
        return len(told.at) < _MOST_CHANGES or told.at[0] <= since

    def _note(self, key: tuple[str, UUID], is_typing: bool) -> None:
        """Remember that the others are told now."""
        told = self._told.get(key)
        if told is None:
            if len(self._told) >= _MOST_REMEMBERED:
                self._told.clear()
            told = self._told[key] = _Told()
        told.is_typing = is_typing
        told.at.append(time.monotonic())

    async def _is_silent(self, user_id: str, conversation_id: UUID) -> bool:
        """Return whether nobody is told of typing in a conversation; the answer is kept for a while."""
        forgotten = self._forgotten
        row = await self._db.one("typing_audience", user_id, conversation_id, BROADCAST_MEMBERS)
        if row is None:
            raise not_found("conversation")
        silent = bool(row["silent"])
        if len(self._audiences) >= _MOST_REMEMBERED:
            self._audiences.clear()
        if forgotten == self._forgotten:
            # Nothing has changed since it was asked. Those who began together do not ask again together.
            until = time.monotonic() + _REMEMBERED * random.uniform(0.5, 1)  # noqa: S311 - no secret
            self._audiences[user_id, conversation_id] = until, silent
        return silent

    def _forget(self) -> None:
        self._forgotten += 1
        self._audiences.clear()

    def stop(self, user: User) -> None:
        """End all typing of a user whose last device here is gone."""
        for typing in tuple(self._typing.get(user.id, {}).values()):
            typing.expire()

    def _set(self, conversation_id: UUID, about: About, user: User, is_typing: bool) -> None:
        self._note((user.id, conversation_id), is_typing)
        typing = self._typing.setdefault(user.id, {})
        if before := typing.pop(conversation_id, None):
            before.settled = True
        if is_typing:
            typing[conversation_id] = now = _Typing(self._set, conversation_id, about, user)
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
            about=about.by(user),
        )


class _Told:
    """What was told of somebody in a conversation: the last state, and the last times (time.monotonic)."""

    __slots__ = ("at", "is_typing")

    def __init__(self) -> None:
        self.is_typing = False
        self.at: deque[float] = deque(maxlen=_MOST_CHANGES)


class _Typing:
    """Somebody who types somewhere, until told otherwise or for too long."""

    __slots__ = ("_about", "_conversation_id", "_set", "_user", "settled")

    def __init__(
        self,
        set_typing: Callable[[UUID, About, User, bool], None],
        conversation_id: UUID,
        about: About,
        user: User,
    ) -> None:
        self._set = set_typing
        self._conversation_id = conversation_id
        self._about = about
        self._user = user
        self.settled = False

    def expire(self) -> None:
        """They type no longer."""
        self._set(self._conversation_id, self._about, self._user, False)
