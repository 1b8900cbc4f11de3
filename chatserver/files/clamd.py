"""Asks clamd whether a file is harmless: its command INSTREAM over TCP (clamd(8), "COMMANDS")."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# For each step: to connect, to take a piece, to answer (s). It scans while it takes, and after the last piece.
_STEP = 60.0
# For a ping, and for connecting before it (s).
_PING = 5.0
_LONGEST_ANSWER = 4096


class ClamdError(Exception):
    """Clamd cannot tell now. The message says why, and nothing of the file."""


class Clamd:
    """A clamd at one address."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    async def is_harmless(self, pieces: AsyncIterator[bytes]) -> bool:
        """Return whether clamd finds nothing in a file.

        Raises:
            ClamdError: it cannot be reached, refuses the file for its length, or fails.
        """
        async with self._connected(_STEP) as (reader, writer):
            said = await self._ask(reader, writer, pieces)
        if said.endswith(b"OK"):
            return True
        if said.endswith(b"FOUND"):
            return False
        raise ClamdError("clamd refused the file; see its StreamMaxLength and its log")

    async def ping(self) -> None:
        """See that clamd is there.

        Raises:
            ClamdError
        """
        async with self._connected(_PING) as (reader, writer), asyncio.timeout(_PING):
            writer.write(b"zPING\0")
            said = await reader.readuntil(b"\0")
        if said != b"PONG\0":
            raise ClamdError("what answers there is no clamd")

    @asynccontextmanager
    async def _connected(
        self, seconds: float
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Connect, within so many seconds; whatever fails from then on is a `ClamdError`."""
        try:
            async with asyncio.timeout(seconds):
                reader, writer = await asyncio.open_connection(self._host, self._port)
            try:
                yield reader, writer
            finally:
                writer.close()
        except (
            OSError,
            TimeoutError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
        ) as error:
            raise ClamdError(f"clamd: {type(error).__name__}") from error

    @staticmethod
    async def _ask(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pieces: AsyncIterator[bytes]
    ) -> bytes:
        writer.write(b"zINSTREAM\0")
        async for piece in pieces:
            writer.write(len(piece).to_bytes(4) + piece)
            async with asyncio.timeout(_STEP):
                await writer.drain()
        writer.write(bytes(4))
        async with asyncio.timeout(_STEP):
            await writer.drain()
            return (await reader.readuntil(b"\0"))[:_LONGEST_ANSWER].rstrip(b"\0")
