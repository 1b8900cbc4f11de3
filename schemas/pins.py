"""Pinned messages."""

from dataclasses import dataclass
from typing import Annotated

from chatserver.schemas.base import ChangeOfMessage, MessageEvent, OfConversation
from chatserver.schemas.fields import Whole
from chatserver.schemas.resources import Message, Page
from chatserver.schemas.table import Command, Push, per_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePinned(MessageEvent):
    """The person who pinned the message, or removed its pin."""

    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PinsAsk(OfConversation):
    """A page of a conversation's pinned messages: 200 where nothing is said, and at most."""

    limit: Annotated[int, Whole(1, 200)] = 200
    offset: Annotated[int, Whole()] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """Pinned messages, the most recently pinned first. ``total`` counts all that the caller can see."""

    messages: tuple[Message, ...]
    total: int
    pagination: Page


_OF_PINS = ("RESOURCE_NOT_FOUND", "PERMISSION_DENIED", "USER_BLOCKED", "IDEMPOTENCY_CONFLICT")

COMMANDS = (
    Command(
        "chat:message_pin",
        takes=ChangeOfMessage,
        gives=None,
        mutates=True,
        limit="message",
        errors=(*_OF_PINS, "CONFLICT"),
        doc="Pin a message. In a group moderators and higher roles may, in a direct conversation both people.",
    ),
    Command(
        "chat:message_unpin",
        takes=ChangeOfMessage,
        gives=None,
        mutates=True,
        limit="message",
        errors=_OF_PINS,
        doc="Remove the pin of a message, whoever set it.",
    ),
    Command(
        "chat:pins",
        takes=PinsAsk,
        gives=Pins,
        page=True,
        rows=per_rows(200),
        errors=("RESOURCE_NOT_FOUND",),
        doc="The pinned messages of a conversation, the last one pinned first.",
    ),
)

PUSHES = (
    Push(
        "chat:message_pinned",
        carries=MessagePinned,
        durable=True,
        doc="Somebody pinned a message.",
    ),
    Push(
        "chat:message_unpinned",
        carries=MessagePinned,
        durable=True,
        doc="Somebody removed the pin of a message.",
    ),
)
