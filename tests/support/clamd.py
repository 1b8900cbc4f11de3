"""A small clamd: what it is sent by INSTREAM it judges by one word, and keeps."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.support.patience import PATIENCE

# What it takes for a virus.
BAD = b"EICAR"


class FakeClamd:
    """Where it listens, what it was sent, and whether it answers now (`free`) or waits."""

    def __init__(self) -> None:
        self.url = ""
        self.free = asyncio.Event()
        self.free.set()
        self.sent: list[bytes] = []
        self._news = asyncio.Event()
        # Until it is free, what has this word waits.
        self.holds = b""
        # What it answers, where that is something else.
        self.says: bytes | None = None

    async def expect(self, data: bytes) -> None:
        """Wait until it was sent these bytes."""
        async with asyncio.timeout(PATIENCE):
            while data not in self.sent:
                self._news.clear()
                await self._news.wait()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, with one command."""
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            command = await reader.readuntil(b"\0")
            if command == b"zPING\0":
                writer.write(b"PONG\0")
            else:
                assert command == b"zINSTREAM\0", command
                parts = []
                while length := int.from_bytes(await reader.readexactly(4)):
                    parts.append(await reader.readexactly(length))
                sent = b"".join(parts)
                self.sent.append(sent)
                self._news.set()
                if self.holds in sent:
                    await self.free.wait()
                found = b"stream: Eicar FOUND" if BAD in sent else b"stream: OK"
                writer.write((found if self.says is None else self.says) + b"\0")
            await writer.drain()
        writer.close()


@asynccontextmanager
async def clamd() -> AsyncIterator[FakeClamd]:
    """One that listens."""
    fake = FakeClamd()
    server = await asyncio.start_server(fake.answer, "127.0.0.1", 0)
    fake.url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield fake
    finally:
        fake.free.set()
        server.close()
