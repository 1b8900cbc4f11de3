"""``chat:*``: messages, receipts, history and conversations."""

from schemas.base import OfConversation, Paged
from schemas.conversations import (
    ConversationCreated,
    ConversationGiven,
    ConversationOpen,
    ConversationPage,
    History,
    HistoryAsk,
    SyncAsk,
    Synced,
)
from schemas.messages import (
    MessageReceived,
    MessageSend,
    MessageSent,
    MessageStatusUpdated,
    Receipt,
    Typing,
    Updated,
    UserTyping,
)
from schemas.table import Command, Push, Rest

COMMANDS = (
    Command(
        "chat:message_send",
        takes=MessageSend,
        gives=MessageSent,
        mutates=True,
        limit="message",
        errors=("RESOURCE_NOT_FOUND", "USER_BLOCKED", "IDEMPOTENCY_CONFLICT"),
        rest=(Rest("POST", "/api/messages", 201, bare="message"),),
        doc="Post a message to a conversation you take part in, or to a person.",
    ),
    Command(
        "chat:message_delivered",
        takes=Receipt,
        gives=Updated,
        mutates=True,
        errors=("RESOURCE_NOT_FOUND",),
        doc="Say that your device has received messages.",
    ),
    Command(
        "chat:message_read",
        takes=Receipt,
        gives=Updated,
        mutates=True,
        errors=("RESOURCE_NOT_FOUND",),
        doc="Say that you have read messages: exactly those named.",
    ),
    Command(
        "chat:typing",
        takes=Typing,
        gives=None,
        mutates=True,
        errors=("RESOURCE_NOT_FOUND",),
        doc="Say that you are typing, or stopped. Nothing is stored.",
    ),
    Command(
        "chat:history",
        takes=HistoryAsk,
        gives=History,
        errors=("RESOURCE_NOT_FOUND",),
        rest=(
            Rest(
                "GET",
                "/api/messages/{conversation_id}",
                shows=("messages", "total", "pagination"),
            ),
        ),
        doc="A page of a conversation's messages, oldest first.",
    ),
    Command(
        "chat:sync",
        takes=SyncAsk,
        gives=Synced,
        errors=("RESOURCE_NOT_FOUND",),
        doc="Everything that happened in a conversation after a seq, as it is shown now.",
    ),
    Command(
        "chat:conversation_open",
        takes=ConversationOpen,
        gives=ConversationGiven,
        mutates=True,
        errors=("RESOURCE_NOT_FOUND", "USER_BLOCKED"),
        rest=(
            Rest(
                "POST",
                "/api/conversations/direct",
                bare="conversation",
                renames=(("user_id", "recipient_id"),),
            ),
        ),
        doc="Find or create the direct conversation with a person.",
    ),
    Command(
        "chat:conversation_list",
        takes=Paged,
        gives=ConversationPage,
        rest=(
            Rest(
                "GET",
                "/api/conversations",
                shows=("conversations", "total", "pagination", "offset"),
            ),
        ),
        doc="Your conversations, the most recently active first.",
    ),
    Command(
        "chat:conversation_get",
        takes=OfConversation,
        gives=ConversationGiven,
        errors=("RESOURCE_NOT_FOUND",),
        rest=(Rest("GET", "/api/conversations/{conversation_id}", bare="conversation"),),
        doc="One of your conversations.",
    ),
)

PUSHES = (
    Push(
        "chat:message_received", carries=MessageReceived, durable=True, doc="A message was posted."
    ),
    Push(
        "chat:conversation_created",
        carries=ConversationCreated,
        durable=True,
        doc="A direct conversation was opened with you, or by you on another device.",
    ),
    Push("chat:user_typing", carries=UserTyping, doc="Somebody types, or stopped."),
    Push(
        "chat:message_status_updated",
        carries=MessageStatusUpdated,
        doc="Messages were received or read by somebody.",
    ),
)
