"""Tells conversations that messages were received or read.

A person who reads, or a device that comes back, makes many receipts in a moment. They are told together, some
tens of milliseconds after the first: nobody's ack waits for it, and the others get one push rather than fifty.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from chatserver.core.errors import ChatError
from chatserver.core.times import iso_now
from chatserver.delivery import Delivery, conversation_room, user_room
from chatserver.resources import Abouts
from chatserver.schemas.receipts import MessageStatusUpdated
from chatserver.schemas.wire import payload
from chatserver.store import Record

ReceiptStatus = Literal["delivered", "read"]

# Beyond this many members a conversation broadcasts no receipts: they would outnumber its messages. What a person
# has read their own devices are told of all the same, for it is no longer unread on any of them.
BROADCAST_MEMBERS = 100
# How many message ids one push names; it has up_to_seq for more.
NAMED_MESSAGES = 200
# For doors whose clients know no seqs so many are named of more, the newest.
NAMED_OF_MANY = 1_000
# In a direct conversation so many messages are told of by a push each (realtime-guide.md, "Status": its clients
# look at ``messageId`` alone); more come as one.
SINGLE_MESSAGES = 20
# How long an update may wait for others to go with it (s), and how many may wait.
_PAUSE = 0.03
_MOST_WAITING = 1_000

# Whose receipts, of which conversation and status; whether all members hear of it, or their devices alone; and
# over which connection they came.
_Key = tuple[str, UUID, ReceiptStatus, bool, str | None]


@dataclass(slots=True)
class _Update:
    is_direct: bool
    up_to_seq: int = 0
    ids: list[str] = field(default_factory=list)
    # Where they are too many to be named by the push.
    many: tuple[str, ...] = ()


class StatusUpdates:
    """Collects what receipts have changed, and tells it soon."""

    def __init__(self, delivery: Delivery, abouts: Abouts) -> None:
        self._delivery = delivery
        self._abouts = abouts
        self._waiting: dict[_Key, _Update] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def prepare(self, conversation_ids: Iterable[UUID]) -> None:
        """Find out what conversations are about, before something is told of them.

        Where that cannot be asked now, it is told without: the receipts are written, and nobody is to hear of a
        failure.
        """
        with suppress(ChatError):
            await self._abouts.of_all(conversation_ids)

    def add(
        self,
        user_id: str,
        conversation_id: UUID,
        row: Record,
        *,
        status: ReceiptStatus,
        origin: str | None = None,
        many: tuple[str, ...] = (),
    ) -> None:
        """Collect what a user's receipt has changed in a conversation.

        In a large conversation only the user's own devices are told, and only of what was read. Only they are told
        that the conversation is no longer marked as unread.

        Args:
            row: ``up_to_seq``, ``member_count``, ``is_direct``, ``count``, ``ids`` and, of readings,
                ``is_unmarked``.
            origin: the connection over which it came, where it came as a command.
            many: the ids of the messages, where they are over `NAMED_MESSAGES`; at most `NAMED_OF_MANY`.
        """
        update = _Update(row["is_direct"], many=many)
        if row["count"] > 0:
            update.up_to_seq = row["up_to_seq"]
            update.ids = [str(message_id) for message_id in row["ids"]]
            is_small = row["member_count"] <= BROADCAST_MEMBERS
            if is_small or status == "read":
                self._add((user_id, conversation_id, status, is_small, origin), update)
        elif row.get("is_unmarked"):
            # Up to no seq, since no further message was read.
            self._add((user_id, conversation_id, status, False, origin), update)

    def _add(self, key: _Key, update: _Update) -> None:
        if len(update.ids) > NAMED_MESSAGES:
            # It names no message but means everything up to its seq, so it goes alone and in its turn.
            self.flush()
            update.ids = []
            self._tell(key, update)
            return
        waiting = self._waiting.get(key)
        full = waiting is not None and len(waiting.ids) + len(update.ids) > NAMED_MESSAGES
        if full or len(self._waiting) >= _MOST_WAITING:
            self.flush()
            waiting = None
        if waiting is None:
            self._waiting[key] = update
        else:
            waiting.up_to_seq = max(waiting.up_to_seq, update.up_to_seq)
            waiting.ids += update.ids
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_PAUSE, self.flush)

    def flush(self) -> None:
        """Tell what waits, now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, {}
        for key, update in waiting.items():
            self._tell(key, update)

    def _tell(self, key: _Key, update: _Update) -> None:
        if update.is_direct and 0 < len(update.ids) <= SINGLE_MESSAGES:
            for message_id in update.ids:
                self._push(key, update.up_to_seq, (message_id,))
        else:
            self._push(key, update.up_to_seq, tuple(update.ids), update.many)

    def _push(
        self, key: _Key, up_to_seq: int, ids: tuple[str, ...], many: tuple[str, ...] = ()
    ) -> None:
        user_id, conversation_id, status, to_all, origin = key
        push = MessageStatusUpdated(
            conversation_id=str(conversation_id),
            up_to_seq=up_to_seq,
            message_ids=ids,
            message_id=ids[0] if len(ids) == 1 else None,
            status=status,
            user_id=user_id,
            delivered_by=user_id if status == "delivered" else None,
            read_by=user_id if status == "read" else None,
            timestamp=iso_now(),
        )
        room = conversation_room(conversation_id) if to_all else user_room(user_id)
        about = self._abouts.known(conversation_id)
        self._delivery.tell(
            [room],
            "chat:message_status_updated",
            payload(push),
            about=about._replace(messages=many) if about and many else about,
            origin=origin,
        )
