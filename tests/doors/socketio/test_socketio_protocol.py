"""Socket.IO, revision 5, as the protocol's own test suite has it, where it applies: commands are not echoed."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.conftest import User
from tests.support.patience import PATIENCE
from tests.support.polling import polling
from tests.support.raw import Raw, all_closed, raw_client, raw_socket
from tests.support.servers import Server, local_server


@pytest.fixture
async def raw(server: Server, alice: User) -> AsyncIterator[Raw]:
    """A connected device that is as good as new in the end."""
    async with raw_client(server.url, alice.token) as connected:
        yield connected
        await connected.works()


# -- connect --------------------------------------------------------------------------------------


async def test_connecting(server: Server, alice: User) -> None:
    """A CONNECT to the main namespace is answered with the session's id, and with the client's for recovery."""
    async with raw_socket(server.url) as raw:
        answer = await raw.connect(json.dumps({"token": alice.token}))
        assert answer.startswith("0{")
        opened = json.loads(answer[1:])
        assert set(opened) == {"sid", "pid"}
        assert all(isinstance(value, str) for value in opened.values())


@pytest.mark.parametrize("connected", [True, False], ids=["connected", "before connecting"])
@pytest.mark.parametrize(
    "namespace", ["/random", "/random,", "/custom,{}", '/a,{"token":"x"}', "/?a=b,", "/", "/é,"]
)
async def test_unknown_namespaces(
    server: Server, alice: User, namespace: str, connected: bool
) -> None:
    """There is no namespace but the main one, with a comma behind its name or without."""
    async with raw_client(server.url, alice.token) if connected else raw_socket(server.url) as raw:
        if namespace == "/":
            # The main one, written out.
            if not connected:
                assert (await raw.connect(f'/,{{"token":"{alice.token}"}}')).startswith("0{")
            return
        name = namespace.partition(",")[0]
        assert await raw.connect(namespace) == f'4{name},{{"message":"Invalid namespace"}}'
        await raw.frame(f"41{name}")
        await raw.frame(f"41{name},")
        if not connected:
            assert (await raw.connect(f'{{"token":"{alice.token}"}}')).startswith("0{")
            await raw.push("session:ready")
        await raw.works()


async def test_a_namespace_that_is_too_long(server: Server, alice: User) -> None:
    """A name of more than 256 characters closes the connection, rather than being read as something else."""
    for frame in ("40/" + "x" * 300, "40/" + "x" * 300 + ",{}", "42/" + "x" * 300 + ',["a"]'):
        await all_closed(server.url, frame, None)
        await all_closed(server.url, frame, alice.token)


async def test_no_handshake(dsn: str) -> None:
    """A connection on which nobody connects is closed."""
    async with local_server(dsn, CONNECT_TIMEOUT="100") as server, raw_socket(server.url) as raw:
        await raw.closed()


async def test_connecting_twice(server: Server, alice: User) -> None:
    """A second CONNECT on one connection closes it, also when the first one is not answered yet."""
    connect = f'40{{"token":"{alice.token}"}}'
    await all_closed(server.url, connect, alice.token)
    async with polling(server.url) as client:
        assert await client.post(f"{connect}\x1e{connect}") == 400
        await client.gone()


@pytest.mark.parametrize("over", ["polling", "websocket"])
async def test_commands_right_behind_the_handshake(
    over: str, server: Server, alice: User, bob: User
) -> None:
    """What comes right behind CONNECT waits for it, and runs in its order; what came before it goes nowhere."""
    sends = [
        f'42{number}["chat:message_send",{{"recipientId":"{bob.id}","content":"{number}"}}]'
        for number in range(100)
    ]
    frames = ['42999["system:ping"]', f'40{{"token":"{alice.token}"}}', *sends]
    came: list[str] = []
    if over == "polling":
        async with polling(server.url) as client:
            posting = asyncio.create_task(client.post("\x1e".join(frames)))
            while not any(packet.startswith("4399[") for packet in came):
                came += (await client.poll())[1]
            assert await posting == 200
    else:
        async with raw_socket(server.url) as raw:
            for frame in frames:
                await raw.frame(frame)
            while not any(packet.startswith("4399[") for packet in came):
                came.append("4" + await raw.packet())
    assert came[0].startswith("40{")
    acks = [packet for packet in came if packet.startswith("43")]
    assert [packet.partition("[")[0] for packet in acks] == [f"43{number}" for number in range(100)]
    seqs = [json.loads(packet[packet.index("[") :])[0]["message"]["seq"] for packet in acks]
    assert seqs == list(range(seqs[0], seqs[0] + 100))


# -- disconnect -----------------------------------------------------------------------------------


async def test_disconnecting(server: Server, alice: User) -> None:
    """A client that leaves the main namespace keeps its transport, and may connect again."""
    async with raw_client(server.url, alice.token) as raw:
        await raw.frame("41")
        await raw.frame('425["system:ping"]')
        assert (await raw.connect(f'{{"token":"{alice.token}"}}')).startswith("0{")
        await raw.push("session:ready")
        await raw.works()


async def test_packets_of_other_namespaces(raw: Raw) -> None:
    """What comes for a namespace that the connection is not in is ignored, whatever it is."""
    for frame in (
        "41/admin,", "41/admin", "41/admin,{}", '42/admin,["system:ping"]', '42/admin,7["system:ping"]',
        "42/admin,{}", "42/admin", '43/admin,7[{"success":true}]', "43/admin,", '44/admin,{"message":"no"}',
    ):  # fmt: skip
        await raw.frame(frame)
        await raw.works()
    for kind in "56":
        await raw.frame(f'4{kind}2-/admin,7["a",{{"_placeholder":true,"num":0}}]')
        await raw.blob(b"\1\2")
        await raw.blob(b"\3")
        await raw.works()
    assert raw.pushes == []


# -- messages -------------------------------------------------------------------------------------


async def test_acknowledgements(raw: Raw) -> None:
    """A command is acknowledged under its own id, over either spelling of the main namespace."""
    for packet in ('42456["system:ping"]', '42/,456["system:ping"]', '420456["system:ping"]'):
        await raw.frame(packet)
        assert (await raw.packet()).startswith('3456[{"success":true')
    await raw.frame(
        '452-789["chat:typing",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'
    )
    await raw.blob(b"\1\2\3")
    await raw.blob(b"\4\5\6")
    assert (await raw.packet()).startswith('3789[{"success":false')


_MALFORMED = (
    "4abc", "47", "4-1", "42", "42{}", "42null", "42[]", "42[", '42["system:ping",{a:1}]',
    '42abc["system:ping"]', '42-1["system:ping"]', '42+1["system:ping"]',
    '42 1["system:ping"]', '42٤["system:ping"]', '42²["system:ping"]', "42" + "9" * 17 + '["system:ping"]',
    "42" + "9" * 400 + '["system:ping"]', "42" + "[" * 100_000, '42{"0":"system:ping"}', '42"system:ping"',
    "41{}", '44{"message":"no"}', "45", "45{}", '45-["a"]', '4511-["a"]', "45x-", '45-1-["a"]',
)  # fmt: skip


@pytest.mark.parametrize("frame", _MALFORMED, ids=lambda frame: ascii(frame[:30]))
async def test_malformed_packets(server: Server, alice: User, frame: str) -> None:
    """What is no packet, or an event that cannot be answered, closes its connection, over either transport."""
    await all_closed(server.url, frame, alice.token)
    async with polling(server.url) as client:
        await client.connect(alice.token)
        assert await client.post(f'{frame}\x1e421["system:ping"]') == 400
        await client.gone()


@pytest.mark.parametrize(
    "event", ["{}", "", "null", "[", '["system:ping",{a:1}]', "abc[]", '-["system:ping"]', ".5[]"]
)
async def test_malformed_events_with_an_id(raw: Raw, event: str) -> None:
    """One that has an id is answered, as every command is."""
    (answer,) = json.loads(await raw.ack("42{id}" + event))
    assert answer["error"]["code"] == "VALIDATION_ERROR"


async def test_many_small_frames(server: Server, alice: User) -> None:
    """Tens of thousands of packets that ask for nothing keep nobody else waiting."""
    async with raw_client(server.url, alice.token) as raw, polling(server.url) as client:
        await client.connect(alice.token)
        posting = asyncio.create_task(client.post("\x1e".join(["430[]"] * 50_000)))
        answered = 0
        while not posting.done():
            await asyncio.wait_for(raw.works(), PATIENCE)
            answered += 1
        assert posting.result() == 200
        assert answered > 5
