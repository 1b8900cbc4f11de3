"""Received and read: exact per message, one row per member."""

from collections.abc import Mapping, Sequence
from typing import Literal
from uuid import UUID

from chatserver.delivery import Delivery
from chatserver.errors import not_found
from chatserver.pushes import conversation_room
from chatserver.requests import Asks, Requests
from chatserver.session import Caller
from chatserver.store import Record
from chatserver.times import iso_now
from schemas.messages import MessageStatusUpdated, Receipt, Updated
from schemas.wire import payload

Status = Literal["delivered", "read"]

# Beyond this many members a conversation broadcasts no receipts: they would outnumber its messages.
BROADCAST_MEMBERS = 100
# How many message ids one push names; it has up_to_seq for more.
NAMED_MESSAGES = 200


class Receipts:
    """Marks messages as delivered or read, and tells the conversation."""

    def __init__(self, delivery: Delivery, requests: Requests) -> None:
        self._delivery = delivery
        self._requests = requests

    async def mark(self, caller: Caller, cmd: Receipt, status: Status) -> Updated:
        """Mark what a receipt names; the caller's own messages are passed over.

        Raises:
            ChatError: RESOURCE_NOT_FOUND for a conversation or message that the caller may not see, or
                one that is erased: then nothing is marked. IDEMPOTENCY_CONFLICT, UNAVAILABLE
        """
        async with self._requests.once(caller) as work:
            if work.kept is not None:
                return Updated(updated_count=work.kept["updatedCount"])
            marked = await self._marked(work.asks, caller, cmd, status)
            updated = Updated(updated_count=sum(row["count"] for row in marked.values()))
            await work.keep({"updatedCount": updated.updated_count})
        for conversation_id, row in marked.items():
            tell_status(self._delivery, caller.user_id, conversation_id, row, status=status)
        return updated

    async def _marked(
        self, asks: Asks, caller: Caller, cmd: Receipt, status: Status
    ) -> Mapping[UUID, Record]:
        if cmd.up_to_seq is not None:
            assert cmd.conversation_id is not None  # the schema has seen to it
            query = "mark_delivered" if status == "delivered" else "mark_read_up_to"
            row = await asks.one(query, caller.user_id, cmd.conversation_id, cmd.up_to_seq)
            if row is None:
                raise not_found("conversation")
            return {cmd.conversation_id: row}
        named = cmd.message_ids or (cmd.message_id,)
        found = await asks.all("locate_messages", caller.user_id, named)
        if len(found) < len(named) or (
            cmd.conversation_id
            and any(row["conversation_id"] != cmd.conversation_id for row in found)
        ):
            raise not_found("message")
        seqs: dict[UUID, list[int]] = {}
        for row in found:
            if row["sender_id"] != caller.user_id:
                seqs.setdefault(row["conversation_id"], []).append(row["seq"])
        marked = {}
        # In the order of ids, as every lock here is taken.
        for conversation_id in sorted(seqs):
            row = await self._mark_seqs(
                asks, caller, conversation_id, seqs[conversation_id], status
            )
            if row is not None:
                marked[conversation_id] = row
        return marked

    @staticmethod
    async def _mark_seqs(
        asks: Asks, caller: Caller, conversation_id: UUID, seqs: Sequence[int], status: Status
    ) -> Record | None:
        if status == "read":
            return await asks.one("mark_read", caller.user_id, conversation_id, seqs)
        # Delivery is in order: who has received a message has received all before it.
        return await asks.one("mark_delivered", caller.user_id, conversation_id, max(seqs))


def tell_status(
    delivery: Delivery, user_id: str, conversation_id: UUID, row: Record, *, status: Status
) -> None:
    """Tell a conversation whose messages were received or read; nobody where nothing changed, or it is large."""
    if row["count"] == 0 or row["member_count"] > BROADCAST_MEMBERS:
        return
    ids = tuple(map(str, row["ids"])) if len(row["ids"]) <= NAMED_MESSAGES else ()
    update = MessageStatusUpdated(
        conversation_id=str(conversation_id),
        up_to_seq=row["up_to_seq"],
        message_ids=ids,
        message_id=ids[0] if len(ids) == 1 else None,
        status=status,
        user_id=user_id,
        delivered_by=user_id if status == "delivered" else None,
        read_by=user_id if status == "read" else None,
        timestamp=iso_now(),
    )
    delivery.tell(
        [conversation_room(conversation_id)], "chat:message_status_updated", payload(update)
    )
