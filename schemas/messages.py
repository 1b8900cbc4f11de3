"""Messages: what is said, reworded and erased."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

from chatserver.schemas.base import ChangeOfMessage, MessageEvent
from chatserver.schemas.fields import Flag, Id, Many, Metadata, OneOf, Text, UserId
from chatserver.schemas.files import MAX_FILES
from chatserver.schemas.resources import Message, Uuid
from chatserver.schemas.table import Command, Push, Rest
from chatserver.schemas.wire import resource

MAX_CONTENT = 10_000
MAX_CONTENT_ENCRYPTED = 64 * 1024
MAX_METADATA_BYTES = 4 * 1024
SentType = Literal["text", "image", "file", "voice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSend:
    """To a conversation, or to a person (about a product); text or end-to-end ciphertext, files, or files with it.

    ``message_type`` is ``text`` by itself; with files it is ``image`` where all are images, ``voice`` where it is
    one sound with a duration, else ``file``.
    """

    conversation_id: Annotated[UUID | None, Id()] = None
    recipient_id: Annotated[str | None, UserId()] = None
    product_id: Annotated[str | None, UserId()] = None
    content: Annotated[str | None, Text(1, MAX_CONTENT, blank=False)] = None
    content_encrypted: Annotated[str | None, Text(1, MAX_CONTENT_ENCRYPTED)] = None
    message_type: Annotated[SentType | None, OneOf(*get_args(SentType))] = None
    client_message_id: Annotated[str | None, Text(1, 64)] = None
    reply_to_message_id: Annotated[UUID | None, Id()] = None
    metadata: Annotated[dict[str, Any] | None, Metadata(MAX_METADATA_BYTES)] = None
    file_ids: Annotated[tuple[UUID, ...] | None, Many(Id(), 1, MAX_FILES, distinct=False)] = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """One of conversationId and recipientId; productId goes with recipientId; content or contentEncrypted, or
        neither with files; each file once.
        """
        if self.conversation_id is None and self.recipient_id is None:
            yield "conversation_id", "Give conversationId or recipientId."
        if self.conversation_id is not None and self.product_id is not None:
            yield "product_id", "Goes with recipientId: a conversation has its product already."
        if self.file_ids is None:
            yield from _not_one_wording(self.content, self.content_encrypted)
        else:
            if len(set(self.file_ids)) < len(self.file_ids):
                yield "file_ids", "Names a file twice."
            if self.content is not None and self.content_encrypted is not None:
                yield "content_encrypted", "Give content or contentEncrypted, not both."


def _not_one_wording(content: str | None, encrypted: str | None) -> Iterator[tuple[str, str]]:
    if content is None and encrypted is None:
        yield "content", "Give content or contentEncrypted."
    if content is not None and encrypted is not None:
        yield "content_encrypted", "Give content or contentEncrypted, not both."


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSent:
    """``duplicate``: the same ``clientMessageId`` was sent before, and this is that message as it is now.

    ``message`` is left out of a duplicate that you may not see any more.
    """

    message_id: Uuid
    duplicate: bool
    message: Message | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEdit(ChangeOfMessage):
    """The new text, or end-to-end ciphertext where the message had that. Everything else of the message stays."""

    content: Annotated[str | None, Text(1, MAX_CONTENT, blank=False)] = None
    content_encrypted: Annotated[str | None, Text(1, MAX_CONTENT_ENCRYPTED)] = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """Either content or contentEncrypted."""
        yield from _not_one_wording(self.content, self.content_encrypted)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageGiven:
    """The message. Where you may not see it any more, the same request again answers with its id alone."""

    message: Message | None = None
    message_id: Uuid | None = None
    duplicate: Literal[True] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDelete(ChangeOfMessage):
    """For everyone (by the sender, or in a group by a moderator or a higher role), or for the caller alone."""

    delete_for_everyone: Annotated[bool, Flag()] = True


@resource
class MessageReceived(Message):
    """The message itself, with its conversation's id in the envelope's casing as well."""

    conversationId: Uuid  # noqa: N815 - pushes carry it in camelCase beside the resource's own


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEdited(MessageEvent):
    """The message as it is now; a tombstone if it was erased since."""

    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDeleted(MessageEvent):
    """The message is erased for everyone."""

    delete_for_everyone: Literal[True]
    deleted_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDeletedForSelf:
    """The person deleted the message for themselves, perhaps on another device."""

    conversation_id: Uuid
    message_id: Uuid
    delete_for_everyone: Literal[False]
    personal_seq: int


COMMANDS = (
    Command(
        "chat:message_send",
        takes=MessageSend,
        gives=MessageSent,
        mutates=True,
        limit="message",
        errors=("RESOURCE_NOT_FOUND", "USER_BLOCKED", "CONFLICT", "IDEMPOTENCY_CONFLICT"),
        rest=(Rest("POST", "/api/messages", 201, bare="message"),),
        doc="Post a message to a conversation you take part in, or to a person.",
    ),
    Command(
        "chat:message_edit",
        takes=MessageEdit,
        gives=MessageGiven,
        mutates=True,
        limit="message",
        errors=(
            "RESOURCE_NOT_FOUND",
            "PERMISSION_DENIED",
            "USER_BLOCKED",
            "EDIT_WINDOW_EXPIRED",
            "IDEMPOTENCY_CONFLICT",
        ),
        rest=(Rest("PATCH", "/api/messages/{message_id}", bare="message"),),
        doc="Change the text of your message, within 5 minutes of sending it.",
    ),
    Command(
        "chat:message_delete",
        takes=MessageDelete,
        gives=None,
        mutates=True,
        limit="message",
        errors=("RESOURCE_NOT_FOUND", "PERMISSION_DENIED", "IDEMPOTENCY_CONFLICT"),
        rest=(Rest("DELETE", "/api/messages/{message_id}"),),
        doc="Erase a message for everyone, or delete it for yourself alone.",
    ),
)

PUSHES = (
    Push(
        "chat:message_received", carries=MessageReceived, durable=True, doc="A message was posted."
    ),
    Push(
        "chat:message_edited",
        carries=MessageEdited,
        durable=True,
        doc="The text of a message was changed.",
    ),
    Push(
        "chat:message_deleted",
        carries=MessageDeleted,
        durable=True,
        doc="A message was erased for everyone; a tombstone stands in its place.",
    ),
    Push(
        "chat:message_deleted",
        carries=MessageDeletedForSelf,
        durable=True,
        personal=True,
        doc="You deleted a message for yourself alone.",
    ),
)
