"""Posting and opening: what people do in conversations."""

from uuid import UUID

from chatserver.conversations import Conversations
from chatserver.crypto import Vault
from chatserver.delivery import Delivery
from chatserver.directory import Directory
from chatserver.encoding import Received
from chatserver.errors import ChatError, ErrorCode, denied, invalid, not_found
from chatserver.ids import uuid7
from chatserver.log import Publisher
from chatserver.logs import get_logger
from chatserver.mentions import Mentions
from chatserver.messages import MessageReader, body_of, posted_message
from chatserver.posts import Draft, Posts
from chatserver.pushes import Event, conversation_room
from chatserver.requests import Asks, Requests
from chatserver.session import Caller, User
from chatserver.store import Database, Record
from schemas.groups import GroupAnnounce
from schemas.messages import MessageSend, MessageSent
from schemas.resources import Mention

_log = get_logger(__name__)


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
        delivery: Delivery,
        publisher: Publisher,
        requests: Requests,
        posts: Posts,
        mentions: Mentions,
    ) -> None:
        self._db = db
        self._vault = vault
        self._directory = directory
        self._reader = reader
        self._conversations = conversations
        self._delivery = delivery
        self._publisher = publisher
        self._requests = requests
        self._posts = posts
        self._mentions = mentions

    # -- posting ----------------------------------------------------------------------------------

    async def find_addressee(self, caller: Caller, cmd: MessageSend) -> UUID:
        """The conversation that a message to a person goes to: the one named too, or the direct one with them.

        Whether the caller may post there is checked under the conversation's lock, as it is written.

        Raises:
            ChatError: VALIDATION_ERROR, RESOURCE_NOT_FOUND, USER_BLOCKED
        """
        assert cmd.recipient_id is not None  # asked by the caller
        if cmd.conversation_id is not None:
            await self._check_recipient(caller, cmd.conversation_id, cmd.recipient_id)
            return cmd.conversation_id
        recipient = await self._recipient(caller, cmd.recipient_id)
        found = await self._db.one("find_direct", caller.user_id, recipient, cmd.product_id or "")
        if found is not None:
            conversation_id: UUID = found["id"]
            return conversation_id
        if cmd.reply_to_message_id is not None:
            # Nothing can be answered in a conversation that does not exist yet; do not create it in vain.
            raise not_found("message", field="replyToMessageId")
        return await self._open(self._db, caller, recipient, cmd.product_id)

    async def announce(self, caller: Caller, cmd: GroupAnnounce) -> MessageSent:
        """Post an announcement to a group.

        Raises:
            ChatError: RESOURCE_NOT_FOUND, PERMISSION_DENIED, IDEMPOTENCY_CONFLICT; VALIDATION_ERROR for a
                direct conversation.
        """
        message = MessageSend(
            conversation_id=cmd.conversation_id,
            content=cmd.content,
            client_message_id=cmd.client_message_id or cmd.request_id,
        )
        return await self.post(caller, cmd.conversation_id, message, is_announcement=True)

    async def post(
        self,
        caller: Caller,
        conversation_id: UUID,
        cmd: MessageSend,
        *,
        is_announcement: bool = False,
    ) -> MessageSent:
        """Post a message: committed, then handed on.

        Raises:
            ChatError: RESOURCE_NOT_FOUND, USER_BLOCKED, IDEMPOTENCY_CONFLICT; an announcement also as `announce`.
        """
        message_id, sender = uuid7(), caller.session.user
        mentions: tuple[Mention, ...] = ()
        if _may_mention(cmd):
            mentions = await self._mentions.find(self._db, caller, conversation_id, cmd.content)
        body = body_of(cmd)
        whole = body_of(cmd, mentions) if mentions else body
        identity = _identity(sender, cmd, body, is_announcement=is_announcement)
        fingerprint = (
            self._vault.fingerprint(conversation_id.bytes, *identity)
            if cmd.client_message_id
            else None
        )
        draft = Draft(
            conversation_id,
            sender.id,
            message_id,
            cmd.message_type,
            *self._vault.seal(conversation_id, message_id, whole),
            cmd.reply_to_message_id,
            cmd.client_message_id,
            fingerprint,
            is_announcement,
        )
        row = await self._posts.ask(draft)
        if row["verdict"] == "posted":
            message = posted_message(
                sender, cmd, conversation_id, row, mentions, is_announcement=is_announcement
            )
            self._delivery.publish(
                Event(
                    room=conversation_room(conversation_id),
                    seq=message.seq,
                    name="chat:message_received",
                    payload=Received(message),
                    created_at=row["created_at"],
                )
            )
            if mentions:
                await self._mentions.tell(sender, message)
            return MessageSent(message_id=message.id, message=message, duplicate=False)
        if row["verdict"] == "duplicate":
            return await self._posted_before(conversation_id, row, identity)
        if is_announcement and row["verdict"] == "blocked":
            # What is no group has no announcements, blocked or not.
            raise _refusal("not_permitted", row["conversation_type"])
        raise _refusal(row["verdict"], row["conversation_type"])

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
        rows = await self._db.all("message_at", conversation_id, row["seq"])
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
        return await self._created(caller, recipient, found)

    async def _open(
        self, asks: Asks, caller: Caller, recipient: str, product_id: str | None
    ) -> UUID:
        found = await self._opened(asks, caller, recipient, product_id)
        return await self._created(caller, recipient, found)

    async def _opened(
        self, asks: Asks, caller: Caller, recipient: str, product_id: str | None
    ) -> Record:
        row = await asks.one("open_direct", uuid7(), caller.user_id, recipient, product_id or "")
        assert row is not None  # it always answers
        if row["verdict"] == "blocked":
            raise _refusal("blocked", "direct")
        return row

    async def _created(self, caller: Caller, recipient: str, row: Record) -> UUID:
        """Hands on the creation, where there was one; it is committed by now."""
        conversation_id: UUID = row["conversation_id"]
        if row["verdict"] == "created":
            await self._publisher.conversation(conversation_id, 1)
            await self._check_follows(caller.user_id, recipient, conversation_id)
        return conversation_id

    async def _check_follows(self, one: str, other: str, conversation_id: UUID) -> None:
        """Warn, in the log alone, where neither follows the other; clients see ``either_follows``."""
        try:
            row = await self._db.one("nobody_follows", one, other)
        except ChatError:
            return  # a check that forbids nothing may not fail anything
        if row is not None and row["so"]:
            _log.warning(
                "neither person follows the other",
                conversation=str(conversation_id),
                users=[one, other],
            )

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
            named = await self._directory.find(recipient_id)
            if row is not None and named is not None and row["user_id"] == named.id:
                return  # the same id in another spelling
            raise invalid("recipientId", "Is not the other person of this conversation.")


def _identity(
    sender: User, cmd: MessageSend, body: bytes, *, is_announcement: bool
) -> tuple[bytes, ...]:
    """What makes two sends of one id the same message: its body, its type and what it answers.

    The ids stand in it too, so that equal texts do not show as equal fingerprints. Whom it mentions does
    not: who has that name may have left before the retry.
    """
    kind = "announcement" if is_announcement else cmd.message_type
    ids = sender.id.encode(), (cmd.client_message_id or "").encode()
    reply_to = cmd.reply_to_message_id.bytes if cmd.reply_to_message_id else b""
    return *ids, kind.encode(), reply_to, body


def _may_mention(cmd: MessageSend) -> bool:
    """Whether it is worth asking: a message to a person is direct, and mentions nobody."""
    return cmd.recipient_id is None and cmd.content is not None and "@" in cmd.content


def _refusal(verdict: str, conversation_type: str | None) -> ChatError:
    if verdict == "not_permitted":
        if conversation_type == "direct":
            return invalid("conversationId", "Is not a group.")
        return denied("Insufficient permissions")
    if verdict == "blocked":
        return ChatError(
            code=ErrorCode.USER_BLOCKED, details="You cannot send messages to this user."
        )
    if verdict == "reply_not_found":
        return not_found("message", field="replyToMessageId")
    return not_found("conversation")
