"""What a row of the tables is. The tables themselves stand in ``schemas/__init__.py``."""

from dataclasses import dataclass
from typing import Any, Literal

Limit = Literal["none", "command", "message"]


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
    # Commands that change something run one at a time per connection, in order, and take a requestId.
    mutates: bool = False
    limit: Limit = "command"
    errors: tuple[str, ...] = ()
    rest: tuple[Rest, ...] = ()


@dataclass(frozen=True, slots=True)
class Push:
    """What the server tells a client unasked. Durable ones are in the log and replayed after a gap."""

    name: str
    carries: type[Any]
    doc: str
    durable: bool = False
    personal: bool = False
