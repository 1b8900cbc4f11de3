"""Remembers which connections are to be told of a newer offset.

The offset that a push carries was made before the push could be covered. A client that keeps it would be told
everything since then once more when it comes back; so it is told of a newer one, once that covers all its pushes.
"""

from collections.abc import Callable, Collection, Set

from chatserver.core.slices import in_slices
from chatserver.delivery.pushes import Connection


class OwedOffsets:
    """Where things were pushed: of late, before the quiet that precedes the next telling, before the last look.

    A push notes its room alone: it has no time for its recipients. Those who are pushed something again and again
    are told by that; the others wait for a quiet moment, so that nobody is sent twice as much as there is to say.
    """

    def __init__(self) -> None:
        # Of late; ``connections`` are those that were sent something by themselves.
        self.rooms: set[str] = set()
        self.connections: set[Connection] = set()
        # Before the quiet began.
        self._rooms: set[str] = set()
        self._connections: set[Connection] = set()
        # The same, and before the last look began.
        self._seen_rooms: set[str] = set()
        self._seen_connections: set[Connection] = set()

    def __bool__(self) -> bool:
        """Return whether anybody is to be told, sooner or later."""
        older = self._rooms or self._connections or self._seen_rooms or self._seen_connections
        return bool(older or self.rooms or self.connections)

    def quiet_begins(self) -> None:
        """Note that from now on nothing is to be pushed to those who are told next."""
        self._rooms |= self.rooms
        self._connections |= self.connections
        self.rooms, self.connections = set(), set()

    def look_begins(self) -> None:
        """Note that the log reader begins to look: it will see what was pushed until now."""
        self._seen_rooms |= self._rooms
        self._seen_connections |= self._connections
        self._rooms, self._connections = set(), set()

    def forget(self, connection: Connection) -> None:
        """Forget a connection that is gone."""
        self.connections.discard(connection)
        self._connections.discard(connection)
        self._seen_connections.discard(connection)

    async def settle(self, members: Callable[[str], Collection[Connection]]) -> Set[Connection]:
        """Return those who were pushed something before the quiet and the look, but nothing since; forget them.

        Args:
            members: the connections in a room.
        """
        rooms, found = self._seen_rooms, self._seen_connections
        self._seen_rooms, self._seen_connections = set(), set()
        # What is pushed while this is worked out carries the offset that they are told.
        since = self.rooms | self._rooms
        found -= self.connections | self._connections
        async for some in in_slices(rooms - since):
            for room in some:
                async for part in in_slices(members(room)):
                    found.update(part)
        async for some in in_slices(since if found else ()):
            for room in some:
                async for part in in_slices(members(room)):
                    found.difference_update(part)
        return found - self.connections
