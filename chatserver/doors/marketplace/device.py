"""A connected client of the marketplace system, and what of each push it is sent."""

from collections.abc import Mapping
from typing import Any, Protocol

from chatserver.core.caller import Session
from chatserver.delivery import Frame
from chatserver.doors.connection import Device, Line
from chatserver.doors.marketplace.choices import StompChoice

# Conversations of which is known how far their client was told.
_REMEMBERED = 1_000


class Client(Protocol):
    """Whose device it is: a `StompClient`."""

    def let_in(self, device: "StompDevice") -> None:
        """Note that the session is on."""

    def end(self, error: Mapping[str, Any]) -> None:
        """Say why the session ends, in an ERROR."""


class StompDevice(Device):
    """A device that is sent what its client has subscribed to.

    It is in the rooms of all its user's conversations, and subscriptions choose from what comes there. So a person
    who loses the right to a conversation is sent nothing of it, whatever they have subscribed to.
    """

    __slots__ = ("client",)

    def __init__(self, session: Session, line: Line, client: Client) -> None:
        super().__init__(session, line)
        self.client = client

    def choose(self, choice: StompChoice) -> None:
        """Send what was chosen from now on."""
        self._event = self._event_with_offset = choice

    def _note(self) -> None:
        """See `Device`: what has arrived is not counted here, and what was sent is remembered for a while."""
        if self._room is not None:
            if len(self.had) >= _REMEMBERED:
                # The log reader has passed what came so many conversations ago.
                self.had = {}
            self.had[self._room] = self._seq
            self._room = None

    def _push_early(self, frame: Frame) -> None:
        """See `Device`: what was held, and why the session ends."""
        if frame.name == "error":
            self.client.end(frame.payload)
        else:
            super()._push_early(frame)
