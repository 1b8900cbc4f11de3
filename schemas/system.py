"""``system:*``: signs of life."""

from dataclasses import dataclass

from chatserver.schemas.base import Empty
from chatserver.schemas.table import Command


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
        runs="free",
        limit="none",
        doc="Measure the time to the server and back.",
    ),
    Command(
        "system:test",
        takes=Empty,
        gives=Tested,
        runs="free",
        limit="none",
        doc="Check that commands arrive.",
    ),
)

PUSHES = ()
