"""A vocabulary's part of the AsyncAPI document: a server, a channel, and an operation for each type of message."""

from collections.abc import Sequence
from typing import Any

from chatserver import schemas
from chatserver.reference import page_vocabulary
from chatserver.reference.shapes import Schema
from chatserver.reference.vocabularies import AskedMessage, FieldOf, Vocabulary

_COMMANDS = {command.name: command for command in schemas.COMMANDS}


def add(document: dict[str, Any], vocabulary: Vocabulary) -> None:
    """Put a vocabulary into a document."""
    name = vocabulary.name
    document["servers"][name] = {
        "host": "localhost:3001",
        "pathname": vocabulary.address,
        "protocol": vocabulary.protocol,
        "description": vocabulary.summary,
    }
    refusal = _refusal() if vocabulary.protocol == "wss" else _ERROR_FRAME
    messages: dict[str, Any] = {"error": refusal}
    operations: dict[str, Any] = {}
    channel = {"$ref": f"#/channels/{name}"}

    def within(message: str) -> dict[str, str]:
        return {"$ref": f"#/channels/{name}/messages/{message}"}

    for asked in vocabulary.asked:
        for type_ in (asked.type, *asked.aliases):
            messages[type_] = _message(
                type_,
                _COMMANDS[asked.command].doc,
                _taken(asked, type_),
                () if asked.destination is None else (asked.destination,),
            )
        answers = ["error"]
        if asked.answer is not None:
            messages.setdefault(
                f"{asked.answer}.answer",
                _message(asked.answer, "", _given(asked.answer, asked.answers)),
            )
            answers.insert(0, f"{asked.answer}.answer")
        operations[f"{name}.{asked.type}"] = {
            "action": "receive",
            "channel": channel,
            "summary": _COMMANDS[asked.command].doc,
            "messages": [within(type_) for type_ in (asked.type, *asked.aliases)],
            "reply": {"channel": channel, "messages": [within(answer) for answer in answers]},
        }
    for told in vocabulary.told:
        message = told.type
        if told.personal and message in messages:
            # ToldMessage of something in a conversation, and in another shape of one's own.
            message = f"{told.type}.personal"
        if message in messages:
            continue
        messages[message] = _message(
            told.type, "", _given(told.type, told.fields), told.destinations
        )
        operations[f"{name}.{message}"] = {
            "action": "send",
            "channel": channel,
            "messages": [within(message)],
        }
    document["channels"][name] = {
        "address": vocabulary.address,
        "servers": [{"$ref": f"#/servers/{name}"}],
        "messages": messages,
    }
    document["operations"] |= operations


def _message(
    type_: str, summary: str, payload: Schema, destinations: Sequence[str] = ()
) -> dict[str, Any]:
    found: dict[str, Any] = {"name": type_, "payload": payload}
    if destinations:
        described = " or ".join(f"`{destination}`" for destination in destinations)
        destination = {"type": "string", "description": described}
        found["headers"] = {
            "type": "object",
            "properties": {"destination": destination},
            "required": ["destination"],
        }
    return found | {"summary": summary} if summary else found


def _taken(asked: AskedMessage, type_: str) -> Schema:
    schema = page_vocabulary.fields_taken(asked)
    if asked.destination is not None:
        needed = {"required": schema["required"]} if schema["required"] else {}
        return {"type": "object", "properties": schema["properties"], **needed}
    return {
        "type": "object",
        "properties": {"type": {"const": type_}, **schema["properties"]},
        "required": ["type", *schema["required"]],
    }


def _given(type_: str, fields: tuple[FieldOf, ...]) -> Schema:
    names: Schema = {field.name: {} for field in fields}
    return {
        "type": "object",
        "properties": {"type": {"const": type_}, **names},
        "required": ["type", *(field.name for field in fields if not field.optional)],
    }


# What STOMP has for it: the frame ERROR.
_ERROR_FRAME: dict[str, Any] = {
    "name": "ERROR",
    "summary": "What was asked is refused, and the connection ends.",
    "contentType": "text/plain",
    "headers": {
        "type": "object",
        "properties": {
            "message": {"type": "string"},
            "code": {"type": "string"},
            "retry-after": {"type": "integer", "description": "Seconds."},
            "receipt-id": {"type": "string"},
        },
        "required": ["message"],
    },
    "payload": {"type": "string"},
}


def _refusal() -> dict[str, Any]:
    texts: Schema = {name: {"type": "string"} for name in ("message", "details", "code", "errorId")}
    payload = {
        "type": "object",
        "properties": {
            "type": {"enum": ["error", "auth_error"]},
            **texts,
            "retryAfter": {"type": "integer"},
            "requiresAuth": {"type": "boolean"},
            "fields": {"type": "object"},
        },
        "required": ["type", "message", "details", "code"],
    }
    return _message("error", "What was asked is refused.", payload)
