"""Posts messages and announcements: writes them, many in one commit, and hands them on."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from chatserver.chat.mention_names import may_name
from chatserver.chat.mentions import Mentions
from chatserver.core.caller import Caller, User
from chatserver.core.crypto import Vault
from chatserver.core.encoding import Received
from chatserver.core.errors import ChatError, ErrorCode
from chatserver.core.ids import uuid7
from chatserver.delivery import Delivery, Event, conversation_room
from chatserver.files import NO_FILES, Claimed, FileClaims
from chatserver.log import refusal
from chatserver.resources import Abouts, MessageReader, body_of, context_of, posted_message
from chatserver.schemas.groups import GroupAnnounce
from chatserver.schemas.messages import MessageSend, MessageSent
from chatserver.schemas.resources import Mention
from chatserver.store import Batcher, Database, Record

# How many bytes of messages may wait for the database: some ten thousand of the usual size.
_BOUND = 16 * 1024 * 1024
# What a draft takes beside its text.
_OVERHEAD = 1_000


class Draft(NamedTuple):
    """A message that is to be written: what ``post_message`` takes, in its order.

    (A named tuple: every message is one, and many are turned into columns in one go.)
    """

    conversation_id: UUID
    sender_id: str
    message_id: UUID
    message_type: str
    # As it was sealed (`chatserver.core.crypto.Sealed`).
    version: int
    key_id: str
    nonce: bytes
    ciphertext: bytes
    reply_to: UUID | None
    client_message_id: str | None
    # Of what identifies it to a retry; set only where the client named it.
    fingerprint: bytes | None
    is_announcement: bool


class Posts(Batcher[Draft, Record]):
    """Writes drafts, many in one commit (`post_messages`). Each is answered by its row, which has its verdict."""

    def __init__(self, db: Database) -> None:
        super().__init__(
            self._write,
            # Two batches with messages of one conversation would wait for its lock.
            key=lambda draft: draft.conversation_id,
            weigh=lambda draft: len(draft.ciphertext) + _OVERHEAD,
            bound=_BOUND,
        )
        self._db = db

    async def _write(self, drafts: Sequence[Draft]) -> list[Record]:
        if len(drafts) == 1:
            return await self._db.all("post_message", *drafts[0])
        return await self._db.all("post_messages", *zip(*drafts, strict=True))


class Posting:
    """Posts messages.

    Raises (all methods):
        ChatError: UNAVAILABLE where the database cannot answer now.
    """

    def __init__(
        self,
        db: Database,
        vault: Vault,
        reader: MessageReader,
        delivery: Delivery,
        posts: Posts,
        mentions: Mentions,
        abouts: Abouts,
        claims: FileClaims,
    ) -> None:
        self._db = db
        self._vault = vault
        self._reader = reader
        self._delivery = delivery
        self._posts = posts
        self._mentions = mentions
        self._abouts = abouts
        self._claims = claims

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
            ChatError: RESOURCE_NOT_FOUND, USER_BLOCKED, IDEMPOTENCY_CONFLICT; CONFLICT for files that cannot be
                sent; an announcement also as `announce`.
        """
        message_id, sender = uuid7(), caller.session.user
        files, message_type = NO_FILES, cmd.message_type or "text"
        if cmd.file_ids is not None:
            files = await self._claims.find(caller, conversation_id, cmd.file_ids)
            message_type = cmd.message_type or files.message_type
        mentions: tuple[Mention, ...] = ()
        if _may_mention(cmd):
            mentions = await self._mentions.find(self._db, caller, conversation_id, cmd.content)
        body = body_of(cmd)
        whole = body_of(cmd, mentions, files.entries) if mentions or files.entries else body
        identity = _identity(sender, cmd, body, is_announcement=is_announcement)
        fingerprint = (
            self._vault.fingerprint(conversation_id.bytes, *identity)
            if cmd.client_message_id
            else None
        )
        context = context_of(
            sender.id,
            message_type,
            is_announcement=is_announcement,
            reply_to=cmd.reply_to_message_id,
        )
        draft = Draft(
            conversation_id,
            sender.id,
            message_id,
            message_type,
            *self._vault.seal(conversation_id, message_id, whole, context),
            cmd.reply_to_message_id,
            cmd.client_message_id,
            fingerprint,
            is_announcement,
        )
        # Before the commit, after which nothing is waited for. It is in memory but for the first message.
        about = self._abouts.known(conversation_id) or await self._abouts.of(conversation_id)
        row = await (self._write(draft, files) if files.ids else self._posts.ask(draft))
        if row["verdict"] == "posted":
            message = posted_message(
                sender,
                cmd,
                conversation_id,
                row,
                message_type,
                mentions,
                files.entries,
                is_announcement=is_announcement,
            )
            self._delivery.publish(
                Event(
                    room=conversation_room(conversation_id),
                    seq=message.seq,
                    name="chat:message_received",
                    payload=Received(message),
                    created_at=row["created_at"],
                    about=about.by(sender),
                    origin=caller.session.connection_id,
                )
            )
            if mentions:
                await self._mentions.tell(sender, message)
            return MessageSent(message_id=message.id, message=message, duplicate=False)
        if row["verdict"] == "duplicate":
            return await self._posted_before(caller, conversation_id, row, identity)
        if row["verdict"] == "file_stale":
            # One of them was looked at meanwhile.
            return await self.post(caller, conversation_id, cmd)
        raise refusal("announcement" if is_announcement else "post", row)

    async def _write(self, draft: Draft, files: Claimed) -> Record:
        """Write a message that claims files. Returns its row, which has its verdict."""
        row = await self._db.one("post_message_with_files", *draft, files.ids, files.nonces)
        assert row is not None  # it always answers
        return row

    async def _posted_before(
        self, caller: Caller, conversation_id: UUID, row: Record, identity: tuple[bytes, ...]
    ) -> MessageSent:
        """Return the answer to a retry: the message as it is now, or its id alone to those who may not see it."""
        # The fingerprint goes with an erased message: then the id alone decides.
        kept = row["fingerprint"]
        if kept is not None and not self._vault.same_fingerprint(
            kept, conversation_id.bytes, *identity
        ):
            raise ChatError(
                code=ErrorCode.IDEMPOTENCY_CONFLICT,
                fields={"clientMessageId": ["Was used for another message."]},
            )
        rows = await self._db.all("message_at", conversation_id, row["seq"], caller.user_id)
        found = await self._reader.resources(rows)
        return MessageSent(
            message_id=str(row["message_id"]), message=found[0] if found else None, duplicate=True
        )


def _identity(
    sender: User, cmd: MessageSend, body: bytes, *, is_announcement: bool
) -> tuple[bytes, ...]:
    """Return what two sends of one id must share to be the same message: body, type, what it answers, its files.

    The ids stand in it too, so that equal texts do not show as equal fingerprints. Whom it mentions does
    not: who has that name may have left before the retry.
    """
    kind = "announcement" if is_announcement else cmd.message_type or "text"
    ids = sender.id.encode(), (cmd.client_message_id or "").encode()
    reply_to = cmd.reply_to_message_id.bytes if cmd.reply_to_message_id else b""
    identity = *ids, kind.encode(), reply_to, body
    return identity if cmd.file_ids is None else (*identity, *(i.bytes for i in cmd.file_ids))


def _may_mention(cmd: MessageSend) -> bool:
    """Return whether the text may mention somebody: a message to a person is direct and mentions nobody."""
    return cmd.recipient_id is None and cmd.content is not None and may_name(cmd.content)
