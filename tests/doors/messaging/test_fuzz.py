"""Whatever JSON a client sends: at most one answer, no crash, and the connection lives on."""

import json
from typing import Any

import pytest
from hypothesis import strategies as st

from chatserver.doors.messaging.asks import ROWS
from chatserver.doors.messaging.reading import kinds
from chatserver.doors.words import Ask
from tests.conftest import User
from tests.doors.messaging.test_bad_input import valid
from tests.support.fuzzing import drawn
from tests.support.inside import until
from tests.support.json_values import VALUES
from tests.support.messaging import MessagingClient, Opener, line_of
from tests.support.servers import Server

EACH = 20
# What has no answer where it is done, or is nothing new.
_SILENT = ("typing", "mark_message_read")


async def _quiet(server: Server, client: MessagingClient, user: User) -> None:
    """All that a client has asked is answered, and the answers are there."""
    await client.settled()
    device = line_of(server, user).device
    assert device is not None
    await until(lambda: device.lane.is_idle)
    await client.settled()


def _messages(ask: Ask) -> list[Any]:
    """Messages of a type with anything in some of their fields, and with anything beside them."""
    names = st.sampled_from([*kinds(ask), "type"]) | st.text(max_size=5)
    changes = st.dictionaries(names, VALUES, max_size=3)
    return drawn(changes.map(lambda changed: {**valid(ask), **changed}), EACH)


# By pings is found out what has come.
_ASKS = [ask for ask in ROWS if ask.type != "ping"]


@pytest.mark.parametrize("ask", _ASKS, ids=lambda ask: ask.type)
async def test_any_message(server: Server, join: Opener, alice: User, ask: Ask) -> None:
    """Any message of any type has one answer, or none where it may have none, and is no INTERNAL_ERROR."""
    client = await join(alice)
    for message in _messages(ask):
        await client.text(json.dumps(message))
        await _quiet(server, client, alice)
        assert len(client.told) == 1 or (not client.told and ask.type in _SILENT), message
        assert all(told.get("code") != "INTERNAL_ERROR" for told in client.told), message
        client.told.clear()


async def test_anything_at_all(server: Server, join: Opener, alice: User) -> None:
    """Any JSON, and any text, before a client has said who it is and after, is refused once."""
    client = await join(alice)
    for value in drawn(VALUES, 5 * EACH):
        await client.text(json.dumps(value))
        await _quiet(server, client, alice)
        (told,) = client.told
        assert (told["type"], told["code"]) == ("error", "VALIDATION_ERROR"), value
        client.told.clear()
    nobody = await join.open()
    await nobody.expect("connected")
    for text in drawn(st.text(max_size=50), 10):
        await nobody.text(text)
        assert (await nobody.expect("error"))["code"] == "VALIDATION_ERROR"
    await nobody.say_who(alice)
