"""Redis between processes: python-socketio's manager, kept off the path of every ack.

Upstream's ``AsyncPubSubManager`` awaits Redis in every emit, and after an outage listens again only after up to a
minute. Here `ring` and `tell` only queue, and `RedisLink` does the rest. Redis is a doorbell: what it loses is in
the log. What is on the channel, and what is heeded of it, is said in `bell_messages`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import socketio

from chatserver.delivery import Delivery
from chatserver.doors import bell_messages, packets
from chatserver.doors.engine import LocalRooms
from chatserver.doors.redis_link import RedisLink
from chatserver.logs import get_logger
from chatserver.pushes import Event
from chatserver.tally import BellState

_log = get_logger(__name__)


class RedisManager(LocalRooms, socketio.AsyncRedisManager):  # type: ignore[misc]  # socketio has no types
    """The Socket.IO client manager, and the `Bell`, of a server of several processes."""

    delivery: Delivery

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.ignored = 0
        self.on_superseded: Callable[[str, float, str], None] = lambda _user_id, _since, _by: None
        self._link = RedisLink(url, self.channel, self._heard, bell_messages.ping(self.host_id))

    def hear(self, channel: str, ear: Callable[[object], None]) -> None:
        """From `start` on, call `ear` with what is published on another channel; it must not raise."""
        self._link.ears[channel.encode()] = ear

    async def start(self, delivery: Delivery) -> None:
        """Begin to publish and to listen: clients that connect after it are told what others say.

        Redis may come later; that costs a second at most.
        """
        self.delivery = delivery
        await self._link.start()

    async def stop(self) -> None:
        """Stop, and let what is queued go out first if Redis takes it at once."""
        await self._link.stop()

    def initialize(self) -> None:
        """Upstream starts its listener here, at the first request; ours is started with the server."""

    @property
    def healthy(self) -> bool:
        """Whether this process hears what is published; while not, only the log tells it."""
        return self._link.healthy

    def state(self) -> BellState:
        """What became of what there was to say, and to hear."""
        outbox = self._link.outbox
        return BellState(
            healthy=self.healthy,
            waiting=len(outbox),
            waiting_bytes=outbox.size,
            dropped=outbox.dropped,
            lost=self._link.lost,
            ignored=self.ignored,
        )

    @property
    def on_recovered(self) -> list[Callable[[], None]]:
        """Called after each resubscribe that works: what was published before it was not heard."""
        return self._link.on_recovered

    @property
    def on_lost(self) -> list[Callable[[], None]]:
        """Called when `healthy` ends."""
        return self._link.on_lost

    # -- the bell ---------------------------------------------------------------------------------

    def ring(self, event: Event) -> None:
        """See `Bell`."""
        self._put(lambda: bell_messages.event(self.host_id, event), event.name)

    def tell(self, rooms: Sequence[str], name: str, payload: Any, skip_user: str | None) -> None:
        """See `Bell`."""
        self._put(lambda: bell_messages.push(self.host_id, rooms, name, payload, skip_user), name)

    async def _publish(self, data: dict[str, Any]) -> None:
        # What upstream's own methods publish takes the same way out.
        self._put(lambda: orjson.dumps(data), data.get("method"))

    def _put(self, encode: Callable[[], bytes], what: object) -> None:
        try:
            self._link.outbox.put(encode())
        except TypeError:
            # No JSON: a mistake of ours, and not one that may fail what was committed.
            _log.exception("a push could not be published", push=what)

    def announce_superseded(self, user_id: str, since: float, by: str) -> None:
        """Tell the other processes that a connection supersedes its user's older ones."""
        self._put(lambda: bell_messages.superseded(self.host_id, user_id, since, by), "supersede")

    # -- the ear ----------------------------------------------------------------------------------

    def _heard(self, raw: object) -> bool:
        """Heed a message; whether it was our own."""
        try:
            match bell_messages.read(raw, self.host_id):
                case bell_messages.Echo():
                    return True
                case Event() as event:
                    self.delivery.hear(event)
                case bell_messages.Emit() as emit:
                    self._emit_here(emit)
                case bell_messages.Disconnect(sid):
                    self._close_here(sid)
                case bell_messages.Superseded(user_id, since, by):
                    self.on_superseded(user_id, since, by)
                case None:
                    self.ignored += 1
        except Exception:
            _log.exception("a message from Redis could not be handled")
        return False

    def _emit_here(self, emit: bell_messages.Emit) -> None:
        if emit.rooms is None:
            self.delivery.told_all(emit.name, emit.payload)
        elif emit.rooms:
            self.delivery.told(emit.rooms, emit.name, emit.payload, skip_user=emit.skip_user)
        for sid in emit.sids or ():
            if (eio_sid := self._here(sid)) is not None:
                self.server.send_text(eio_sid, packets.event(emit.name, emit.payload))

    def _close_here(self, sid: str) -> None:
        if (eio_sid := self._here(sid)) is not None:
            self.server.hang_up(eio_sid)

    def _here(self, sid: str) -> str | None:
        """The transport of a connection to this process."""
        return self.eio_sid_from_sid(sid, "/") if self.is_connected(sid, "/") else None
