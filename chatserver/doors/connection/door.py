"""What a door is to the reception."""

from collections.abc import Sequence

from chatserver.core.caller import Session
from chatserver.core.errors import ChatError
from chatserver.delivery import Frame
from chatserver.doors.connection.device import ActingDevice, Device
from chatserver.doors.connection.line import Line
from chatserver.log import Plan
from chatserver.schemas.sessions import SessionReady
from chatserver.schemas.wire import to_wire


class Door:
    """Tells clients whether they are let in, and when their session is on. Doors derive from it.

    ``replays`` says whether clients are sent what they missed, and ``tells_read_states`` whether they are told
    then what was read meanwhile. ``tells_about`` says whether its words need more than a push's payload
    (`core.about`): live pushes always have it, and for what was missed it may have to be asked for.
    """

    replays = True
    tells_read_states = True
    tells_about = True

    def device(self, session: Session, line: Line) -> Device:
        """Return the device of a session over a line."""
        kind = ActingDevice if line.dialect.answered else Device
        return kind(session, line)

    async def accept(self, line: Line, session: Session, pid: str | None) -> None:
        """Tell a client that it is connected, as whom. ``pid`` is what it names when it comes back."""
        raise NotImplementedError

    def refuse(self, line: Line, connection_id: str, error: ChatError) -> None:
        """Tell a client that it is not; nothing else comes of it."""
        raise NotImplementedError

    async def prepare(self, plan: Plan) -> None:
        """Find out what is needed to greet a client of whom this is planned.

        Raises:
            ChatError: UNAVAILABLE
        """

    def greet(
        self, device: Device, ready: SessionReady, queued: Sequence[bytes], offset: str
    ) -> None:
        """Tell a client that its session is on.

        Args:
            queued: what it missed, where its `Dialect` has that told here.
            offset: where the log stood when it was asked what the client missed.
        """
        device.send_ready(Frame("session:ready", to_wire(ready), offset))
