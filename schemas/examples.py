"""A payload for every command, as the reference shows it and as the tests ask it of a real server.

Ids stand for what the person who asks, Alice, has: a test puts those of its own in their places. Each can be done
by itself, and all one after the other.
"""

from typing import Any

# A direct conversation with Bob; a message of his in it, and one of hers.
CONVERSATION = "01992b4e-7c00-7a3e-9f5d-3c1b0e8a4d21"
MESSAGE = "01992b4e-8f10-7c52-b1a6-5e2f7d904c33"
OWN_MESSAGE = "01992b4e-9a20-7d67-8c3b-7f3e6c815b45"
# Two groups that she owns with Bob in them, and one that is Bob's.
GROUP = "01992b4f-1b30-7e71-a94c-91d2f5a06e57"
OTHER_GROUP = "01992b4f-2c40-7f85-b65e-a3c4e7b18f69"
BOBS_GROUP = "01992b4f-3d50-7a19-8b72-b4d5f8c29a7b"
# A device of hers at a push service.
DEVICE = "01992b50-4e60-7b8d-9c41-c5e6f9d3ab8c"
BOB = "user-bob"
CAROL = "user-carol"
# A file of hers that is uploaded, and not sent.
FILE = "01992b50-4e60-7b2d-9c83-c5e6a9d3ab8c"
# A token that she gets when hers is about to expire.
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c2VyLWFsaWNlIn0.c2lnbmF0dXJl"  # noqa: S105 - of nobody

_ABOUT_BOB = {"conversationId": GROUP, "userId": BOB}

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
    "chat:pins": {"conversationId": CONVERSATION},
    "chat:message_unpin": {"messageId": MESSAGE},
    "chat:typing": {"conversationId": CONVERSATION, "isTyping": True},
    "chat:history": {"conversationId": CONVERSATION, "limit": 20},
    "chat:search": {"query": "at eight", "conversationId": CONVERSATION, "limit": 10},
    "chat:sync": {"conversationId": CONVERSATION, "afterSeq": 0},
    "file:create": {
        "conversationId": CONVERSATION,
        "name": "holiday.jpg",
        "size": 204800,
        "type": "image/jpeg",
        "width": 1600,
        "height": 1200,
    },
    "file:complete": {"fileId": FILE},
    "file:links": {"fileIds": [FILE]},
    "file:delete": {"fileId": FILE},
    "chat:conversation_open": {"recipientId": CAROL, "productId": "bicycle-7"},
    "chat:conversation_find": {"recipientId": BOB},
    "chat:conversation_list": {"limit": 20, "offset": 0, "type": "direct"},
    "chat:conversation_settings_set": {
        "conversationId": CONVERSATION,
        "level": "mentions",
        "mutedUntil": "2099-01-31T08:00:00.000Z",
        "favourite": True,
    },
    "chat:conversation_get": {"conversationId": CONVERSATION},
    "chat:conversation_mark_unread": {"conversationId": CONVERSATION},
    "chat:conversation_delete": {"conversationId": CONVERSATION},
    "group:create": {"title": "Climbers", "participantIds": [BOB, CAROL]},
    "group:list": {},
    "group:members": {"conversationId": GROUP, "limit": 20, "offset": 0},
    "group:member_add": {"conversationId": GROUP, "userIds": [CAROL]},
    "group:promote": {**_ABOUT_BOB, "role": "moderator"},
    "group:demote": {**_ABOUT_BOB, "role": "member"},
    "group:permit": {**_ABOUT_BOB, "canAddMembers": True},
    "group:update": {"conversationId": GROUP, "title": "Boulderers", "maxMembers": 20},
    "group:announce": {
        "conversationId": GROUP,
        "content": "@everyone The wall is closed on Monday.",
        "clientMessageId": "9b1e7c52-6a3d-4f0e-8c4b-2d5f7a9e1c33",
    },
    "group:member_remove": _ABOUT_BOB,
    "group:leave": {"conversationId": BOBS_GROUP},
    "group:transfer": {"conversationId": OTHER_GROUP, "userId": BOB},
    "group:delete": {"conversationId": GROUP},
    "presence:online": {},
    "presence:offline": {},
    "presence:focus": {"conversationId": CONVERSATION},
    "presence:list": {},
    "push:device_add": {
        "provider": "webpush",
        "subscription": {
            "endpoint": "https://push.example.net/send/dQw4w9WgXcQ",
            "expirationTime": None,
            "keys": {
                "p256dh": "BDDkgr4B_68udJEB7bCPtlifHEgZmj9fpsvpBrn3HH369jp1Nxm2aibLrA-6ChGdHXzg1ha5"
                "-fXPVRayor_Wr50",
                "auth": "w7mMqktT9zQfFMqMYY7gLA",
            },
        },
        "name": "Firefox on the laptop",
    },
    "push:device_list": {},
    "push:device_remove": {"deviceId": DEVICE},
    "user:profile_pictures": {
        "items": [{"type": "user", "id": BOB}, {"type": "community", "id": 7}]
    },
    "session:refresh": {"token": TOKEN},
    "system:ping": {},
    "system:test": {},
    # A blocked person can be told little: these come last.
    "chat:conversation_block": {"conversationId": CONVERSATION, "block": True},
    "user:block": {"userId": BOB},
    "user:unblock": {"userId": BOB},
}
