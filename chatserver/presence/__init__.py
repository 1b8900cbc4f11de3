"""Who is online: `Presence`, over a `PresenceStore` in this process or, for several, in Redis.

`Focus` knows what people have in front of them.
"""

from chatserver.presence.focus import Focus, Focused
from chatserver.presence.presence import Presence
from chatserver.presence.redis import RedisPresence
from chatserver.presence.store import LocalPresence, PresenceStore

__all__ = [
    "Focus",
    "Focused",
    "LocalPresence",
    "Presence",
    "PresenceStore",
    "RedisPresence",
]
