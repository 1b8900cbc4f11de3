"""The bell of one process among several: it tells the others by Redis, and heeds what they say.

`RedisBell.ring` and `RedisBell.tell` only queue, and `BellConnection` does the rest: no ack waits for Redis.
What Redis loses is in the log. `messages` are what is said, `channels` where, `seal` whose it is; `foreign` is
what other programs say.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

from chatserver.core.about import About
from chatserver.core.logging import get_logger
from chatserver.core.tally import BellState
from chatserver.delivery import Delivery, Event, Frame, user_room
from chatserver.delivery.bell import channels, messages
from chatserver.delivery.bell.allowance import Allowance
from chatserver.delivery.bell.connection import BellConnection
from chatserver.delivery.bell.foreign import read_foreign
from chatserver.delivery.bell.outbox import Saying
from chatserver.delivery.bell.seal import BellSeal, Origin

_log = get_logger(__name__)

# The channel that python-socketio's managers use by default: other programs emit there.
FOREIGN_CHANNEL = "socketio"
# Seconds between two lines about messages that were refused.
_WARN_EVERY = 60.0
# Bytes of a stranger's message that cost as much as another push.
_HEAVY = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearers:
    """Those who are told what comes by Redis, and whether anything does. None of them may raise.

    ``delivery`` gets events and pushes to rooms, ``to_connections`` a push (its name and payload) to single
    connections of this process, by their ids. ``superseded`` is told that a user's newer connection (its id, and
    since when) is on another process, ``channels`` what is published on other channels than the bell's.
    ``recovered`` are called after each resubscribe that works (what was published before it was not heard),
    ``lost`` when that ends. ``young`` are called when rooms have come whose channels are not heard yet,
    ``settled`` when all are heard.
    """

    delivery: Delivery
    to_connections: Callable[[Sequence[str], str, Any], None] = lambda _ids, _name, _payload: None
    superseded: Callable[[str, float, str], None] = lambda _user_id, _since, _by: None
    channels: Mapping[str, Callable[[object], None]] = field(default_factory=dict)
    recovered: Sequence[Callable[[], None]] = ()
    lost: Sequence[Callable[[], None]] = ()
    young: Sequence[Callable[[], None]] = ()
    settled: Sequence[Callable[[], None]] = ()


class RedisBell:
    """The `Bell` of a process among several.

    Args:
        foreign_rate: pushes that other programs may cause here in a second, one per connection; 0 is no limit.
    """

    _hearers: Hearers
    _seal: BellSeal

    def __init__(self, url: str, *, foreign_rate: float = 0) -> None:
        self._host_id = uuid4().hex
        self._heard_messages = 0
        self._ignored = 0
        self._refused = 0
        self._allowance = Allowance(foreign_rate)
        self._warned_at = 0.0
        self._connection = BellConnection(
            url, self._heard, lambda said, lane: self._seal.sign(said, lane)
        )

    async def start(self, hearers: Hearers, keys: Sequence[bytes]) -> None:
        """Begin to publish and to listen: clients that connect after it are told what others say.

        Redis may come later; that costs a second at most.

        Args:
            keys: of our messages (`bell_keys`).
        """
        self._hearers = hearers
        link = self._connection
        link.ears |= {name.encode(): ear for name, ear in hearers.channels.items()}
        link.ears |= {
            channels.COMMON: self._heard,
            FOREIGN_CHANNEL.encode(): self._heard_stranger,
        }
        link.on_recovered.extend(hearers.recovered)
        link.on_lost.extend(hearers.lost)
        link.on_young.extend(hearers.young)
        link.on_settled.extend(hearers.settled)
        self._seal = BellSeal(keys, self._host_id)
        await link.start()

    async def stop(self) -> None:
        """Stop, and let what is queued go out first if Redis takes it at once."""
        await self._connection.stop()

    @property
    def healthy(self) -> bool:
        """Whether this process hears what is published; while not, only the log tells it."""
        return self._connection.healthy

    def state(self) -> BellState:
        """Return what became of what there was to say, and to hear."""
        link = self._connection
        return BellState(
            healthy=self.healthy,
            waiting=len(link.outbox),
            waiting_bytes=link.outbox.size,
            dropped=link.outbox.dropped,
            lost=link.publisher.lost,
            ignored=self._ignored,
            refused=self._refused,
            published=link.publisher.published,
            heard=self._heard_messages,
            channels=len(link.channels),
            young=link.channels.young,
        )

    @property
    def on_recovered(self) -> list[Callable[[], None]]:
        """Called after each resubscribe that works: what was published before it was not heard."""
        return self._connection.on_recovered

    @property
    def on_lost(self) -> list[Callable[[], None]]:
        """Called when `healthy` ends."""
        return self._connection.on_lost

    # -- rooms ------------------------------------------------------------------------------------

    def join(self, room: str) -> None:
        """See `Bell`."""
        self._connection.channels.join(channels.channel_of(room))

    def leave(self, room: str) -> None:
        """See `Bell`."""
        self._connection.channels.leave(channels.channel_of(room))

    # -- telling ----------------------------------------------------------------------------------

    def ring(self, event: Event) -> None:
        """See `Bell`."""
        self._put(event.name, lambda: messages.event(event), channels.of_event(event))

    def tell(
        self,
        rooms: Sequence[str],
        name: str,
        payload: Any,
        skip_user: str | None,
        about: About | None = None,
    ) -> None:
        """See `Bell`."""
        for some, on in channels.of_push(rooms, about):
            self._put(name, partial(messages.push, some, name, payload, skip_user, about), (on,))

    def announce_superseded(self, user_id: str, since: float, by: str) -> None:
        """See `Bell`."""
        on = (channels.channel_of(user_room(user_id)),)
        self._put("supersede", lambda: messages.superseded(user_id, since, by), (on,))

    def _put(self, what: str, encode: Callable[[], bytes], on: Iterable[tuple[bytes, ...]]) -> None:
        try:
            said = encode()
        except TypeError:
            # No JSON: a mistake of ours, and not one that may fail what was committed.
            _log.exception("a push could not be published", push=what)
            return
        for some in on:
            self._connection.outbox.put(Saying(some, said))

    # -- hearing ----------------------------------------------------------------------------------

    def _heard(self, raw: bytes) -> None:
        """Heed a message on a channel of ours."""
        origin, said = self._seal.origin(raw)
        if origin is Origin.REFUSED:
            self._refuse("it is signed by another key, too old, or was heard before")
        elif origin is Origin.FELLOW:
            self._heard_messages += 1
            for what in messages.read(said):
                try:
                    self._heed(what)
                except Exception:
                    _log.exception("a message from Redis could not be handled")

    def _heed(self, what: messages.Heard | None) -> None:
        """Do what another process of ours says."""
        match what:
            case Event() as event:
                self._hearers.delivery.rung(event)
            case messages.Emit() as emit:
                self._hand_on(emit)
            case messages.Superseded(user_id, since, by):
                self._hearers.superseded(user_id, since, by)
            case None:
                self._ignored += 1

    def _heard_stranger(self, raw: bytes) -> None:
        """Do what another program asks for, within what it may cause."""
        if not self._allowance.is_left():
            self._refuse("other programs say more than EXTERNAL_PUSH_RATE allows")
            return
        try:
            delivery = self._hearers.delivery
            emit, before = read_foreign(raw), delivery.pushed
            if emit is None:
                self._ignored += 1
            else:
                self._hand_on(emit)
            pushes = delivery.pushed - before + len(emit.sids if emit else ())
            self._allowance.use((1 + pushes) * (1 + len(raw) / _HEAVY))
        except Exception:
            _log.exception("a message from Redis could not be handled")

    def _refuse(self, why: str) -> None:
        self._refused += 1
        now = time.monotonic()
        if now - self._warned_at >= _WARN_EVERY:
            self._warned_at = now
            _log.warning(
                "messages from Redis are refused: other processes have another CHAT_ENCRYPTION_KEY, another"
                " database or another time, or somebody else speaks there",
                last=why,
                refused=self._refused,
            )

    def _hand_on(self, emit: messages.Emit) -> None:
        """Push to the local connections that an ephemeral push is for."""
        delivery, frame = self._hearers.delivery, Frame(emit.name, emit.payload, about=emit.about)
        if emit.rooms is None:
            delivery.told_all(frame)
        elif emit.rooms:
            delivery.told(emit.rooms, frame, skip_user=emit.skip_user)
        if emit.sids:
            self._hearers.to_connections(emit.sids, emit.name, emit.payload)
