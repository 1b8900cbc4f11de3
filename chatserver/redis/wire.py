"""One connection to Redis: commands written many at a time, and what comes read as it comes.

redis-py makes the connection (TLS, accounts, Sentinel, Unix sockets); its way to read a message costs ten times
what parsing it costs, so what comes after the handshake is read here.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import hiredis
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, NoPermissionError, RedisError, ResponseError

Command = tuple[bytes, ...]

_CHUNK = 256 * 1024
# Of one reply; no message that is heeded is nearly as long.
_MOST_BUFFERED = 64 * 1024 * 1024
_INCOMPLETE = object()
# Its declaration knows tuples of one.
_pack: Callable[[Command], bytes] = hiredis.pack_command  # type: ignore[assignment]


def _error(text: str) -> ResponseError:
    return (NoPermissionError if text.startswith("NOPERM") else ResponseError)(text)


class Wire:
    """A connection that `open` has made. Its owner alone writes to it, and its owner alone reads it."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._reader: asyncio.StreamReader = connection._reader
        self._writer: asyncio.StreamWriter = connection._writer
        self._parser = hiredis.Reader(
            protocolError=InvalidResponse, replyError=_error, notEnoughData=_INCOMPLETE
        )

    @classmethod
    async def open(cls, client: Redis) -> "Wire":
        """Connect as the client would.

        Raises:
            RedisError, OSError, TimeoutError: it cannot.
        """
        return cls(await client.connection_pool.get_connection())  # type: ignore[no-untyped-call]  # redis' own

    async def write(self, commands: Iterable[Command]) -> None:
        """Write commands, and wait until there is room for more.

        Raises:
            OSError: the connection is lost.
        """
        self._writer.write(b"".join(map(_pack, commands)))
        await self._writer.drain()

    async def read(self) -> list[Any]:
        """Wait for replies, and return those that have come; an error is a `ResponseError` among them.

        Raises:
            RedisError, OSError: the connection is lost, or does not lead to Redis.
        """
        replies: list[Any] = []
        while not replies:
            data = await self._reader.read(_CHUNK)
            if not data:
                raise RedisConnectionError("Connection closed by server.")
            self._parser.feed(data)
            while (reply := self._parser.gets()) is not _INCOMPLETE:
                replies.append(reply)
            if self._parser.len() > _MOST_BUFFERED:
                raise InvalidResponse("a reply is too long")
        return replies

    async def ask(self, *commands: Command) -> list[Any]:
        """Return the replies to commands, where nothing else is under way.

        Raises:
            RedisError, OSError
        """
        await self.write(commands)
        replies: list[Any] = []
        while len(replies) < len(commands):
            replies += await self.read()
        return replies

    async def close(self) -> None:
        """Close it, whatever state it is in."""
        with suppress(RedisError, OSError, TimeoutError):
            await self._connection.disconnect(nowait=True)
