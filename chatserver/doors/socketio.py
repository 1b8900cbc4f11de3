"""The main door: Socket.IO."""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from engineio import packet as eio_packet

from chatserver.auth import Authenticator
from chatserver.delivery import Delivery, Frame
from chatserver.doors import packets
from chatserver.doors.engine import Engine
from chatserver.doors.lane import Lane
from chatserver.errors import ChatError, ErrorCode, invalid, unavailable
from chatserver.gate import Answer, Gate
from chatserver.log import Log
from chatserver.logs import get_logger
from chatserver.presence import Presence
from chatserver.session import Session
from chatserver.times import iso_now, iso_seconds
from chatserver.typing_state import TypingState
from schemas.resources import Person
from schemas.session import Draining, Limits, SessionReady
from schemas.wire import to_wire

_log = get_logger(__name__)


@dataclass(eq=False, slots=True)
class _Client:
    """One connected device. What is pushed to it before it is ready waits in `held`."""

    session: Session
    eio_sid: str
    push: Callable[[str, eio_packet.Packet], None]
    lane: Lane = field(default_factory=Lane)
    held: deque[eio_packet.Packet] | None = field(default_factory=deque)

    @property
    def user_id(self) -> str:
        """Whose device it is."""
        return self.session.user.id

    def send(self, frame: Frame) -> None:
        """Queue a push."""
        packet = _encoded(frame)
        if self.held is not None:
            self.held.append(packet)
        else:
            self.push(self.eio_sid, packet)

    def open(self, missed: Iterable[Frame]) -> None:
        """Send what was missed, then what was held, and hold no longer."""
        held, self.held = self.held, None
        for frame in missed:
            self.push(self.eio_sid, _encoded(frame))
        for packet in held or ():
            self.push(self.eio_sid, packet)


def _encoded(frame: Frame) -> eio_packet.Packet:
    """A push as a packet, made once for all its recipients."""
    packet = frame.encoded.get("socketio")
    if packet is None:
        text = packets.event(frame.name, frame.payload)
        packet = frame.encoded["socketio"] = eio_packet.Packet(eio_packet.MESSAGE, data=text)
    return packet


class SocketIODoor:
    """Connects clients, passes their commands to the gate and pushes to them.

    Args:
        epoch: names the history that seqs are valid in.
        max_connections: of this process; one more is refused.
        single_session: a user's new connection closes the older ones.
    """

    def __init__(
        self,
        engine: Engine,
        gate: Gate,
        authenticator: Authenticator,
        log: Log,
        delivery: Delivery,
        presence: Presence,
        typing: TypingState,
        limits: Limits,
        *,
        epoch: str,
        max_connections: int,
        single_session: bool,
    ) -> None:
        self._engine = engine
        engine.listener = self
        self._gate = gate
        self._authenticator = authenticator
        self._log = log
        self._delivery = delivery
        self._presence = presence
        self._typing = typing
        self._limits = limits
        self._epoch = epoch
        self._max_connections = max_connections
        self._single_session = single_session
        self._clients: dict[str, _Client] = {}
        self._draining = False

    # -- connecting -------------------------------------------------------------------------------

    async def connect(self, sid: str, eio_sid: str, auth: object) -> None:
        """Answer a client's CONNECT: with ``session:ready`` in the end, or with an error that has a code."""
        try:
            session = await self._authenticated(sid, auth)
            await self._admit(_Client(session, eio_sid, self._engine.push), sid)
        except ChatError as error:
            await self._refuse(sid, eio_sid, error)
        except Exception:
            _log.exception("a connection crashed")
            await self._refuse(sid, eio_sid, ChatError(code=ErrorCode.INTERNAL_ERROR))

    async def _authenticated(self, sid: str, auth: object) -> Session:
        self._check_room()
        token = auth.get("token") if isinstance(auth, dict) else None
        return await self._authenticator.authenticate(token, sid)

    def _check_room(self) -> None:
        if self._draining:
            raise unavailable()
        if len(self._clients) >= self._max_connections:
            raise ChatError(code=ErrorCode.MAX_CONNECTIONS_EXCEEDED, retry_after=5)

    async def _admit(self, client: _Client, sid: str) -> None:
        """Register first, then look: an event between the two finds the client by its user, and waits."""
        session = client.session
        # Others were let in while the token was looked up, or this one hung up.
        self._check_room()
        if self._engine.socket(client.eio_sid) is None:
            return
        self._clients[sid] = client
        self._delivery.register(client)
        positions = await self._log.positions(session.user.id)
        if sid not in self._clients:
            return  # it hung up meanwhile
        missed = []
        for gap in self._delivery.attach(client, positions):
            missed += await self._delivery.missed(client, gap)
        if sid not in self._clients:
            return
        if self._single_session:
            await self._close_older(session)
        await self._engine.accept(sid, client.eio_sid, {})
        client.open(missed)
        client.send(Frame("session:ready", to_wire(self._ready(session))))
        self._presence.connect(session)
        _log.debug(
            "a client connected", user=session.user.id, address=self._address(client.eio_sid)
        )

    def _address(self, eio_sid: str) -> str | None:
        socket = self._engine.socket(eio_sid)
        return socket.address if socket else None

    def _ready(self, session: Session) -> SessionReady:
        user = session.user
        return SessionReady(
            user=Person(user_id=user.id, username=user.username, display_name=user.display_name),
            connection_id=session.connection_id,
            recovered=False,
            limited=False,
            resync=(),
            replayed=0,
            server_time=iso_now(),
            expires_at=iso_seconds(session.expires_at),
            limits=self._limits,
            epoch=self._epoch,
        )

    async def _refuse(self, sid: str, eio_sid: str, error: ChatError) -> None:
        if client := self._clients.pop(sid, None):
            self._delivery.detach(client)
        _log.info("a client was refused", code=error.code, address=self._address(eio_sid))
        await self._engine.refuse(sid, eio_sid, {"message": error.message, "data": error.to_wire()})
        if self._draining:
            await self._engine.close(eio_sid)

    async def _close_older(self, session: Session) -> None:
        for sid, other in list(self._clients.items()):
            if other.user_id == session.user.id and sid != session.connection_id:
                await self._engine.close(other.eio_sid)

    async def disconnect(self, sid: str) -> None:
        """A client is gone."""
        client = self._clients.pop(sid, None)
        if client is None:
            return
        self._delivery.detach(client)
        self._presence.disconnect(client.session)
        if not self._delivery.has(client.user_id):
            self._typing.stop(client.session.user)

    # -- commands ---------------------------------------------------------------------------------

    async def receive(self, sid: str, packet: packets.Packet) -> None:
        """Start a command in its turn; it is answered exactly once, whatever it is."""
        client = self._clients.get(sid)
        if client is None:
            return
        deadline = asyncio.get_running_loop().time() + self._gate.timeout
        try:
            if self._draining:
                raise unavailable()
            name, payload = _command(packet)
        except ChatError as error:
            self._answer(client, packet.id, Answer(error=error))
            return

        async def work() -> None:
            answer = await self._gate.ask(client.session, name, payload, deadline)
            self._answer(client, packet.id, answer)

        await client.lane.enter(work, in_order=self._gate.mutates(name))

    def _answer(self, client: _Client, packet_id: int | None, answer: Answer) -> None:
        if packet_id is not None:
            self._engine.send_text(client.eio_sid, packets.ack(packet_id, answer.ack()))
        elif answer.error is not None:
            client.send(Frame("error", answer.error.to_wire()))

    # -- stopping ---------------------------------------------------------------------------------

    async def finish(self, within: float) -> None:
        """Let nobody in and start nothing; what came so far has `within` seconds to be answered."""
        self._draining = True
        under_way = [task for client in self._clients.values() for task in client.lane.under_way]
        if under_way:
            await asyncio.wait(under_way, timeout=within)

    async def drain(self, spread: float) -> None:
        """Ask every client to come back at a random time within `spread` seconds, and close it.

        What is queued for it still goes out; that is not waited for.
        """
        for client in list(self._clients.values()):
            after = random.randint(0, int(spread * 1000))  # noqa: S311 - no secret
            client.send(Frame("session:draining", to_wire(Draining(reconnect_after_ms=after))))
        await self._engine.close_all()

    async def closed(self, within: float) -> None:
        """Wait until every transport is closed; those that are not `within` seconds are cut off."""
        deadline = asyncio.get_running_loop().time() + within
        # Asked now and then, at the end of a process; an event would have to be kept up all its life.
        while (  # noqa: ASYNC110
            self._engine.transports and asyncio.get_running_loop().time() < deadline
        ):
            await asyncio.sleep(0.02)
        self._engine.abort_all()

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._clients)


def _command(packet: packets.Packet) -> tuple[object, object]:
    """The name and payload of an event.

    Raises:
        ChatError: VALIDATION_ERROR
    """
    if packet.attachments or packet.type == packets.BINARY_EVENT:
        raise invalid("payload", "Binary attachments are not accepted.")
    try:
        data = packets.loads(packet.json)
    except ValueError:
        raise invalid("payload", "Is not JSON.") from None
    if not isinstance(data, list) or not data:
        raise invalid("payload", "Must be an event: its name, and one object.")
    name, *arguments = data
    if len(arguments) > 1:
        raise invalid("payload", "Must be one object.")
    return name, arguments[0] if arguments else None
