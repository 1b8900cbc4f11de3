"""Somebody with very many conversations: they always get in, and nobody else waits for them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import asyncpg
import orjson
import pytest
import socketio

from chatserver.core import slices
from chatserver.delivery.delivery import Delivery
from chatserver.delivery.rooms import Rooms
from chatserver.doors.connection import device as device_module
from chatserver.log import recovery
from chatserver.log.recovery_plan import Streams
from tests.conftest import Connect, MakeUser, Resume, User
from tests.support.crowds import seed
from tests.support.inside import reception, until
from tests.support.patience import PATIENCE
from tests.support.servers import Server, local_server
from tests.support.talks import opened

Pool = asyncpg.Pool
# As many as one person may have.
MANY = 5_000
# Over polling sixteen packets come with a response.
FEWER = 1_500
_LONG = 60.0


async def _counted(url: str, token: str, **auth: Any) -> tuple[dict[str, int], dict[str, Any]]:
    """What comes to a client over WebSocket, by name, and ``session:ready``."""
    came: dict[str, int] = {}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket", max_msg_size=0) as socket,
        asyncio.timeout(_LONG),
    ):
        await socket.receive_str()
        await socket.send_str("40" + orjson.dumps({"token": token, **auth}).decode())
        while True:
            text = await socket.receive_str()
            if text == "2":
                await socket.send_str("3")
            elif text.startswith("42"):
                name = text[4 : text.index('"', 4)]
                came[name] = came.get(name, 0) + 1
                if name == "session:ready":
                    return came, orjson.loads(text[2:])[1]


async def _polled(url: str, token: str, **auth: Any) -> tuple[dict[str, int], dict[str, Any]]:
    """The same for the stock client, over polling."""
    came: dict[str, int] = {}
    ready: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
    client = socketio.AsyncClient(reconnection=False)

    async def on_push(name: str, data: Any, *_offset: str) -> None:
        came[name] = came.get(name, 0) + 1
        if name == "session:ready":
            ready.set_result(data)

    client.on("*", on_push)
    await client.connect(
        url, auth={"token": token, **auth}, transports=["polling"], wait_timeout=PATIENCE
    )
    try:
        return came, await asyncio.wait_for(ready, _LONG)
    finally:
        await client.disconnect()


Counted = Callable[..., Awaitable[tuple[dict[str, int], dict[str, Any]]]]


@pytest.mark.parametrize(
    ("by", "many"), [(_counted, MANY), (_polled, FEWER)], ids=["websocket", "polling"]
)
async def test_five_thousand_conversations(
    by: Counted, many: int, dsn: str, db: "Pool[asyncpg.Record]", make_user: MakeUser
) -> None:
    """Whether everything or nothing was missed, a client that reads gets in, though its queue is small."""
    user, other = await make_user("user"), await make_user("other")
    ids = await seed(db, user.id, other.id, many)
    async with local_server(dsn, SEND_QUEUE_BYTES="65536") as server:
        _, ready = await by(server.url, user.token, since="1-1-1.1:1:")
        epoch = ready["epoch"]
        assert (ready["limited"], len(ready["resync"])) == (True, many)
        missed = {"epoch": epoch, "me": 0}
        came, ready = await by(server.url, user.token, positions=missed)
        assert came["chat:conversation_created"] == came["chat:read_state"] == many
        assert (ready["recovered"], ready["replayed"]) == (True, many)
        came, ready = await by(
            server.url, user.token, positions={**missed, **dict.fromkeys(ids, 1)}
        )
        assert (came.get("chat:conversation_created"), came["chat:read_state"]) == (None, many)
        assert (ready["recovered"], ready["replayed"]) == (True, 0)


async def test_a_turn_of_the_loop_does_little(
    db: "Pool[asyncpg.Record]",
    connect: Connect,
    resume: Resume,
    make_user: MakeUser,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of what somebody with many conversations costs, no turn of the event loop has more than a slice."""
    user, other = await make_user("user"), await make_user("other")
    await seed(db, user.id, other.id, 2_000)
    turn = 0
    done: dict[str, dict[int, int]] = {}

    async def count_turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    def counted(owner: type, name: str, amount: Callable[..., int] = lambda *_: 1) -> None:
        was = getattr(owner, name)

        def count(*arguments: Any, **options: Any) -> Any:
            found = done.setdefault(name, {})
            found[turn] = found.get(turn, 0) + amount(*arguments)
            return was(*arguments, **options)

        monkeypatch.setattr(owner, name, count)

    counted(Rooms, "enter")
    counted(Rooms, "_leave")
    counted(Delivery, "stands_elsewhere")
    taken: list[int] = []
    take = Streams.take

    async def take_counted(self: Streams, rows: Any) -> None:
        begun = turn
        await take(self, rows)
        taken.append(turn - begun)

    monkeypatch.setattr(Streams, "take", take_counted)
    turns = asyncio.create_task(count_turns())
    try:
        b = await resume(user)
        assert len(b.ready["resync"]) == 1_000
        await b.drop()
        await until(lambda: not reception(server)._delivery.has(user.id))
        await until(lambda: sum(done["_leave"].values()) >= 2_000)
    finally:
        turns.cancel()
    for name, by_turn in done.items():
        assert sum(by_turn.values()) >= 2_000, name
        assert max(by_turn.values()) <= slices.SLICE + 2, name
    assert taken[0] >= 2_000 // slices.SLICE


async def test_those_who_connect_beside_do_not_wait(
    db: "Pool[asyncpg.Record]",
    connect: Connect,
    make_user: MakeUser,
    alice: User,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While somebody with many conversations is looked up, and that takes its time, others connect."""
    user, other = await make_user("user"), await make_user("other")
    await seed(db, user.id, other.id, recovery._MANY_STREAMS + 1)
    looking, release = asyncio.Event(), asyncio.Event()
    found = reception(server)._recovery
    flush = found.large_lookups._flush

    async def slowly(asked: Any) -> Any:
        looking.set()
        await release.wait()
        return await flush(asked)

    monkeypatch.setattr(found.large_lookups, "_flush", slowly)
    large = asyncio.create_task(_counted(server.url, user.token))
    await asyncio.wait_for(looking.wait(), PATIENCE)
    for _ in range(3):
        await (await connect(alice)).settled()
    release.set()
    _, ready = await large
    assert ready["user"]["userId"] == user.id


async def test_what_is_pushed_meanwhile_is_never_too_much(
    connect: Connect,
    alice: User,
    bob: User,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of more pushes than are held while a client is told what it missed, none is lost, and the order holds."""
    monkeypatch.setattr(device_module, "_HELD", 3)
    a = await connect(alice)
    conversation_id = await opened(a, bob)
    read_states = reception(server)._recovery.read_states

    async def meanwhile(*arguments: Any) -> Any:
        for number in range(20):
            await a.do("chat:message_send", conversationId=conversation_id, content=f"{number}")
        async for frames in read_states(*arguments):
            yield frames

    monkeypatch.setattr(reception(server)._recovery, "read_states", meanwhile)
    b = await connect(bob)
    monkeypatch.undo()
    seqs = [data["seq"] for _, data in b.pushes if isinstance(data, Mapping) and "seq" in data]
    assert seqs == list(range(1, 22))
    await a.do("chat:message_send", conversationId=conversation_id, content="live")
    assert (await b.expect("chat:message_received", lambda m: m["content"] == "live"))["seq"] == 22
