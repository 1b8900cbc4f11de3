"""A door's table of pushes: every push is shown or hidden, and what is shown is there."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from chatserver import schemas
from chatserver.core.about import About
from chatserver.core.caller import User
from chatserver.core.encoding import Received
from chatserver.delivery.pushes import Frame
from chatserver.doors.words import (
    Computed,
    Each,
    Fact,
    Fixed,
    Hidden,
    Maybe,
    Pushes,
    Shown,
    WordsError,
    is_direct,
    is_group,
)
from chatserver.schemas.resources import Mention, Message, Reaction

ANN = User(id="ann", username="ann", display_name="Ann", email="ann@example.com")
DIRECT = About("direct", ("ann", "bob"), "camera", ANN)
MESSAGE = Message(
    id="m",
    conversation_id="c",
    seq=3,
    sender_id="ann",
    sender_username="ann",
    recipient_id="bob",
    content="Hello",
    content_encrypted=None,
    message_type="text",
    client_message_id=None,
    reply_to_message_id=None,
    mentions=(Mention(type="everyone", user_id=None, username=None),),
    reactions=(Reaction(user_id="bob", username="bob", reaction="👍"),),
    metadata={"a": {"b": 1}},
    is_announcement=False,
    is_pinned=False,
    is_edited=False,
    is_deleted=False,
    created_at="2025-01-01T00:00:00.000Z",
    edited_at=None,
    updated_seq=3,
    status="sent",
)


def _table(*rows: Shown | Hidden) -> Pushes:
    """A table in which everything but these rows is hidden."""
    named = {(row.push, row.personal) for row in rows}
    others = [
        Hidden(push.name, "of no interest", push.personal)
        for push in schemas.PUSHES
        if (push.name, push.personal) not in named
    ]
    return Pushes(schemas.PUSHES, [*rows, *others])


def _received(about: About | None = DIRECT) -> Frame:
    return Frame("chat:message_received", Received(MESSAGE), None, "conversation:c", 3, about=about)


def test_every_kind_of_source() -> None:
    """Paths, facts, fixed values, what is made of others, lists, objects, and what is left out if it is null."""
    table = _table(
        Shown(
            "chat:message_received",
            "new",
            {
                "conversationId": Computed(lambda users: "conv_" + "_".join(users), Fact("users")),
                "seq": "seq",
                "flag": Fixed(True),
                "at": Fact("at"),
                "reply": Maybe("reply_to_message_id"),
                "product": Maybe(Fact("product_id")),
                "both": Computed(
                    lambda one, other: f"{one} {other}", "content", Fact("actor.email")
                ),
                "deep": "metadata.a.b",
                "message": {"id": "id", "content": "content", "name": Fact("actor.display_name")},
                "reactions": Each("reactions", {"userId": "user_id", "reaction": "reaction"}),
            },
        )
    )
    frame = _received()
    frame.at = datetime(2025, 1, 1, 12, tzinfo=UTC)
    expected = {
        "type": "new",
        "conversationId": "conv_ann_bob",
        "seq": 3,
        "flag": True,
        "at": "2025-01-01T12:00:00.000Z",
        "product": "camera",
        "both": "Hello ann@example.com",
        "deep": 1,
        "message": {"id": "m", "content": "Hello", "name": "Ann"},
        "reactions": [{"userId": "bob", "reaction": "👍"}],
    }
    assert table.show(frame) == expected
    # What another process says comes as JSON.
    frame.payload = orjson.loads(Received(MESSAGE).json())
    assert orjson.loads(table.json(frame) or b"") == expected


def test_the_first_row_that_holds() -> None:
    """A push is shown by the first of its rows that holds, and not at all where none does."""
    table = _table(
        Shown("chat:message_received", "to a person", {"id": "id"}, when=is_direct),
        Shown("chat:message_received", "to a group", {"id": "id"}, when=is_group),
    )
    shown = [table.show(_received(about)) for about in (DIRECT, About("group"), None, About())]
    assert [one and one["type"] for one in shown] == ["to a person", "to a group", None, None]
    assert table.types == {"chat:message_received": ("to a person", "to a group")}


def test_what_is_not_shown() -> None:
    """Hidden pushes, those of other programs, and those of which it is not known what they are about."""
    table = _table(Shown("chat:user_typing", "typing", {"of": Fact("users")}))
    assert table.show(_received()) is None
    assert table.show(Frame("promo", {"a": 1})) is None
    typing = {"conversationId": "c", "userId": "ann"}
    assert table.show(Frame("chat:user_typing", typing)) is None
    assert table.show(Frame("chat:user_typing", typing, about=DIRECT)) is not None


def test_a_name_that_stands_twice() -> None:
    """A push of a conversation and one of a person's own stream have rows of their own."""
    table = _table(
        Shown("chat:message_deleted", "deleted", {"by": "deletedBy"}),
        Shown("chat:message_deleted", "deleted for me", {"id": "messageId"}, personal=True),
        Shown("user:blocked", "blocked", {"id": "userId"}, personal=True),
    )
    for payload, room, expected in (
        ({"deletedBy": "ann"}, "conversation:c", {"type": "deleted", "by": "ann"}),
        ({"messageId": "m"}, "user:ann", {"type": "deleted for me", "id": "m"}),
    ):
        assert table.show(Frame("chat:message_deleted", payload, None, room, 1)) == expected
    blocked = Frame("user:blocked", {"userId": "bob", "personalSeq": 1}, None, "user:ann", 1)
    assert table.show(blocked) == {"type": "blocked", "id": "bob"}


_TYPING = "chat:user_typing"


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ((Shown("chat:typo", "t", {}),), "no such push"),
        ((Shown(_TYPING, "t", {"a": "nowhere"}),), "no 'nowhere' in UserTyping"),
        ((Shown(_TYPING, "t", {"a": "userId.deeper"}),), "no 'userId.deeper'"),
        ((Shown(_TYPING, "t", {"a": {"b": Computed(str, "user_id")}}),), "no 'user_id'"),
        ((Shown(_TYPING, "t", {"a": Fact("weather")}),), "no fact 'weather'"),
        ((Shown(_TYPING, "t", {"type": "userId"}),), "'type' stands twice"),
        ((Shown(_TYPING, "t", {}), Shown(_TYPING, "u", {})), "behind one that always holds"),
        ((Shown(_TYPING, "t", {}), Hidden(_TYPING, "why")), "hidden, and has another row"),
        (
            (Shown("chat:message_received", "t", {"r": Each("reactions", {"a": "id"})}),),
            "no 'id' in Reaction",
        ),
    ],
)
def test_what_does_not_fit(rows: tuple[Any, ...], why: str) -> None:
    """A row that does not fit the table of pushes keeps the server from starting, and says where and why."""
    with pytest.raises(WordsError, match=why):
        _table(*rows)


def test_nothing_is_forgotten() -> None:
    """A push that is neither shown nor hidden keeps the server from starting."""
    rows = [Hidden(push.name, "why", push.personal) for push in schemas.PUSHES]
    Pushes(schemas.PUSHES, rows)
    with pytest.raises(WordsError, match=f"neither shown nor hidden: {rows[0].push}"):
        Pushes(schemas.PUSHES, rows[1:])
