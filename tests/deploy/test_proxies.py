"""nginx and HAProxy by the configurations of deploy/: what clients need of a proxy, they have."""

import asyncio
import signal

import aiohttp
import orjson

from tests.conftest import User
from tests.deploy.conftest import MOST, PAGES, Fronted, Proxy, Through
from tests.support.patience import PATIENCE
from tests.support.polling import Poller

_POLLS = "/socket.io/?EIO=4&transport=polling"
_SOCKET = "/socket.io/?EIO=4&transport=websocket"


async def _pair(fronted: Fronted, one: User, other: User) -> tuple[Through, Through, str]:
    """Two people, connected through the proxy, and their conversation."""
    first, second = Through(fronted.proxy, one.token), Through(fronted.proxy, other.token)
    await first.connect()
    await second.connect()
    conversation = (await first.do("chat:conversation_open", recipientId=other.id))["conversation"]
    return first, second, conversation["id"]


async def test_websocket(fronted: Fronted, alice: User, bob: User) -> None:
    """Two people write to each other over WebSockets and TLS."""
    first, second, conversation = await _pair(fronted, alice, bob)
    await first.do("chat:message_send", conversationId=conversation, content="over TLS")
    told = await second.expect("chat:message_received", content="over TLS")
    assert told[0]["conversationId"] == conversation
    await first.drop()
    await second.drop()


async def _open_poll(session: aiohttp.ClientSession, proxy: Proxy) -> Poller:
    async with session.get(proxy.url + _POLLS) as response:
        opened_with = await response.text()
        assert response.status == 200, opened_with
    return Poller(session, proxy.url, orjson.loads(opened_with[1:])["sid"])


async def test_polling_stays_with_one_process(fronted: Fronted, alice: User) -> None:
    """Who polls and keeps the cookie is served by one process; who loses it is not, now and then."""
    async with fronted.proxy.session() as session:
        poller = await _open_poll(session, fronted.proxy)
        await poller.connect(alice.token)
        # A hash, or turns, would lead one of so many elsewhere.
        for _ in range(12):
            assert await poller.post("3") == 200
        await poller.post("1")
    async with fronted.proxy.session() as session:
        poller = await _open_poll(session, fronted.proxy)
        statuses = set()
        for _ in range(24):
            session.cookie_jar.clear()
            statuses.add(await poller.post("3"))
        assert 400 in statuses


async def _enter(
    session: aiohttp.ClientSession,
    proxy: Proxy,
    user: User,
    stays: list[aiohttp.ClientWebSocketResponse],
    **headers: str,
) -> str:
    """What a client is answered who connects; it stays for as long as `stays` has it."""
    socket = await session.ws_connect(proxy.url + _SOCKET, headers=headers)
    stays.append(socket)
    assert (await socket.receive_str(timeout=PATIENCE)).startswith("0{")
    await socket.send_str("40" + orjson.dumps({"token": user.token}).decode())
    return await socket.receive_str(timeout=PATIENCE)


async def test_clients_are_told_apart(fronted: Fronted, alice: User) -> None:
    """Each address has a limit of its own, and who says to be somebody else is not believed."""
    proxy = fronted.proxy
    stays: list[aiohttp.ClientWebSocketResponse] = []
    lie = {"X-Forwarded-For": "203.0.113.9"}
    async with proxy.session("127.0.0.2") as crowd, proxy.session("127.0.0.3") as other:
        # The cookie of the first answer keeps all of a session with one process.
        for session in (crowd, other):
            await _open_poll(session, proxy)
            other.cookie_jar.update_cookies({c.key: c.value for c in crowd.cookie_jar})
        for _ in range(MOST):
            assert (await _enter(crowd, proxy, alice, stays)).startswith("40{")
        for headers in ({}, lie):
            assert not (await _enter(crowd, proxy, alice, stays, **headers)).startswith("40{")
        assert (await _enter(other, proxy, alice, stays)).startswith("40{")


async def test_the_servers_own_origin(fronted: Fronted) -> None:
    """The address that clients know the proxy by is the server's own origin; another page's is refused."""
    origins = (fronted.proxy.url, PAGES, "https://elsewhere.example")
    async with fronted.proxy.session() as session:
        statuses = []
        for origin in origins:
            headers = {"Origin": origin}
            async with session.get(fronted.proxy.url + _POLLS, headers=headers) as response:
                statuses.append(response.status)
    assert statuses == [200, 200, 400]


async def test_a_reload_costs_nobody_anything(fronted: Fronted, alice: User, bob: User) -> None:
    """While the proxy reads its configuration anew nobody is cut, all is acked, and newcomers are let in."""
    first, second, conversation = await _pair(fronted, alice, bob)
    seqs = []

    async def write() -> None:
        for n in range(40):
            ack = await first.do(
                "chat:message_send", conversationId=conversation, content=f"text {n}"
            )
            seqs.append(ack["message"]["seq"])

    writing = asyncio.create_task(write())
    await second.expect("chat:message_received", content="text 3")
    await fronted.proxy.reload()
    third = await Through(fronted.proxy, bob.token).connect()
    await writing
    await second.expect("chat:message_received", content="text 39")
    # All over the connections of before.
    assert second.seqs(conversation)[-40:] == seqs
    await first.do("chat:message_send", conversationId=conversation, content="after it")
    await third.expect("chat:message_received", content="after it")
    for client in (first, second, third):
        await client.drop()


async def _again(client: Through) -> None:
    """Connect as often as it takes: a proxy may not have noticed yet who is there."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await client.connect()
            except (aiohttp.ClientError, ConnectionError, AssertionError):
                await client.drop()
                await asyncio.sleep(0.1)
            else:
                return


async def test_a_rolling_deploy(fronted: Fronted, alice: User, bob: User) -> None:
    """While one process after the other is replaced, clients come back through the proxy and miss nothing."""
    first, second, conversation = await _pair(fronted, alice, bob)
    for process in fronted.processes:
        await first.do("chat:message_send", conversationId=conversation, content="before")
        await second.expect("chat:message_received", content="before")
        await process.end(signal.SIGTERM)
        await first.drop()
        await second.drop()
        await _again(first)
        await first.do("chat:message_send", conversationId=conversation, content="meanwhile")
        await _again(second)
        assert second.recovered
        await second.expect("chat:message_received", content="meanwhile")
        await process.start()
    await first.drop()
    await second.drop()
