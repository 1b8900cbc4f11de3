"""The main door: Socket.IO."""

import asyncio
import logging
import random
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from chatserver.auth import Authenticator
from chatserver.deadlines import Deadlines
from chatserver.delivered import Delivered
from chatserver.delivery import Delivery
from chatserver.doors import packets
from chatserver.doors.address import network_of
from chatserver.doors.client import Client
from chatserver.doors.engine import Engine
from chatserver.doors.lane import Work
from chatserver.doors.places import Places
from chatserver.doors.send_queue import TextPacket
from chatserver.errors import ChatError, ErrorCode, invalid, unavailable
from chatserver.gate import Answer, Gate
from chatserver.limits import Flood, Limiter
from chatserver.logs import get_logger
from chatserver.presence import Presence
from chatserver.pushes import Frame, conversation_room, frame_of
from chatserver.recovery import Plan, Recovery
from chatserver.session import Session
from chatserver.sessions import Sessions
from chatserver.times import iso_now, iso_seconds
from chatserver.typing_state import TypingState
from schemas.resources import Person
from schemas.session import Draining, Limits, SessionReady
from schemas.wire import to_wire

_log = get_logger(__name__)
# To ask whether a line would be written: making one that is not costs as much as a query.
_plain_log = logging.getLogger(__name__)


class SocketIODoor:
    """Connects clients, passes their commands to the gate and pushes to them.

    Args:
        max_connections: of this process; one more is refused.
    """

    def __init__(
        self,
        engine: Engine,
        gate: Gate,
        authenticator: Authenticator,
        recovery: Recovery,
        delivery: Delivery,
        presence: Presence,
        typing: TypingState,
        delivered: Delivered,
        sessions: Sessions,
        limits: Limits,
        limiter: Limiter,
        places: Places,
        *,
        max_connections: int,
    ) -> None:
        self._engine = engine
        engine.listener = self
        self._gate = gate
        self._authenticator = authenticator
        self._recovery = recovery
        self._delivery = delivery
        self._presence = presence
        self._typing = typing
        self._delivered = delivered
        self._sessions = sessions
        self._limits = limits
        self._limiter = limiter
        self._places = places
        self._max_connections = max_connections
        self._clients: dict[str, Client] = {}
        # Those whose token is being looked up: they may hang up before it is.
        self._connecting: set[str] = set()
        self._deadlines = Deadlines(gate.timeout)
        self._draining = False
        self.refused: Counter[str] = Counter()

    # -- connecting -------------------------------------------------------------------------------

    async def connect(self, sid: str, eio_sid: str, auth: object) -> None:
        """Answer a client's CONNECT: with ``session:ready`` in the end, or with an error that has a code."""
        said = auth if isinstance(auth, dict) else {}
        self._connecting.add(sid)
        try:
            self._take_place(sid, eio_sid)
            session = await self._authenticated(sid, said)
            socket = self._engine.socket(eio_sid)
            if sid not in self._connecting or socket is None:
                return  # it hung up meanwhile
            client = self._clients[sid] = Client(session, socket)
            # Register first, then look: what is committed in between finds the client by its user, and waits.
            self._delivery.register(client)
            self._limiter.expect(session.user.id)
            self._sessions.watch(client, partial(self._hang_up, eio_sid))
            ask = self._recovery.understand(session.user.id, said)
            plan = await self._recovery.plan(session.user.id, ask)
        except ChatError as error:
            self._refuse(sid, eio_sid, error)
            return
        except Exception:
            _log.exception("a connection crashed")
            self._refuse(sid, eio_sid, ChatError(code=ErrorCode.INTERNAL_ERROR))
            return
        finally:
            self._connecting.discard(sid)
        if sid in self._clients:
            client.offsets = ask.wants_offsets
            client.resync = plan.resync_rooms()
            client.had = plan.reaches()
            await self._admit(sid, client, plan, self._recovery.pid(session.user.id, ask, plan))

    def _take_place(self, sid: str, eio_sid: str) -> None:
        """Take one of its address' places.

        Opening the transport was a request; each CONNECT on it after the first costs as much, and is one more.
        """
        socket = self._engine.socket(eio_sid)
        network = network_of(socket.address) if socket else None
        if socket is None or network is None:
            return
        socket.connects += 1
        if socket.connects > 1:
            self._limiter.request(network)
        self._places.enter(sid, network)

    async def _authenticated(self, sid: str, auth: Mapping[str, Any]) -> Session:
        self._check_room()
        session = await self._authenticator.authenticate(auth.get("token"), sid)
        # Others were let in while the token was looked up.
        self._check_room()
        return session

    def _check_room(self) -> None:
        if self._draining:
            raise unavailable()
        if len(self._clients) >= self._max_connections:
            raise ChatError(code=ErrorCode.MAX_CONNECTIONS_EXCEEDED, retry_after=5)

    async def _admit(self, sid: str, client: Client, plan: Plan, pid: str | None) -> None:
        """Accept a client, and send it what it missed; live events wait their turn."""
        session = client.session
        gaps = self._delivery.attach(client, plan.positions)
        self._sessions.supersede(sid)
        await self._engine.accept(sid, client.eio_sid, {"pid": pid} if pid else {})
        if sid in self._clients:
            client.link.client = client
        try:
            replayed = await self._replay(client, plan)
            for gap in gaps:
                for frame in await self._delivery.missed(client, gap):
                    client.send_early(frame)
            await self._delivery.caught_up(self._delivery.rooms_of(client))
            for frame in await self._recovery.read_states(session.user.id, plan, replayed):
                client.send_early(frame)
        except Exception as error:
            if not isinstance(error, ChatError):
                _log.exception("a replay crashed")
            # It has no offset of this session yet: when it comes back it has missed nothing more.
            self._engine.hang_up(client.eio_sid)
            return
        if client.overflowed:
            self._engine.hang_up(client.eio_sid)
        elif sid in self._clients:
            ready = to_wire(self._ready(client.session, plan, sum(replayed.values())))
            client.open(Frame("session:ready", ready, str(plan.offset)))
            self._presence.connect(session)
            self._sessions.began(sid)
            if _plain_log.isEnabledFor(logging.DEBUG):
                address = self._address(client.eio_sid)
                _log.debug("a client connected", user=session.user.id, address=address)

    def _address(self, eio_sid: str) -> str | None:
        socket = self._engine.socket(eio_sid)
        return socket.address if socket else None

    async def _replay(self, client: Client, plan: Plan) -> Counter[str]:
        """Send what was missed; returns how many events of each room."""
        replayed: Counter[str] = Counter()
        async for events in self._recovery.replay(client.user_id, plan):
            for event in events:
                if client.link.is_half_full:
                    await self._engine.roomy(client.eio_sid)
                if client.session.connection_id not in self._clients:
                    return replayed  # it hung up meanwhile
                client.send_early(frame_of(event, client.user_id))
            replayed.update(event.room for event in events)
        return replayed

    def _ready(self, session: Session, plan: Plan, replayed: int) -> SessionReady:
        user = session.user
        return SessionReady(
            user=Person(user_id=user.id, username=user.username, display_name=user.display_name),
            connection_id=session.connection_id,
            recovered=plan.recovered,
            limited=plan.limited,
            resync=plan.resync,
            replayed=replayed,
            server_time=iso_now(),
            expires_at=iso_seconds(session.expires_at),
            limits=self._limits,
            epoch=self._recovery.epoch,
        )

    def _refuse(self, sid: str, eio_sid: str, error: ChatError) -> None:
        self._places.leave(sid)
        if client := self._clients.pop(sid, None):
            client.link.client = None
            self._delivery.detach(client)
            self._sessions.forget(sid)
        self.refused[error.code] += 1
        _log.info("a client was refused", code=error.code, address=self._address(eio_sid))
        if error.code is ErrorCode.UNAVAILABLE:
            # Nothing is wrong with the client. From a closed transport a stock one comes back by itself, to
            # another process perhaps, and recovers; after a CONNECT_ERROR it would stay away for good.
            self._engine.hang_up(eio_sid)
            return
        self._engine.refuse(sid, eio_sid, {"message": error.message, "data": error.to_wire()})

    def _hang_up(self, eio_sid: str, for_good: bool) -> None:
        if for_good:
            # After it a stock client stays away; from a closed transport alone it comes back.
            self._engine.send_text(eio_sid, packets.DISCONNECT.encode())
        self._engine.hang_up(eio_sid)

    def disconnect(self, sid: str) -> None:
        """A client is gone."""
        self._places.leave(sid)
        self._connecting.discard(sid)
        client = self._clients.pop(sid, None)
        if client is None:
            return
        client.link.client = None
        self._delivery.detach(client)
        self._sessions.forget(sid)
        self._presence.disconnect(client.session)
        if not self._delivery.has(client.user_id):
            self._typing.stop(client.session.user)

    # -- heartbeats -------------------------------------------------------------------------------

    def pinged(self, sid: str | None) -> None:
        """A ping was queued for a client."""
        if client := self._clients.get(sid or ""):
            client.ping()

    def ponged(self, sid: str | None) -> None:
        """A client answered a ping."""
        if (client := self._clients.get(sid or "")) and (arrived := client.pong()):
            self._delivered.confirm(client.user_id, arrived)

    # -- commands ---------------------------------------------------------------------------------

    async def receive(self, client: Client, packet: packets.Packet) -> None:
        """Start a command in its turn, as soon as there is room for it."""
        await client.lane.room()
        self.take(client, packet)

    def take(self, client: Client, packet: packets.Packet) -> bool:
        """Start a command in its turn, if there is room; it is answered exactly once, whatever it is."""
        if client.lane.is_full:
            return False
        try:
            if self._draining:
                raise unavailable()
            name, payload = _command(packet)
        except ChatError as error:
            self._answer(client, packet.id, self._gate.refuse(client.session, error))
            return True
        asked = _Asked(self, self._gate, client, packet.id, name, payload)
        self._deadlines.watch(asked)
        client.lane.enter(asked, in_order=self._gate.mutates(name))
        return True

    def _answer(self, client: Client, packet_id: int | None, answer: Answer) -> None:
        if packet_id is not None:
            try:
                text = packets.ack(packet_id, answer.ack())
            except TypeError:
                # A handler gave what is no JSON: its client is told so rather than left waiting.
                error_id = str(uuid.uuid4())
                _log.exception("an answer could not be written", error_id=error_id)
                failed = ChatError(code=ErrorCode.INTERNAL_ERROR, error_id=error_id)
                text = packets.ack(packet_id, Answer(error=failed).ack())
            client.answer(TextPacket(text))
        elif answer.error is not None:
            client.send(Frame("error", answer.error.to_wire()))
        if isinstance(answer.error, Flood):
            _log.warning("a client was cut off: it heeds no limit", user=client.user_id)
            self._engine.hang_up(client.eio_sid)

    # -- stopping ---------------------------------------------------------------------------------

    async def finish(self, within: float) -> None:
        """Let nobody in and start nothing; what came so far has `within` seconds to be answered."""
        self._draining = True
        settled = asyncio.gather(*[c.lane.settled() for c in self._clients.values()])
        with suppress(TimeoutError):
            await asyncio.wait_for(settled, within)

    async def drain(self, spread: float) -> None:
        """Ask every client to come back at a random time within `spread` seconds, and close it.

        What is queued for it still goes out; that is not waited for.
        """
        for client in list(self._clients.values()):
            after = random.randint(0, int(spread * 1000))  # noqa: S311 - no secret
            client.send(Frame("session:draining", to_wire(Draining(reconnect_after_ms=after))))
        self._engine.close_all()

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


class _Asked(Work):
    """A command that waits for its answer."""

    __slots__ = (
        "_client",
        "_door",
        "_gate",
        "_name",
        "_packet_id",
        "_payload",
        "_received",
        "settled",
    )

    def __init__(
        self,
        door: SocketIODoor,
        gate: Gate,
        client: Client,
        packet_id: int | None,
        name: object,
        payload: object,
    ) -> None:
        self._door = door
        self._gate = gate
        self._client = client
        self._packet_id = packet_id
        self._name = name
        self._payload = payload
        self._received = time.monotonic()
        self.settled = False

    async def run(self) -> None:
        """Its turn has come. What goes on past the deadline is abandoned, not stopped."""
        client, name = self._client, self._name
        try:
            if not self.settled:
                answer = await self._gate.answer(client.session, name, self._payload)
                if client.resync and answer.error is None and name in _RELOADS:
                    client.resync -= {conversation_room(_conversation_of(self._payload))}
                self._settle(answer)
        except Exception:
            _log.exception("a command's answer crashed")
        finally:
            self.done()

    def expire(self) -> None:
        """Its deadline has passed: the next one may have its turn."""
        self._settle(Answer(error=unavailable()))
        self.leave()

    def _settle(self, answer: Answer) -> None:
        if not self.settled:
            self.settled = True
            # What waited its turn behind other commands waited too.
            self._gate.count(self._name, self._received, answer)
            self._door._answer(self._client, self._packet_id, answer)


# What a client reads to reload a conversation.
_RELOADS = ("chat:history", "chat:sync")


def _conversation_of(payload: object) -> object:
    assert isinstance(payload, dict)  # its schema accepted it
    return str(payload.get("conversationId", payload.get("conversation_id"))).lower()


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
