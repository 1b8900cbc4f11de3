"""Who is told what, and in which order: `Delivery` hands each stream on in the order of its seqs.

`Event` and `Frame` are what is told, `Connection` is whoever is told. `delivery.bell` is the doorbell between
processes.
"""

from chatserver.delivery.delivery import Delivery
from chatserver.delivery.late import Gap
from chatserver.delivery.pushes import (
    Bell,
    Connection,
    Event,
    Frame,
    SilentBell,
    conversation_room,
    frame_of,
    user_room,
)

__all__ = [
    "Bell",
    "Connection",
    "Delivery",
    "Event",
    "Frame",
    "Gap",
    "SilentBell",
    "conversation_room",
    "frame_of",
    "user_room",
]
