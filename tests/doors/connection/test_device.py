"""What is pushed to a device while it connects, and just after."""

from typing import cast

import pytest
from engineio.packet import Packet

from chatserver.core.caller import Session, User
from chatserver.delivery.pushes import Frame
from chatserver.doors.connection import device as device_module
from chatserver.doors.connection.device import Device
from chatserver.doors.connection.line import Line
from chatserver.doors.connection.send_queue import SendQueue
from chatserver.doors.socketio.packets import DIALECT
from chatserver.log.recovery import MOST_IN_ALL, MOST_IN_ONE
from chatserver.log.recovery_plan import Budget, Missed

SESSION = Session(
    user=User(id="bob", username="bob", display_name="Bob"), connection_id="c", expires_at=0
)
ROOM, OTHER = "conversation:a", "conversation:b"


class _Line:
    """Writes at once."""

    def __init__(self) -> None:
        self.queue = SendQueue(1_000)
        self.pushed: list[str] = []

    dialect = DIALECT
    is_half_full = False

    def push(self, packet: Packet) -> None:
        self.pushed.append(packet.encode().split('"')[1])


def _client() -> tuple[Device, list[str]]:
    line = _Line()
    return Device(SESSION, cast(Line, line)), line.pushed


def _open(client: Device) -> None:
    """As the door does: what was held first."""
    for frame in iter(client.next_held, None):
        client.send_early(frame)
    client.send_ready(Frame("ready", {}))
    client.open()


def _frame(room: str, seq: int) -> Frame:
    return Frame(f"{room[-1]}{seq}", {}, None, room, seq)


async def test_what_was_replayed_is_not_pushed_again() -> None:
    """Delivery may come to an event later than the replay did: before the client is ready, or after."""
    client, pushed = _client()
    client.had = {ROOM: 2, OTHER: 1}
    client.send_early(_frame(ROOM, 1))
    client.send(_frame(ROOM, 1))
    client.send_early(_frame(ROOM, 2))
    client.send(_frame(ROOM, 2))
    client.send(_frame(ROOM, 3))
    _open(client)
    client.send(_frame(ROOM, 2))
    client.send(_frame(ROOM, 4))
    assert pushed == ["a1", "a2", "a3", "ready", "a4"]
    client.ping()
    assert client.had == {}


async def test_nothing_of_a_conversation_to_be_reloaded_comes_before_ready() -> None:
    """Its client would take it for the next event, and not know of the gap when the link drops."""
    client, pushed = _client()
    client.resync, client.had = {ROOM}, {ROOM: 7, OTHER: 1}
    client.send(_frame(ROOM, 8))
    client.send(_frame(OTHER, 2))
    _open(client)
    assert pushed == ["b2", "ready", "a8"]


async def test_memberships_of_one_room_are_replayed_in_their_order() -> None:
    """The database gives them in any order."""
    budget = Budget(MOST_IN_ONE, MOST_IN_ALL)
    for missed in (Missed(ROOM, 7, 9), Missed(OTHER, 0, 5), Missed(ROOM, 1, 3)):
        budget.add(missed.room, missed)
    await budget.spend()
    assert [missed.after for missed in budget.missed if missed.room == ROOM] == [1, 7]


async def test_what_is_held_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past its bound nothing more is held: what is in the log is noted, and read in its turn."""
    monkeypatch.setattr(device_module, "_HELD", 2)
    client, _ = _client()
    for seq in (1, 2, 3, 4):
        client.send(_frame(ROOM, seq))
    client.send(Frame("typing", {}))
    assert client.next_held() is not None
    client.send(_frame(ROOM, 5))
    client.send(_frame(OTHER, 7))
    assert [frame.seq for frame in iter(client.next_held, None)] == [2, 7]
    assert client.unheld == {ROOM: (2, 5)}


async def test_a_pong_proves_what_was_sent_before_its_ping() -> None:
    """Of each room the latest, whichever came last; nothing that comes after the ping, and nothing left out."""
    client, _ = _client()
    client.had = {OTHER: 7}
    client.send_ready(Frame("ready", {}))
    client.open()
    for room, seq in ((ROOM, 1), (ROOM, 2), ("conversation:b2", 5), (OTHER, 7), (ROOM, 3)):
        client.send(_frame(room, seq))
    client.ping()
    client.send(_frame(ROOM, 4))
    assert client.pong() == {ROOM: 3, "conversation:b2": 5}
    client.ping()
    assert client.pong() == {ROOM: 4}
    client.ping()
    assert client.pong() == {}


async def test_what_is_in_no_log_takes_no_place_from_what_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A flood of ephemeral pushes to a client that is connecting leaves room for the events that come after it."""
    monkeypatch.setattr(device_module, "_HELD", 10)
    client, _ = _client()
    for n in range(1_000):
        client.send(Frame(f"flood{n}", {}))
    for seq in range(1, 6):
        client.send(_frame(ROOM, seq))
    assert client.unheld == {}
    held = [frame.name for frame in iter(client.next_held, None)]
    assert held == [*(f"flood{n}" for n in range(5)), *(f"a{n}" for n in range(1, 6))]
