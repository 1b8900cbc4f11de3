"""Is anybody there?"""

from dataclasses import dataclass

from schemas.base import Empty
from schemas.table import Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong:
    """``timestamp`` is the server's time in ms since 1970."""

    timestamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested(Pong):
    """A sentence for people."""

    message: str


COMMANDS = (
    Command(
        "system:ping",
        takes=Empty,
        gives=Pong,
        limit="none",
        doc="Measure the way to the server and back.",
    ),
    Command(
        "system:test", takes=Empty, gives=Tested, limit="none", doc="See that commands arrive."
    ),
)

PUSHES = ()
