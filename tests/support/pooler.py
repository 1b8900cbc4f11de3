"""A transaction pooler, as hard on its clients as PgBouncer: start-up parameters that it does not know are
refused, and each transaction goes to another session of the server."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from tests.support.link import unix_socket

# What PgBouncer keeps track of, or needs.
_KNOWN = {"user", "database", "client_encoding", "datestyle", "timezone", "application_name"}
_SSL_REQUEST = 80877103
_CANCEL_REQUEST = 80877102
# What a server is asked that it answers with ReadyForQuery: a Query, a Sync.
_ASKS = (b"Q", b"S")
# The end of what is copied, good or bad, which belongs to the Query that began it.
_COPIED = (b"c", b"f")

Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Pooler:
    """Each client logs in by a session of its own, which then serves everybody."""

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._free: asyncio.Queue[Pair] = asyncio.Queue()
        self._writers: list[asyncio.StreamWriter] = []
        # How many there were, for a test to see that there was something to be mixed up.
        self.transactions = 0
        # Whoever comes while it is shut is cut off.
        self.is_shut = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        if self.is_shut:
            writer.close()
            return
        self._writers.append(writer)
        try:
            if await self._log_in(reader, writer):
                while await self._transaction(reader, writer):
                    pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def close(self) -> None:
        """Cut everybody."""
        for writer in self._writers:
            writer.close()
        while not self._free.empty():
            self._free.get_nowait()

    async def _log_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        while True:
            (length,) = struct.unpack("!i", await reader.readexactly(4))
            body = await reader.readexactly(length - 4)
            (code,) = struct.unpack("!i", body[:4])
            if code == _CANCEL_REQUEST:
                return False
            if code != _SSL_REQUEST:
                break
            writer.write(b"N")
        words = body[4:].split(b"\0")
        for name in words[: words.index(b"") : 2]:
            if name.decode().lower() not in _KNOWN:
                reason = f"unsupported startup parameter: {name.decode()}"
                fields = b"SFATAL\0VFATAL\0C08P01\0M" + reason.encode() + b"\0\0"
                writer.write(_message(b"E", fields))
                await writer.drain()
                return False
        server = await asyncio.open_unix_connection(self._socket)
        self._writers.append(server[1])
        server[1].write(struct.pack("!i", length) + body)
        while True:
            kind, answer = await _read(server[0])
            writer.write(_message(kind, answer))
            if kind == b"Z":
                self._free.put_nowait(server)
                return True
            # An R that wants an answer; the last two kinds of it want none.
            if kind == b"R" and struct.unpack("!i", answer[:4])[0] not in (0, 12):
                await writer.drain()
                server[1].write(_message(*await _read(reader)))

    async def _transaction(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """From the first message of one to the server's word that it has ended."""
        message = await _read(reader)
        if message[0] == b"X":
            return False
        # The one that has been free for longest: hardly ever the one of the transaction before.
        server = await self._free.get()
        self.transactions += 1
        try:
            await self._pass_on(message, server, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            # Who leaves in the middle of a transaction takes the session along.
            server[1].close()
            raise
        self._free.put_nowait(server)
        return True

    @staticmethod
    async def _pass_on(
        message: tuple[bytes, bytes],
        server: Pair,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        asked = 0
        idle = False
        while not (idle and asked == 0):
            server[1].write(_message(*message))
            asked += message[0] in _ASKS
            if message[0] not in (*_ASKS, *_COPIED, b"H"):
                message = await _read(reader)
                continue
            idle, asked = await _answer(server[0], writer, asked, flushed=message[0] == b"H")
            if not (idle and asked == 0):
                message = await _read(reader)

    @property
    def sessions(self) -> int:
        """How many there are for everybody."""
        return self._free.qsize()


async def _answer(
    server: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: int, *, flushed: bool
) -> tuple[bool, int]:
    """Pass on what the server says to what it was asked so far."""
    while True:
        kind, body = await _read(server)
        writer.write(_message(kind, body))
        if kind == b"Z":
            return body == b"I", asked - 1
        if kind == b"G":
            return False, asked  # now the client copies
        # A flushed Parse and Describe end with the description of the result, or an error.
        if flushed and kind in (b"T", b"n", b"E"):
            return False, asked


async def _read(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind = await reader.readexactly(1)
    (length,) = struct.unpack("!i", await reader.readexactly(4))
    return kind, await reader.readexactly(length - 4)


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


@asynccontextmanager
async def transaction_pooler(dsn: str) -> AsyncIterator[tuple[Pooler, str]]:
    """A pooler before the database `dsn` (on a Unix socket), and the DSN that leads through it."""
    parts = urlsplit(dsn)
    pooler = Pooler(unix_socket(dsn))
    server = await asyncio.start_server(pooler.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    account = parts.netloc.rpartition("@")[0]
    try:
        yield pooler, f"postgresql://{account}@127.0.0.1:{port}{parts.path}"
    finally:
        server.close()
        pooler.close()
        await server.wait_closed()
