"""What waits for Redis, and what is made of what comes from it."""

import asyncio
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatserver.doors import bell_messages as bell
from chatserver.doors.outbox import Outbox
from chatserver.pushes import Event

ME, OTHER = "me", "another"
EVENT = Event(
    room="conversation:c", seq=7, name="n", payload={"a": [1]}, joined=("ann",), left=("bob",)
)


def _message(**changes: Any) -> bytes:
    return orjson.dumps(orjson.loads(bell.event(OTHER, EVENT)) | changes)


# -- reading --------------------------------------------------------------------------------------


def test_what_is_written_is_read() -> None:
    """Events and pushes come out as they went in; one's own are an echo."""
    assert bell.read(bell.event(OTHER, EVENT), ME) == EVENT
    assert bell.read(bell.event(ME, EVENT), ME) == bell.Echo()
    assert bell.read(bell.ping(ME), ME) == bell.Echo()
    assert bell.read(bell.ping(OTHER), ME) is None
    for rooms in (("user:a",), ("user:a", "conversation:b")):
        written = bell.push(OTHER, rooms, "n", {"x": 1}, "ann")
        assert bell.read(written, ME) == bell.Emit(
            name="n", payload={"x": 1}, rooms=rooms, sids=(), skip_user="ann"
        )


def test_superseded() -> None:
    """What says that a connection supersedes others comes out as it went in, and nothing like it does."""
    written = bell.superseded(OTHER, "ann", 1.5, "sid")
    assert bell.read(written, ME) == bell.Superseded("ann", 1.5, "sid")
    assert bell.read(bell.superseded(ME, "ann", 1.5, "sid"), ME) == bell.Echo()
    for wrong in ({"user": 5}, {"since": "1.5"}, {"since": True}, {"since": None}, {"by": None}):
        assert bell.read(orjson.dumps(orjson.loads(written) | wrong), ME) is None


def test_strangers_may_emit_and_disconnect() -> None:
    """Rooms, sids, both, everybody; and the end of a connection."""
    for room, rooms, sids in (
        ("user:a", ("user:a",), ()),
        ("sid", (), ("sid",)),
        (["user:a", "sid"], ("user:a",), ("sid",)),
        (None, None, None),
    ):
        message = _message(room=room, chatserver={}, callback=["room", "/", 1])
        assert bell.read(message, ME) == bell.Emit(
            name="n", payload={"a": [1]}, rooms=rooms, sids=sids
        )
    assert bell.read(orjson.dumps({"method": "disconnect", "sid": "s"}), ME) == bell.Disconnect("s")


@pytest.mark.parametrize(
    "changes",
    [
        {"event": 1},
        {"data": "text"},
        {"data": {"a": 1}},
        {"binary": True},
        {"namespace": "/admin"},
        {"room": 5},
        {"room": [None]},
        {"room": "sid"},
        {"room": None},
        {"room": ["conversation:a", "conversation:b"]},
        {"chatserver": [1]},
        {"chatserver": {"skipUser": 5}},
        *(
            {"chatserver": {"seq": seq, "joined": [], "left": []}}
            for seq in (0, -1, True, 1.5, "7", None, 2**62)
        ),
        {"chatserver": {"seq": 7}},
        {"chatserver": {"seq": 7, "joined": "ann", "left": []}},
        {"chatserver": {"seq": 7, "joined": [1], "left": []}},
        *(
            {"method": method, "sid": "s"}
            for method in ("enter_room", "leave_room", "close_room", "callback", "ping", 1, None)
        ),
        {"method": "disconnect", "sid": 5},
    ],
)
def test_what_is_malformed_or_not_for_strangers_is_ignored(changes: dict[str, Any]) -> None:
    """A message of a wrong shape, or by a method that only the log may decide, is nothing."""
    assert bell.read(_message(**changes), ME) is None


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_fields = st.sampled_from(
    ["method", "event", "data", "room", "namespace", "binary", "chatserver", "host_id", "sid"]
)
_ours = st.dictionaries(st.sampled_from(["seq", "joined", "left", "skipUser"]), _json)


@given(
    st.binary()
    | _json.map(orjson.dumps)
    | st.dictionaries(_fields, _json).map(lambda changes: _message(**changes))
    | _ours.map(lambda ours: _message(chatserver=ours))
    | st.integers(0, 400).map(lambda end: _message()[:end])
)
def test_whatever_comes_is_read_or_ignored(raw: bytes) -> None:
    """Nothing raises, and what comes out has the types that it says."""
    match bell.read(raw, ME):
        case Event() as event:
            assert type(event.seq) is int
            assert all(type(user) is str for user in (*event.joined, *event.left, event.room))
        case bell.Emit() as emit:
            assert type(emit.name) is str
            assert all(type(text) is str for text in (*(emit.rooms or ()), *(emit.sids or ())))


def test_the_huge_and_the_deep_are_ignored() -> None:
    """Neither size nor nesting is trusted."""
    assert bell.read(_message(data=["x" * bell.MAX_MESSAGE]), ME) is None
    assert bell.read(b"[" * 100_000, ME) is None
    assert bell.read("text", ME) is None
    assert bell.read(None, ME) is None


# -- the outbox -----------------------------------------------------------------------------------


async def test_an_outbox_keeps_the_order_and_its_bounds() -> None:
    """The oldest are dropped, and counted, by number and by bytes."""
    outbox = Outbox(max_messages=3, max_bytes=100)
    for n in range(5):
        outbox.put(b"%d" % n)
    assert (await outbox.take(), outbox.dropped) == ([b"2", b"3", b"4"], 2)
    outbox.put(b"a" * 60)
    outbox.put(b"b" * 60)
    assert (await outbox.take(), outbox.dropped) == ([b"b" * 60], 3)
    outbox.put(b"c" * 101)
    assert (len(outbox), outbox.dropped) == (0, 4)
    outbox.put(b"d")
    assert await outbox.take() == [b"d"]


async def test_an_outbox_is_emptied_in_round_trips() -> None:
    """A batch is bounded, at least one message, and the outbox is empty once the last is done."""
    outbox = Outbox()
    big = b"x" * 1_500_000
    for message in (big, big, *[b"y"] * 600):
        outbox.put(message)
    taken = [await outbox.take() for _ in range(3)]
    assert [len(batch) for batch in taken] == [1, 1, 500]
    outbox.done()
    emptied = asyncio.create_task(outbox.emptied())
    assert len(await outbox.take()) == 100
    assert not emptied.done()
    outbox.done()
    await emptied


async def test_an_outbox_wakes_who_waits() -> None:
    """A message put while somebody waits, or between two takes, is taken."""
    outbox = Outbox()
    for n in range(3):
        waiting = asyncio.create_task(outbox.take())
        await asyncio.sleep(0)
        outbox.put(b"%d" % n)
        assert await waiting == [b"%d" % n]
        outbox.put(b"between")
        assert await outbox.take() == [b"between"]
        outbox.done()
