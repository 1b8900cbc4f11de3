"""``chat:*``: messages, receipts, history and conversations."""

from schemas.base import ChangeOfConversation, ChangeOfMessage, OfConversation, Paged
from schemas.conversations import (
    BlockState,
    ConversationBlock,
    ConversationBlocked,
    ConversationCreated,
    ConversationGiven,
    ConversationOpen,
    ConversationOwnView,
    ConversationPage,
    History,
    HistoryAsk,
    Pins,
    PinsAsk,
    SyncAsk,
    Synced,
)
from schemas.messages import (
    Mentioned,
    MessageDelete,
    MessageDeleted,
    MessageDeletedForSelf,
    MessageEdit,
    MessageEdited,
    MessageGiven,
    MessagePinned,
    MessageReceived,
    MessageSend,
    MessageSent,
    MessageStatusUpdated,
    ReactionAdd,
    ReactionAdded,
    ReactionRemove,
    ReactionRemoved,
    ReactionSet,
    Receipt,
    Typing,
    Updated,
    UserTyping,
)
from schemas.table import Choice, Command, Push, Rest


def _status(word: str) -> Rest:
    return Rest(
        "POST",
        "/api/messages/{message_id}/status",
        chosen_by=Choice("status_type", word),
        echoes=("message_id", "status_type"),
        shows=(),
    )


_OF_PINS = ("RESOURCE_NOT_FOUND", "PERMISSION_DENIED", "USER_BLOCKED", "IDEMPOTENCY_CONFLICT")

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
        rest=(_status("delivered"),),
        doc="Say that your device has received messages.",
    ),
    Command(
        "chat:message_read",
        takes=Receipt,
        gives=Updated,
        mutates=True,
        errors=("RESOURCE_NOT_FOUND",),
        rest=(_status("read"),),
        doc="Say that you have read messages: exactly those named.",
    ),
    Command(
        "chat:message_edit",
        takes=MessageEdit,
        gives=MessageGiven,
        mutates=True,
        errors=(
            "RESOURCE_NOT_FOUND",
            "PERMISSION_DENIED",
            "USER_BLOCKED",
            "EDIT_WINDOW_EXPIRED",
            "IDEMPOTENCY_CONFLICT",
        ),
        rest=(Rest("PATCH", "/api/messages/{message_id}", bare="message"),),
        doc="Put another wording in the place of your message's, within 5 minutes of sending it.",
    ),
    Command(
        "chat:message_delete",
        takes=MessageDelete,
        gives=None,
        mutates=True,
        errors=("RESOURCE_NOT_FOUND", "PERMISSION_DENIED", "IDEMPOTENCY_CONFLICT"),
        rest=(Rest("DELETE", "/api/messages/{message_id}"),),
        doc="Erase a message for everyone, or delete it for yourself alone.",
    ),
    Command(
        "chat:reaction_add",
        takes=ReactionAdd,
        gives=ReactionSet,
        mutates=True,
        errors=("RESOURCE_NOT_FOUND", "USER_BLOCKED", "IDEMPOTENCY_CONFLICT"),
        rest=(
            Rest(
                "POST",
                "/api/messages/{message_id}/reactions",
                renames=(("emoji", "reaction"),),
                echoes=("message_id",),
                shown_as=(("reaction", "reaction_emoji"),),
            ),
        ),
        doc="React to a message. The same reaction again takes it away; another takes its place.",
    ),
    Command(
        "chat:reaction_remove",
        takes=ReactionRemove,
        gives=None,
        mutates=True,
        errors=("RESOURCE_NOT_FOUND", "USER_BLOCKED", "IDEMPOTENCY_CONFLICT"),
        rest=(
            Rest(
                "DELETE",
                "/api/messages/{message_id}/reactions",
                renames=(("emoji", "reaction"),),
            ),
        ),
        doc="Take your reaction to a message away, if there is one.",
    ),
    Command(
        "chat:message_pin",
        takes=ChangeOfMessage,
        gives=None,
        mutates=True,
        errors=_OF_PINS,
        doc="Pin a message: in a group moderators and up, in a direct conversation both.",
    ),
    Command(
        "chat:message_unpin",
        takes=ChangeOfMessage,
        gives=None,
        mutates=True,
        errors=_OF_PINS,
        doc="Take the pin of a message away, whoever set it.",
    ),
    Command(
        "chat:pins",
        takes=PinsAsk,
        gives=Pins,
        errors=("RESOURCE_NOT_FOUND",),
        doc="The pinned messages of a conversation, the last one pinned first.",
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
                unsteady=("offset",),
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
    Command(
        "chat:conversation_delete",
        takes=ChangeOfConversation,
        gives=None,
        mutates=True,
        errors=("RESOURCE_NOT_FOUND", "IDEMPOTENCY_CONFLICT"),
        rest=(
            Rest(
                "DELETE",
                "/api/conversations/{conversation_id}",
                chosen_by=Choice("for_everyone", False, default=True),
            ),
        ),
        doc="Hide a conversation and its history so far, for you alone. A new message brings it back.",
    ),
    Command(
        "chat:conversation_mark_unread",
        takes=ChangeOfConversation,
        gives=None,
        mutates=True,
        errors=("RESOURCE_NOT_FOUND", "IDEMPOTENCY_CONFLICT"),
        doc="Show a conversation as unread to you, until you read in it or hide it.",
    ),
    Command(
        "chat:conversation_block",
        takes=ConversationBlock,
        gives=BlockState,
        mutates=True,
        errors=("RESOURCE_NOT_FOUND", "IDEMPOTENCY_CONFLICT"),
        rest=(
            Rest(
                "POST",
                "/api/conversations/{conversation_id}/block",
                echoes=("conversation_id",),
            ),
        ),
        doc="Block a direct conversation for both of you, or take your own block back.",
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
        doc="A message has another wording.",
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
    Push(
        "chat:reaction_added",
        carries=ReactionAdded,
        durable=True,
        doc="Somebody reacted to a message, or changed their reaction.",
    ),
    Push(
        "chat:reaction_removed",
        carries=ReactionRemoved,
        durable=True,
        doc="Somebody took their reaction to a message away.",
    ),
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
        doc="Somebody took the pin of a message away.",
    ),
    Push(
        "chat:conversation_deleted",
        carries=ConversationOwnView,
        durable=True,
        personal=True,
        doc="You hid a conversation with its history up to a seq; a later message brings it back.",
    ),
    Push(
        "chat:conversation_marked_unread",
        carries=ConversationOwnView,
        durable=True,
        personal=True,
        doc="You marked a conversation as unread: it shows at least one until you read in it or hide it.",
    ),
    Push(
        "chat:conversation_blocked",
        carries=ConversationBlocked,
        durable=True,
        doc="Somebody blocked a direct conversation, or took their block back.",
    ),
    Push(
        "chat:conversation_created",
        carries=ConversationCreated,
        durable=True,
        doc="A direct conversation was opened with you, or by you on another device.",
    ),
    Push("chat:user_typing", carries=UserTyping, doc="Somebody types, or stopped."),
    Push(
        "chat:mentioned",
        carries=Mentioned,
        doc="Somebody mentioned you in a group: @username, @everyone or @all. The message comes as well.",
    ),
    Push(
        "chat:message_status_updated",
        carries=MessageStatusUpdated,
        doc="Messages were received or read by somebody.",
    ),
)
