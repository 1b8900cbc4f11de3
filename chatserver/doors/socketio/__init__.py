"""The main door: Socket.IO.

`SocketIODoor` connects clients and passes their commands on; `Engine` is python-socketio's server with its habits
changed.
"""

from chatserver.doors.socketio.door import SocketIODoor
from chatserver.doors.socketio.engine import Engine

__all__ = [
    "Engine",
    "SocketIODoor",
]
