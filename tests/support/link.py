"""A network link that can be cut: what is sent over it vanishes, and nobody is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def unix_socket(dsn: str) -> str:
    """The path of the Unix socket that a DSN names."""
    where = parse_qs(urlsplit(dsn).query)
    return f"{where['host'][0]}/.s.PGSQL.{where['port'][0]}"


class Link:
    """Hands on what comes over each connection; while it is cut, it takes all and hands on nothing."""

    def __init__(self, connect: Callable[[], Awaitable[Streams]]) -> None:
        self._connect = connect
        self._whole = asyncio.Event()
        self._whole.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Nothing passes from now on: no byte, no end of a connection, no answer to a new one."""
        self._whole.clear()

    def mend(self) -> None:
        """New connections pass. Those of before are reset: they have lost what was sent meanwhile."""
        for writer in self._writers:
            writer.transport.abort()
        self._whole.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        inner: Streams | None = None
        try:
            # A SYN that nobody answers would do the same.
            await self._whole.wait()
            inner = await self._connect()
            self._writers.add(inner[1])
            async with asyncio.TaskGroup() as both:
                both.create_task(self._hand_on(reader, inner[1]))
                both.create_task(self._hand_on(inner[0], writer))
        except (OSError, ExceptionGroup):
            pass
        finally:
            for each in (writer, *(inner or ())[1:]):
                self._writers.discard(each)
                each.close()
            self._tasks.discard(task)

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if self._whole.is_set():
                writer.write(data)
                await writer.drain()
        if self._whole.is_set():
            writer.close()
        else:
            # The other end hears nothing of it, either.
            await self._whole.wait()

    async def close(self) -> None:
        """Cut everybody for good."""
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def link_to(connect: Callable[[], Awaitable[Streams]]) -> AsyncIterator[tuple[Link, int]]:
    """A link to what `connect` connects to, and its port on 127.0.0.1."""
    link = Link(connect)
    server = await asyncio.start_server(link.serve, "127.0.0.1", 0)
    try:
        yield link, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        with suppress(asyncio.CancelledError):
            await link.close()
