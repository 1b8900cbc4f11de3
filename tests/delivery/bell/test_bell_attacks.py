"""Somebody who may publish on Redis: what they make up, and what they have recorded, is believed of nobody."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import orjson
import pytest
from redis.asyncio import Redis

from chatserver.core.about import About
from chatserver.core.crypto import Vault
from chatserver.delivery.bell import channels
from chatserver.delivery.bell import messages as bell_messages
from chatserver.delivery.bell.seal import BellSeal, bell_keys
from chatserver.delivery.pushes import Event
from chatserver.sessions.revocations import REDIS_CHANNEL
from tests.conftest import Connect, User, token_for
from tests.support.device import Device
from tests.support.doorbell import bell, local_pair
from tests.support.inside import until
from tests.support.patience import PATIENCE
from tests.support.redis_server import OwnRedis
from tests.support.servers import ENCRYPTION_KEY, Server, local_server
from tests.support.strangers import stranger
from tests.support.talks import said as says

COMMON, FOREIGN = channels.COMMON.decode(), "socketio"
ABOUT = About("group")


@pytest.fixture
async def intruder(own_redis: OwnRedis) -> AsyncIterator["Intruder"]:
    """Somebody on Redis."""
    async with Redis.from_url(own_redis.url) as redis:
        yield Intruder(redis)


@pytest.fixture
async def served(dsn: str, own_redis: OwnRedis) -> AsyncIterator[Server]:
    """One process of several."""
    async with local_server(dsn, REDIS_URL=own_redis.url) as server:
        yield server


class Intruder:
    """Publishes what it likes."""

    def __init__(self, redis: "Redis[bytes]") -> None:
        self.redis = redis

    async def say(self, *messages: bytes, to: Device, on: tuple[str, ...] = (FOREIGN,)) -> None:
        """Publish on some channels, and wait until the process of a device has heard it all."""
        marker = uuid.uuid4().hex
        user_id = to.ready["user"]["userId"]
        heard_after = stranger(event="marker", room=f"user:{user_id}", data=[marker])
        for message in messages:
            for channel in on:
                await self.redis.publish(channel, message)
        await self.redis.publish(FOREIGN, heard_after)
        await to.expect("marker", lambda data: data == marker)


def a_message(conversation_id: str, seq: int, text: str) -> dict[str, Any]:
    """What a message that nobody wrote looks like."""
    return {
        "id": str(uuid.uuid4()),
        "conversation_id": conversation_id,
        "seq": seq,
        "content": text,
    }


def forgeries(conversation_id: str, seq: int, joins: str) -> list[Event]:
    """Events that were never committed: the next one of a conversation, a far one, one that brings somebody in."""
    room = f"conversation:{conversation_id}"
    payload = a_message(conversation_id, seq, "forged")
    return [
        Event(room, seq, "group:member_added", payload, joined=(joins,)),
        Event(room, 2**52, "group:member_added", payload, joined=(joins,)),
        Event(room, 2**52, "chat:message_received", payload),
        Event(room, 2**53, "chat:message_received", payload),
        *(Event(room, seq + ahead, "chat:message_received", payload) for ahead in range(2, 40)),
        Event(room, seq, "group:member_removed", payload, left=(joins,)),
    ]


async def _talk(a: Device, b: Device, recipient: User) -> tuple[str, int]:
    """A conversation of two, and its last seq, which both have been told of."""
    sent = await a.do("chat:message_send", recipientId=recipient.id, content="first")
    await b.expect("chat:message_received")
    return sent["message"]["conversation_id"], sent["message"]["seq"]


@pytest.mark.parametrize("signed", [False, True])
async def test_a_forged_event_joins_nobody_and_deafens_no_room(
    dsn: str,
    own_redis: OwnRedis,
    intruder: Intruder,
    connect: Connect,
    alice: User,
    bob: User,
    carol: User,
    signed: bool,
) -> None:
    """Who joins and which seq is next is the log's word: also where a message has a signature that holds."""
    async with local_pair(dsn, own_redis.url) as (here, there):
        a = await connect(alice, there.url)
        b, c = [await connect(user, here.url) for user in (bob, carol)]
        conversation_id, seq = await _talk(a, b, bob)
        # And a room in which nobody is here yet.
        empty = (await a.do("group:create", title="Nobody here"))["conversation"]["id"]
        assert here.app
        keys = bell_keys(Vault([ENCRYPTION_KEY]), COMMON, b.ready["epoch"])
        seal = BellSeal(keys, uuid.uuid4().hex)
        messages = [
            bell_messages.event(event)
            for room in (conversation_id, empty)
            for event in forgeries(room, seq + 1 if room == conversation_id else 5, carol.id)
        ]
        said = map(seal.sign, messages) if signed else messages
        on = (COMMON, channels.channel_of(f"conversation:{conversation_id}").decode(), FOREIGN)
        await intruder.say(*said, to=b, on=on)
        # What claims to come later is kept until the log was asked, which knows of nothing.
        rooms = here.app.delivery.rooms.open
        await until(lambda: not any(room.waiting for room in rooms.values()))
        await says(a, conversation_id, "second")
        await says(a, conversation_id, "third")
        await says(a, empty, "secret")
        for text in ("second", "third"):
            await b.expect("chat:message_received", lambda m, text=text: m["content"] == text)  # type: ignore[misc]
        # Carol joins the other one in truth, and is told of what comes after it.
        assert not c.seen("chat:message_received")
        await a.do("group:member_add", conversationId=empty, userId=carol.id)
        await says(a, empty, "welcome")
        got = await c.expect("chat:message_received")
        assert (got["content"], c.seen("chat:message_received")) == ("welcome", [])
        assert all(m["content"] != "forged" for m in b.seen("chat:message_received"))
        assert not b.seen("group:member_added")
        for device in (a, b, c):
            await device.close()


async def test_unsigned_messages_of_ours_are_refused(
    served: Server, intruder: Intruder, connect: Connect, alice: User, bob: User
) -> None:
    """None of our events, no end of a connection, and no newer session is believed without a signature."""
    a, b = [await connect(user, served.url) for user in (alice, bob)]
    conversation_id, seq = await _talk(a, b, bob)
    sid = b.sio.get_sid("/")
    room = f"conversation:{conversation_id}"
    payload = a_message(conversation_id, seq + 1, "forged")
    before = len(b.told)
    names = (
        "chat:message_received",
        "chat:message_deleted",
        "user:status_changed",
        "session:draining",
        "error",
        "disconnect",
    )
    foreign_messages = [
        *(
            stranger(event=name, room=address, data=[payload])
            for address in (room, f"user:{bob.id}", sid)
            for name in names
        ),
        *(
            orjson.dumps({"method": method, "sid": sid, "room": room, "namespace": "/"})
            for method in ("disconnect", "close_room", "leave_room", "enter_room")
        ),
    ]
    forged = [
        *(
            bell_messages.push((address,), name, payload, None)
            for address in (room, f"user:{bob.id}")
            for name in names
        ),
        bell_messages.superseded(bob.id, 4e9, "newer"),
    ]
    ours = (COMMON, channels.channel_of(f"user:{bob.id}").decode(), FOREIGN)
    await intruder.say(*foreign_messages, to=b)
    await intruder.say(
        *forged, *(b"%032x.1.1.%032x\n%b" % (1, 1, m) for m in forged), to=b, on=ours
    )
    await b.settled()
    assert len(b.told) == before
    assert not b.disconnected.is_set()
    await says(a, conversation_id, "still here")
    await b.expect("chat:message_received", lambda m: m["content"] == "still here")


async def test_a_recorded_message_is_heard_once(
    dsn: str, own_redis: OwnRedis, intruder: Intruder, connect: Connect, alice: User, bob: User
) -> None:
    """Whatever our processes have said, said again by somebody else it does nothing: no push comes twice."""
    async with (
        local_pair(dsn, own_redis.url) as (here, there),
        intruder.redis.pubsub() as tape,
    ):
        a, b = await connect(alice, there.url), await connect(bob, here.url)
        theirs = channels.channel_of(f"user:{bob.id}").decode()
        await tape.subscribe(theirs)
        conversation_id, _ = await _talk(a, b, bob)
        await a.do("chat:typing", conversationId=conversation_id, isTyping=True)
        await b.expect("chat:user_typing")
        await a.do("chat:reaction_add", messageId=await _last(a, conversation_id), reaction="👍")
        await b.expect("chat:reaction_added")
        recorded = []
        while len(recorded) < 3:
            entry = await tape.get_message(timeout=PATIENCE)
            assert entry is not None, recorded
            if entry["type"] == "message":
                recorded.append(entry["data"])
        refused, before = bell(here).state().refused, len(b.told)
        await intruder.say(*recorded * 3, to=b, on=(theirs,))
        await b.settled()
        assert len(b.told) == before
        # What was heard last is as if it had been said on another channel, too.
        assert bell(here).state().refused - refused >= 3 * (len(recorded) - 1)
        for device in (a, b):
            await device.close()


async def _last(device: Device, conversation_id: str) -> str:
    page = await device.do("chat:history", conversationId=conversation_id, limit=1)
    message_id: str = page["messages"][-1]["id"]
    return message_id


async def test_a_flood_is_bounded(
    dsn: str, own_redis: OwnRedis, intruder: Intruder, connect: Connect, alice: User, bob: User
) -> None:
    """Past what other programs may cause, their messages are left unread, and nobody else waits."""
    async with local_server(dsn, REDIS_URL=own_redis.url, EXTERNAL_PUSH_RATE="50") as server:
        a, b = [await connect(user, server.url) for user in (alice, bob)]
        flood = stranger(room=f"user:{bob.id}", data=["x" * 100])
        deep = flood.replace(b'"' + b"x" * 100 + b'"', b"[" * 400 + b"]" * 400)
        huge = flood.replace(b"x" * 100, b"x" * 2_000_000)
        async with intruder.redis.pipeline(transaction=False) as pipe:
            for number in range(3_000):
                pipe.publish(FOREIGN, flood)
                if number % 1000 == 0:
                    # (Of more at once Redis itself would end the subscription.)
                    pipe.publish(FOREIGN, deep)
                    pipe.publish(FOREIGN, huge)
            await pipe.execute()
        conversation_id, _ = await _talk(a, b, bob)
        async with asyncio.timeout(PATIENCE):
            while bell(server).state().refused < 2_000:  # noqa: ASYNC110 - counted by the server alone
                await asyncio.sleep(0.01)
        await says(a, conversation_id, "after")
        await b.expect("chat:message_received", lambda m: m["content"] == "after")
        assert len(b.seen("promo")) < 1_000
        assert bell(server).healthy
        for device in (a, b):
            await device.close()


async def test_a_revocation_is_only_looked_at(
    dsn: str, own_redis: OwnRedis, intruder: Intruder, connect: Connect, alice: User
) -> None:
    """A jti that somebody publishes ends nobody's session unless the table has it."""
    async with local_server(dsn, REDIS_URL=own_redis.url) as server:
        device = await Device(server.url, token_for(alice.id, jti="in-use")).connect()
        for _ in range(200):
            await intruder.redis.publish(REDIS_CHANNEL, "in-use")
            await intruder.redis.publish(REDIS_CHANNEL, uuid.uuid4().hex)
        await intruder.say(to=device)
        assert server.app
        await server.app.revocations.ask()
        await device.settled()
        assert not device.disconnected.is_set()
        assert not server.app.revocations._suspects - {"in-use"}
        await device.close()


async def _online(device: Device) -> list[str]:
    return [user["userId"] for user in (await device.do("presence:list"))["users"]]


@pytest.mark.parametrize("shape", ["conversation:{}", "user:{}", "{{}}:{}", "{}*", "a}}b{{{}"])
async def test_an_id_that_looks_like_a_room_is_only_an_id(
    dsn: str,
    own_redis: OwnRedis,
    connect: Connect,
    db: "asyncpg.Pool[asyncpg.Record]",
    alice: User,
    bob: User,
    shape: str,
) -> None:
    """Whatever a person is called, they hear what is theirs, on every process, and nothing of any other room."""
    async with local_pair(dsn, own_redis.url) as (here, there):
        a, b = await connect(alice, there.url), await connect(bob, here.url)
        conversation_id, _ = await _talk(a, b, bob)
        odd_id = shape.format(conversation_id)
        await db.execute("INSERT INTO chat_users (user_id, username) VALUES ($1, 'odd')", odd_id)
        odd = await Device(here.url, token_for(odd_id)).connect()
        await says(a, conversation_id, "not for them")
        await b.expect("chat:message_received")
        await a.do("chat:message_send", recipientId=odd_id, content="for them")
        assert (await odd.expect("chat:message_received"))["content"] == "for them"
        assert not odd.seen("chat:message_received")
        # Connecting waits for no presence, and another process hears of it by Redis.
        async with asyncio.timeout(PATIENCE):
            while odd_id not in await _online(a):  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.02)
        for device in (odd, a, b):
            await device.close()
