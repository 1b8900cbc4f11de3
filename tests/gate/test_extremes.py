"""Numbers at the ends of what a field takes: answered like any other."""

import json
from typing import Any

import pytest

from chatserver import schemas
from chatserver.schemas.examples import EXAMPLES
from chatserver.schemas.fields import Many, Whole
from chatserver.schemas.table import Command
from chatserver.schemas.wire import Loader, camel
from tests.conftest import Connect, User

_OURS = ("INTERNAL_ERROR", "UNAVAILABLE")


def extremes(field: Any) -> tuple[Any, ...]:
    """The least and the most that a field of whole numbers takes."""
    if isinstance(field, Many):
        return tuple([value] for value in extremes(field.kind))
    return (field.low, field.high) if isinstance(field, Whole) else ()


def numbers_of(command: Command) -> dict[str, tuple[Any, ...]]:
    """The fields of a command that take numbers, and the ends of each one's range."""
    fields = Loader(command.takes).fields
    return {camel(name): ends for name, field in fields.items() if (ends := extremes(field))}


@pytest.mark.parametrize(
    "command", [c for c in schemas.COMMANDS if numbers_of(c)], ids=lambda c: c.name
)
async def test_the_ends_of_a_range_are_answered(
    connect: Connect, alice: User, bob: User, command: Command
) -> None:
    """A number at either end of its range, in a conversation that is there, overflows nothing inside."""
    fields, numbers = Loader(command.takes).fields, numbers_of(command)
    device = await connect(alice)
    sent = await device.do("chat:message_send", recipientId=bob.id, content="x")
    group = await device.do("group:create", title="x", participantIds=[bob.id])
    for conversation_id in (
        sent["message"]["conversation_id"],
        group["conversation"]["id"],
    ):
        base = EXAMPLES[command.name] | (
            {"conversationId": conversation_id} if "conversation_id" in fields else {}
        )
        for name, values in numbers.items():
            for value in values:
                for others in ({}, {other: numbers[other][-1] for other in numbers}):
                    answer = await device.ask(command.name, {**base, **others, name: value})
                    if not answer["success"]:
                        assert answer["error"]["code"] not in _OURS, json.dumps(
                            [name, value, answer]
                        )
