"""Tells single connections what they missed of a room before they are in it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from dataclasses import dataclass

from chatserver.core.errors import ChatError
from chatserver.delivery.missing import Missing
from chatserver.delivery.pushes import Connection, Frame, frame_of, user_room
from chatserver.delivery.rooms import Room, Rooms

# Events of a gap to read, and to be sent, at once.
_SHOWN = 200
# After a failure (s).
_RETRY = 1.0


@dataclass(frozen=True, slots=True)
class Gap:
    """Events that a connection must be sent before anything else of their room."""

    room: str
    after: int
    up_to: int


class Latecomers:
    """Reads gaps for connections, and tells those who joined a room by an event that was not handed on.

    Args:
        enter: puts a connection into a room whose stream it has up to a seq.
        send: sends a push to connections.
        owe: told that a connection was sent something durable.
    """

    def __init__(
        self,
        rooms: Rooms,
        missing: Missing,
        enter: Callable[[Connection, str, int], None],
        send: Callable[[Collection[Connection], Frame], None],
        owe: Callable[[Connection], None],
    ) -> None:
        self._rooms = rooms
        self._missing = missing
        self._enter = enter
        self._send = send
        self._owe = owe

    async def missed(self, connection: Connection, gap: Gap) -> AsyncIterator[list[Frame]]:
        """Yield the frames of a gap, in pages; then the connection is in its room, unless they removed it.

        Raises:
            ChatError: UNAVAILABLE
        """
        user_id, after, up_to, inside = connection.user_id, gap.after, gap.up_to, True
        while after < up_to:
            page = min(up_to, after + _SHOWN)
            events = await self._missing.read_log(gap.room, after, page)
            # Asked after the messages were read: those who are no longer members must not see them as they are.
            is_over = user_id in await self._missing.ended(gap.room, (user_id,), gap.after)
            frames = []
            for event in events:
                inside = inside or user_id in event.joined
                if inside and (not is_over or user_id in event.left):
                    frames.append(frame_of(event, user_id))
                inside = inside and user_id not in event.left
            yield frames
            # What was handed on while the log was read belongs to the gap too.
            room = self._rooms.open.get(gap.room)
            after = page
            if room is not None and room.seq is not None:
                up_to = max(up_to, room.seq)
        if inside and connection in self._rooms.of:
            self._enter(connection, gap.room, after)

    def join(self, name: str, room: Room, at: int, users: Iterable[str]) -> None:
        """Tell the devices of users who joined a room at a seq before the room began here, and missed it.

        Their devices were here when they joined, by an event that was not heard of. Others came later, and the
        room began where those stand.
        """
        assert room.seq is not None  # asked by the caller
        for user_id in users:
            for connection in self._rooms.members(user_room(user_id)):
                # The first of several joinings tells of the others, too.
                if connection not in room.members and connection not in room.late:
                    gap = Gap(name, at - 1, room.seq)
                    self._missing.unsettled.add(name)
                    room.late[connection] = asyncio.create_task(
                        self._catch_up(connection, room, gap)
                    )

    async def _catch_up(self, connection: Connection, room: Room, gap: Gap) -> None:
        try:
            while connection in self._rooms.of:
                try:
                    async for frames in self.missed(connection, gap):
                        for frame in frames:
                            self._send((connection,), frame)
                    self._owe(connection)
                    return
                except ChatError:
                    await asyncio.sleep(_RETRY)
        finally:
            del room.late[connection]
            self._missing.settle(gap.room, room)
            self._rooms.close_if_empty(gap.room, room)
