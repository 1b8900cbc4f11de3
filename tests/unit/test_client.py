"""What is pushed to a device while it connects, and just after."""

from typing import cast

import pytest
from engineio.packet import Packet

from chatserver.doors import client as client_module
from chatserver.doors.client import Client
from chatserver.doors.link import Link
from chatserver.doors.send_queue import SendQueue
from chatserver.pushes import Frame
from chatserver.recovery import MOST_IN_ALL, MOST_IN_ONE, Missed, _Budget
from chatserver.session import Session, User

SESSION = Session(
    user=User(id="bob", username="bob", display_name="Bob"), connection_id="c", expires_at=0
)
ROOM, OTHER = "conversation:a", "conversation:b"


class _Link:
    """Writes at once."""

    def __init__(self) -> None:
        self.queue = SendQueue(1_000)
        self.pushed: list[str] = []

    def push(self, packet: Packet) -> None:
        self.pushed.append(packet.encode().split('"')[1])


def _client() -> tuple[Client, list[str]]:
    link = _Link()
    return Client(SESSION, cast(Link, link)), link.pushed


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
    client.open(Frame("ready", {}))
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
    client.open(Frame("ready", {}))
    assert pushed == ["b2", "ready", "a8"]


async def test_memberships_of_one_room_are_replayed_in_their_order() -> None:
    """The database gives them in any order."""
    budget = _Budget(MOST_IN_ONE, MOST_IN_ALL)
    budget.spend([Missed(ROOM, 7, 9), Missed(OTHER, 0, 5), Missed(ROOM, 1, 3)])
    assert [missed.after for missed in budget.missed if missed.room == ROOM] == [1, 7]


async def test_what_is_held_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past its bound nothing more is held, and the client is to come back for what it missed."""
    monkeypatch.setattr(client_module, "_HELD", 2)
    client, _ = _client()
    for seq in (1, 2):
        client.send(_frame(ROOM, seq))
    assert not client.overflowed
    client.send(_frame(ROOM, 3))
    assert client.overflowed
    assert client.held is not None
    assert len(client.held) == 2


async def test_a_pong_proves_what_was_sent_before_its_ping() -> None:
    """Of each room the latest, whichever came last; nothing that comes after the ping, and nothing left out."""
    client, _ = _client()
    client.had = {OTHER: 7}
    client.open(Frame("ready", {}))
    for room, seq in ((ROOM, 1), (ROOM, 2), ("conversation:b2", 5), (OTHER, 7), (ROOM, 3)):
        client.send(_frame(room, seq))
    client.ping()
    client.send(_frame(ROOM, 4))
    assert client.pong() == {ROOM: 3, "conversation:b2": 5}
    client.ping()
    assert client.pong() == {ROOM: 4}
    client.ping()
    assert client.pong() == {}
