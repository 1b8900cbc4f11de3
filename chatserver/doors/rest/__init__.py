"""The main door's REST routes, made from the command table."""

from chatserver.doors.rest.door import RestDoor

__all__ = [
    "RestDoor",
]
