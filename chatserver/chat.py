"""Posting, reading and opening: what people do in conversations."""

from dataclasses import dataclass
from uuid import UUID

from chatserver.conversations import Conversations
from chatserver.crypto import Vault
from chatserver.delivery import Delivery, Event, conversation_room
from chatserver.directory import Directory
from chatserver.errors import ChatError, ErrorCode, invalid, not_found
from chatserver.ids import uuid7
from chatserver.log import Log, message_received
from chatserver.messages import MessageReader, body_of, posted_message
from chatserver.requests import Asks, Requests
from chatserver.session import Caller
from chatserver.store import Database, Record
from schemas.chat import (
    ConversationCreated,
    History,
    HistoryAsk,
    LoggedEvent,
    MessageSend,
    MessageSent,
    Synced,
)
from schemas.resources import HistoryPage
from schemas.wire import payload


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a member may read of a conversation: numbers after ``hidden_number``, seqs after ``hidden_seq``."""

    hidden_seq: int
    hidden_number: int
    last_number: int
    pruned_seq: int
    deleted: int


class Chat:
    """Direct messaging.

    Raises (all methods):
        ChatError: UNAVAILABLE where the database cannot answer now.
    """

    def __init__(
        self,
        db: Database,
        vault: Vault,
        directory: Directory,
        reader: MessageReader,
        conversations: Conversations,
        log: Log,
        delivery: Delivery,
        requests: Requests,
    ) -> None:
        self._db = db
        self._vault = vault
        self._directory = directory
        self._reader = reader
        self._conversations = conversations
        self._log = log
        self._delivery = delivery
        self._requests = requests

    # -- posting ----------------------------------------------------------------------------------

    async def check_addressee(self, caller: Caller, cmd: MessageSend) -> UUID:
        """The conversation that a message goes to: the one named, or the direct one with the recipient.

        Whether the caller may post there is checked under the conversation's lock, as it is written.

        Raises:
            ChatError: VALIDATION_ERROR, RESOURCE_NOT_FOUND, USER_BLOCKED
        """
        if cmd.conversation_id is not None:
            if cmd.recipient_id is not None:
                await self._check_recipient(caller, cmd.conversation_id, cmd.recipient_id)
            return cmd.conversation_id
        assert cmd.recipient_id is not None  # the schema has seen to it
        recipient = await self._recipient(caller, cmd.recipient_id)
        found = await self._db.one("find_direct", caller.user_id, recipient, cmd.product_id or "")
        if found is not None:
            conversation_id: UUID = found["id"]
            return conversation_id
        if cmd.reply_to_message_id is not None:
            # Nothing can be answered in a conversation that does not exist yet; do not create it in vain.
            raise not_found("message", field="replyToMessageId")
        return await self._open(self._db, caller, recipient, cmd.product_id)

    async def post(self, caller: Caller, conversation_id: UUID, cmd: MessageSend) -> MessageSent:
        """Post a message: committed, then handed on.

        Raises:
            ChatError: RESOURCE_NOT_FOUND, USER_BLOCKED, IDEMPOTENCY_CONFLICT
        """
        message_id = uuid7()
        body = body_of(cmd)
        sealed = self._vault.seal(conversation_id, message_id, body)
        identity = _identity(caller, cmd, body)
        fingerprint = self._vault.fingerprint(conversation_id.bytes, *identity)
        row = await self._db.one(
            "post_messages",
            [conversation_id],
            [caller.user_id],
            [message_id],
            [cmd.message_type],
            [sealed.version],
            [sealed.key_id],
            [sealed.nonce],
            [sealed.ciphertext],
            [cmd.reply_to_message_id],
            [cmd.client_message_id],
            [fingerprint if cmd.client_message_id else None],
        )
        assert row is not None  # one verdict per message asked
        if row["verdict"] == "posted":
            message = posted_message(caller.user, cmd, conversation_id, row)
            self._delivery.publish(
                Event(
                    room=conversation_room(conversation_id),
                    seq=message.seq,
                    name="chat:message_received",
                    payload=message_received(message),
                )
            )
            return MessageSent(message_id=message.id, message=message, duplicate=False)
        if row["verdict"] == "duplicate":
            return await self._posted_before(conversation_id, row, identity)
        raise _refusal(row["verdict"])

    async def _posted_before(
        self, conversation_id: UUID, row: Record, identity: tuple[bytes, ...]
    ) -> MessageSent:
        # An erased message's fingerprint is erased with it: then the id alone decides.
        kept = row["fingerprint"]
        if kept is not None and not self._vault.same_fingerprint(
            kept, conversation_id.bytes, *identity
        ):
            raise ChatError(
                code=ErrorCode.IDEMPOTENCY_CONFLICT,
                fields={"clientMessageId": ["Was used for another message."]},
            )
        rows = await self._db.all("posted_message", conversation_id, row["seq"])
        (message,) = await self._reader.resources(rows)
        return MessageSent(message_id=message.id, message=message, duplicate=True)

    # -- opening ----------------------------------------------------------------------------------

    async def open_direct(self, caller: Caller, recipient_id: str, product_id: str | None) -> UUID:
        """The direct conversation with a person (about a product), found or created.

        Raises:
            ChatError: VALIDATION_ERROR for oneself; RESOURCE_NOT_FOUND, USER_BLOCKED, IDEMPOTENCY_CONFLICT
        """
        recipient = await self._recipient(caller, recipient_id)
        async with self._requests.once(caller) as work:
            if work.kept is not None:
                return UUID(work.kept["conversationId"])
            found = await self._opened(work.asks, caller, recipient, product_id)
            await work.keep({"conversationId": str(found["conversation_id"])})
        return await self._created(caller, found)

    async def _open(
        self, asks: Asks, caller: Caller, recipient: str, product_id: str | None
    ) -> UUID:
        return await self._created(caller, await self._opened(asks, caller, recipient, product_id))

    async def _opened(
        self, asks: Asks, caller: Caller, recipient: str, product_id: str | None
    ) -> Record:
        row = await asks.one("open_direct", uuid7(), caller.user_id, recipient, product_id or "")
        assert row is not None  # it always answers
        if row["verdict"] == "blocked":
            raise _refusal("blocked")
        return row

    async def _created(self, caller: Caller, row: Record) -> UUID:
        """Hands on the creation, where there was one; it is committed by now."""
        conversation_id: UUID = row["conversation_id"]
        if row["verdict"] == "created":
            conversation = await self._conversations.for_push(conversation_id)
            created = ConversationCreated(
                conversation_id=str(conversation_id),
                seq=1,
                conversation=conversation,
                by=caller.user_id,
            )
            self._delivery.publish(
                Event(
                    room=conversation_room(conversation_id),
                    seq=1,
                    name="chat:conversation_created",
                    payload=payload(created),
                    joined=tuple(row["members"]),
                )
            )
        return conversation_id

    async def _recipient(self, caller: Caller, recipient_id: str) -> str:
        recipient = await self._directory.get(recipient_id)
        if recipient.id == caller.user_id:
            raise invalid("recipientId", "Must be somebody else than yourself.")
        return recipient.id

    async def _check_recipient(
        self, caller: Caller, conversation_id: UUID, recipient_id: str
    ) -> None:
        """Both given (the marketplace's clients do so): then they must agree."""
        row = await self._db.one("direct_counterpart", caller.user_id, conversation_id)
        if row is None or row["user_id"] != recipient_id:
            await self._conversations.check_member(caller.user_id, conversation_id)
            raise invalid("recipientId", "Is not the other person of this conversation.")

    # -- reading ----------------------------------------------------------------------------------

    async def history(self, caller: Caller, cmd: HistoryAsk) -> History:
        """A page of messages, oldest first.

        An offset counts from the newest message. Messages that the caller deleted for themselves keep
        their place in it, so that pages neither overlap nor skip; such a page is shorter than its limit.

        Raises:
            ChatError: RESOURCE_NOT_FOUND
        """
        bounds = await self._bounds(caller, cmd.conversation_id)
        total = bounds.last_number - bounds.hidden_number
        args = (caller.user_id, cmd.conversation_id)
        if cmd.after_seq is not None:
            after = max(cmd.after_seq, bounds.hidden_seq)
            rows = await self._db.all("history_after", *args, after, cmd.limit + 1)
            has_more, rows = len(rows) > cmd.limit, rows[: cmd.limit]
        elif cmd.before_seq is not None:
            rows = await self._db.all(
                "history_before", *args, cmd.before_seq, cmd.limit + 1, bounds.hidden_seq
            )
            has_more, rows = len(rows) > cmd.limit, rows[: cmd.limit][::-1]
        else:
            # Beyond the first message there are no numbers, whatever the offset.
            top = max(bounds.last_number - (cmd.offset or 0), bounds.hidden_number)
            bottom = max(top - cmd.limit, bounds.hidden_number)
            rows = (
                await self._db.all("history_numbered", *args, bottom + 1, top)
                if top > bottom
                else []
            )
            has_more = bottom > bounds.hidden_number
        earlier = bool(rows) and rows[0]["number"] > bounds.hidden_number + 1
        return History(
            messages=await self._reader.resources(rows),
            total=total - bounds.deleted,
            pagination=HistoryPage(
                limit=cmd.limit,
                offset=cmd.offset or 0,
                has_more=has_more,
                next_before_seq=rows[0]["seq"] if earlier else None,
            ),
        )

    async def sync(
        self, caller: Caller, conversation_id: UUID, after_seq: int, limit: int
    ) -> Synced:
        """What happened after a seq, without what the caller has hidden or deleted for themselves since.

        Raises:
            ChatError: RESOURCE_NOT_FOUND
        """
        bounds = await self._bounds(caller, conversation_id)
        if after_seq < bounds.pruned_seq:
            return Synced(events=(), has_more=False, limited=True)
        rows = await self._db.all("events_after", conversation_id, after_seq, limit + 1)
        has_more, rows = len(rows) > limit, rows[:limit]
        posted = [row["seq"] for row in rows if row["kind"] == "chat:message_received"]
        hidden_rows = await self._db.all("hidden_seqs", caller.user_id, conversation_id, posted)
        hidden = {row["seq"] for row in hidden_rows}
        events = await self._log.conversation_events(
            conversation_id, [row for row in rows if row["seq"] not in hidden]
        )
        return Synced(
            events=tuple(LoggedEvent(event=event.name, data=event.payload) for event in events),
            has_more=has_more,
            limited=False,
        )

    async def _bounds(self, caller: Caller, conversation_id: UUID) -> Bounds:
        row = await self._db.one("history_bounds", caller.user_id, conversation_id)
        if row is None:
            raise not_found("conversation")
        return Bounds(
            row["hidden_seq"],
            row["hidden_number"],
            row["last_number"],
            row["pruned_seq"],
            row["deleted"],
        )


def _identity(caller: Caller, cmd: MessageSend, body: bytes) -> tuple[bytes, ...]:
    """What makes two sends of one id the same message: its body, its type and what it answers.

    The ids stand in it too, so that equal texts do not show as equal fingerprints.
    """
    ids = caller.user_id.encode(), (cmd.client_message_id or "").encode()
    reply_to = cmd.reply_to_message_id.bytes if cmd.reply_to_message_id else b""
    return *ids, cmd.message_type.encode(), reply_to, body


def _refusal(verdict: str) -> ChatError:
    if verdict == "blocked":
        return ChatError(
            code=ErrorCode.USER_BLOCKED, details="You cannot send messages to this user."
        )
    if verdict == "reply_not_found":
        return not_found("message", field="replyToMessageId")
    return not_found("conversation")
