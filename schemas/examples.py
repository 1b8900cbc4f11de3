"""A payload for every command, as the reference shows it and as the tests ask it of a real server.

Ids stand for what the person who asks, Alice, has: a test puts those of its own in their places.
"""

from typing import Any

# A direct conversation with Bob; a message of his in it, and one of hers.
CONVERSATION = "01992b4e-7c00-7a3e-9f5d-3c1b0e8a4d21"
MESSAGE = "01992b4e-8f10-7c52-b1a6-5e2f7d904c33"
OWN_MESSAGE = "01992b4e-9a20-7d67-8c3b-7f3e6c815b45"
# A group that she owns with Bob in it, and another that is Bob's.
GROUP = "01992b4f-1b30-7e71-a94c-91d2f5a06e57"
BOBS_GROUP = "01992b4f-2c40-7f85-b65e-a3c4e7b18f69"
BOB = "user-bob"
CAROL = "user-carol"
# A newer token of hers.
TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"  # noqa: S105 - of nobody

EXAMPLES: dict[str, dict[str, Any]] = {
    "chat:message_send": {
        "conversationId": CONVERSATION,
        "content": "See you at eight?",
        "clientMessageId": "7d0c4f4e-1f0b-4a53-9d6f-0c0a8e7b5a11",
        "replyToMessageId": MESSAGE,
        "metadata": {"colour": "blue"},
    },
    "chat:message_delivered": {"messageIds": [MESSAGE]},
    "chat:message_read": {"conversationId": CONVERSATION, "upToSeq": 2},
    "chat:message_edit": {"messageId": OWN_MESSAGE, "content": "See you at nine?"},
    "chat:message_delete": {"messageId": OWN_MESSAGE},
    "chat:reaction_add": {"messageId": MESSAGE, "reaction": "👍"},
    "chat:reaction_remove": {"messageId": MESSAGE},
    "chat:message_pin": {"messageId": MESSAGE},
    "chat:message_unpin": {"messageId": MESSAGE},
    "chat:pins": {"conversationId": CONVERSATION},
    "chat:typing": {"conversationId": CONVERSATION, "isTyping": True},
    "chat:history": {"conversationId": CONVERSATION, "limit": 20},
    "chat:sync": {"conversationId": CONVERSATION, "afterSeq": 0},
    "chat:conversation_open": {"recipientId": CAROL, "productId": "bicycle-7"},
    "chat:conversation_list": {"limit": 20, "offset": 0},
    "chat:conversation_get": {"conversationId": CONVERSATION},
    "chat:conversation_delete": {"conversationId": CONVERSATION},
    "chat:conversation_mark_unread": {"conversationId": CONVERSATION},
    "chat:conversation_block": {"conversationId": CONVERSATION, "block": True},
    "group:create": {"title": "Climbers", "participantIds": [BOB, CAROL]},
    "group:list": {},
    "group:member_add": {"conversationId": GROUP, "userIds": [CAROL]},
    "group:member_remove": {"conversationId": GROUP, "userId": BOB},
    "group:members": {"conversationId": GROUP, "limit": 50},
    "group:leave": {"conversationId": BOBS_GROUP},
    "group:promote": {"conversationId": GROUP, "userId": BOB, "role": "moderator"},
    "group:demote": {"conversationId": GROUP, "userId": BOB},
    "group:permit": {"conversationId": GROUP, "userId": BOB, "canAddMembers": True},
    "group:transfer": {"conversationId": GROUP, "userId": BOB},
    "group:update": {"conversationId": GROUP, "title": "Climbers and hikers"},
    "group:announce": {"conversationId": GROUP, "content": "We meet at eight, @everyone."},
    "group:delete": {"conversationId": GROUP},
    "presence:online": {},
    "presence:offline": {},
    "presence:list": {},
    "user:block": {"userId": BOB},
    "user:unblock": {"userId": BOB},
    "user:profile_pictures": {"items": [{"type": "user", "id": BOB}]},
    "session:refresh": {"token": TOKEN},
    "system:ping": {},
    "system:test": {},
}
