"""Commands by WebSocket are taken as they come, and in their order where they must wait."""

from typing import Any

import orjson
import pytest

from chatserver.doors.connection import lane
from tests.conftest import User
from tests.support.inside import engine, only_socket
from tests.support.servers import local_server
from tests.support.wire import Wire, text


def ping(number: int) -> bytes:
    """A command whose ack has that number."""
    return text(f'42{number}["system:ping",{{}}]')


async def acks(wire: Wire, count: int) -> list[int]:
    """The numbers of the next acks, all of which say that it was done."""
    found = []
    while len(found) < count:
        _, payload = await wire.receive()
        if payload.startswith(b"43"):
            number, _, body = payload[2:].partition(b"[")
            assert orjson.loads(b"[" + body)[0]["success"]
            found.append(int(number))
    return found


async def test_a_usual_event_wakes_nobody(dsn: str, alice: User) -> None:
    """An event is taken where it is read; what else a client sends is left to the task that reads."""
    async with local_server(dsn) as server, Wire(server.url) as wire:
        await wire.connect(alice.token)
        handlers, left = engine(server).eio.handlers, []
        usual = handlers["message"]

        async def note(eio_sid: str, data: Any) -> None:
            left.append(data)
            await usual(eio_sid, data)

        handlers["message"] = note
        await wire.send(ping(1) + text('42/admin,7["x"]') + ping(2))
        assert sorted(await acks(wire, 2)) == [1, 2]
        assert left == ['2/admin,7["x"]', '22["system:ping",{}]']
        await wire.send(ping(3))
        assert await acks(wire, 1) == [3]
        assert len(left) == 2


async def test_what_is_behind_waits(dsn: str, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that come while too many are under way are taken later, each once, and in their order."""
    monkeypatch.setattr(lane, "_UNDER_WAY", 2)
    async with local_server(dsn) as server, Wire(server.url) as wire:
        await wire.connect(alice.token)
        await wire.send(b"".join(ping(number) for number in range(20)))
        assert await acks(wire, 20) == list(range(20))


async def test_a_crash_ends_the_connection(
    dsn: str, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    """Where taking an event crashes, its connection is closed as after any frame that crashes."""
    async with local_server(dsn) as server, Wire(server.url) as wire:
        await wire.connect(alice.token)

        def crash(_socket: object, _data: str) -> bool:
            raise RuntimeError("on purpose")

        only_socket(server).server.on_event = crash
        await wire.send(ping(1))
        assert await wire.close_code() == 1002
        assert "a frame crashed" in caplog.text
