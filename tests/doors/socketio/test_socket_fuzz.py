"""Whatever payload any command is sent over a socket: one answer, in shape, and no crash."""

import json
from typing import Any

import pytest
from hypothesis import strategies as st

from chatserver import schemas
from chatserver.schemas.examples import EXAMPLES
from chatserver.schemas.table import Command
from chatserver.schemas.wire import Loader, camel
from tests.conftest import Connect, User
from tests.support.examples import made_real
from tests.support.fuzzing import drawn
from tests.support.json_values import PAYLOADS, VALUES
from tests.support.raw import raw_client
from tests.support.servers import Server
from tests.support.shapes import wrong_ack

# The same ones in every run.
PAYLOADS_EACH = 40


def _payloads(command: Command, example: dict[str, Any]) -> list[Any]:
    """Payloads of anything, and the example with anything in some of its fields."""
    names = st.sampled_from([camel(name) for name in Loader(command.takes).fields] or ["x"])
    changes = st.dictionaries(names, VALUES, max_size=3)
    return drawn(PAYLOADS | changes.map(lambda changed: {**example, **changed}), PAYLOADS_EACH)


@pytest.mark.parametrize("command", schemas.COMMANDS, ids=lambda command: command.name)
async def test_any_payload_is_answered(
    command: Command, server: Server, connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """Any payload of any command has one answer, in the shape of the reference, and is no INTERNAL_ERROR."""
    world = await made_real(connect, alice, bob, carol)
    async with raw_client(server.url, alice.token) as raw:
        for payload in _payloads(command, world.real(EXAMPLES[command.name])):
            # Raw fails where a second answer comes.
            ack = await raw.ask(command.name, json.dumps(payload))
            assert wrong_ack(command.name, ack) is None, payload
            assert ack["success"] or ack["error"]["code"] != "INTERNAL_ERROR", payload
        await raw.works()
