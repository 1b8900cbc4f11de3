"""What a client missed, gathered into what says that its session is on."""

from collections.abc import Callable, Sequence

from chatserver.delivery import Frame
from chatserver.doors.connection.device import Device

# Further ones are sent by themselves, behind it.
_MOST = 1_000


class Gathering:
    """Takes pushes until they are enough, or there are no more.

    Args:
        encode: a push as a part of the whole; None where the client is not shown it.
        bound: bytes after which it is enough, so that what waits for a client stays bounded.
        finish: sends the whole; called once.
    """

    def __init__(
        self,
        device: Device,
        encode: Callable[[Frame], bytes | None],
        bound: int,
        finish: Callable[[Sequence[bytes]], None],
    ) -> None:
        self._device = device
        self._encode = encode
        self._left = bound
        self._finish = finish
        self._parts: list[bytes] = []
        self.done = False

    def add(self, frame: Frame) -> None:
        """Take a push; what is in no log waits until the session is on."""
        if frame.room is None:
            self._device.later.append(frame)
            return
        part = self._device.gathered(frame, self._encode)
        if part is not None:
            self._parts.append(part)
            self._left -= len(part)
            if self._left <= 0 or len(self._parts) >= _MOST:
                self.finish()

    def finish(self) -> None:
        """Send the whole, unless it is sent."""
        if not self.done:
            self.done = True
            self._finish(self._parts)
