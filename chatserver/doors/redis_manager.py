"""Redis between processes: python-socketio's manager, kept off the path of every ack.

The channel's messages are python-socketio's own, so that an external process may still emit with
``socketio.AsyncRedisManager(url, write_only=True)`` to the rooms ``conversation:<id>`` and ``user:<id>``.
Ours carry one key more, ``chatserver``: the seq of a logged event, and whose membership it changes.

Upstream's ``AsyncPubSubManager`` awaits Redis in every emit, and after an outage listens again only after
up to a minute. Here `ring` only queues; one task publishes, one listens, and both come back within a second.
Redis is a doorbell: what it loses is in the log.
"""

import asyncio
import random
from collections import deque
from collections.abc import Sequence
from typing import Any

import orjson
import socketio
from redis.asyncio import Redis
from redis.exceptions import RedisError

from chatserver.delivery import Delivery, Event
from chatserver.doors.engine import LocalRooms
from chatserver.logs import get_logger

_log = get_logger(__name__)

# Messages that wait for Redis; when it is away for longer, the oldest are dropped.
_QUEUED = 10_000
_LONGEST_BACKOFF = 1.0
_REDIS_TIMEOUT = 5.0
_ROOMS = ("conversation:", "user:")


class RedisManager(LocalRooms, socketio.AsyncRedisManager):  # type: ignore[misc]  # socketio has no types
    """The Socket.IO client manager, and the `Bell`, of a server of several processes."""

    delivery: Delivery

    def __init__(self, url: str) -> None:
        super().__init__(
            url,
            redis_options={
                "socket_timeout": None,
                "socket_connect_timeout": _REDIS_TIMEOUT,
                "socket_keepalive": True,
                "health_check_interval": 0,
            },
        )
        self._queue: deque[bytes] = deque(maxlen=_QUEUED)
        self._queued = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def client(self, timeout: float) -> Redis:
        """A client of the same Redis for questions that need an answer within `timeout` seconds."""
        other = socketio.AsyncRedisManager(
            self.redis_url,
            redis_options={"socket_timeout": timeout, "socket_connect_timeout": timeout},
        )
        # Upstream knows the schemes: Sentinel, TLS, Unix sockets, Valkey.
        other._redis_connect()
        client: Redis = other.redis
        return client

    def start(self, delivery: Delivery) -> None:
        """Begin to publish and to listen."""
        self.delivery = delivery
        self._tasks = [
            asyncio.create_task(self._publish_queued()),
            asyncio.create_task(self._hear_for_ever()),
        ]

    async def stop(self) -> None:
        """Stop, and let what is queued go out first if Redis takes it at once."""
        for _ in range(20):
            if not self._queue:
                break
            await asyncio.sleep(0.05)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def initialize(self) -> None:
        """Upstream starts its listener here, at the first request; ours is started with the server."""

    # -- the bell ---------------------------------------------------------------------------------

    def ring(self, event: Event) -> None:
        """See `Bell`."""
        logged = {"seq": event.seq, "joined": event.joined, "left": event.left}
        if event.welcome is not None:
            logged["welcome"] = event.welcome
        self._enqueue(event.name, event.payload, event.room, {"chatserver": logged})

    def tell(self, rooms: Sequence[str], name: str, payload: Any, skip_user: str | None) -> None:
        """See `Bell`."""
        extra = {"chatserver": {"skipUser": skip_user}} if skip_user else {}
        self._enqueue(name, payload, rooms[0] if len(rooms) == 1 else list(rooms), extra)

    def _enqueue(self, name: str, payload: Any, room: object, extra: dict[str, Any]) -> None:
        message = {
            "method": "emit",
            "event": name,
            "data": [payload],
            "binary": False,
            "namespace": "/",
            "room": room,
            "skip_sid": None,
            "callback": None,
            "host_id": self.host_id,
            **extra,
        }
        self._put(orjson.dumps(message))

    def _put(self, message: bytes) -> None:
        self._queue.append(message)
        self._queued.set()

    async def _publish(self, data: dict[str, Any]) -> None:
        # What upstream's own methods publish takes the same way out.
        self._put(orjson.dumps(data))

    async def _publish_queued(self) -> None:
        backoff = _Backoff()
        while True:
            await self._queued.wait()
            self._queued.clear()
            while self._queue:
                message = self._queue[0]
                try:
                    if self.redis is None:
                        self._redis_connect()
                    async with asyncio.timeout(_REDIS_TIMEOUT):
                        await self.redis.publish(self.channel, message)
                except (RedisError, OSError, TimeoutError) as error:
                    await backoff.wait("publish", error)
                    continue
                backoff.reset()
                # The deque may have dropped it from its other end meanwhile.
                if self._queue and self._queue[0] is message:
                    self._queue.popleft()

    # -- the ear ----------------------------------------------------------------------------------

    async def _hear_for_ever(self) -> None:
        backoff = _Backoff()
        while True:
            try:
                self._redis_connect()
                async with asyncio.timeout(_REDIS_TIMEOUT):
                    await self.pubsub.subscribe(self.channel)
                backoff.reset()
                async for message in self.pubsub.listen():
                    await self._heard(message)
            except (RedisError, OSError, TimeoutError) as error:
                await backoff.wait("listen", error)

    async def _heard(self, message: dict[str, Any]) -> None:
        if message.get("type") != "message":
            return
        try:
            data = orjson.loads(message["data"])
        except ValueError:
            return
        if not isinstance(data, dict) or data.get("host_id") == self.host_id:
            return
        try:
            if data.get("method") == "emit":
                await self._handle_emit(data)
            elif data.get("method") == "disconnect":
                await self._handle_disconnect(data)
        except Exception:
            _log.exception("a message from Redis could not be handled")

    async def _handle_emit(self, message: dict[str, Any]) -> None:
        room = message.get("room")
        rooms = [room] if isinstance(room, str) else room
        if not rooms or not all(isinstance(r, str) and r.startswith(_ROOMS) for r in rooms):
            await super()._handle_emit(message)
            return
        ours = message.get("chatserver") or {}
        name, (payload, *_) = message["event"], message["data"] or [None]
        if "seq" in ours:
            self.delivery.hear(
                Event(
                    room=rooms[0],
                    seq=ours["seq"],
                    name=name,
                    payload=payload,
                    joined=tuple(ours["joined"]),
                    left=tuple(ours["left"]),
                    welcome=ours.get("welcome"),
                )
            )
        else:
            self.delivery.told(rooms, name, payload, skip_user=ours.get("skipUser"))


class _Backoff:
    """Waits a little longer after each failure, up to a second, and says so once per outage."""

    def __init__(self) -> None:
        self._delay = 0.05

    def reset(self) -> None:
        """It works again."""
        self._delay = 0.05

    async def wait(self, what: str, error: BaseException) -> None:
        """Wait before the next attempt."""
        if self._delay == 0.05:
            _log.warning("Redis is away", action=what, error=type(error).__name__)
        await asyncio.sleep(self._delay * random.uniform(0.5, 1))  # noqa: S311 - no secret
        self._delay = min(self._delay * 2, _LONGEST_BACKOFF)
