"""Writes the commands and pushes of the main door as an AsyncAPI 3.0 document."""

from functools import cache
from typing import Any

from chatserver import __version__, schemas
from chatserver.reference import asyncapi_vocabulary, shapes
from chatserver.reference.commands import LIMITS, own_errors
from chatserver.reference.shapes import Schema, titled
from chatserver.reference.vocabularies import Vocabulary
from chatserver.schemas.examples import EXAMPLES
from chatserver.schemas.table import Command, Push

_DESCRIPTION = """\
Socket.IO 5 at `/socket.io/`, by WebSocket or polling, in the namespace `/`: each message is an event of its name
with one argument, and each command is acknowledged exactly once. The token goes into the CONNECT packet
(`io(url, {auth: {token}})`). Fields are accepted in either casing; an optional field may be null, which is as if
it were not there.
"""


@cache
def document(vocabularies: tuple[Vocabulary, ...] = ()) -> dict[str, Any]:
    """Return the whole document: of the main door, and of those with other words."""
    found = _main()
    for vocabulary in vocabularies:
        asyncapi_vocabulary.add(found, vocabulary)
    return found


def _main() -> dict[str, Any]:
    messages = {_push_id(push): _pushed(push) for push in schemas.PUSHES}
    for command in schemas.COMMANDS:
        messages[command.name] = _asked(command)
        messages[_ack_id(command)] = _answered(command)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "chatserver",
            "version": __version__,
            "description": _DESCRIPTION,
        },
        "defaultContentType": "application/json",
        "servers": {
            "main": {
                "host": "localhost:3001",
                "pathname": "/socket.io/",
                "protocol": "wss",
                "description": "Wherever the server is deployed.",
                "security": [{"$ref": "#/components/securitySchemes/token"}],
            }
        },
        "channels": {
            "main": {
                "address": "/",
                "servers": [{"$ref": "#/servers/main"}],
                "description": "The one namespace.",
                "messages": {name: _to_message(name) for name in messages},
            }
        },
        "operations": {
            **{command.name: _command(command) for command in schemas.COMMANDS},
            **{_push_id(push): _push(push) for push in schemas.PUSHES},
        },
        "components": {
            "messages": messages,
            "schemas": shapes.definitions(),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "As `auth.token` of the CONNECT packet.",
                }
            },
        },
    }


def _ack_id(command: Command) -> str:
    return f"{command.name}.ack"


def _push_id(push: Push) -> str:
    return f"{push.name}.personal" if push.personal else push.name


def _to_message(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/messages/{name}"}


def _in_channel(name: str) -> dict[str, str]:
    return {"$ref": f"#/channels/main/messages/{name}"}


_MAIN = {"$ref": "#/channels/main"}


def _command(command: Command) -> dict[str, Any]:
    codes = ", ".join(f"`{code}`" for code in own_errors(command))
    refused = f" Beside what any command may be refused with: {codes}." if codes else ""
    return {
        "action": "receive",
        "channel": _MAIN,
        "summary": command.doc,
        "description": f"{LIMITS[command.limit]}{refused}",
        "messages": [_in_channel(command.name)],
        "reply": {"channel": _MAIN, "messages": [_in_channel(_ack_id(command))]},
    }


def _asked(command: Command) -> dict[str, Any]:
    return {
        "name": command.name,
        "title": titled(command.name),
        "summary": command.doc,
        "payload": shapes.ref(command.takes),
        "examples": [{"payload": EXAMPLES[command.name]}],
    }


def _answered(command: Command) -> dict[str, Any]:
    payload: Schema = {"oneOf": [shapes.ack(command.gives), shapes.refusal()]}
    return {
        "name": _ack_id(command),
        "title": f"{titled(command.name)}Ack",
        "summary": f"The one answer to `{command.name}`, as the argument of its callback.",
        "payload": payload,
    }


def _push(push: Push) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": _MAIN,
        "summary": push.doc,
        "messages": [_in_channel(_push_id(push))],
    }


def _pushed(push: Push) -> dict[str, Any]:
    if push.personal:
        kind = "Durable, in the person's own log: replayed after a gap, to all their devices."
    elif push.durable:
        kind = "Durable: in the conversation's log, in the order of `seq`, replayed after a gap."
    else:
        kind = "Live only."
    return {
        "name": push.name,
        "title": titled(push.name) + ("Personal" if push.personal else ""),
        "summary": push.doc,
        "description": kind,
        "payload": shapes.ref(push.carries),
    }
