"""What a row of the tables is. The tables themselves stand in ``schemas/__init__.py``."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

Limit = Literal["none", "command", "message", "search"]
# When a command runs, among those of its connection: changes one at a time, in their order; a query behind the
# changes before it, beside other queries; typing in its own order, beside all else; what is free at once.
Turn = Literal["change", "query", "typing", "free"]


class HasName(Protocol):
    """A row that is known by its name."""

    @property
    def name(self) -> str:
        """The name, unique within its table."""


Row = TypeVar("Row", bound=HasName)


def distinct(*rows: Row) -> tuple[Row, ...]:
    """Return the rows of a table after checking that no name occurs twice.

    Raises:
        ValueError: a name occurs twice; the message has it.
    """
    seen = set()
    for row in rows:
        # A push may go to everybody, and in another shape to one person alone.
        key = (row.name, getattr(row, "personal", False))
        if key in seen:
            raise ValueError(f"{row.name} stands twice in its table")
        seen.add(key)
    return rows


def per_rows(many: int) -> Callable[[Any], int]:
    """Count a page by its limit: every so many rows, or fewer, as one."""
    return lambda cmd: -(-cmd.limit // many)


@dataclass(frozen=True, slots=True)
class Choice:
    """One route, several commands: the field of the request that chooses, and the value that means this one."""

    field: str
    value: str | bool
    # This command is meant, too, where the field is not there.
    default: bool = False


@dataclass(frozen=True, slots=True)
class Rest:
    """A REST route of a command. Names in braces in the path are the payload's fields."""

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    status: int = 200
    # The part of the answer that is the body, where one resource is answered bare.
    bare: str | None = None
    # The fields of the answer to show, in the guide's envelope; () shows {"success": true}.
    shows: tuple[str, ...] | None = None
    # (theirs, ours): what the guide calls a field of the body, where the command calls it otherwise.
    renames: tuple[tuple[str, str], ...] = ()
    # The fields of the path (or the one that chose) that the answer repeats, beside its own.
    echoes: tuple[str, ...] = ()
    # (ours, theirs): what the guide calls a field of the answer, where the command calls it otherwise.
    shown_as: tuple[tuple[str, str], ...] = ()
    # The command whose answer is shown, asked once this one is done, where the guide answers with what
    # has changed rather than with the change.
    then: str | None = None
    # The command asked instead where the path's user is the caller; it answers {"success": true}.
    own: str | None = None
    chosen_by: Choice | None = None
    # The fields of the answer that may differ where nothing has changed: the ETag leaves them out.
    unsteady: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """What a client may ask. The handler of ``chat:message_send`` is ``handlers/chat.py:message_send``."""

    name: str
    takes: type[Any]
    # None: the answer only says that it was done.
    gives: type[Any] | None
    doc: str
    # Whether it changes something, and takes a requestId.
    mutates: bool = False
    # Where that is not what `mutates` says.
    runs: Turn | None = None
    # What it is counted as. Whatever tells others of something durable is a message.
    limit: Limit = "command"
    # By what it names: as how many commands it counts (rows that are written or looked for), and as how many
    # messages (pushes that everybody gets). One, where nothing is said.
    rows: Callable[[Any], int] | None = None
    pushes: Callable[[Any], int] | None = None
    # Whether the answer may be a page, of up to about a mebibyte.
    page: bool = False
    errors: tuple[str, ...] = ()
    rest: tuple[Rest, ...] = ()

    @property
    def turn(self) -> Turn:
        """When it runs, among the commands of its connection."""
        return self.runs or ("change" if self.mutates else "query")


Routed = tuple[Command, Rest]
"""A command, and one of its REST routes."""


@dataclass(frozen=True, slots=True)
class Push:
    """What the server tells a client by itself. Durable ones are in the log and replayed after a gap."""

    name: str
    carries: type[Any]
    doc: str
    durable: bool = False
    personal: bool = False
