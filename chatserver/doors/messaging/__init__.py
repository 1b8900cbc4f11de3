"""The door for clients of the messaging system: a WebSocket at ``/messaging/ws`` and ``/``, and two routes.

``asks.py`` and ``pushes.py`` are its words; ``reading.py`` understands what comes, ``answers.py`` and
``dialect.py`` write what goes.
"""

from chatserver.doors.messaging.described import DESCRIBED
from chatserver.doors.messaging.directs import Directs
from chatserver.doors.messaging.door import MessagingDoor
from chatserver.doors.messaging.http import MessagingRest
from chatserver.doors.messaging.upgrade import MESSAGING_PATH, Upgrades

__all__ = [
    "DESCRIBED",
    "MESSAGING_PATH",
    "Directs",
    "MessagingDoor",
    "MessagingRest",
    "Upgrades",
]
