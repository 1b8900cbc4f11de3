"""The door of the messaging system: JSON over a WebSocket of its own (messaging-api.md)."""

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from aiohttp import WSCloseCode

from chatserver.core.caller import Session
from chatserver.core.errors import ChatError, ErrorCode
from chatserver.doors.connection import Device, Door, Line, Lines, Reception
from chatserver.doors.messaging import errors, shapes
from chatserver.doors.messaging.dialect import queued_events
from chatserver.doors.messaging.directs import Directs
from chatserver.doors.messaging.ids import direct_id, group_id
from chatserver.doors.messaging.line import MessagingLine
from chatserver.doors.messaging.reading import IncomingMessage, read
from chatserver.log import Plan
from chatserver.resources import Abouts
from chatserver.schemas.sessions import SessionReady

_NOBODY = ChatError(code=ErrorCode.AUTH_REQUIRED, details="Send authenticate with a token first.")
# Messages that may come before a client has said who it is.
_MOST_EARLY = 20


class MessagingDoor(Door):
    """Takes what clients say, and has them told what the reception says; see `Door`.

    Args:
        strict: refuse unknown fields (development).
        timeout: seconds after which a client that says nothing is closed.
    """

    tells_read_states = False

    def __init__(
        self,
        lines: Lines[MessagingLine],
        reception: Reception,
        directs: Directs,
        abouts: Abouts,
        *,
        strict: bool,
        timeout: float,
    ) -> None:
        self.lines = lines
        self.timeout = timeout
        self._reception = reception
        self._directs = directs
        self._abouts = abouts
        self._strict = strict

    # -- what clients say -------------------------------------------------------------------------

    def take(self, line: MessagingLine, text: str) -> bool:
        """See `Taker`."""
        device = line.device
        if device is None or line.closing:
            return False
        taken = self._reception.asking.take(device, self._incoming(device, text))
        if taken:
            self.lines.traffic.received += len(text)
        return taken

    async def receive(self, line: MessagingLine, text: str) -> None:
        """See `Taker`. What comes behind ``authenticate`` waits until the session is on."""
        self.lines.traffic.received += len(text)
        if line.closing:
            return
        if line.device is None:
            await self._receive_early(line, text)
        else:
            device = line.device
            await self._reception.asking.receive(device, self._incoming(device, text))

    def _incoming(self, device: Device, text: str) -> IncomingMessage:
        return IncomingMessage(text, device.session, self._directs, strict=self._strict)

    async def _receive_early(self, line: MessagingLine, text: str) -> None:
        """Take a message of a client that has not said who it is."""
        line.early += 1
        if line.early > _MOST_EARLY:
            line.close_with(WSCloseCode.POLICY_VIOLATION, b"Authentication required")
            return
        try:
            ask, message = read(text)
        except ChatError as error:
            line.say(errors.refused(error))
            return
        now = time.time_ns() // 1_000_000
        match ask.type:
            case "authenticate":
                await self._authenticate(line, message)
            case "ping":
                line.say({"type": "pong", "timestamp": now})
            case _:
                line.say(errors.refused(_NOBODY))

    async def _authenticate(self, line: MessagingLine, message: dict[str, Any]) -> None:
        # These clients keep no offsets.
        auth = {"token": message.get("token"), "recovery": False}
        await self._reception.connect(self, line, line.sid, auth)
        if line.device is not None:
            await line.greeted.wait()

    # -- what the reception says ------------------------------------------------------------------

    async def accept(self, line: Line, session: Session, pid: str | None) -> None:
        """See `Door`."""
        line.connect_accepted()

    def refuse(self, line: Line, connection_id: str, error: ChatError) -> None:
        """See `Door`. Another attempt may come on the same line, which keeps its place until then."""
        assert isinstance(line, MessagingLine)  # ours
        line.say(errors.auth_refused(error))
        self._reception.arrive(line)

    async def prepare(self, plan: Plan) -> None:
        """See `Door`: what the client is to reload is named by the people in it."""
        ids = [UUID(key) for key in plan.resync if key != "me"]
        if ids:
            await self._abouts.of_all(ids)

    def greet(
        self, device: Device, ready: SessionReady, queued: Sequence[bytes], offset: str
    ) -> None:
        """See `Door`."""
        line = device.line
        assert isinstance(line, MessagingLine)  # ours
        body: shapes.Body = {
            "type": "connected",
            "user": shapes.person(ready.user),
            "queuedEvents": queued_events(queued),
        }
        if ready.limited:
            body["limited"] = True
            body["resync"] = [self._name(key) for key in ready.resync if key != "me"]
        line.say({**body, "expiresAt": ready.expires_at, "timestamp": ready.server_time})
        line.greeted.set()

    def _name(self, conversation_id: str) -> str:
        """Return how these clients call a conversation."""
        about = self._abouts.known(UUID(conversation_id))
        if about is None:
            return conversation_id
        if about.conversation_type == "group":
            return group_id(conversation_id)
        named = direct_id(*about.users) if about.product_id is None else None
        return named or conversation_id
