"""What a client may say of where it stands is checked like any payload: none of it is an error of ours."""

import json
from typing import Any

import aiohttp
import pytest
import structlog

from chatserver.log.offset import MOST_RUNNING
from chatserver.log.resume_point import MOST_POSITIONS
from tests.conftest import Connect, Resume, User
from tests.support.device import Device
from tests.support.patience import PATIENCE
from tests.support.resuming import Resuming
from tests.support.servers import Server, local_server
from tests.support.talks import opened, say, some_texts

_ID = "0190c0de-0000-7000-8000-000000000001"


async def _raw(url: str, auth: str) -> tuple[str, list[Any]]:
    """Connect with this JSON as it stands; the answer to CONNECT, and ``session:ready`` if it comes."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket") as socket,
    ):
        await socket.receive_str(timeout=PATIENCE)
        await socket.send_str("40" + auth)
        answer = await socket.receive_str(timeout=PATIENCE)
        if not answer.startswith("40"):
            return answer, []
        while not (text := await socket.receive_str(timeout=PATIENCE)).startswith(
            '42["session:ready"'
        ):
            pass
        return answer, json.loads(text[2:])


@pytest.mark.parametrize(
    "said",
    [
        r'"positions": {"epoch": EPOCH, "me": 1, "\u0000": 1}',
        r'"positions": {"epoch": EPOCH, "\ud800": 1}',
        r'"positions": {"epoch": "\ud800", "ID": 1}',
        r'"positions": {"epoch": "\u0000", "ID": 1}',
        r'"positions": {"epoch": EPOCH, "ID": 1e3}',
        r'"positions": {"epoch": EPOCH, "ID": NaN}',
        r'"positions": {"epoch": EPOCH, "ID": -1}',
        r'"positions": {"epoch": EPOCH, "ID": 9223372036854775808}',
        r'"positions": {"epoch": EPOCH, "ID": 99999999999999999999999999}',
        r'"positions": {"epoch": EPOCH, "ID": true}',
        r'"positions": {"epoch": EPOCH, "ID": "1"}',
        r'"positions": {"epoch": EPOCH, "ID": null}',
        r'"positions": {"epoch": EPOCH, "ID": [1]}',
        r'"positions": {"epoch": EPOCH, "me": {}}',
        r'"positions": {"epoch": EPOCH, "": 1}',
        r'"positions": {"epoch": EPOCH, "urn:uuid:ID": 1}',
        r'"positions": {"epoch": EPOCH, "constructor": 1}',
        r'"positions": {"epoch": 5}',
        r'"positions": {"epoch": null, "me": 1}',
        r'"positions": {"me": 1}',
        r'"positions": {}',
        r'"positions": [1]',
        r'"positions": "x"',
        r'"positions": 1e999',
        r'"pid": "\ud800", "offset": "\ud800"',
        r'"pid": "\u0000", "offset": "\u0000"',
        r'"pid": {}, "offset": []',
        r'"pid": "é", "offset": 5',
        r'"since": "\ud800.1:1:"',
        r'"since": "EPOCH_TEXT.\u0661:\u0662:"',
        r'"since": "EPOCH_TEXT.1:2:\u0000"',
        r'"since": "EPOCH_TEXT.4294967296:4294967297:"',
        r'"since": "EPOCH_TEXT.5:4294967296:"',
        r'"since": {"a": 1}',
        r'"since": -0.0',
        r'"recovery": {"\ud800": "\u0000"}',
        r'"unknown": "\ud800"',
    ],
)
async def test_what_is_malformed_is_not_said(
    said: str, server: Server, resume: Resume, alice: User
) -> None:
    """Whatever is malformed in `auth` counts as not said: the client is let in, and no error is ours."""
    client = await resume(alice)
    epoch = client.ready["epoch"]
    text = said.replace("EPOCH_TEXT", epoch).replace("EPOCH", f'"{epoch}"').replace("ID", _ID)
    with structlog.testing.capture_logs() as logged:
        answer, ready = await _raw(server.url, f'{{"token": "{alice.token}", {text}}}')
    assert answer.startswith("40"), answer
    assert (ready[1]["recovered"], ready[1]["limited"], ready[1]["replayed"]) == (False, False, 0)
    assert [line for line in logged if line["log_level"] in ("error", "critical")] == []


@pytest.mark.parametrize(
    "auth",
    [
        "", "null", "5", '"x"', "[]", "[1]", "{}", '{"token": null}', '{"token": 5}', '{"token": ["x"]}',
        r'{"token": "\ud800"}', r'{"token": "\u0000"}', '{"token": {"a": 1}}', '{"token": NaN}', "{", "[" * 5_000,
        '{"positions":' * 5_000,
    ],
)  # fmt: skip
async def test_what_is_no_token_is_refused(auth: str, server: Server) -> None:
    """A CONNECT without a usable token is refused with a code, whatever stands in its place."""
    with structlog.testing.capture_logs() as logged:
        answer, _ = await _raw(server.url, auth)
    assert answer.startswith("44"), answer
    assert json.loads(answer[2:])["data"]["code"] in ("AUTH_REQUIRED", "AUTH_FAILED")
    assert [line for line in logged if line["log_level"] in ("error", "critical")] == []


async def _talk(a: Device, other: User, count: int) -> str:
    conversation_id = await opened(a, other)
    await say(a, conversation_id, *some_texts(count))
    return conversation_id


async def test_an_id_may_be_spelled_as_one_likes(
    connect: Connect, resume: Resume, alice: User, bob: User
) -> None:
    """Positions by ids in upper or mixed case are the same positions; of two spellings, the lower seq counts."""
    a = await connect(alice)
    conversation_id = await _talk(a, bob, 3)
    b = await resume(bob)
    epoch = b.ready["epoch"]
    upper, title = conversation_id.upper(), conversation_id.title()
    for named, seqs in (
        ({upper: 4}, []),
        ({title: 3}, [4]),
        ({upper: 4, conversation_id: 2}, [3, 4]),
        ({upper: 1, conversation_id: 4}, [2, 3, 4]),
    ):
        await b.drop()
        await b.connect(positions={"epoch": epoch, "me": 0, **named})
        assert (b.seqs(conversation_id), b.recovered) == (seqs, True), named


async def test_positions_ahead_of_the_log(
    connect: Connect, resume: Resume, alice: User, bob: User, carol: User
) -> None:
    """Who claims to have more than there is of a conversation is to reload it: they would drop what comes next."""
    a = await connect(alice)
    ahead, right = await _talk(a, bob, 1), await _talk(await connect(carol), bob, 1)
    b = await resume(bob)
    await b.drop()
    await b.connect(positions={"epoch": b.ready["epoch"], "me": 0, ahead: 3, right: 2})
    assert (b.ready["limited"], b.ready["resync"], b.ready["replayed"]) == (True, [ahead], 0)


@pytest.mark.parametrize("count", [MOST_RUNNING, MOST_RUNNING + 1, 2_900, 40_000])
async def test_a_snapshot_has_a_bound(
    count: int, connect: Connect, resume: Resume, alice: User, bob: User
) -> None:
    """A snapshot that lists more than 256 transactions is not looked at: everything is to be reloaded."""
    a = await connect(alice)
    conversation_id = await _talk(a, bob, 2)
    b: Resuming = await resume(bob)
    await b.drop()
    running = ",".join(str(xid) for xid in range(10, 10 + count))
    since = f"{b.ready['epoch']}.10:{10 + count}:{running}"
    b.pid = b.offset = None
    await b.connect(since=since)
    if count > MOST_RUNNING:
        assert (b.ready["recovered"], b.ready["limited"]) == (False, True)
        assert (b.ready["resync"], b.seqs(conversation_id)) == ([conversation_id], [])
    else:
        assert (b.ready["limited"], b.seqs(conversation_id)) == (False, [1, 2, 3])


async def test_a_snapshot_of_the_future(
    connect: Connect, resume: Resume, alice: User, bob: User
) -> None:
    """An offset that the database has not come to (it was set back) makes everything limited."""
    conversation_id = await _talk(await connect(alice), bob, 1)
    b = await resume(bob)
    await b.drop()
    b.pid = b.offset = None
    await b.connect(since=f"{b.ready['epoch']}.{2**62 + 5}:{2**62 + 5}:")
    assert (b.ready["limited"], b.ready["resync"]) == (True, [conversation_id])


async def test_twenty_thousand_positions(
    connect: Connect, resume: Resume, alice: User, bob: User
) -> None:
    """20,000 positions, most of conversations that one is not in, are heeded like two; more are none."""
    conversation_id = await _talk(await connect(alice), bob, 3)
    b = await resume(bob)
    await b.drop()
    others = {f"0190c0de-0000-7000-8000-{n:012x}": n for n in range(MOST_POSITIONS - 1)}
    positions = {"epoch": b.ready["epoch"], "me": 0, **others, conversation_id: 2}
    await b.connect(positions=positions)
    assert (b.recovered, b.seqs(conversation_id)) == (True, [3, 4])
    await b.drop()
    b.pid = b.offset = None
    await b.connect(positions={**positions, "0190c0de-1111-7000-8000-000000000000": 1})
    assert b.ready["recovered"] is False


async def test_a_dear_look_up_is_given_up_alone(
    dsn: str, connect: Connect, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look for one client that takes too long is given up alone: those beside it, and the pool, stay."""
    async with local_server(dsn, CONNECT_QUERY_TIMEOUT="2500") as server:
        assert server.app is not None
        a = await connect(alice, server.url)
        database = server.app.reception._recovery._db
        generation = database._pool._generation
        sleepy = (
            f"SELECT CASE WHEN asked.person = '{bob.id}' THEN pg_sleep(60) END, asked.position,"
        )
        sql = dict(database._sql)
        sql["streams_of"] = sql["streams_of"].replace("SELECT asked.position,", sleepy)
        monkeypatch.setattr(database, "_sql", sql)
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{server.url}/socket.io/?EIO=4&transport=websocket") as socket,
        ):
            await socket.receive_str()
            await socket.send_str("40" + json.dumps({"token": bob.token}))
            while (await socket.receive(timeout=PATIENCE)).type is aiohttp.WSMsgType.TEXT:
                pass  # closed, so that a stock client comes back
        await a.settled()
        await (await connect(alice, server.url)).settled()
        assert database._pool._generation == generation
