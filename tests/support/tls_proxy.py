"""TLS before a server that speaks none: before Redis as it is, before PostgreSQL after its SSLRequest."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from tests.support.certificates import Certificates

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


def serving_context(made: Certificates) -> ssl.SSLContext:
    """What a server shows these certificates with."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made.chain, made.key)
    return context


@asynccontextmanager
async def tls_before(
    connect: Connect, made: Certificates, *, asked_first: bool
) -> AsyncIterator[int]:
    """A port of 127.0.0.1 that speaks TLS and hands on to what `connect` connects to.

    Where it is `asked_first`, TLS begins after PostgreSQL's SSLRequest; plain start-ups are refused.
    """
    context = serving_context(made)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            if asked_first:
                if await reader.readexactly(8) != b"\0\0\0\x08\x04\xd2\x16\x2f":
                    return writer.close()
                writer.write(b"S")
                await writer.drain()
                await writer.start_tls(context)
            inner_reader, inner_writer = await connect()
            both = (_pipe(reader, inner_writer), _pipe(inner_reader, writer))
            await asyncio.wait(
                [asyncio.ensure_future(pipe) for pipe in both],
                return_when=asyncio.FIRST_COMPLETED,
            )
            inner_writer.close()
        writer.close()
        return None

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=None if asked_first else context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
