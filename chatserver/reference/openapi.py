"""The REST routes as an OpenAPI 3.1 document."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from apispec import APISpec

from chatserver import __version__, schemas
from chatserver.core.errors import MEANINGS, ErrorCode
from chatserver.reference import openapi_files, openapi_marketplace, openapi_messaging, shapes
from chatserver.reference.commands import errors_by_status
from chatserver.reference.shapes import OPENAPI, Schema
from chatserver.schemas.base import key_field
from chatserver.schemas.examples import EXAMPLES
from chatserver.schemas.messages import MessageSent
from chatserver.schemas.sessions import Failure
from chatserver.schemas.table import Command, Rest, Routed
from chatserver.schemas.wire import camel, snake

_BY_NAME = {command.name: command for command in schemas.COMMANDS}
_DESCRIPTION = """\
Fields are accepted in either casing, in the body or in the query; an optional field may be null, which is as if
it were not there. A body is read as JSON whatever its Content-Type. Fields that nobody knows are ignored in
production and refused in development.
"""
_JSON = "application/json"


@cache
def document() -> dict[str, Any]:
    """Return the whole document."""
    spec = APISpec(
        "chatserver",
        __version__,
        OPENAPI,
        info={"description": _DESCRIPTION},
        servers=[{"url": "/"}],
        security=[{"token": []}],
        tags=[
            *({"name": noun} for noun in dict.fromkeys(map(_noun, schemas.COMMANDS))),
            {"name": openapi_messaging.TAG, "description": "As the messaging system has them."},
            {"name": openapi_marketplace.TAG, "description": "As the marketplace system has them."},
        ],
    )
    spec.components.security_scheme(
        "token", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    )
    for name, schema in shapes.definitions().items():
        spec.components.schema(name, schema)
    for name, codes in _refusals().items():
        spec.components.response(name, _refused(codes))
    for (path, method), rows in _routes().items():
        spec.path(path, operations={method.lower(): _operation(rows)})
    for command in schemas.COMMANDS:
        spec.path(f"/api/commands/{command.name}", operations={"post": _command(command)})
    spec.path("/api/push/vapid-public-key", operations={"get": _vapid_public_key()})
    others = (
        *openapi_files.operations(),
        *openapi_messaging.operations(),
        *openapi_marketplace.operations(),
    )
    for path, method, operation in others:
        spec.path(path, operations={method: operation})
    found: dict[str, Any] = spec.to_dict()
    return found


def _vapid_public_key() -> dict[str, Any]:
    key: Schema = {"type": "object", "properties": {"key": {"type": "string"}}, "required": ["key"]}
    missing = _name([ErrorCode.RESOURCE_NOT_FOUND])
    return {
        "operationId": "vapid_public_key",
        "tags": ["push"],
        "summary": "The key that browsers subscribe with, base64url; 404 where Web Push is not configured.",
        "security": [],
        "responses": {
            "200": {"description": "Done.", "content": {_JSON: {"schema": key}}},
            "404": {"$ref": f"#/components/responses/{missing}"},
        },
    }


def _noun(command: Command) -> str:
    return command.name.partition(":")[0]


def _routes() -> dict[tuple[str, str], list[Routed]]:
    found: dict[tuple[str, str], list[Routed]] = {}
    for command in schemas.COMMANDS:
        for rest in command.rest:
            found.setdefault((rest.path, rest.method), []).append((command, rest))
    return found


# --- one route -----------------------------------------------------------------------------------


def _operation(rows: list[Routed]) -> dict[str, Any]:
    (command, rest), *_ = rows
    in_path = [name for name in _fields(rows) if f"{{{name}}}" in rest.path]
    operation: dict[str, Any] = {
        "operationId": "_or_".join(command.name.replace(":", "_") for command, _ in rows),
        "tags": [_noun(command)],
        "summary": " Or: ".join(command.doc for command, _ in rows),
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": _fields(rows)[name]}
            for name in in_path
        ],
    }
    rest_of = {name: schema for name, schema in _fields(rows).items() if name not in in_path}
    needed = _required(rows)
    if rest.method in ("GET", "DELETE"):
        # A key is a header here: the bodies of these methods have no meaning of their own.
        operation["parameters"] += [
            {"name": name, "in": "query", "required": name in needed, "schema": schema}
            for name, schema in rest_of.items()
            if name not in ("request_id", "client_message_id")
        ]
    elif rest_of:
        body: Schema = {"type": "object", "properties": rest_of}
        if needed - set(in_path):
            body["required"] = [name for name in rest_of if name in needed]
        operation["requestBody"] = _body(body, needed, _example(rows, rest_of))
    operation["parameters"] += _headers(command, rest.method)
    operation["responses"] = _responses(_asked(rows), rest.status, _shown(rows), rest.method)
    return operation


def _asked(rows: list[Routed]) -> list[Command]:
    """Return all commands that a route may ask."""
    found = []
    for command, rest in rows:
        found += [command, *(_BY_NAME[name] for name in (rest.own, rest.then) if name)]
    return found


def _fields(rows: list[Routed]) -> dict[str, Schema]:
    """Return the fields of a route by the guide's names, the one that chooses among the commands included."""
    found: dict[str, Schema] = {}
    for command, rest in rows:
        names = {ours: theirs for theirs, ours in rest.renames}
        for name, schema in shapes.payload_properties(command.takes).items():
            # Which ways there are to name messages is the command's; the path is the way here.
            if not rest.chosen_by or f"{{{name}}}" in rest.path or name == "request_id":
                found[names.get(name, name)] = schema
    choices = [rest.chosen_by for _, rest in rows if rest.chosen_by]
    if choices:
        values = [choice.value for choice in choices]
        kind = "boolean" if isinstance(values[0], bool) else "string"
        found[choices[0].field] = {"type": kind, "enum": values}
    return found


def _required(rows: list[Routed]) -> set[str]:
    command, rest = rows[0]
    names = {ours: theirs for theirs, ours in rest.renames}
    found = {names.get(name, name) for name in shapes.required(command.takes)}
    choices = [rest.chosen_by for _, rest in rows if rest.chosen_by]
    if choices and not any(choice.default for choice in choices):
        found.add(choices[0].field)
    return found


def _example(rows: list[Routed], names: Iterable[str]) -> dict[str, Any]:
    command, rest = rows[0]
    theirs = {ours: theirs for theirs, ours in rest.renames}
    given = {snake(name): value for name, value in EXAMPLES[command.name].items()}
    found = {theirs.get(name, name): value for name, value in given.items()}
    if rest.chosen_by:
        found[rest.chosen_by.field] = rest.chosen_by.value
    return {name: found[name] for name in names if name in found}


def _shown(rows: list[Routed]) -> Schema:
    """Return what a route answers."""
    schemas_of = [answer(command, rest) for command, rest in rows]
    if any(rest.own for _, rest in rows):
        schemas_of.append(shapes.ack(None))
    distinct = [schema for n, schema in enumerate(schemas_of) if schema not in schemas_of[:n]]
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct}


def answer(command: Command, rest: Rest) -> Schema:
    """Return the schema of the body with which a route answers."""
    gives = _BY_NAME[rest.then].gives if rest.then else command.gives
    if gives is None and not rest.echoes:
        return shapes.ack(None)
    given = shapes.given(gives) if gives else {"properties": {}, "required": []}
    if rest.bare:
        wire = camel(rest.bare)
        bare: Schema = given["properties"].pop(wire)
        if wire in given["required"]:
            return bare
        # A retry by somebody who may not see the resource any more has its ids alone.
        ids = {snake(name): schema for name, schema in given["properties"].items()}
        return {"anyOf": [bare, {"type": "object", "properties": ids, "required": [*ids]}]}
    shown_as = dict(rest.shown_as)
    properties = {
        name: {"enum": [rest.chosen_by.value]}
        if rest.chosen_by and name == rest.chosen_by.field
        else {"type": "string"}
        for name in rest.echoes
    }
    always = list(rest.echoes)
    for name, schema in given["properties"].items():
        if rest.shows is None or snake(name) in rest.shows:
            shown = shown_as.get(snake(name), snake(name))
            properties[shown] = schema
            always += [shown] if name in given["required"] else []
    return {"type": "object", "properties": properties, "required": always}


# --- POST /api/commands/<name> -------------------------------------------------------------------


def _command(command: Command) -> dict[str, Any]:
    needed = shapes.required(command.takes)
    return {
        "operationId": f"command_{command.name.replace(':', '_')}",
        "tags": [_noun(command)],
        "summary": command.doc,
        "parameters": _headers(command, "POST"),
        "requestBody": _body(shapes.ref(command.takes), needed, EXAMPLES[command.name]),
        "responses": _responses([command], 200, shapes.ack(command.gives), "POST"),
    }


# --- what both share -----------------------------------------------------------------------------


def _body(schema: Schema, needed: set[str], example: dict[str, Any]) -> dict[str, Any]:
    content = {_JSON: {"schema": schema, "example": example}}
    return {"required": bool(needed), "content": content}


def _headers(command: Command, method: str) -> list[dict[str, Any]]:
    def header(name: str, schema: Schema, description: str) -> dict[str, Any]:
        return {"name": name, "in": "header", "schema": schema, "description": description}

    if method == "GET":
        return [
            header(
                "If-None-Match",
                {"type": "string"},
                "The ETag of the answer that you have: 304 where nothing has changed.",
            )
        ]
    fields = shapes.payload_properties(command.takes)
    key = key_field(fields)
    if key is None:
        return []
    does = "sends the message once" if key == "client_message_id" else "makes the change once"
    return [
        header(
            "Idempotency-Key",
            fields[key],
            f"Asked again with the same key, it {does}. The same as `{key}`.",
        )
    ]


def _responses(commands: list[Command], status: int, schema: Schema, method: str) -> dict[str, Any]:
    done: dict[str, Any] = {"description": "Done.", "content": {_JSON: {"schema": schema}}}
    found: dict[str, Any] = {str(status): done}
    if method == "GET":
        done["headers"] = {"ETag": {"schema": {"type": "string"}}}
        found["304"] = {"description": "What `If-None-Match` names has not changed."}
    if any(command.gives is MessageSent for command in commands):
        description = "`true` where this message was sent before."
        done["headers"] = {
            "Idempotency-Replayed": {"description": description, "schema": {"const": "true"}}
        }
    for failed, codes in _errors(commands).items():
        found[str(failed)] = {"$ref": f"#/components/responses/{_name(codes)}"}
    return found


def _errors(commands: list[Command]) -> dict[int, list[ErrorCode]]:
    # Over REST nobody is connected, so a token may turn out to be none, too.
    every = [errors_by_status(command, ErrorCode.AUTH_FAILED) for command in commands]
    return {
        status: [code for code in ErrorCode if any(code in of.get(status, ()) for of in every)]
        for status in sorted({status for of in every for status in of})
    }


def _refusals() -> dict[str, list[ErrorCode]]:
    """Return every set of codes that one status may have, by its name."""
    asked = [[command] for command in schemas.COMMANDS] + [_asked(r) for r in _routes().values()]
    found = {_name(codes): codes for of in asked for codes in _errors(of).values()}
    return dict(sorted(found.items()))


def _name(codes: list[ErrorCode]) -> str:
    return ".".join(codes)


def _refused(codes: list[ErrorCode]) -> dict[str, Any]:
    described = "; ".join(f"`{code}`: {MEANINGS[code].message}" for code in codes)
    error = {"allOf": [shapes.ref(Failure), {"properties": {"code": {"enum": list(codes)}}}]}
    schema = {"type": "object", "properties": {"error": error}, "required": ["error"]}
    refused: dict[str, Any] = {
        "description": f"{described}.",
        "content": {_JSON: {"schema": schema}},
    }
    if any(MEANINGS[code].retryable for code in codes):
        refused["headers"] = {
            "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}
        }
    return refused
