"""What a SockJS session asks of those who use it."""

from collections.abc import Sequence
from typing import Protocol

from chatserver.core.signal import Signal
from chatserver.doors.protocols.websocket import Framed, WebSocketListener


class SockJSOutbox(Protocol):
    """What waits for one client, bounded by those who fill it: packets, each a message that is `quoted`."""

    # Nothing is put any more.
    ended: bool
    # Fires when there is something to take, or nothing will come any more.
    changed: Signal

    @property
    def empty(self) -> bool:
        """Whether there is nothing to take."""

    def take(self, most: int) -> Sequence[Framed]:
        """Return the next packets; they count until they are `written`."""

    def written(self, packet: Framed) -> None:
        """Note that a packet that was taken is with the operating system."""


class SockJSCarrier(Protocol):
    """What carries the packets of a `Channel` to their client."""

    def stop(self) -> None:
        """Say goodbye: everything queued is written, and nothing more will come."""

    def abort(self) -> None:
        """Cut the client off."""


class Channel(WebSocketListener, Protocol):
    """One session as those who use it see it: it hears the client, and queues what goes out.

    Over a WebSocket it writes frames to its transport, as every `WebSocketListener` does. Else it is `attached`,
    and packets are taken from its queue.
    """

    # Nothing of what comes is taken any more.
    closing: bool
    # Why it is over, once it is.
    close_code: int
    close_reason: bytes

    @property
    def queue(self) -> SockJSOutbox:
        """What goes out."""

    def attached(self, carrier: SockJSCarrier) -> None:
        """Have `carrier` take packets from the queue from now on."""

    def heard(self) -> None:
        """Note that the client is there, since it asks for something."""

    def push(self, packet: Framed) -> None:
        """Queue a packet."""

    def leave(self, *, drop: bool) -> None:
        """End: with `drop` at once, else as soon as what is queued has gone out."""
