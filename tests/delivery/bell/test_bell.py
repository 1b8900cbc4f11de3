"""What waits for Redis, and what is made of what comes from it."""

import asyncio
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatserver import schemas
from chatserver.core.about import NOTHING, About
from chatserver.core.caller import User
from chatserver.delivery.bell import channels, foreign
from chatserver.delivery.bell import messages as bell
from chatserver.delivery.bell.outbox import Outbox, Saying
from chatserver.delivery.pushes import Event
from tests.support.strangers import stranger

ANN = User(id="ann", username="ann", display_name="Ann", email="ann@example.com")
ABOUTS = (
    NOTHING,
    About("direct", ("ann", "bob"), "camera", ANN),
    About("direct", ("ann", "bob"), None, User(id="bob", username="bob", display_name="Bob")),
    About("group", actor=ANN),
)
EVENT = Event(
    room="conversation:c",
    seq=7,
    name="n",
    payload={"a": ["1\n2"]},
    about=ABOUTS[1],
)
CHANGE = EVENT._replace(payload=None, joined=("ann",), left=("bob",))


def _heads(said: bytes) -> list[Any]:
    return [orjson.loads(head) for head in said.split(b"\n")[::2]]


def _message(**changes: Any) -> bytes:
    """The event, with other things at some places of its head."""
    (head,) = _heads(bell.event(EVENT))
    names = ("what", "room", "seq", "name", "joined", "left", "at", "about")
    for name, value in changes.items():
        head[names.index(name)] = value
    return orjson.dumps(head) + b"\n{}"


# -- reading --------------------------------------------------------------------------------------


def test_what_is_written_is_read() -> None:
    """Events and pushes come out as they went in, by themselves and several together, in their order."""
    push = bell.Emit("n", {"x": 1}, rooms=("user:a", "user:b"), skip_user="ann", about=ABOUTS[3])
    written = [
        bell.event(EVENT),
        bell.event(CHANGE),
        bell.push(("user:a", "user:b"), "n", {"x": 1}, "ann", ABOUTS[3]),
        bell.superseded("ann", 1.5, "sid"),
    ]
    read = [EVENT, CHANGE, push, bell.Superseded("ann", 1.5, "sid")]
    assert [list(bell.read(each)) for each in written] == [[each] for each in read]
    assert list(bell.read(bell.together(written))) == read


def test_a_change_of_members_carries_nothing() -> None:
    """Who joins or leaves is read from the log, so what the event says of it stays there."""
    assert b"secret" not in bell.event(CHANGE._replace(payload="secret", welcome="secret"))


def test_what_it_is_about() -> None:
    """What events and pushes are about comes out as it went in; what is not said so is not known."""
    for about in ABOUTS:
        told = EVENT._replace(about=about)
        assert list(bell.read(bell.event(told))) == [told]
        (emit,) = bell.read(bell.push(("user:a",), "n", {}, None, about))
        assert isinstance(emit, bell.Emit)
        assert emit.about == about
    for wrong in (
        None,
        [],
        ["direct", ["ann"], None, None],
        ["group", ["ann"], None, None],
        {"a": 1},
    ):
        (read,) = bell.read(_message(about=wrong))
        assert read == EVENT._replace(payload={}, about=None)


@pytest.mark.parametrize(
    "head",
    [
        *(["supersede", *said] for said in ([5, 1.5, "s"], ["a", "1.5", "s"], ["a", True, "s"])),
        *(["supersede", *said] for said in (["a", None, "s"], ["a", 1.5, None], ["a", 1.5])),
        ["push", ["user:a"], 5, None, None],
        ["push", ["user:a"], "n", 5, None],
        ["push", "user:a", "n", None, None],
        ["push", [5], "n", None, None],
        *(["event", "conversation:c", seq, "n", [], [], None, None] for seq in (0, -1, True, 1.5)),
        *(["event", "conversation:c", seq, "n", [], [], None, None] for seq in ("7", None, 2**62)),
        ["event", "sid", 7, "n", [], [], None, None],
        ["event", ["conversation:c"], 7, "n", [], [], None, None],
        ["event", "conversation:c", 7, "n", "ann", [], None, None],
        ["event", "conversation:c", 7, "n", [1], [], None, None],
        ["event", "conversation:c", 7, "n"],
        *(["disconnect", "sid"], ["close_room", "user:a"], [], {}, "event", 5, None),
    ],
)
def test_what_is_malformed_is_ignored(head: Any) -> None:
    """What has a wrong shape is nothing, be it signed, and what is said beside it is heard."""
    said = bell.together([orjson.dumps(head) + b"\n{}", bell.event(EVENT)])
    assert list(bell.read(said)) == [None, EVENT]


def test_strangers_may_emit() -> None:
    """To rooms, sids, both, everybody: an event of their own, without an ack."""
    for room, rooms, sids in (
        ("user:a", ("user:a",), ()),
        ("sid", (), ("sid",)),
        (["user:a", "sid"], ("user:a",), ("sid",)),
        (None, None, ()),
    ):
        emit = foreign.read_foreign(stranger(room=room, callback=["room", "/", 1]))
        assert emit is not None
        assert (emit.name, emit.rooms, emit.sids, emit.skip_user) == ("promo", rooms, sids, None)
        assert orjson.dumps(emit.payload) == b'{"a":[1]}'


@pytest.mark.parametrize(
    "message",
    [
        bell.event(EVENT),
        foreign.ping("another"),
        *(stranger(chatserver=ours) for ours in ({}, {"seq": 7}, {"joined": ["ann"]}, None)),
        *(stranger(event=push.name) for push in schemas.PUSHES),
        *(stranger(event=name) for name in ("connect", "disconnect", "connect_error", "")),
        *(stranger(event=name) for name in ("x" * 201, 5, None, ["n"])),
        *(
            stranger(method=method, sid="s", room="user:a")
            for method in ("disconnect", "close_room", "enter_room", "leave_room", "callback")
        ),
        *(stranger(method=method) for method in ("supersede", [], 1, None)),
        *(stranger(room=room) for room in (5, [None], {})),
        *(stranger(data=data) for data in ("text", {"a": 1}, None)),
        stranger(room=[f"user:{n}" for n in range(1_001)]),
        stranger(namespace="/admin"),
        stranger(binary=True),
        stranger(data=["x" * foreign.MAX_FOREIGN]),
        # orjson reads this and does not write it.
        stranger().replace(b'{"a":[1]}', b"[" * 300 + b"]" * 300),
    ],
)
def test_strangers_may_say_nothing_else(message: bytes) -> None:
    """What is ours, reserved by clients, too much, too deep, malformed or another method is not heeded."""
    assert foreign.read_foreign(message) is None


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_fields = st.sampled_from(["method", "event", "data", "room", "namespace", "binary", "chatserver"])
_places = st.sampled_from(["what", "room", "seq", "name", "joined", "left", "at", "about"])


@given(
    st.binary()
    | _json.map(orjson.dumps)
    | st.dictionaries(_fields, _json).map(lambda changes: stranger(**changes))
    | st.dictionaries(_places, _json).map(lambda changes: _message(**changes))
    | st.integers(0, 400).map(lambda end: _message()[:end])
)
def test_whatever_comes_is_read_or_ignored(raw: bytes) -> None:
    """Nothing raises, and what comes out has the types that it says."""
    for read in (*bell.read(raw), foreign.read_foreign(raw)):
        match read:
            case Event() as event:
                assert type(event.seq) is int
                assert all(type(text) is str for text in (*event.joined, *event.left, event.room))
            case bell.Emit() as emit:
                assert type(emit.name) is str
                assert all(type(text) is str for text in (*(emit.rooms or ()), *emit.sids))


def test_the_huge_and_the_deep_are_ignored() -> None:
    """Neither size nor nesting is trusted."""
    assert list(bell.read(b"[" * 100_000)) == [None]
    assert list(bell.read(bell.event(EVENT) + b"\n" * bell.MAX_MESSAGE)) == [None]
    for raw in (b"[" * 100_000, stranger(data=["x" * bell.MAX_MESSAGE]), "text", None):
        assert foreign.read_foreign(raw) is None


# -- the channels ---------------------------------------------------------------------------------


def test_an_event_rings_where_its_people_are() -> None:
    """In a direct conversation on its people's channels, in a group on the group's and on those of who joins."""
    ann, bob, group = map(channels.channel_of, ("user:ann", "user:bob", "conversation:c"))
    in_group = CHANGE._replace(about=ABOUTS[3])
    assert list(channels.of_event(CHANGE)) == [(ann, bob)]
    assert list(channels.of_event(in_group)) == [(group,), (ann,)]
    assert list(channels.of_event(in_group._replace(room="user:bob"))) == [(bob,), (ann,)]
    many = in_group._replace(joined=tuple(map(str, range(40))))
    assert [len(some) for some in channels.of_event(many)] == [1, 16, 16, 8]
    # A thousand channels would be dearer than all processes.
    more = in_group._replace(joined=tuple(map(str, range(1_000))))
    assert list(channels.of_event(more)) == [(group,), channels.EVERYBODY]
    for unknown in (None, NOTHING):
        assert list(channels.of_event(CHANGE._replace(about=unknown))) == [channels.EVERYBODY]


def test_a_push_rings_where_its_rooms_are() -> None:
    """On the channel of each room, and for very many, or where nobody knows the kind of room, everywhere."""
    ann, bob, group = map(channels.channel_of, ("user:ann", "user:bob", "conversation:c"))
    for rooms, about, places in (
        (["user:ann"], None, [(ann,)]),
        (["user:ann", "user:bob"], ABOUTS[3], [(ann, bob)]),
        (["conversation:c"], ABOUTS[3], [(group,)]),
        (["conversation:c"], ABOUTS[1], [(ann, bob)]),
        (["conversation:c"], None, [channels.EVERYBODY]),
        (["conversation:c", "user:ann"], ABOUTS[3], [channels.EVERYBODY]),
        ([f"user:{n}" for n in range(1_000)], None, [channels.EVERYBODY]),
    ):
        assert [on for _, on in channels.of_push(rooms, about)] == places
    told = list(channels.of_push([f"user:{n}" for n in range(40)], None))
    assert [room for rooms, _ in told for room in rooms] == [f"user:{n}" for n in range(40)]
    assert [len(on) for _, on in told] == [16, 16, 8]


# -- the outbox -----------------------------------------------------------------------------------


def _saying(said: bytes) -> Saying:
    return Saying((b"channel",), said)


async def test_an_outbox_keeps_the_order_and_its_bounds() -> None:
    """The oldest are dropped, and counted, by number and by bytes."""
    outbox = Outbox(max_messages=3, max_bytes=100)
    for n in range(5):
        outbox.put(_saying(b"%d" % n))
    assert (await outbox.take(), outbox.dropped) == ([_saying(n) for n in (b"2", b"3", b"4")], 2)
    outbox.put(_saying(b"a" * 60))
    outbox.put(_saying(b"b" * 60))
    assert (await outbox.take(), outbox.dropped) == ([_saying(b"b" * 60)], 3)
    outbox.put(_saying(b"c" * 101))
    assert (len(outbox), outbox.dropped) == (0, 4)
    outbox.put(_saying(b"d"))
    assert await outbox.take() == [_saying(b"d")]


async def test_an_outbox_is_emptied_in_round_trips() -> None:
    """A batch is bounded, at least one message, and the outbox is empty once the last is done."""
    outbox = Outbox()
    big = b"x" * 1_500_000
    for message in (big, big, *[b"y"] * 600):
        outbox.put(_saying(message))
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
        outbox.put(_saying(b"%d" % n))
        assert await waiting == [_saying(b"%d" % n)]
        outbox.put(_saying(b"between"))
        assert await outbox.take() == [_saying(b"between")]
        outbox.done()
