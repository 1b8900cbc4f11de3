"""What every lasting connection has, whatever protocol it speaks.

The `Reception` lets clients in, and `Asking` starts what they ask. A `Device` is one that is connected, and a
`Line` the way to it, which a door makes of its transport (a `WebSocketLine` of a WebSocket, and a `PingingLine` of
one whose pongs say what arrived); a `Dialect` is how that door says it. A `Lane` orders a
device's commands, a `SendQueue` bounds what waits for it, the `Flusher` writes to many, `Places` bound how many
there are, `Dues` are deadlines, and the `Turnstile` lets those who come at once in a few at a time. `OpenDoors`
are all that a process has: they take leave together.
"""

from chatserver.doors.connection.asked import Asking
from chatserver.doors.connection.device import Device
from chatserver.doors.connection.dialect import Dialect
from chatserver.doors.connection.door import Door
from chatserver.doors.connection.due import Due, Dues, SessionDeadlines
from chatserver.doors.connection.flusher import Flusher
from chatserver.doors.connection.lane import Lane, QueuedCommand
from chatserver.doors.connection.line import Line, LineHost
from chatserver.doors.connection.lines import Lines
from chatserver.doors.connection.open_doors import Carrier, OpenDoors
from chatserver.doors.connection.pinging_line import PingingLine
from chatserver.doors.connection.places import Places
from chatserver.doors.connection.reception import Reception
from chatserver.doors.connection.send_queue import SendQueue
from chatserver.doors.connection.turnstile import Turnstile
from chatserver.doors.connection.websocket_line import OpenWebSocket, WebSocketLine

__all__ = [
    "Asking",
    "Carrier",
    "Device",
    "Dialect",
    "Door",
    "Due",
    "Dues",
    "Flusher",
    "Lane",
    "Line",
    "LineHost",
    "Lines",
    "OpenDoors",
    "OpenWebSocket",
    "PingingLine",
    "Places",
    "QueuedCommand",
    "Reception",
    "SendQueue",
    "SessionDeadlines",
    "Turnstile",
    "WebSocketLine",
]
