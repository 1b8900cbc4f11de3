"""Nothing that a client sends reaches a log, at debug neither: a word is sent everywhere, and looked for."""

import asyncio
import dataclasses
import gzip
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import orjson
import pytest

from chatserver import schemas
from chatserver.schemas.wire import camel
from tests.conftest import User
from tests.core import canary_doors
from tests.support.cli import end, production, spawn
from tests.support.patience import PATIENCE
from tests.support.raw import Closed, raw_client, raw_socket
from tests.support.servers import environment
from tests.support.wire import TEXT, Wire, frame

_WORD = "kanarienvogel"
# As it is, and where something else is wrong with it.
_VALUES: tuple[Any, ...] = (
    _WORD,
    f"{_WORD}\0",
    f"{_WORD}\ud800",
    f"-----{_WORD}" * 400,
    [_WORD],
    {_WORD: _WORD},
    {"id": {_WORD: [_WORD]}},
)
_QUOTED = orjson.dumps(_WORD).decode()


def _json(value: Any) -> str:
    """JSON, lone surrogates too, which orjson does not write."""
    return repr(_Json(value))


class _Json:
    def __init__(self, value: Any) -> None:
        self._value = value

    def __repr__(self) -> str:
        import json

        return json.dumps(self._value)


def _requests(user: User) -> Iterator[bytes]:
    """Requests with the word in every place that one has, one wrong thing in each."""
    bearer = f"Authorization: Bearer {user.token}\r\n"
    base = "Host: x\r\nConnection: close\r\n"
    w = _WORD
    heads = [
        f"GET /{w} HTTP/1.1\r\n{base}",
        f"GET /api/messages/{w}?limit={w}&{w}=1&before_seq={w} HTTP/1.1\r\n{base}{bearer}",
        f"GET /api/messages/{w}%00%ff HTTP/1.1\r\n{base}{bearer}",
        f"GET /api/conversations/{w} HTTP/1.1\r\n{base}{bearer}",
        f"GET /socket.io/?EIO=4&transport={w} HTTP/1.1\r\n{base}",
        f"GET /socket.io/?EIO={w}&transport=polling HTTP/1.1\r\n{base}",
        f"GET /socket.io/?EIO=4&transport=polling&sid={w} HTTP/1.1\r\n{base}",
        f"GET /socket.io/?EIO=4&transport=polling&j={w} HTTP/1.1\r\n{base}",
        f"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n{base}Origin: https://{w}.example\r\n",
        f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n{base}Upgrade: {w}\r\n",
        f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n{base}Upgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {w}\r\n",
        f"GET /metrics HTTP/1.1\r\n{base}Authorization: Bearer {w}\r\nAccept: {w}\r\n",
        f"GET /live HTTP/1.1\r\n{base}Cookie: {w}={w}\x01\r\n",
        f"GET /live HTTP/1.1\r\n{base}X Y {w}: 1\r\n",
        f"GET /live HTTP/1.1\r\n{base}X-Fold: a\r\n {w}\r\n",
        f"GET /live HTTP/1.1\r\n{base}X-Long: {w * 3000}\r\n",
        f"GET /live?{w * 1000} HTTP/1.1\r\n{base}",
        f"GET /live HTTP/1.1{w}\r\n{base}",
        f"GET /live {w}/1.1\r\n{base}",
        f"{w} /live HTTP/1.1\r\n{base}",
        f"GET {w}://x HTTP/1.1\r\n{base}",
        f"GET http://[{w}] HTTP/1.1\r\n{base}",
        f"CONNECT {w}:x HTTP/1.1\r\n{base}",
        f"GET /api/conversations HTTP/1.1\r\nHost: {w}\r\n{bearer}X-Forwarded-For: {w}\r\n",
        f"GET /api/conversations HTTP/1.1\r\n{base}Authorization: {w} {w}\r\n",
        f"GET /api/conversations HTTP/1.1\r\n{base}Authorization: Bearer {w}.{w}.{w}\r\n",
        f"OPTIONS /{w} HTTP/1.1\r\n{base}Origin: https://{w}\r\nAccess-Control-Request-Method: {w}\r\n"
        f"Access-Control-Request-Headers: {w}\r\n",
        f"POST /api/messages HTTP/1.1\r\n{base}{bearer}Expect: {w}\r\nContent-Length: 0\r\n",
        f"POST /api/messages HTTP/1.1\r\n{base}{bearer}Content-Length: {w}\r\n",
        f"POST /api/messages HTTP/1.1\r\n{base}{bearer}Transfer-Encoding: {w}\r\n",
    ]
    for head in heads:
        yield f"{head}\r\n".encode("latin-1")
    post = f"POST /api/commands/system:ping HTTP/1.1\r\n{base}{bearer}Idempotency-Key: {w}\r\n"
    for path in ("/api/messages", "/api/conversations/direct", f"/api/commands/{w}"):
        for value in _VALUES:
            for body in (
                _json(value),
                _json({w: value, "conversation_id": value, "content": value}),
            ):
                data = body.encode()
                head = f"POST {path} HTTP/1.1\r\n{base}{bearer}Content-Length: {len(data)}\r\n\r\n"
                yield head.encode() + data
    broken = gzip.compress(w.encode() * 100, 0)
    for more, body in (
        ("Content-Encoding: gzip\r\n", broken[:-20] + b"\0" * 20),
        (f"Content-Encoding: {w}\r\n", w.encode()),
        ("Content-Encoding: br\r\n", w.encode()),
        (f"Content-Type: {w}/{w}; charset={w}\r\n", w.encode()),
        ("", f'{{"{w}": NaN'.encode()),
        ("", f'{{"{w}": "\xff'.encode("latin-1")),
        ("", b"[" * 3000 + w.encode()),
    ):
        yield f"{post}{more}Content-Length: {len(body)}\r\n\r\n".encode() + body
    chunked = f"{post}Transfer-Encoding: chunked\r\n\r\n".encode()
    yield chunked + f"{w}\r\n".encode()
    yield chunked + f"5;{w}={w}\r\nab{w}\r\n".encode()
    yield chunked + f"2\r\n{{}}\r\n0\r\n{w}: {w}\r\n {w}\r\n\r\n".encode()


async def _send(url: str, data: bytes, *, pieces: bool) -> None:
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    with suppress(ConnectionError):
        half = len(data) // 2 if pieces else len(data)
        writer.write(data[:half])
        await writer.drain()
        if pieces:
            # As its head or body is read already.
            await asyncio.wait((asyncio.ensure_future(reader.read(1)),), timeout=0.01)
            writer.write(data[half:])
        else:
            await asyncio.wait_for(reader.read(1), PATIENCE)
    writer.transport.abort()


def _payloads(takes: type) -> Iterator[str]:
    names = [camel(field.name) for field in dataclasses.fields(takes)]
    for value in _VALUES:
        yield _json(value)
        yield _json(dict.fromkeys((*names, _WORD), value))
    for name in names:
        yield _json({name: _WORD})


async def _commands(url: str, user: User) -> None:
    async with raw_client(url, user.token) as raw:
        for command in schemas.COMMANDS:
            for payload in _payloads(command.takes):
                await raw.ask(command.name, payload)
        for packet in (
            f"42{{id}}[{_QUOTED},{_QUOTED}]",
            f"42{{id}}[{_QUOTED}",
            f'42{{id}}["system:ping",{{"{_WORD}":NaN}}]',
            f'42{{id}}["system:ping",{_QUOTED},{_QUOTED}]',
            f'42{{id}}[{{"{_WORD}":1}}]',
        ):
            await raw.ack(packet)
        await raw.works()


async def _frames(url: str, user: User) -> None:
    """What closes a connection, each on one of its own, connected and not."""
    for text in (
        _WORD,
        f"4{_WORD}",
        f"42/{_WORD},[{_QUOTED}]",
        f"43{_WORD}",
        f"44{_WORD}",
        f"4{_QUOTED}",
        f"2{_WORD}",
        f"3{_WORD}",
        f"6{_WORD}",
        f"b{_WORD}",
        f"451-[{_QUOTED}]",
        f"4299-99[{_QUOTED}]",
    ):
        async with raw_client(url, user.token) as raw:
            await raw.frame(text)
            await raw.blob(_WORD.encode())
            # Once this is answered, all before it has been read; some of that is answered, too.
            await raw.frame('427["system:ping",{}]')
            with suppress(Closed):
                while not (await raw.packet()).startswith("37["):
                    pass
    for auth in (
        *(_json({name: value}) for value in _VALUES for name in ("token", _WORD)),
        *(
            _json({"token": user.token, name: value})
            for value in _VALUES
            for name in ("positions", "since", "pid", "offset", "recovery", _WORD)
        ),
        _json({"token": user.token, "positions": {"epoch": _WORD, "me": _WORD, _WORD: _WORD}}),
        _json({"token": user.token, "pid": _WORD, "offset": _WORD}),
        _QUOTED,
        f"{{{_QUOTED}",
        f"/{_WORD},{{}}",
    ):
        async with raw_socket(url) as raw:
            with suppress(Closed):
                await raw.connect(auth)
    host = url.removeprefix("http://")
    for bad in (
        frame(TEXT, f"4{_WORD}".encode() + b"\xff\xfe"),
        frame(TEXT, _WORD.encode(), first_byte=0xF1),
        frame(8, b"\x03\xe9" + _WORD.encode() + b"\xff"),
        frame(8, _WORD.encode()),
        frame(9, _WORD.encode() * 20),
        frame(TEXT, _WORD.encode())[:9],
        _WORD.encode() * 100,
    ):
        async with Wire(url) as wire:
            await wire.connect(user.token)
            with suppress(ConnectionError):
                await wire.send(bad)
                # Read or refused before it hangs up: another connection is served behind it.
                async with aiohttp.ClientSession() as http, http.get(f"http://{host}/live"):
                    pass


async def _polls(url: str) -> None:
    polled = f"{url}/socket.io/?EIO=4&transport=polling"
    async with aiohttp.ClientSession() as http:
        for data in (
            _WORD.encode(),
            f"4{_WORD}".encode(),
            f"4{_WORD}\x1e4{_WORD}".encode(),
            f"40{_QUOTED}".encode(),
            f'40{{"token":{_QUOTED}}}'.encode(),
            _WORD.encode() + b"\xff",
        ):
            async with http.get(polled) as response:
                sid = orjson.loads((await response.text())[1:])["sid"]
            async with http.post(f"{polled}&sid={sid}", data=data) as response:
                await response.read()
            async with http.post(f"{polled}&sid={sid}{_WORD}", data=data) as response:
                assert response.status == 400


@asynccontextmanager
async def _logging(env: dict[str, str]) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server, and all that it writes, once it has ended."""
    process = await spawn("serve", env=env)
    assert process.stdout is not None
    assert process.stderr is not None
    written: list[bytes] = []
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def read(stream: asyncio.StreamReader) -> None:
        async for line in stream:
            written.append(line)
            if b"listening" in line and b"port" in line and not url.done():
                port = line.split(b"port")[1].strip(b'"=: \x1b[0m').split(b"}")[0].split(b",")[0]
                url.set_result(f"http://127.0.0.1:{int(port)}")

    readers = asyncio.gather(read(process.stdout), read(process.stderr))
    try:
        yield await asyncio.wait_for(url, PATIENCE), written
    finally:
        if process.returncode is None:
            process.terminate()
        await readers
        assert (await end(process)).code == 0


@pytest.mark.parametrize("make", [environment, production])
async def test_nothing_of_a_client_is_logged(make: Any, dsn: str, alice: User) -> None:
    """A word in every place of requests, frames, packets and tokens is in no line of the log, at debug neither."""
    env = make(dsn, LOG_LEVEL="debug", TRUSTED_PROXY_HOPS="1", METRICS_TOKEN="x" * 16)
    async with _logging(env) as (url, written):
        requests = [*_requests(alice), *canary_doors.requests(alice, _WORD)]
        for start in range(0, len(requests), 16):
            batch = requests[start : start + 16]
            await asyncio.gather(*(_send(url, data, pieces=False) for data in batch))
            await asyncio.gather(*(_send(url, data, pieces=True) for data in batch))
        await asyncio.gather(
            _commands(url, alice),
            _frames(url, alice),
            _polls(url),
            canary_doors.messaging(url, alice, _WORD, _VALUES),
            canary_doors.marketplace(url, alice, _WORD),
        )
        async with aiohttp.ClientSession() as http, http.get(f"{url}/ready") as response:
            assert response.status == 200
    text = b"".join(written)
    assert len(written) > 10, "the log is looked at"
    assert alice.token.encode() not in text
    for spelling in (_WORD, _WORD.upper(), _WORD.encode().hex()):
        found = [line for line in written if spelling.encode() in line]
        assert found == []
    assert [line for line in written if b"[error" in line or b'"level": "error"' in line] == []
    assert b"Traceback" not in text
