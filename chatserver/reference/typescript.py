"""Writes types for an unmodified socket.io-client: ``Socket<ServerToClientEvents, ClientToServerEvents>``."""

import json
from collections.abc import Iterator

from chatserver import schemas
from chatserver.core.errors import ErrorCode
from chatserver.reference import shapes
from chatserver.reference.shapes import Schema
from chatserver.schemas.sessions import Failure
from chatserver.schemas.table import Command, Push

# Within the SDK, which is built of it.
PATH = "client/packages/client/src/events.ts"
_HEAD = """\
// Made by `chatserver reference` from the tables in schemas/; changes here are lost.
//
//   import { io, type Socket } from "socket.io-client";
//   import type { Auth, ClientToServerEvents, ServerToClientEvents } from "./events";
//
//   const auth: Auth = { token };
//   const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io(url, { auth });

/** A time as ISO 8601 in UTC with milliseconds and Z. */
export type Time = string;

/** A conversation's or message's id. Ids of people and products are strings of the main back end's making. */
export type Uuid = string;

/** What goes into the CONNECT packet. */
export interface Auth {
  token: string;
  /** Up to which seq everything has arrived, by conversation; `me` is the personal log. */
  positions?: { epoch: string; me?: number; [conversationId: string]: number | string | undefined };
  /** The `offset` of `chat:conversation_list`: connect from there. */
  since?: string;
  /** false: pushes carry no offset, for handlers that take one argument. */
  recovery?: boolean;
}

/** What a refused connection's `connect_error` has as its `data`. */
export type Refusal = Failure;

/** Every command is answered exactly once. */
export type Ack<Given = unknown> =
  | ({ success: true } & Given)
  | { success: false; error: Failure };

type Answer<Given> = (ack: Ack<Given>) => void;

/** Where the log stood: socket.io-client sends the last one back by itself when it reconnects. */
export type Offset = string;
"""
_FORMATS = {"date-time": "Time", "uuid": "Uuid"}
_PRIMITIVES = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}

# Left out of a retry's answer alone, to whom may not see it any more: nobody wants to ask for it every time.
_AS_IF_ALWAYS = (("MessageSent", "message"), ("MessageGiven", "message"))


def document() -> str:
    """Return the whole module."""
    payloads = {kind.__name__ for kind in shapes.payload_kinds()}
    codes = "\n".join(f'  | "{code}"' for code in ErrorCode)
    parts = [_HEAD, f"export type ErrorCode =\n{codes};\n"]
    for name, schema in shapes.definitions().items():
        parts.append(_declared(name, schema, takes_null=name in payloads))
    parts.append(_events("ClientToServerEvents", map(_command, schemas.COMMANDS)))
    parts.append(_events("ServerToClientEvents", _pushes()))
    parts.append(_changes())
    return "\n".join(parts)


def _declared(name: str, schema: Schema, *, takes_null: bool) -> str:
    comment = _comment(schema["description"], "")
    if "properties" not in schema:
        return f"{comment}export type {name} = {_type(schema)};\n"
    if not schema["properties"]:
        return f"{comment}export type {name} = Record<string, never>;\n"
    needed = schema.get("required", [])
    lines = []
    for field, of in schema["properties"].items():
        kind = "ErrorCode" if (name, field) == (Failure.__name__, "code") else _type(of)
        if field in needed or (name, field) in _AS_IF_ALWAYS:
            lines.append(f"  {field}: {kind};")
        else:
            lines.append(f"  {field}?: {kind}{' | null' if takes_null else ''};")
    return f"{comment}export interface {name} {{\n" + "\n".join(lines) + "\n}\n"


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return " | ".join(_type(part) for part in schema[union])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return " | ".join(_of_kind(kind, schema) for kind in kinds) or "unknown"


def _of_kind(kind: str, schema: Schema) -> str:
    if kind == "string":
        return _FORMATS.get(schema.get("format", ""), "string")
    if kind == "array" and "prefixItems" in schema:
        return f"[{', '.join(_type(item) for item in schema['prefixItems'])}]"
    if kind == "array":
        item = _type(schema["items"])
        return f"({item})[]" if " " in item else f"{item}[]"
    if kind == "object" and "properties" in schema:
        fields = (f"{name}: {_type(of)}" for name, of in schema["properties"].items())
        return f"{{ {'; '.join(fields)} }}"
    if kind == "object":
        held = schema.get("additionalProperties", True)
        return f"Record<string, {'unknown' if held is True else _type(held)}>"
    return _PRIMITIVES[kind]


def _command(command: Command) -> str:
    gives = command.gives.__name__ if command.gives else "unknown"
    with_payload = f"payload: {command.takes.__name__}, ack: Answer<{gives}>"
    comment = _comment(command.doc, "  ")
    if not shapes.may_be_empty(command.takes):
        return f'{comment}  "{command.name}": ({with_payload}) => void;'
    # Nothing to say: then nothing need be sent.
    return (
        f'{comment}  "{command.name}": (\n'
        f"    ...args: [{with_payload}] | [ack: Answer<{gives}>]\n  ) => void;"
    )


def _changes() -> str:
    named = [
        command.name
        for command in schemas.COMMANDS
        if {"requestId", "clientMessageId"} & shapes.payload(command.takes)["properties"].keys()
    ]
    lines = "\n".join(f'  "{name}",' for name in named)
    return (
        "/** The commands that are done once, however often they are sent under the same `requestId`; "
        "`chat:message_send` takes a\n * `clientMessageId` for that. */\n"
        f"export const CHANGES: ReadonlySet<string> = new Set<keyof ClientToServerEvents>([\n{lines}\n]);\n"
    )


def _pushes() -> Iterator[str]:
    by_name: dict[str, list[Push]] = {}
    for push in schemas.PUSHES:
        by_name.setdefault(push.name, []).append(push)
    for name, pushes in by_name.items():
        carried = " | ".join(push.carries.__name__ for push in pushes)
        moved = any(push.durable for push in pushes) or name == "session:ready"
        offset = ", offset?: Offset" if moved else ""
        doc = " Or: ".join(push.doc for push in pushes)
        yield f'{_comment(doc, "  ")}  "{name}": (data: {carried}{offset}) => void;'


def _events(name: str, lines: Iterator[str]) -> str:
    return f"export interface {name} {{\n" + "\n".join(lines) + "\n}\n"


def _comment(text: str, indent: str) -> str:
    return f"{indent}/** {text} */\n"
