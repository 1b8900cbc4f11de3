"""What one address may ask for, and how often it may be connected."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
import socketio

from tests.conftest import Connect, MakeUser, User
from tests.support.device import Device
from tests.support.http import Answer, request
from tests.support.inside import empty, reception, until
from tests.support.limits import stop_the_clock
from tests.support.patience import PATIENCE
from tests.support.polling import polling
from tests.support.raw import Closed, Raw, crowd, raw_client, raw_socket, sent_back
from tests.support.servers import Server, local_server, settings_for
from tests.support.tokens import refusal


@pytest.fixture
async def counting(dsn: str) -> AsyncIterator[Server]:
    """A server behind a proxy that allows each address four requests, and two connections."""
    async with local_server(
        dsn,
        IP_RATE_LIMIT="4",
        IP_RATE_WINDOW="900000",
        MAX_CONNECTIONS_PER_IP="2",
        TRUSTED_PROXY_HOPS="1",
    ) as server:
        yield server


async def ask(
    server: Server, user: User, address: str = "192.0.2.1", path: str = "/api/conversations"
) -> Answer:
    """A request that a proxy hands on from an address."""
    headers = {"X-Forwarded-For": f"203.0.113.9, {address}", "Origin": "https://app.example.com"}
    return await request("GET", f"{server.url}{path}", user, headers=headers)


def limited(answer: Answer) -> int:
    """The seconds to wait of a refusal."""
    assert answer.status == 429
    assert answer.error["code"] == "RATE_LIMIT_EXCEEDED"
    assert answer.error["retryable"] is True
    assert answer.headers["Retry-After"] == str(answer.error["retryAfter"])
    return int(answer.headers["Retry-After"])


async def test_requests(counting: Server, alice: User, bob: User) -> None:
    """Past IP_RATE_LIMIT requests are refused until Retry-After, whoever asks; unknown routes count too."""
    clock = stop_the_clock(counting)
    assert (await ask(counting, alice)).status == 200
    clock.now += 100
    assert (await ask(counting, bob)).status == 200
    assert (await ask(counting, alice, path="/api/nothing")).status == 404
    assert (await ask(counting, User("nobody", "a wrong token"))).status == 401
    assert limited(await ask(counting, alice)) == 800
    assert (await ask(counting, alice, "192.0.2.2")).status == 200
    clock.now += 799
    assert limited(await ask(counting, alice)) == 1
    clock.now += 1
    assert (await ask(counting, alice)).status == 200


async def test_pages_may_read_a_refusal(counting: Server, alice: User) -> None:
    """A browser's page sees the refusal and its Retry-After; what browsers ask before it is not counted."""
    async with aiohttp.ClientSession() as http:
        asks = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "GET"}
        for _ in range(10):
            async with http.options(f"{counting.url}/api/conversations", headers=asks) as answer:
                assert answer.status == 204
    answers = [await ask(counting, alice) for _ in range(5)]
    limited(answers[-1])
    assert answers[-1].headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert "Retry-After" in answers[-1].headers["Access-Control-Expose-Headers"]


async def test_probes_are_not_counted(counting: Server, alice: User) -> None:
    """Whoever watches the server may ask as often as they like."""
    for _ in range(5):
        assert (await ask(counting, alice, path="/live")).status == 200
        assert (await ask(counting, alice, path="/ready")).status == 200
    assert (await ask(counting, alice)).status == 200


async def test_a_64_is_one_address(counting: Server, alice: User) -> None:
    """An IPv6 customer has a /64 of addresses, which count as one; the next /64 is somebody else's."""
    for number in range(4):
        assert (await ask(counting, alice, f"2001:db8::{number}:1")).status == 200
    limited(await ask(counting, alice, "[2001:db8::ffff]:443"))
    assert (await ask(counting, alice, "2001:db8:0:1::1")).status == 200


async def test_only_the_proxy_is_believed(dsn: str, alice: User) -> None:
    """Without proxies to trust, X-Forwarded-For changes nothing: an address cannot be made up."""
    async with local_server(dsn, IP_RATE_LIMIT="4") as server:
        answers = [await ask(server, alice, f"192.0.2.{number}") for number in range(5)]
        assert [answer.status for answer in answers] == [200] * 4 + [429]


async def test_connections_count_as_requests(counting: Server, alice: User) -> None:
    """Each opening of a connection counts, what comes over it does not; one too many is refused by the status."""
    async with polling(counting.url) as client:
        await client.connect(alice.token)
        for _ in range(10):
            assert await client.post('421["system:ping"]') == 200
            await client.poll()
        async with raw_client(counting.url, alice.token) as raw:
            await raw.works()
            for _ in range(2):
                async with raw_socket(counting.url):
                    pass
            async with aiohttp.ClientSession() as http:
                url = f"{counting.url}/socket.io/?EIO=4&transport=websocket"
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await http.ws_connect(url)
                assert refused.value.status == 429
                assert refused.value.headers is not None
                assert 0 < int(refused.value.headers["Retry-After"]) <= 900
            await raw.works()
        assert await client.post('421["system:ping"]') == 200


async def test_connecting_again_and_again(counting: Server, alice: User) -> None:
    """Each CONNECT after the first on one transport is one more request: none is a way around the limit."""
    auth = f'{{"token":"{alice.token}"}}'
    async with raw_client(counting.url, alice.token) as raw:
        for _ in range(3):
            await raw.frame("41")
            assert (await raw.connect(auth)).startswith("0{")
            await raw.push("session:ready")
        await raw.frame("41")
        assert await raw.sent_back(alice.token) == "RATE_LIMIT_EXCEEDED"


def _from(address: str) -> Any:
    return {"X-Forwarded-For": address}


async def test_one_connection_too_many(counting: Server, alice: User, make_user: MakeUser) -> None:
    """Past MAX_CONNECTIONS_PER_IP a CONNECT closes the transport for now, before its token is looked at."""
    async with raw_client(counting.url, alice.token), raw_client(counting.url, alice.token):
        for token in (alice.token, "no token is looked at"):
            assert await sent_back(counting.url, token) == "MAX_CONNECTIONS_EXCEEDED"
        device = Device(counting.url, alice.token)
        await device.sio.connect(
            counting.url, headers=_from("192.0.2.1"), auth={"token": alice.token}
        )
        await device.expect("session:ready")
        await device.close()


async def test_a_place_becomes_free(dsn: str, connect: Connect, alice: User) -> None:
    """Whoever hangs up, ends the session or is refused leaves a place for the next."""
    async with local_server(dsn, MAX_CONNECTIONS_PER_IP="1") as server:
        for _ in range(3):
            assert (await refusal(server.url, {"token": "no"}))["code"] == "AUTH_FAILED"
        async with raw_client(server.url, alice.token) as raw:
            await raw.frame("41")
            answer = await raw.connect(f'{{"token":"{alice.token}"}}')
            assert answer.startswith("0{")
            await sent_back(server.url, alice.token)
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    await connect(alice, server.url)
                    break
                except socketio.exceptions.ConnectionError:
                    continue
        assert server.app is not None
        assert server.app.reception._places._taken == {"127.0.0.1": 1}


async def test_a_crowd_at_once(dsn: str, make_user: MakeUser) -> None:
    """Of many CONNECTs at the same moment exactly MAX_CONNECTIONS_PER_IP are let in."""
    users = [await make_user("crowd") for _ in range(12)]
    async with local_server(dsn, MAX_CONNECTIONS_PER_IP="3") as server:
        assert await crowd(server.url, [user.token for user in users]) == 3


async def test_a_site_of_many_networks(dsn: str, alice: User) -> None:
    """Out of one IPv6 /48 come 16 times as many requests as of one of its networks; others are let alone."""
    async with local_server(dsn, IP_RATE_LIMIT="4", TRUSTED_PROXY_HOPS="1") as server:
        for number in range(64):
            answer = await ask(server, alice, f"2001:db8:1:{number:x}::1", "/api/nothing")
            assert answer.status == 404
        limited(await ask(server, alice, "2001:db8:1:ffff::1"))
        assert (await ask(server, alice, "2001:db8:2::1")).status == 200


async def _connected(stack: AsyncExitStack, server: Server, user: User, address: str) -> bool:
    """Whether somebody who comes from an address is let in, to stay until the end of the `stack`."""
    raw: Raw = await stack.enter_async_context(raw_socket(server.url, _from(address)))
    try:
        return (await raw.connect(f'{{"token":"{user.token}"}}')).startswith("0{")
    except Closed:
        return False


async def test_connections_from_a_site(dsn: str, make_user: MakeUser) -> None:
    """Nobody takes all places from the networks of one IPv6 /48: it has those of 16 networks."""
    users = [await make_user("crowd") for _ in range(20)]
    async with local_server(dsn, MAX_CONNECTIONS_PER_IP="1", TRUSTED_PROXY_HOPS="1") as server:
        async with AsyncExitStack() as stack:
            for number, user in enumerate(users):
                came = await _connected(stack, server, user, f"2001:db8:1:{number:x}::1")
                assert came == (number < 16)
            assert await _connected(stack, server, users[-1], "2001:db8:2::1")
        await empty(server)
        assert reception(server)._places._taken == {}


async def test_connections_of_one_person(
    dsn: str, connect: Connect, alice: User, bob: User
) -> None:
    """Past MAX_CONNECTIONS_PER_USER a person is refused, wherever from, until one is closed; others are not."""
    async with local_server(dsn, MAX_CONNECTIONS_PER_USER="3", TRUSTED_PROXY_HOPS="1") as server:
        async with AsyncExitStack() as stack:
            came = await asyncio.gather(
                *[_connected(stack, server, alice, f"2001:db8:{n:x}::1") for n in range(8)]
            )
            assert sum(came) == 3
            await connect(bob, server.url)
        await until(lambda: alice.id not in reception(server)._places._seated)
        await connect(alice, server.url)


async def test_any_number_of_connections(dsn: str, connect: Connect, alice: User) -> None:
    """MAX_CONNECTIONS_PER_USER=0 lets anybody have as many connections as they like; by default it is 20."""
    assert settings_for(dsn).max_connections_per_user == 20
    async with local_server(dsn, MAX_CONNECTIONS_PER_USER="0") as server:
        for _ in range(21):
            await connect(alice, server.url)
