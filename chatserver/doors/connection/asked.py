"""Runs what connected clients ask: in its turn, by its deadline, and answered exactly once."""

import time
import uuid
from typing import Protocol

from chatserver.core.deadlines import Deadlines
from chatserver.core.errors import ChatError, ErrorCode, unavailable
from chatserver.core.logging import get_logger
from chatserver.delivery import Frame, conversation_room
from chatserver.doors.connection.device import Device
from chatserver.doors.connection.lane import QueuedCommand
from chatserver.gate import Answer, Gate, LatePayload
from chatserver.limits import Flood

_log = get_logger(__name__)

# What a client reads to reload a conversation.
_RELOADS = ("chat:history", "chat:sync")


class Incoming(Protocol):
    """A command as it came. ``id`` is what it is answered under; ``json`` is what it weighs."""

    @property
    def id(self) -> object | None:
        """What it is answered under; None where only its error is told."""

    @property
    def json(self) -> str:
        """What it weighs: its text, which is not parsed yet."""

    def command(self) -> tuple[object, object]:
        """Return its name and payload.

        Raises:
            ChatError: it is wrong, and is answered so. What else is raised is its door's own affair.
        """


class Asking:
    """Starts commands, each in its connection's lane, and answers them."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._deadlines = Deadlines(gate.timeout)
        # Whether nothing is started any more.
        self.draining = False

    async def receive(self, device: Device, incoming: Incoming) -> None:
        """Start a command in its turn, as soon as there is room for it, and for its answer.

        Raises:
            What `Incoming.command` raises beside ChatError.
        """
        await device.lane.room()
        await device.line.room()
        # Its session may have ended meanwhile.
        if not device.line.closing:
            self._start(device, incoming)

    def take(self, device: Device, incoming: Incoming) -> bool:
        """Start a command in its turn, if there is room. Returns whether there is.

        Raises:
            As `receive`.
        """
        if device.lane.is_full or device.line.is_half_full:
            return False
        self._start(device, incoming)
        return True

    def _start(self, device: Device, incoming: Incoming) -> None:
        """Start a command in its turn; it is answered exactly once, whatever it is."""
        try:
            if self.draining:
                raise unavailable()
            self._gate.weigh(device.session, len(incoming.json))
            name, payload = incoming.command()
        except ChatError as error:
            self.answer(device, incoming.id, self._gate.refuse(device.session, error))
            return
        asked = _Asked(self, self._gate, device, incoming.id, name, payload)
        self._deadlines.watch(asked)
        device.lane.enter(asked, self._gate.turn(name))

    def answer(self, device: Device, asked_id: object | None, answer: Answer) -> None:
        """Queue the answer to a command; its client's queue is written before those of other clients.

        Args:
            asked_id: the id to answer under; None where the client wants no answer, and then nothing is queued.
        """
        if asked_id is not None:
            line = device.line
            try:
                packet = line.dialect.answer(asked_id, answer)
            except TypeError:
                # A handler gave what is no JSON: its client is told so rather than left waiting.
                error_id = str(uuid.uuid4())
                _log.exception("an answer could not be written", error_id=error_id)
                failed = ChatError(code=ErrorCode.INTERNAL_ERROR, error_id=error_id)
                packet = line.dialect.answer(asked_id, Answer(error=failed))
            self._gate.weigh_answer(device.session, len(packet.framed))
            line.push(packet)
            line.hurry()
        elif answer.error is not None:
            device.send(Frame("error", answer.error.to_wire()))
        if isinstance(answer.error, Flood):
            _log.warning("a client was cut off: it heeds no limit", user=device.user_id)
            device.line.hang_up()


class _Asked(QueuedCommand):
    """A command that waits for its answer."""

    __slots__ = (
        "_abandoned",
        "_asking",
        "_device",
        "_gate",
        "_id",
        "_name",
        "_payload",
        "_received",
        "settled",
    )

    def __init__(
        self,
        asking: Asking,
        gate: Gate,
        device: Device,
        asked_id: object | None,
        name: object,
        payload: object,
    ) -> None:
        self._asking = asking
        self._gate = gate
        self._device = device
        self._id = asked_id
        self._name = name
        self._payload = payload
        self._received = time.monotonic()
        self.settled = False
        self._abandoned = False

    async def run(self) -> None:
        """Run the command, since its turn has come. What goes on past the deadline is abandoned, not stopped."""
        try:
            if self._gate.gives_page(self._name):
                # Few are made at once, and none for a client that has not read those before.
                async with self._device.page_turns():
                    await self._device.line.room()
                    await self._run()
            else:
                await self._run()
        except Exception:
            _log.exception("a command's answer crashed")
        finally:
            if self._abandoned:
                self._device.abandoned -= 1
            self.done()

    async def _run(self) -> None:
        device, name = self._device, self._name
        if self.settled:
            return
        answer = await self._gate.answer(device.session, name, self._payload)
        if device.resync and answer.error is None and name in _RELOADS:
            device.resync.discard(conversation_room(_conversation_of(self._payload)))
        if not self.settled:
            self._settle(answer)
            # Pages that were all asked for at once come as fast as the client reads them.
            await device.line.room()
            self._asking.answer(device, self._id, answer)

    def expire(self) -> None:
        """Answer that the time is over, and let the next command have its turn."""
        answer = Answer(error=unavailable())
        self._settle(answer)
        self._asking.answer(self._device, self._id, answer)
        self._abandoned = True
        self._device.abandoned += 1
        self.leave()

    def _settle(self, answer: Answer) -> None:
        self.settled = True
        # What waited its turn behind other commands waited too.
        self._gate.count(self._name, self._received, answer)


def _conversation_of(payload: object) -> object:
    if isinstance(payload, LatePayload):
        payload = payload.payload
    assert isinstance(payload, dict)  # its schema accepted it
    return str(payload.get("conversationId", payload.get("conversation_id"))).lower()
