"""Writes what all doors say in the words of one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chatserver.delivery import Frame
from chatserver.doors.connection.send_queue import Outgoing
from chatserver.gate import Answer

# None where the door's clients are not shown such a push.
Encode = Callable[[Frame], Outgoing | None]


@dataclass(frozen=True, slots=True)
class Dialect:
    """Encodes what goes out.

    Args:
        event: a push; `event_with_offset` for those who keep the offset of each. Called once for each push, by
            the first connection that it goes to.
        answer: the answer to a command, by the id under which it was asked. Raises TypeError where it is no JSON.
        queued: a push as a part of what says that the session is on (`Door.greet`), where clients are told there
            what they missed; None where each push is sent by itself before it.
        answered: the pushes that a connection is not sent where it caused them: the answer to its command says the
            same.
    """

    event: Encode
    event_with_offset: Encode
    answer: Callable[[Any, Answer], Outgoing]
    queued: Callable[[Frame], bytes | None] | None = None
    answered: frozenset[str] = frozenset()
