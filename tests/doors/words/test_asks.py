"""A door's table of what clients ask: commands, their fields, and what is answered."""

from typing import Any

import pytest

from chatserver import schemas
from chatserver.core.caller import Session, User
from chatserver.core.errors import ChatError, invalid
from chatserver.doors.words import Ask, Asked, Asks, Fact, WordsError
from chatserver.schemas.receipts import Updated

ANN = Session(
    user=User(id="ann", username="ann", display_name="Ann"), connection_id="c", expires_at=0
)


def _without_prefix(message: Any) -> str:
    given = str(message.get("messageId"))
    if not given.startswith("msg_"):
        raise invalid("messageId", "Must begin with msg_.")
    return given.removeprefix("msg_")


READ = Ask(
    "mark_read",
    "chat:message_read",
    {"messageId": _without_prefix, "conversationId": "talk"},
    answer="read",
    answers={"count": "updatedCount", "by": Fact("me.id"), "at": Fact("now")},
    aliases=("read",),
)


def test_what_is_asked_and_answered() -> None:
    """A message becomes a command's payload, under its type and its alias, and the answer is shown."""
    asks = Asks(schemas.COMMANDS, [READ])
    assert asks.find("mark_read") is asks.find("read") is READ
    for unknown in ("other", None, 5, ["read"]):
        assert asks.find(unknown) is None
    message = {"type": "read", "messageId": "msg_1", "talk": None}
    assert asks.payload(READ, message) == {"messageId": "1"}
    shown = asks.answer(READ, Updated(updated_count=2), Asked(message, ANN))
    assert shown is not None
    shown.pop("at")
    assert shown == {"type": "read", "count": 2, "by": "ann"}
    with pytest.raises(ChatError):
        asks.payload(READ, {"messageId": "1"})


def test_what_is_not_answered() -> None:
    """A command may be done without an answer."""
    ask = Ask("typing", "chat:typing", {"conversationId": "talk", "isTyping": "isTyping"})
    asks = Asks(schemas.COMMANDS, [ask])
    assert asks.answer(ask, None, Asked({}, ANN)) is None


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([READ, READ], "mark_read stands twice"),
        ([READ, Ask("read", "system:ping", {})], "read stands twice"),
        ([Ask("hello", "system:ping", {})], "hello stands twice"),
        ([Ask("a", "chat:typo", {})], "no command 'chat:typo'"),
        ([Ask("a", "chat:message_read", {"id": "id"})], "chat:message_read takes no id"),
        ([Ask("a", "chat:typing", {"conversationId": "c"})], "must be given isTyping"),
        (
            [Ask("a", "chat:message_read", {}, answer="b", answers={"n": "count"})],
            "no 'count' in Updated",
        ),
        ([Ask("a", "chat:message_read", {}, answers={"n": "updatedCount"})], "without a type"),
    ],
)
def test_what_does_not_fit(rows: list[Ask], why: str) -> None:
    """A row that does not fit the table of commands keeps the server from starting, and says where and why."""
    with pytest.raises(WordsError, match=why):
        Asks(schemas.COMMANDS, rows, reserved=("hello",))
