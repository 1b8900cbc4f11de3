"""What a client may ask: every type of message of messaging-api.md, by its names in the three documents.

``requestId`` and ``clientMessageId`` are ours: the same id again has no second effect.
"""

from collections.abc import Mapping
from typing import Any

from chatserver import schemas
from chatserver.core.times import iso_now
from chatserver.doors.messaging import shapes
from chatserver.doors.messaging.ask_fields import NOW, REQUEST
from chatserver.doors.messaging.asks_groups import GROUPS
from chatserver.doors.messaging.asks_private import PRIVATE
from chatserver.doors.words import Ask, Asks, Fact, Fixed

_SYSTEM = (
    # Of a client that is connected: it goes on with a newer token.
    Ask(
        "authenticate",
        "session:refresh",
        {"token": "token", **REQUEST},
        "connected",
        {
            "user": {
                "userId": Fact("me.id"),
                "username": Fact("me.username"),
                "displayName": Fact("me.display_name"),
            },
            "queuedEvents": Fixed(()),
            "expiresAt": "expiresAt",
            **NOW,
        },
        aliases=("auth", "connect"),
    ),
    Ask(
        "get_online_users",
        "presence:list",
        {},
        "online_users",
        {"users": "users", "count": "count", **NOW},
    ),
    Ask("ping", "system:ping", {}, "pong", {"timestamp": "timestamp"}),
    Ask(
        "test",
        "system:test",
        {},
        "test_response",
        {"message": "message", "timestamp": "timestamp"},
    ),
)

ROWS = (*PRIVATE, *GROUPS, *_SYSTEM)
ASKS = Asks(schemas.COMMANDS, ROWS)
BY_TYPE: Mapping[str, Ask] = {row.type: row for row in ROWS}


def no_messages(asked: Mapping[str, Any]) -> shapes.Body:
    """Return the page of two people who have no conversation yet."""
    return {
        "type": "private_messages",
        "conversationId": asked.get("conversationId"),
        "messages": [],
        "pagination": {
            "limit": asked.get("limit", 50),
            "offset": asked.get("offset", 0),
            "hasMore": False,
        },
        "timestamp": iso_now(),
    }
