"""What commands and pushes about messages carry."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

from schemas.base import ChangeOfConversation, ChangeOfMessage, Retryable
from schemas.fields import Flag, Id, Many, Metadata, OneOf, Text, UserId, Whole
from schemas.resources import Message, Reaction, Time, Uuid
from schemas.wire import resource

MAX_CONTENT = 10_000
MAX_CONTENT_ENCRYPTED = 64 * 1024
MAX_METADATA_BYTES = 4 * 1024
MAX_REACTION = 64
SentType = Literal["text", "image", "file", "voice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSend:
    """To a conversation, or to a person (about a product); text or end-to-end ciphertext."""

    conversation_id: Annotated[UUID | None, Id()] = None
    recipient_id: Annotated[str | None, UserId()] = None
    product_id: Annotated[str | None, UserId()] = None
    content: Annotated[str | None, Text(1, MAX_CONTENT, blank=False)] = None
    content_encrypted: Annotated[str | None, Text(1, MAX_CONTENT_ENCRYPTED)] = None
    message_type: Annotated[SentType, OneOf(*get_args(SentType))] = "text"
    client_message_id: Annotated[str | None, Text(1, 64)] = None
    reply_to_message_id: Annotated[UUID | None, Id()] = None
    metadata: Annotated[dict[str, Any] | None, Metadata(MAX_METADATA_BYTES)] = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """One of conversationId and recipientId; productId goes with recipientId; content or contentEncrypted."""
        if self.conversation_id is None and self.recipient_id is None:
            yield "conversation_id", "Give conversationId or recipientId."
        if self.conversation_id is not None and self.product_id is not None:
            yield "product_id", "Goes with recipientId: a conversation has its product already."
        yield from _not_one_wording(self.content, self.content_encrypted)


def _not_one_wording(content: str | None, encrypted: str | None) -> Iterator[tuple[str, str]]:
    if content is None and encrypted is None:
        yield "content", "Give content or contentEncrypted."
    if content is not None and encrypted is not None:
        yield "content_encrypted", "Give content or contentEncrypted, not both."


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSent:
    """``duplicate``: the same ``clientMessageId`` was sent before, and this is that message as it is now."""

    message_id: Uuid
    message: Message
    duplicate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEdit(ChangeOfMessage):
    """The new wording: text or end-to-end ciphertext, whichever it was. All else of the message stays."""

    content: Annotated[str | None, Text(1, MAX_CONTENT, blank=False)] = None
    content_encrypted: Annotated[str | None, Text(1, MAX_CONTENT_ENCRYPTED)] = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """Either content or contentEncrypted."""
        yield from _not_one_wording(self.content, self.content_encrypted)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageGiven:
    """One message."""

    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDelete(ChangeOfMessage):
    """For everyone (the sender; in a group a moderator and up, too), or for the caller alone."""

    delete_for_everyone: Annotated[bool, Flag()] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionAdd(ChangeOfMessage):
    """An emoji, say; of several code points perhaps."""

    reaction: Annotated[str, Text(1, MAX_REACTION, blank=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionSet:
    """``removed``: it stood already, so asking for it again took it away."""

    reaction: str
    removed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionRemove(ChangeOfMessage):
    """The caller's reaction, whichever it is, or only where it is the one named."""

    reaction: Annotated[str | None, Text(1, MAX_REACTION, blank=False)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(Retryable):
    """One message, several, or everything in a conversation up to a seq."""

    message_id: Annotated[UUID | None, Id()] = None
    message_ids: Annotated[tuple[UUID, ...] | None, Many(Id(), 1, 200)] = None
    conversation_id: Annotated[UUID | None, Id()] = None
    up_to_seq: Annotated[int | None, Whole(1)] = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """One of messageId, messageIds, and conversationId with upToSeq."""
        by_position = self.up_to_seq is not None
        ways = (self.message_id is not None) + (self.message_ids is not None) + by_position
        if ways == 0:
            yield "message_id", "Give messageId, messageIds, or conversationId with upToSeq."
        elif ways > 1:
            wrong = "up_to_seq" if by_position else "message_ids"
            yield wrong, "Give one of messageId, messageIds, or conversationId with upToSeq."
        if by_position and self.conversation_id is None:
            yield "conversation_id", "Goes with upToSeq: missing."


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """How many messages changed their state by this."""

    updated_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Typing(ChangeOfConversation):
    """Whether the caller is typing; a lone true expires after 3 s."""

    is_typing: Annotated[bool, Flag()]


@resource
class MessageReceived(Message):
    """The message itself, with its conversation's id in the envelope's casing as well."""

    conversationId: Uuid  # noqa: N815 - pushes carry it in camelCase beside the resource's own


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEvent:
    """Something happened to a message."""

    conversation_id: Uuid
    seq: int
    message_id: Uuid


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEdited(MessageEvent):
    """The message as it is now; erased since, it is a tombstone."""

    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDeleted(MessageEvent):
    """The message is erased for everyone."""

    delete_for_everyone: Literal[True]
    deleted_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDeletedForSelf:
    """The person deleted the message for themselves, on another device perhaps."""

    conversation_id: Uuid
    message_id: Uuid
    delete_for_everyone: Literal[False]
    personal_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionAdded(MessageEvent):
    """Takes the place of the reaction that the person had, if any."""

    reaction: Reaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionRemoved(MessageEvent):
    """The person has no reaction any more."""

    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePinned(MessageEvent):
    """Who pinned the message, or took its pin away."""

    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentioned:
    """A message mentions the person, by name or as one of all."""

    conversation_id: Uuid
    message_id: Uuid
    mentioned_by: str
    mentioned_by_username: str
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class UserTyping:
    """Somebody types, or stopped."""

    conversation_id: Uuid
    user_id: str
    username: str
    is_typing: bool
    timestamp: Time


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageStatusUpdated:
    """Messages up to a seq were received or read. ``message_ids`` is empty where they are over 200.

    To the reader's own devices alone it also comes without any: nothing was new, but the conversation is no
    longer marked as unread.
    """

    conversation_id: Uuid
    up_to_seq: int
    message_ids: tuple[Uuid, ...]
    status: Literal["delivered", "read"]
    user_id: str
    timestamp: Time
    message_id: Uuid | None = None
    delivered_by: str | None = None
    read_by: str | None = None
