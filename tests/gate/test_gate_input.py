"""Whatever JSON a client sends to whatever command: one answer that can be written, and never a crash."""

import asyncio
import json
import time
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatserver import schemas
from chatserver.core import encoding
from chatserver.core.caller import Caller, Session, User
from chatserver.doors.socketio import packets
from chatserver.gate import Gate
from chatserver.schemas.base import Retryable
from chatserver.schemas.examples import EXAMPLES
from tests.support.json_values import PAYLOADS
from tests.support.limits import generous

SESSION = Session(
    user=User(id="1", username="alice", display_name="Alice"),
    connection_id="c",
    expires_at=time.time() + 3600,
)


def _modules() -> list[ModuleType]:
    """A handler for every command, that gives nothing."""
    modules: dict[str, ModuleType] = {}
    for command in schemas.COMMANDS:
        noun, _, verb = command.name.partition(":")
        module = modules.setdefault(noun, ModuleType(noun))

        async def handler(_caller: Caller, _cmd: Any) -> None: ...

        handler.__module__ = noun
        setattr(module, verb, handler)
    return list(modules.values())


@pytest.mark.parametrize("strict", [True, False], ids=["development", "production"])
@given(command=st.sampled_from(schemas.COMMANDS), valid=st.booleans(), payload=PAYLOADS)
@settings(deadline=None, max_examples=200)
def test_any_payload_is_answered(strict: bool, command: Any, valid: bool, payload: Any) -> None:
    """Any payload of any command is accepted, or refused with VALIDATION_ERROR and fields, and never crashes."""
    gate = Gate(schemas.COMMANDS, _modules(), (), limiter=generous(), strict=strict, timeout=60)
    if valid and isinstance(payload, dict):
        retry = {"requestId": "r"} if issubclass(command.takes, Retryable) else {}
        payload = {**retry, **EXAMPLES[command.name], **payload}
    read = encoding.loads(json.dumps(payload))
    answer = asyncio.run(gate.ask(SESSION, command.name, read))
    ack = json.loads(packets.parse(packets.ack(1, answer.ack()).decode()).json)[0]
    if not ack["success"]:
        assert ack["error"]["code"] == "VALIDATION_ERROR"
        assert ack["error"]["fields"]
        assert all(reasons for reasons in ack["error"]["fields"].values())
