"""What is asked of conversations of two people, and of single messages."""

from chatserver.core.times import iso_now
from chatserver.doors.messaging import answers, shapes
from chatserver.doors.messaging.ask_fields import (
    ASKED,
    CONVERSATION,
    MESSAGE,
    NOW,
    OF_MESSAGE,
    PAGE,
    PAGED,
    PLACE,
    REQUEST,
    SAID,
    SENT,
)
from chatserver.doors.words import Ask, Computed, Fact, Maybe

PRIVATE = (
    Ask(
        "send_private_message",
        "chat:message_send",
        {"recipientId": "recipientId", **CONVERSATION, **SAID},
        "message_sent",
        SENT,
        aliases=("send_message",),
    ),
    Ask(
        "get_private_messages",
        "chat:history",
        {**CONVERSATION, **PAGED},
        "private_messages",
        PAGE,
        aliases=("get_messages",),
    ),
    Ask(
        "mark_message_read",
        "chat:message_read",
        MESSAGE,
        "message_read",
        {**OF_MESSAGE, **NOW},
    ),
    Ask(
        "edit_message",
        "chat:message_edit",
        {**MESSAGE, "content": "content", "contentEncrypted": "contentEncrypted"},
        "message_edited",
        {
            **OF_MESSAGE,
            "message": Maybe(Computed(answers.edited, "message")),
            "timestamp": Computed(lambda at: at or iso_now(), "message.edited_at"),
        },
        aliases=("edit_private_message", "update_message"),
    ),
    Ask(
        "delete_message",
        "chat:message_delete",
        {**MESSAGE, "deleteForEveryone": "deleteForEveryone"},
        "message_deleted",
        {
            **OF_MESSAGE,
            "deleteForEveryone": Computed(answers.for_everyone, ASKED),
            **NOW,
        },
        aliases=("delete_private_message",),
    ),
    Ask(
        "add_reaction",
        "chat:reaction_add",
        {**MESSAGE, "reaction": "reaction"},
        "reaction_added",
        {
            **OF_MESSAGE,
            "reaction": {
                "userId": Fact("me.id"),
                "username": Fact("me.username"),
                "reaction": "reaction",
            },
            **NOW,
        },
    ),
    Ask(
        "remove_reaction",
        "chat:reaction_remove",
        {**MESSAGE, "reaction": "reaction"},
        "reaction_removed",
        {**OF_MESSAGE, "userId": Fact("me.id"), **NOW},
    ),
    Ask("typing", "chat:typing", {"conversationId": "recipientId", "isTyping": "isTyping"}),
    Ask(
        "start_conversation",
        "chat:conversation_open",
        {"recipientId": "recipientId", **REQUEST},
        "conversation_started",
        {
            "conversationId": Computed(shapes.conversation_id_of, "conversation"),
            "participant": Computed(shapes.participant, "conversation", Fact("me.id")),
            **NOW,
        },
    ),
    Ask(
        "delete_conversation",
        "chat:conversation_delete",
        {**CONVERSATION, **REQUEST},
        "conversation_deleted",
        {**PLACE, **NOW},
    ),
    Ask("pin_message", "chat:message_pin", MESSAGE, "message_pinned", {**OF_MESSAGE, **NOW}),
    Ask(
        "unpin_message",
        "chat:message_unpin",
        MESSAGE,
        "message_unpinned",
        {**OF_MESSAGE, **NOW},
    ),
)
