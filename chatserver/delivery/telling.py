"""Sends pushes to local connections, and has other processes told of the pushes that are in no log."""

from collections.abc import Collection, Sequence
from typing import Any

from chatserver.core.about import About
from chatserver.core.logging import get_logger
from chatserver.delivery.pushes import Acting, Bell, Connection, Frame
from chatserver.delivery.rooms import Rooms

_log = get_logger(__name__)


class Telling:
    """Sends pushes to the local connections in rooms.

    Args:
        bell: tells the other processes.
    """

    def __init__(self, bell: Bell) -> None:
        self.bell = bell
        self.rooms = Rooms(bell)
        # By the origins of what they cause.
        self._acting: dict[str, Acting] = {}
        # Pushes, one per connection that they went to.
        self.pushed = 0

    def act(self, origin: str, connection: Acting) -> None:
        """Ask a connection about what it causes, from now on."""
        self._acting[origin] = connection

    def act_no_more(self, origin: str) -> None:
        """Forget a connection that may have been asked about what it causes."""
        self._acting.pop(origin, None)

    def members(self, room: str) -> Collection[Connection]:
        """Return the local connections in a room, as they are now."""
        return self.rooms.members(room)

    def has(self, user_id: str) -> bool:
        """Return whether a user has a connection to this process."""
        return self.rooms.has(user_id)

    def tell(
        self,
        rooms: Sequence[str],
        name: str,
        payload: Any,
        *,
        skip_user: str | None = None,
        about: About | None = None,
        origin: str | None = None,
    ) -> None:
        """Send an ephemeral push to rooms, here and at the other processes; not to `skip_user`'s devices."""
        frame = Frame(name, payload, about=about, origin=origin)
        self.told(rooms, frame, skip_user=skip_user)
        self.bell.tell(rooms, name, payload, skip_user, about)

    def told(self, rooms: Sequence[str], frame: Frame, *, skip_user: str | None = None) -> None:
        """Send an ephemeral push to the local connections in rooms; to each once."""
        if len(rooms) == 1:
            found = self.rooms.members(rooms[0])
        else:
            found = {connection for room in rooms for connection in self.rooms.members(room)}
        if skip_user is not None:
            found = [c for c in found if c.user_id != skip_user]
        self._send(found, frame)

    def told_all(self, frame: Frame) -> None:
        """Send an ephemeral push to every local connection."""
        self._send(tuple(self.rooms.of), frame)

    def _send(self, connections: Collection[Connection], frame: Frame) -> None:
        self.pushed += len(connections)
        if frame.origin is not None and (acting := self._acting.get(frame.origin)) is not None:
            # Asked here, and not by each of those who are told.
            connections = _without(acting, connections, frame)
        for connection in connections:
            try:
                connection.send(frame)
            except Exception:
                # One broken connection must not keep the push from the others.
                _log.exception("a connection refused a push", push=frame.name)


def _without(
    acting: Acting, connections: Collection[Connection], frame: Frame
) -> Collection[Connection]:
    """Return those who are sent a push, of whom its origin may not be one."""
    if acting in connections and acting.passes_over(frame):
        return [connection for connection in connections if connection is not acting]
    return connections
