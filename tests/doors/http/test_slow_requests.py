"""Clients that take their time, or many connections: each has a deadline, and each address its share."""

import asyncio
import resource
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import orjson
import pytest

from tests.conftest import User
from tests.support.certificates import issue
from tests.support.cli import end, production, spawn
from tests.support.http import request
from tests.support.inside import until
from tests.support.patience import PATIENCE
from tests.support.servers import Server, local_server, process_server

_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_PARTS = "REQUEST_HEAD_TIMEOUT", "REQUEST_BODY_TIMEOUT", "RESPONSE_TIMEOUT"
_SHORT = dict.fromkeys(_PARTS, "1000")


@pytest.fixture(scope="module")
async def hasty(dsn: str) -> AsyncIterator[Server]:
    """A server that waits a second for each part of a request."""
    async with local_server(dsn, CORS_ALLOWED_ORIGINS="https://app.example", **_SHORT) as server:
        yield server


@asynccontextmanager
async def _connection(server: Server) -> AsyncIterator[_Streams]:
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def _trickle(streams: _Streams, begun: bytes, piece: bytes) -> bytes:
    """What the server answers before it hangs up, while it is sent a little more now and then."""
    reader, writer = streams
    writer.write(begun)
    answer = bytearray()

    async def read() -> None:
        while more := await reader.read(65_536):
            answer.extend(more)

    answered = asyncio.ensure_future(read())
    async with asyncio.timeout(PATIENCE):
        while not answered.done():
            await asyncio.wait((answered,), timeout=0.1)
            # What is sent to a socket that was closed meanwhile is a reset: nothing more once an answer comes.
            if not answer and not writer.is_closing():
                writer.write(piece)
    with suppress(ConnectionResetError):
        answered.result()
        return bytes(answer)
    return bytes(answer) or b"reset"


def _error(answer: bytes) -> tuple[int, str]:
    """The status and the code of an answer, which must be in our form."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/json" in head, answer
    assert b"\r\nServer: chatserver\r\n" in head
    assert b"Access-Control-Allow-Origin: https://app.example\r\n" in head
    return int(head.split()[1]), orjson.loads(body)["error"]["code"]


_ORIGIN = b"Host: x\r\nOrigin: https://app.example\r\n"


@pytest.mark.parametrize("piece", [b"", b"X-More: y\r\n"], ids=["silence", "a trickle"])
@pytest.mark.parametrize("before", [b"", b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_half_a_head(piece: bytes, before: bytes, hasty: Server) -> None:
    """A head that does not end is answered 408 after its time, however it trickles, also after another request."""
    async with _connection(hasty) as streams:
        if before:
            streams[1].write(before)
            assert (await streams[0].readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            await streams[0].readuntil(b"}")
        answer = await _trickle(streams, b"GET /live HTTP/1.1\r\n" + _ORIGIN, piece)
        assert _error(answer) == (408, "VALIDATION_ERROR")


@pytest.mark.parametrize("piece", [b"", b"\r\n"], ids=["silence", "blank lines"])
async def test_no_head_at_all(piece: bytes, hasty: Server) -> None:
    """A connection over which no request comes is closed without a word."""
    async with _connection(hasty) as streams:
        assert await _trickle(streams, b"", piece) in (b"", b"reset")


async def test_an_idle_connection(dsn: str) -> None:
    """A connection on which no further request comes is closed."""
    async with (
        local_server(dsn, HTTP_IDLE_TIMEOUT="1000") as server,
        _connection(server) as (reader, writer),
    ):
        for _ in range(2):
            writer.write(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200 OK" in await reader.readuntil(b"}")
        async with asyncio.timeout(PATIENCE):
            assert await reader.read() == b""


@pytest.mark.parametrize("piece", [b"", b" "], ids=["silence", "a trickle"])
@pytest.mark.parametrize("path", ["/api/messages", "/api/commands/system:ping", "polling"])
async def test_half_a_body(piece: bytes, path: str, hasty: Server, alice: User) -> None:
    """A body that does not end is answered 408 after its time, however it trickles."""
    if path == "polling":
        path = "/socket.io/?EIO=4&transport=polling"
        async with _connection(hasty) as (reader, writer):
            writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            answer = await reader.readuntil(b"}")
        path += f"&sid={orjson.loads(answer[answer.index(b'{') :])['sid']}"
    head = f"POST {path} HTTP/1.1\r\nAuthorization: Bearer {alice.token}\r\n".encode() + _ORIGIN
    for framing, begun, more in (
        (b"Content-Length: 5000\r\n\r\n", b"{", piece),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n{\r\n", b"1\r\n \r\n" if piece else b""),
    ):
        async with _connection(hasty) as streams:
            answer = await _trickle(streams, head + framing + begun, more)
            if "socket.io" in path:
                assert answer.split()[1] in (b"408", b"400"), answer
            else:
                assert _error(answer) == (408, "VALIDATION_ERROR")


@pytest.mark.parametrize("path", ["/no/such/route", "/live"])
async def test_a_body_that_nobody_reads(path: str, hasty: Server) -> None:
    """A body that no route wants holds its connection no longer than one that is wanted."""
    async with _connection(hasty) as streams:
        head = f"POST {path} HTTP/1.1\r\nContent-Length: 5000\r\n".encode() + _ORIGIN + b"\r\n"
        assert _error(await _trickle(streams, head, b" "))[0] in (404, 405)


async def test_an_answer_that_is_not_read(hasty: Server) -> None:
    """A client that asks and never reads is cut off, however much it asks for."""
    async with _connection(hasty) as (reader, writer):
        writer.transport.pause_reading()
        asks = b"GET /api/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 200
        writer.write(asks)
        assert hasty.app is not None
        counts = hasty.app.open_connections
        await until(lambda: counts.count > 0)
        await until(lambda: counts.count == 0)
        reader.feed_eof()


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET /live HTTP/1.1\r\nHost: x\r\n",
        b"POST /api/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
    ],
    ids=["nothing", "half a head", "half a body"],
)
async def test_an_address_has_its_share(begun: bytes, dsn: str) -> None:
    """An address holds MAX_SOCKETS_PER_IP connections, whatever it sends over them, and others as many."""
    async with local_server(dsn, MAX_SOCKETS_PER_IP="3") as server:
        assert server.app is not None
        port = int(server.url.rsplit(":", 1)[1])
        held = []
        for _ in range(3):
            streams = await asyncio.open_connection("127.0.0.1", port)
            streams[1].write(begun)
            held.append(streams)
        counts = server.app.open_connections
        await until(lambda: counts.count == 3)
        refused_reader, refused = await asyncio.open_connection("127.0.0.1", port)
        refused.write(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
        with suppress(ConnectionResetError):
            assert await refused_reader.read() == b""
        refused.transport.abort()
        other = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0))
        other[1].write(b"GET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b"200 OK" in await other[0].read()
        other[1].close()
        for _, writer in held:
            writer.transport.abort()
        await until(lambda: counts.count == 0)
        assert (await request("GET", f"{server.url}/live")).status == 200


async def test_all_addresses_together(dsn: str) -> None:
    """MAX_SOCKETS is the most of all addresses together."""
    async with local_server(dsn, MAX_SOCKETS="2", MAX_SOCKETS_PER_IP="0") as server:
        port = int(server.url.rsplit(":", 1)[1])
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, local_addr=("127.0.0.3", 0)
        )
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        for _, other in (*held, (reader, writer)):
            other.transport.abort()


async def test_few_descriptors(dsn: str, alice: User) -> None:
    """With few files to open, clients leave those that the server needs for its work, and the log stays short."""

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))

    env = production(
        dsn, LOG_LEVEL="info", RESERVED_FILES="60", MAX_SOCKETS_PER_IP="0", METRICS_TOKEN="x" * 16
    )
    process = await spawn("serve", env=env, preexec=few)
    assert process.stderr is not None
    port = orjson.loads(await process.stderr.readline())["port"]
    held: list[_Streams] = []
    for _ in range(300):
        held.append(await asyncio.open_connection("127.0.0.1", port))
        held[-1][1].write(b"GET /live HTTP/1.1\r\nHost: x\r\n")
    # The last one is refused after all others have been seen to.
    with suppress(ConnectionResetError):
        assert await held[-1][0].read() == b""
    for _, writer in held[:30]:
        writer.transport.abort()
    # There is room again once the server has noticed, and the database can still be reached.
    answer = None
    async with asyncio.timeout(PATIENCE):
        while answer is None:
            with suppress(aiohttp.ClientError):
                answer = await request("GET", f"http://127.0.0.1:{port}/ready")
    assert (answer.status, answer.body["ready"]) == (200, True)
    answer = await request("GET", f"http://127.0.0.1:{port}/api/conversations", alice)
    assert answer.status == 200
    for _, writer in held:
        writer.transport.abort()
    process.terminate()
    ended = await end(process)
    assert ended.code == 0
    assert ended.err.count("connections are refused") == 1
    assert len(ended.err.splitlines()) < 10, ended.err


async def test_tls_handshakes(dsn: str, tmp_path: Path, alice: User) -> None:
    """A TLS handshake has the time of a head, and a place from when it is accepted; garbage in it is no error."""
    certificates = issue(tmp_path)
    files = {"TLS_KEY": str(certificates.key), "TLS_CERT": str(certificates.chain)}
    async with process_server(dsn, **files, **_SHORT, MAX_SOCKETS_PER_IP="3") as server:
        port = int(server.url.rsplit(":", 1)[1])

        async def silent(begun: bytes) -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(begun)
            try:
                return await asyncio.wait_for(reader.read(), PATIENCE)
            except ConnectionResetError:
                return b""
            finally:
                writer.transport.abort()

        # The start of a ClientHello; nothing; what is no TLS; and one too many.
        begun = (b"\x16\x03\x01\x02\x00\x01", b"", b"GET / HTTP/1.1\r\n\r\n", b"", b"")
        for answer in await asyncio.gather(*map(silent, begun)):
            assert b"HTTP" not in answer
        context: ssl.SSLContext = certificates.trusting
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname="127.0.0.1"
        )
        # Over TLS the head has its deadline too.
        assert await _trickle((reader, writer), b"GET /live HTTP/1.1\r\nHost: x\r\n", b"A: b\r\n")
        writer.transport.abort()


@pytest.mark.parametrize("tls", [False, True])
async def test_no_descriptors_at_all(tls: bool, dsn: str, tmp_path: Path) -> None:
    """Where no file can be opened any more, the server says so once, and goes on as soon as there is room."""

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    certificates = issue(tmp_path)
    files = {"TLS_KEY": str(certificates.key), "TLS_CERT": str(certificates.chain)} if tls else {}
    env = production(
        dsn,
        LOG_LEVEL="info",
        RESERVED_FILES="10",
        MAX_SOCKETS_PER_IP="0",
        DB_MIN_CONNECTIONS="1",
        **files,
    )
    process = await spawn("serve", env=env, preexec=few)
    assert process.stderr is not None
    port = orjson.loads(await process.stderr.readline())["port"]
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(150)]
    for _, writer in held:
        writer.transport.abort()
    answer = b""
    async with asyncio.timeout(PATIENCE):
        while b"200 OK" not in answer:
            with suppress(OSError):  # those before are not closed yet
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", port, ssl=certificates.trusting if tls else None
                )
                writer.write(b"GET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                answer = await reader.read()
                writer.close()
    process.terminate()
    ended = await end(process)
    assert ended.code == 0
    assert len(ended.err.splitlines()) < 6, ended.err
