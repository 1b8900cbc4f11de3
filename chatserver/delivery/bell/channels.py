"""Names the channels of the bell: each room has one, and there is one that every process hears.

A direct conversation rings on the channels of its two people, which their processes hear anyway: so a process
hears a channel for each of its people and of its groups, however many people they talk to.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from chatserver.core.about import About
from chatserver.delivery import Event, user_room

_PREFIX = "chatserver:bell:"
# Every process hears it: what concerns many, or nobody knows whom.
COMMON = b"chatserver:bell"
# A message for many rooms names all of them, and goes to the channel of each.
_ROOMS_AT_ONCE = 16
# Beyond so many channels everybody is told.
_MOST_CHANNELS = 256
_USER = user_room("")
# No channel of its own: the common one.
EVERYBODY: tuple[bytes, ...] = ()

# For which rooms, and on which channels.
Place = tuple[Sequence[str], tuple[bytes, ...]]


def channel_of(room: str) -> bytes:
    """Return the channel of a room."""
    return (_PREFIX + room).encode(errors="surrogatepass")


def of_event(event: Event) -> Iterator[tuple[bytes, ...]]:
    """Yield the channels on which an event is told; those of one tuple hear the same message.

    Those who join by it hear of it on their own channels, too: their processes may not hear the room's yet.
    """
    told = _of_room(event.room, event.about)
    yield told
    joined = [channel_of(user_room(user_id)) for user_id in event.joined]
    joined = [channel for channel in joined if channel not in told]
    if len(joined) > _MOST_CHANNELS:
        yield EVERYBODY
    elif told:
        yield from map(tuple, _some(joined))


def of_push(rooms: Sequence[str], about: About | None) -> Iterator[Place]:
    """Yield where a push to rooms is told."""
    if len(rooms) == 1:
        yield rooms, _of_room(rooms[0], about)
    elif len(rooms) > _MOST_CHANNELS or not all(room.startswith(_USER) for room in rooms):
        yield rooms, EVERYBODY
    else:
        for some in _some(rooms):
            yield some, tuple(map(channel_of, some))


def _of_room(room: str, about: About | None) -> tuple[bytes, ...]:
    if room.startswith(_USER) or (about is not None and about.conversation_type == "group"):
        return (channel_of(room),)
    if about is not None and about.users:
        return tuple(channel_of(user_room(user_id)) for user_id in about.users)
    # Nobody knows what kind of conversation it is.
    return EVERYBODY


_T = TypeVar("_T")


def _some(names: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for first in range(0, len(names), _ROOMS_AT_ONCE):
        yield names[first : first + _ROOMS_AT_ONCE]
