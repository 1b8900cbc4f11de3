"""STOMP heart-beats (1.2, "Heart-beating"): what both sides agree on; `Pulses` keep to it."""

import re
from dataclasses import dataclass

from chatserver.doors.protocols.stomp import BadStompFrame

# Days: no client means more.
_HEART_BEAT = re.compile(r"([0-9]{1,9}),([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Beats:
    """How often (ms) one side can send, and wants to hear something. 0 is not at all."""

    send: int
    hear: int

    def __str__(self) -> str:
        """Return the value of a ``heart-beat`` header."""
        return f"{self.send},{self.hear}"


def parse(header: str | None) -> Beats:
    """Read the beats that a client offers; none without a header.

    Raises:
        BadStompFrame: it is no such header.
    """
    if header is None:
        return Beats(0, 0)
    match = _HEART_BEAT.fullmatch(header.replace(" ", ""))
    if match is None:
        raise BadStompFrame("heart-beat is two numbers of milliseconds, with a comma between them")
    return Beats(int(match[1]), int(match[2]))


def agreed(ours: Beats, theirs: Beats) -> Beats:
    """Return the beats that hold between us, as we see them: how often we send, and how often they do."""
    return Beats(
        send=max(ours.send, theirs.hear) if ours.send and theirs.hear else 0,
        hear=max(ours.hear, theirs.send) if ours.hear and theirs.send else 0,
    )
