"""Native clients send the server's own address as their Origin, and are let in as those who send none."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.support.servers import Server, local_server

_ORIGIN_OF_OURS = "https://app.example"
_PROXIED = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "chat.example"}


@pytest.fixture(scope="module")
async def strict(dsn: str) -> AsyncIterator[Server]:
    """A server that lets pages of one origin connect."""
    async with local_server(dsn, CORS_ALLOWED_ORIGINS=_ORIGIN_OF_OURS) as server:
        yield server


@pytest.fixture(scope="module")
async def proxied(dsn: str) -> AsyncIterator[Server]:
    """One behind two proxies."""
    async with local_server(
        dsn, CORS_ALLOWED_ORIGINS=_ORIGIN_OF_OURS, TRUSTED_PROXY_HOPS="2"
    ) as server:
        yield server


async def _statuses(server: Server, headers: dict[str, str]) -> tuple[int, int, int]:
    """Of a WebSocket at once, of polling, and of a move from the one to the other."""
    base = f"{server.url}/socket.io/?EIO=4&transport="
    async with aiohttp.ClientSession() as http:

        async def websocket(url: str) -> int:
            try:
                async with http.ws_connect(url, headers=headers):
                    return 101
            except aiohttp.WSServerHandshakeError as refused:
                return refused.status

        async with http.get(f"{base}polling", headers=headers) as response:
            polled = response.status
        async with http.get(f"{base}polling") as response:
            sid = (await response.text()).split('"')[3]
        moved = await websocket(f"{base}websocket&sid={sid}")
        return await websocket(f"{base}websocket"), polled, moved


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (_ORIGIN_OF_OURS, "chat.example"),
        ("http://chat.example", "chat.example"),
        ("http://chat.example:80", "chat.example"),
        ("http://chat.example", "chat.example:80"),
        ("http://chat.example:3001", "chat.example:3001"),
        ("ws://chat.example:3001", "chat.example:3001"),
        ("ws://chat.example:3001/", "chat.example:3001"),
        ("HTTP://Chat.Example", "chat.example"),
        ("http://[::1]:3001", "[::1]:3001"),
        ("http://10.0.2.2:3001", "10.0.2.2:3001"),
    ],
)
async def test_let_in(strict: Server, origin: str, host: str) -> None:
    """The server's own address is let in, however it is written, over either transport."""
    assert await _statuses(strict, {"Origin": origin, "Host": host}) == (101, 200, 101)


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "https://chat.example", "wss://chat.example", "http://chat.example:3001",
     "http://chat.example.evil.example", "http://evil.example/chat.example", "http://evil@chat.example", "null",
     "chat.example", "http://", "file://", "http://chat.example/path", "http://chat.example?", "https://app.example.",
     "http://\u0441hat.example"],
)  # fmt: skip
async def test_kept_out(strict: Server, origin: str) -> None:
    """Another address, another scheme or port, and what is no origin are not."""
    assert await _statuses(strict, {"Origin": origin, "Host": "chat.example"}) == (400, 400, 400)


@pytest.mark.parametrize(
    ("headers", "let_in"),
    [
        ({}, False),
        (_PROXIED, True),
        ({"X-Forwarded-Proto": "https", "Host": "chat.example"}, True),
        ({"X-Forwarded-Proto": "https, http", "X-Forwarded-Host": "chat.example, inner"}, True),
        ({**_PROXIED, "X-Forwarded-Proto": "http"}, False),
        ({**_PROXIED, "X-Forwarded-Host": "chat.example:8443"}, False),
        # Left of what the proxies wrote stands what the client did.
        ({**_PROXIED, "X-Forwarded-Host": "chat.example, a.example, b.example"}, False),
    ],
)
async def test_behind_proxies(proxied: Server, headers: dict[str, str], let_in: bool) -> None:
    """Behind trusted proxies the address is what they were asked for."""
    expected = (101, 200, 101) if let_in else (400, 400, 400)
    assert await _statuses(proxied, {"Origin": "https://chat.example", **headers}) == expected


async def test_nobody_else_is_believed(strict: Server) -> None:
    """Without trusted proxies, what claims to be theirs changes nothing."""
    headers = {"Origin": "https://chat.example", **_PROXIED}
    assert await _statuses(strict, headers) == (400, 400, 400)
