"""Telling conversations that messages were received or read.

A person who reads, or a device that comes back, makes many receipts in a moment. They are told together, some
tens of milliseconds after the first: nobody's ack waits for it, and the others get one push rather than fifty.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from chatserver.delivery import Delivery
from chatserver.pushes import conversation_room, user_room
from chatserver.store import Record
from chatserver.times import iso_now
from schemas.messages import MessageStatusUpdated
from schemas.wire import payload

Status = Literal["delivered", "read"]

# Beyond this many members a conversation broadcasts no receipts: they would outnumber its messages.
BROADCAST_MEMBERS = 100
# How many message ids one push names; it has up_to_seq for more.
NAMED_MESSAGES = 200
# How long an update may wait for others to go with it (s), and how many may wait.
_PAUSE = 0.03
_MOST_WAITING = 1_000

# Whose receipts, of which conversation and status; and whether all members hear of it, or their devices alone.
_Key = tuple[str, UUID, Status, bool]


@dataclass(slots=True)
class _Update:
    up_to_seq: int = 0
    ids: list[str] = field(default_factory=list)


class StatusUpdates:
    """Collects what receipts have changed, and tells it."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._waiting: dict[_Key, _Update] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, user_id: str, conversation_id: UUID, row: Record, *, status: Status) -> None:
        """What a receipt of a user has changed in a conversation. Where that is nothing, or the conversation is
        large, nobody is told; but that it is no longer marked as unread, the user's own devices are.

        Args:
            row: ``up_to_seq``, ``member_count``, ``count``, ``ids`` and, of readings, ``is_unmarked``.
        """
        if row["count"] > 0 and row["member_count"] <= BROADCAST_MEMBERS:
            key: _Key = (user_id, conversation_id, status, True)
            self._add(key, row["up_to_seq"], [str(message_id) for message_id in row["ids"]])
        elif row.get("is_unmarked"):
            # Up to nothing: by it no message is read that was not before.
            self._add((user_id, conversation_id, status, False), 0, [])

    def _add(self, key: _Key, up_to_seq: int, ids: list[str]) -> None:
        if len(ids) > NAMED_MESSAGES:
            # It means everything up to its seq, and can name no message, so it goes alone and in its turn.
            self.flush()
            self._tell(key, _Update(up_to_seq))
            return
        waiting = self._waiting.get(key)
        full = waiting is not None and len(waiting.ids) + len(ids) > NAMED_MESSAGES
        if full or len(self._waiting) >= _MOST_WAITING:
            self.flush()
        update = self._waiting.setdefault(key, _Update())
        update.up_to_seq = max(update.up_to_seq, up_to_seq)
        update.ids += ids
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
        user_id, conversation_id, status, to_all = key
        ids = tuple(update.ids)
        push = MessageStatusUpdated(
            conversation_id=str(conversation_id),
            up_to_seq=update.up_to_seq,
            message_ids=ids,
            message_id=ids[0] if len(ids) == 1 else None,
            status=status,
            user_id=user_id,
            delivered_by=user_id if status == "delivered" else None,
            read_by=user_id if status == "read" else None,
            timestamp=iso_now(),
        )
        room = conversation_room(conversation_id) if to_all else user_room(user_id)
        self._delivery.tell([room], "chat:message_status_updated", payload(push))
