"""Remembers which connections are to be told of a newer offset.

The offset that a push carries was made before the push could be covered. A client that keeps it would be told
everything since then once more when it comes back; so it is told of a newer one, once that covers all its pushes.
"""

from collections.abc import Callable, Collection, Set

from chatserver.core.slices import in_slices
from chatserver.delivery.pushes import Connection


class OwedOffsets:
    """Where something durable was pushed since the log reader's last look, and before.

    A push notes its room alone: it has no time for its recipients.
    """

    def __init__(self) -> None:
        # Since the look began; ``connections`` are those that were sent something by themselves.
        self.rooms: set[str] = set()
        self.connections: set[Connection] = set()
        # The same, before the look began.
        self._rooms: set[str] = set()
        self._connections: set[Connection] = set()

    def __bool__(self) -> bool:
        """Return whether anybody is to be told."""
        return bool(self._rooms or self._connections)

    def look_begins(self) -> None:
        """Note that the log reader begins to look: it will see what was pushed until now."""
        self._rooms |= self.rooms
        self._connections |= self.connections
        self.rooms, self.connections = set(), set()

    def forget(self, connection: Connection) -> None:
        """Forget a connection that is gone."""
        self.connections.discard(connection)
        self._connections.discard(connection)

    async def settle(self, members: Callable[[str], Collection[Connection]]) -> Set[Connection]:
        """Return those who were pushed something before the last look began and nothing since, and forget them.

        Args:
            members: the connections in a room.
        """
        rooms, found = self._rooms, self._connections
        self._rooms, self._connections = set(), set()
        # These are the pushes of a moment, since a look takes no longer.
        since = {c for room in self.rooms for c in members(room)} | self.connections
        async for some in in_slices(rooms):
            for room in some:
                async for part in in_slices(members(room)):
                    found.update(part)
        return found - since
