"""Who is there and who talks with whom: the same people and conversations for every server."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count, product
from pathlib import Path
from uuid import UUID

from benchmarks.servers import JWT_SECRET
from chatserver.sessions.tokens import issue_token

_USERS = UUID("00000000-0000-7000-8000-000000000000").int
_TALKS = UUID("00000000-0000-7000-9000-000000000000").int
_LIFETIME = 86_400


def user_id(number: int) -> str:
    """The id of a person."""
    return str(UUID(int=_USERS + number))


def talk_id(number: int) -> UUID:
    """The id of a conversation."""
    return UUID(int=_TALKS + number)


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation of people by their numbers; a group is one with a title."""

    number: int
    members: tuple[int, ...]
    title: str | None = None

    @property
    def id(self) -> str:
        """As clients name it."""
        return str(talk_id(self.number))


def members_of(talks: Iterable[Talk]) -> list[int]:
    """The people of conversations, each once."""
    return sorted({member for talk in talks for member in talk.members})


@dataclass(frozen=True, slots=True)
class Size:
    """How large the world is."""

    pairs: int = 2_500
    rooms: tuple[int, ...] = (2, 10, 100, 1_000, 5_000)
    typing_rooms: int = 20
    typing_members: int = 50
    # How many conversations people have, and how many people have so many.
    conversations_per_user: tuple[int, ...] = (1, 10, 100, 1_000)
    people_each: int = 25


class World:
    """The first people are in pairs, and many of them in rooms too. Behind them come those whose number of
    conversations is what is measured, and those with whom they have them.
    """

    def __init__(self, size: Size) -> None:
        self.size = size
        numbers = count()
        self.pairs = [Talk(next(numbers), (2 * k, 2 * k + 1)) for k in range(size.pairs)]
        self.rooms = {n: Talk(next(numbers), tuple(range(n)), f"Room of {n}") for n in size.rooms}
        self.typing = [
            Talk(
                next(numbers),
                tuple(range(k * size.typing_members, (k + 1) * size.typing_members)),
                f"Typing {k}",
            )
            for k in range(size.typing_rooms)
        ]
        first = 2 * size.pairs
        others = first + len(size.conversations_per_user) * size.people_each
        self.sociable: dict[int, range] = {}
        self.acquaintances: list[Talk] = []
        for n in size.conversations_per_user:
            people = self.sociable[n] = range(first, first + size.people_each)
            first = people.stop
            self.acquaintances += [
                Talk(next(numbers), (person, others + k)) for person, k in product(people, range(n))
            ]
        self.people = others + max(size.conversations_per_user)

    @property
    def talks(self) -> list[Talk]:
        """All conversations, in the order of their numbers."""
        return [*self.pairs, *self.rooms.values(), *self.typing, *self.acquaintances]

    @cached_property
    def tokens(self) -> list[str]:
        """A token for every person, by their number."""
        return [
            issue_token(JWT_SECRET, user_id(number), lifetime=_LIFETIME)
            for number in range(self.people)
        ]

    # -- who connects, and acts where -------------------------------------------------------------

    def line(self, person: int, talk: Talk | None = None, extra: str = "") -> str:
        """A line of a file of connections: a person, and the conversation that they act in."""
        fields = [self.tokens[person], talk.id if talk else "-"]
        return "\t".join([*fields, extra] if extra else fields) + "\n"

    def pair_lines(self, pairs: Sequence[Talk], *, by_turns: bool = False) -> Iterator[str]:
        """Both people of each pair; the one who writes comes first, or by turns first and second."""
        for position, talk in enumerate(pairs):
            both = [self.line(talk.members[0], talk), self.line(talk.members[1])]
            yield from reversed(both) if by_turns and position % 2 else both

    def room_lines(self, room: Talk, senders: int) -> Iterator[str]:
        """Everybody in a room; the first of them write."""
        for position, person in enumerate(room.members):
            yield self.line(person, room if position < senders else None)

    def silent_lines(self, people: Iterable[int]) -> Iterator[str]:
        """People who only listen."""
        return (self.line(person) for person in people)


def write_lines(path: Path, lines: Iterable[str]) -> Path:
    """Write a file of connections; returns its path."""
    with path.open("w") as file:
        file.writelines(lines)
    return path
