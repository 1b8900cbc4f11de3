"""The routes of the marketplace system as parts of the OpenAPI document."""

from collections.abc import Iterator
from typing import Any

from chatserver import schemas
from chatserver.core.errors import MEANINGS, ErrorCode
from chatserver.reference import shapes
from chatserver.reference.commands import ALWAYS
from chatserver.reference.shapes import Schema
from chatserver.schemas.marketplace import (
    MARK_READ,
    MESSAGES,
    ROUTES,
    SEND,
    MarketFailure,
    MarketRoute,
)
from chatserver.schemas.wire import snake

TAG = "marketplace"
_JSON = "application/json"
_COMMANDS = {command.name: command for command in schemas.COMMANDS}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": 64},
    "description": "Asked again with the same key, it has no second effect.",
}
_HAVE = {
    "name": "If-None-Match",
    "in": "header",
    "schema": {"type": "string"},
    "description": "The ETag of the answer that you have: 304 where nothing has changed.",
}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give the path, the method and the operation of each route."""
    for route in ROUTES:
        yield route.path, route.method.lower(), _operation(route)


def _operation(route: MarketRoute) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = []
    if "{conversationId}" in route.path:
        parameters.append(
            {"name": "conversationId", "in": "path", "required": True, "schema": _UUID}
        )
    operation: dict[str, Any] = {
        "operationId": "_".join((TAG, route.method.lower(), *_words(route.path))),
        "tags": [TAG],
        "summary": route.doc,
        "parameters": parameters,
    }
    fields = properties(route)
    if route.method == "GET":
        parameters += [
            {"name": name, "in": "query", "required": False, "schema": schema}
            for name, schema in fields.items()
        ]
        parameters.append(_HAVE)
    else:
        body: Schema = {"type": "object", "properties": fields}
        if route.needs:
            body["required"] = list(route.needs)
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": body}}}
        parameters.append(_KEY)
    operation["responses"] = _responses(route)
    return operation


_UUID = {"type": "string", "format": "uuid"}


def _words(path: str) -> list[str]:
    words = path.replace("-", "_").split("/")[3:]
    return [snake(word.strip("{}")) for word in words]


def properties(route: MarketRoute) -> dict[str, Schema]:
    """Return the fields of a route's query or body, by the document's names."""
    kinds = [_COMMANDS[route.command].takes]
    if route is MESSAGES:
        kinds.append(_COMMANDS["chat:conversation_find"].takes)
    known: dict[str, Schema] = {}
    for kind in kinds:
        known = shapes.payload_properties(kind) | known
    found = {theirs: dict(known[snake(ours)]) for theirs, ours in route.takes}
    if route.page:
        found["limit"] |= {"maximum": route.page, "default": route.page}
    if route is MARK_READ:
        # Pages mark what they show, which may be nothing.
        found["messageIds"]["minItems"] = 0
    return found


def answer(route: MarketRoute) -> Schema:
    """Return the schema of a route's answer."""
    schema = shapes.given(route.gives)
    if route.many:
        return {"type": "array", "items": schema, "maxItems": route.page}
    if route is SEND:
        # A retry by somebody who may not see the message any more has its id alone.
        only_id = {"type": "object", "properties": {"id": _UUID}, "required": ["id"]}
        return {"anyOf": [schema, only_id]}
    return schema


def _responses(route: MarketRoute) -> dict[str, Any]:
    done: dict[str, Any] = {"description": "Done.", "content": {_JSON: {"schema": answer(route)}}}
    found: dict[str, Any] = {str(route.status): done}
    if route.method == "GET":
        done["headers"] = {"ETag": {"schema": {"type": "string"}}}
        found["304"] = {"description": "What `If-None-Match` names has not changed."}
    if route.page:
        done["headers"]["Link"] = {
            "description": 'The next page, where there is one: `<?…>; rel="next"`.',
            "schema": {"type": "string"},
        }
    if route is SEND:
        done["headers"] = {
            "Idempotency-Replayed": {
                "description": "`true` where this message was sent before.",
                "schema": {"const": "true"},
            }
        }
    codes = {*ALWAYS, ErrorCode.AUTH_FAILED, *map(ErrorCode, route.errors)}
    for status in sorted({MEANINGS[code].status for code in codes}):
        of_status = [
            code for code in ErrorCode if code in codes and MEANINGS[code].status == status
        ]
        found[str(status)] = _refused(status, of_status)
    return found


def _refused(status: int, codes: list[ErrorCode]) -> dict[str, Any]:
    schema = shapes.given(MarketFailure)
    schema["properties"] |= {"status": {"const": status}, "code": {"enum": list(codes)}}
    refused: dict[str, Any] = {
        "description": "; ".join(f"`{code}`: {MEANINGS[code].message}" for code in codes) + ".",
        "content": {_JSON: {"schema": schema}},
    }
    if any(MEANINGS[code].retryable for code in codes):
        refused["headers"] = {
            "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}
        }
    return refused
