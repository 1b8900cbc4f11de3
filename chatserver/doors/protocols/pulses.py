"""Signs of life: ours, sent again and again, and the client's, awaited with patience."""

import asyncio
from collections.abc import Callable

from chatserver.core.deadlines import Deadlines


class Pulses:
    """The pulses of all connections: one timer for all.

    Args:
        every: seconds between our beats; less than was agreed on, since a beat takes its time.
        patience: seconds of silence after which a connection that is to be heard is dead. More than was agreed on:
            pages in the background are slow.
    """

    def __init__(self, *, every: float, patience: float) -> None:
        self.patience = patience
        self.deadlines = Deadlines(every)

    def start(self, beat: Callable[[], None] | None, silent: Callable[[], None] | None) -> "Pulse":
        """Begin to call `beat` as often as one is due, and `silent` once when nothing was heard for too long."""
        pulse = Pulse(self, beat, silent)
        self.deadlines.watch(pulse)
        return pulse


class Pulse:
    """That of one connection. Made by `Pulses`."""

    __slots__ = ("_beat", "_loop", "_pulses", "_silent", "heard_at", "settled")

    def __init__(
        self,
        pulses: Pulses,
        beat: Callable[[], None] | None,
        silent: Callable[[], None] | None,
    ) -> None:
        self._pulses = pulses
        self._beat = beat
        self._silent = silent
        self._loop = asyncio.get_running_loop()
        # When something was last heard, on the clock of the loop.
        self.heard_at = self._loop.time()
        self.settled = False

    def hear(self) -> None:
        """Note that something came, whatever it is."""
        self.heard_at = self._loop.time()

    def stop(self) -> None:
        """Stop: neither `beat` nor `silent` is called any more."""
        self.settled = True
        self._beat = self._silent = None

    def expire(self) -> None:
        """Send the next beat, or give up, since it is time."""
        if self._silent and self._loop.time() - self.heard_at >= self._pulses.patience:
            silent = self._silent
            self.stop()
            silent()
            return
        if self._beat is not None:
            self._beat()
        if not self.settled:
            self._pulses.deadlines.watch(self)
