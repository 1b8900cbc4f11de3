"""Lets clients in, brings them up to date, and sends them away, whatever they speak."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from chatserver.chat import HeartbeatReceipts, TypingState
from chatserver.core.caller import Session
from chatserver.core.errors import ChatError, ErrorCode, unavailable
from chatserver.core.logging import get_logger
from chatserver.core.networks import network_of
from chatserver.core.times import iso_now, iso_seconds
from chatserver.delivery import Delivery, Frame, Gap
from chatserver.doors.connection.asked import Asking
from chatserver.doors.connection.device import ActingDevice, Device
from chatserver.doors.connection.door import Door
from chatserver.doors.connection.gathering import Gathering
from chatserver.doors.connection.line import Line
from chatserver.doors.connection.places import Places
from chatserver.doors.connection.replaying import Replaying
from chatserver.limits import Limiter
from chatserver.log import Plan, Recovery
from chatserver.presence import Presence
from chatserver.schemas.resources import Person
from chatserver.schemas.sessions import Draining, Limits, SessionReady
from chatserver.schemas.wire import to_wire
from chatserver.sessions import Authenticator, Sessions

_log = get_logger(__name__)
# Asked whether a line would be written: making one that is not written costs as much as a query.
_plain_log = logging.getLogger(__name__)


class Reception:
    """Lets clients in, has them told what they missed, and sends them away.

    Args:
        max_connections: of this process; one more is refused.
    """

    def __init__(
        self,
        asking: Asking,
        authenticator: Authenticator,
        recovery: Recovery,
        delivery: Delivery,
        presence: Presence,
        typing: TypingState,
        delivered: HeartbeatReceipts,
        sessions: Sessions,
        limits: Limits,
        limiter: Limiter,
        places: Places,
        *,
        max_connections: int,
    ) -> None:
        self.asking = asking
        self._authenticator = authenticator
        self._recovery = recovery
        self._replaying = Replaying(recovery, delivery)
        self._delivery = delivery
        self._presence = presence
        self._typing = typing
        self._delivered = delivered
        # Told what has arrived at which device.
        self.confirm = delivered.confirm
        self._sessions = sessions
        self._limits = limits
        self._limiter = limiter
        self._places = places
        self._max_connections = max_connections
        self._devices: dict[str, Device] = {}
        # Those whose token is being looked up: they may hang up before it is.
        self._connecting: set[str] = set()
        # The event loop keeps no task alive by itself.
        self._beginning: set[asyncio.Task[None]] = set()
        self.refused: Counter[str] = Counter()

    # -- connecting -------------------------------------------------------------------------------

    async def connect(self, door: Door, line: Line, connection_id: str, auth: object) -> None:
        """Answer a client that asks to connect: with ``session:ready`` in the end, or with an error with a code.

        Args:
            connection_id: of this attempt, and of the session that it may become.
            auth: what the client says: its token, and where it was when it was last here.
        """
        said = auth if isinstance(auth, dict) else {}
        self._connecting.add(connection_id)
        try:
            self._take_place(line, connection_id)
            session = await self._authenticated(connection_id, said)
            if connection_id not in self._connecting or line.closing:
                return  # it hung up meanwhile
            device = self._devices[connection_id] = door.device(session, line)
            # Register first, then look: what is committed in between finds the client by its user, and waits.
            self._delivery.register(device)
            if isinstance(device, ActingDevice):
                self._delivery.act(connection_id, device)
            self._limiter.expect(session.user.id)
            self._sessions.watch(device, partial(self._say_goodbye, device))
            ask = await self._recovery.understand(session.user.id, said)
            if door.replays and ask.is_silent:
                # It is sent what its user's devices have not received: the one that has just gone among them.
                await self._delivered.settle(session.user.id)
            plan = await self._recovery.plan(session.user.id, ask, replay=door.replays)
            self._limiter.come_back(session, plan.rows)
        except ChatError as error:
            self._refuse(door, line, connection_id, error)
            return
        except Exception:
            _log.exception("a connection crashed")
            self._refuse(door, line, connection_id, ChatError(code=ErrorCode.INTERNAL_ERROR))
            return
        finally:
            self._connecting.discard(connection_id)
        if not device.gone:
            device.offsets = ask.wants_offsets
            pid = self._recovery.pid(session.user.id, ask, plan)
            await self._admit(door, device, plan, pid)

    def arrive(self, line: Line) -> None:
        """Take one of its address' places for a line whose client has not asked to connect yet.

        It asks under the line's own id, and keeps the place until the line has ended.

        Raises:
            ChatError: MAX_CONNECTIONS_EXCEEDED
        """
        network = network_of(line.address)
        if network is not None:
            self._places.enter(line.sid, network)

    def _take_place(self, line: Line, connection_id: str) -> None:
        """Take one of its address' places.

        Opening the line was a request; each attempt on it after the first costs as much, and is one more.
        """
        network = network_of(line.address)
        if network is None:
            return
        line.connects += 1
        if line.connects > 1:
            self._limiter.request(network)
        self._places.enter(connection_id, network)

    async def _authenticated(self, connection_id: str, auth: Mapping[str, Any]) -> Session:
        self._check_room()
        session = await self._authenticator.authenticate(auth.get("token"), connection_id)
        # Others were let in while the token was looked up.
        self._check_room()
        if connection_id in self._connecting:
            self._places.seat(connection_id, session.user.id)
        return session

    def _check_room(self) -> None:
        if self.asking.draining:
            raise unavailable()
        if len(self._devices) >= self._max_connections:
            raise ChatError(code=ErrorCode.MAX_CONNECTIONS_EXCEEDED, retry_after=5)

    async def _admit(self, door: Door, device: Device, plan: Plan, pid: str | None) -> None:
        """Accept a client, and have it sent what it missed; live events wait their turn."""
        connection_id = device.session.connection_id
        gaps = await self._replaying.attach(device, plan)
        if gaps is None:
            # It has no offset of this session yet: when it comes back it has missed nothing more.
            device.line.hang_up(come_back=ErrorCode.UNAVAILABLE)
            return
        if connection_id not in self._devices:
            return  # it hung up meanwhile
        self._sessions.supersede(connection_id)
        await door.accept(device.line, device.session, pid)
        if connection_id not in self._devices:
            return
        device.line.device = device
        # In a task of its own: whoever reads what the client sends waits for this, and the client may read slowly.
        # Its pongs would not be heard, and over polling it could not send any while its CONNECT is not answered.
        task = asyncio.create_task(self._begin(door, device, plan, gaps))
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)

    async def _begin(self, door: Door, device: Device, plan: Plan, gaps: Sequence[Gap]) -> None:
        """Send a client what it missed, and then ``session:ready``; or the one within the other."""
        session = device.session
        replayed: Counter[str] = Counter()

        def greet(queued: Sequence[bytes] = ()) -> None:
            count = len(queued) or sum(replayed.values())
            door.greet(device, self._ready(session, plan, count), queued, str(plan.offset))

        gathering: Gathering | None = None
        finish: Callable[[], None] = greet
        if (encode := device.line.dialect.queued) is not None:
            # Send as much as is sent otherwise before the client has to read.
            bound = device.line.queue.bound // 2
            gathering = Gathering(device, encode, bound, greet)
            finish = gathering.finish
        try:
            await door.prepare(plan)
            replayed, catching_up = await self._replaying.catch_up(
                door, device, plan, gaps, gathering
            )
            if not device.gone:
                finish()
        except Exception as error:
            if not isinstance(error, ChatError):
                _log.exception("a replay crashed")
            device.line.hang_up(come_back=ErrorCode.UNAVAILABLE)
            return
        if not device.gone:
            device.open()
            if gaps or catching_up:
                # The offset of session:ready is older than these.
                self._delivery.owe_offset(device)
            self._presence.connect(session)
            self._sessions.began(session.connection_id)
            if _plain_log.isEnabledFor(logging.DEBUG):
                _log.debug("a client connected", user=session.user.id, address=device.line.address)

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

    # -- the end ----------------------------------------------------------------------------------

    def _refuse(self, door: Door, line: Line, connection_id: str, error: ChatError) -> None:
        self._places.leave(connection_id)
        self._forget(connection_id)
        self.refused[error.code] += 1
        _log.info("a client was refused", code=error.code, address=line.address)
        if error.retryable:
            # The client did nothing wrong.
            line.hang_up(come_back=error.code)
        else:
            door.refuse(line, connection_id, error)

    def _forget(self, connection_id: str) -> Device | None:
        """Send nothing more to a client. Returns its device; None where it had none yet."""
        device = self._devices.pop(connection_id, None)
        if device is not None:
            device.gone = True
            device.line.device = None
            self._delivery.detach(device)
            self._delivery.act_no_more(connection_id)
            self._sessions.forget(connection_id)
        return device

    def _say_goodbye(self, device: Device, why: Frame, for_good: bool) -> None:
        """Tell a client why its session ends, also before it is ready, and end it."""
        device.send_early(why)
        device.line.hang_up(for_good=for_good)

    def disconnect(self, connection_id: str) -> None:
        """Forget a client that is gone."""
        self._places.leave(connection_id)
        self._connecting.discard(connection_id)
        device = self._forget(connection_id)
        if device is None:
            return
        self._presence.disconnect(device.session)
        self._delivered.hurry(device.user_id)
        if not self._delivery.has(device.user_id):
            self._typing.stop(device.session.user)

    # -- stopping ---------------------------------------------------------------------------------

    async def finish(self, within: float) -> None:
        """Let nobody in and start nothing; what came so far has `within` seconds to be answered."""
        self.asking.draining = True
        settled = asyncio.gather(*[c.lane.settled() for c in self._devices.values()])
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await settled

    def say_draining(self, spread: float) -> None:
        """Ask every client to come back at a random time within `spread` seconds; their door closes them."""
        for device in list(self._devices.values()):
            after = random.randint(0, int(spread * 1000))  # noqa: S311 - no secret
            device.send_early(
                Frame("session:draining", to_wire(Draining(reconnect_after_ms=after)))
            )

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._devices)
