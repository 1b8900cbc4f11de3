"""The doorbell: how the processes of one deployment tell each other of events, through Redis.

`RedisBell` says and heeds, on a `BellConnection`; `messages` are what is said, `channels` where, and `BellSeal`
says whose it is.
"""

from chatserver.delivery.bell import channels, foreign
from chatserver.delivery.bell.redis_bell import FOREIGN_CHANNEL, Hearers, RedisBell
from chatserver.delivery.bell.seal import bell_keys

__all__ = [
    "FOREIGN_CHANNEL",
    "Hearers",
    "RedisBell",
    "bell_keys",
    "channels",
    "foreign",
]
