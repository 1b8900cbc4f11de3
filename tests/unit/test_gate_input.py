"""Whatever JSON a client sends to whatever command: one answer that can be written, and never a crash."""

import asyncio
import json
import time
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas
from chatserver.doors import packets
from chatserver.gate import Gate
from chatserver.session import Caller, Session, User
from schemas.base import Retryable
from schemas.examples import EXAMPLES
from schemas.wire import Loader, camel

SESSION = Session(
    user=User(id="1", username="alice", display_name="Alice"),
    connection_id="c",
    expires_at=time.time() + 3600,
)

# With lone surrogates, NaN, infinities and numbers of any size: all that a JSON text can hold.
_TEXT = st.text(st.characters(exclude_categories=()), max_size=6)
_HELD = [value for payload in EXAMPLES.values() for value in payload.values()]
_LEAF = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    _TEXT,
    st.sampled_from(_HELD),
)
_VALUE = st.recursive(
    _LEAF,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=8,
)
_KNOWN = [name for command in schemas.COMMANDS for name in Loader(command.takes).fields]
_NAME = st.sampled_from(_KNOWN) | st.sampled_from(_KNOWN).map(camel) | _TEXT
_PAYLOAD = st.dictionaries(_NAME, _VALUE, max_size=8) | _VALUE


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
@given(command=st.sampled_from(schemas.COMMANDS), valid=st.booleans(), payload=_PAYLOAD)
@settings(deadline=None, max_examples=200)
def test_any_payload_is_answered(strict: bool, command: Any, valid: bool, payload: Any) -> None:
    """Any payload of any command is accepted, or refused with VALIDATION_ERROR and fields, and never crashes."""
    gate = Gate(schemas.COMMANDS, _modules(), (), strict=strict, timeout=60)
    if valid and isinstance(payload, dict):
        retry = {"requestId": "r"} if issubclass(command.takes, Retryable) else {}
        payload = {**retry, **EXAMPLES[command.name], **payload}
    read = packets.loads(json.dumps(payload))
    answer = asyncio.run(gate.ask(SESSION, command.name, read))
    ack = json.loads(packets.parse(packets.ack(1, answer.ack())).json)[0]
    if not ack["success"]:
        assert ack["error"]["code"] == "VALIDATION_ERROR"
        assert ack["error"]["fields"]
        assert all(reasons for reasons in ack["error"]["fields"].values())
