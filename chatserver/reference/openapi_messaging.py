"""The routes of the messaging system as parts of the OpenAPI document."""

from collections.abc import Iterator
from typing import Any

from chatserver import schemas
from chatserver.core.errors import MEANINGS, ErrorCode
from chatserver.reference import shapes
from chatserver.reference.commands import ALWAYS
from chatserver.reference.shapes import Schema
from chatserver.schemas.messaging import (
    CONVERSATIONS,
    MOST,
    PICTURES,
    USUAL,
    MessagingConversation,
    MessagingConversations,
    MessagingFailure,
    MessagingLast,
    MessagingPage,
    MessagingPerson,
)

TAG = "messaging"
_JSON = "application/json"
_PICTURES = next(c for c in schemas.COMMANDS if c.name == "user:profile_pictures")
# What stands within the answers, and nowhere else.
_PARTS = {
    kind.__name__: kind
    for kind in (MessagingConversation, MessagingLast, MessagingPage, MessagingPerson)
}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give the path, the method and the operation of each route."""
    number = {"type": "integer", "format": "int64"}
    cut = f"{USUAL} where nothing is said; cut to 1 to {MOST}."
    query = [
        {"name": "limit", "in": "query", "schema": {**number, "description": cut}},
        {"name": "offset", "in": "query", "schema": {**number, "default": 0}},
    ]
    listed = _operation(
        "messaging_conversations",
        "Your direct conversations, the most recently active first.",
        _whole(shapes.given(MessagingConversations)),
    )
    yield CONVERSATIONS, "get", {**listed, "parameters": query}
    assert _PICTURES.gives is not None  # the pictures
    pictures = _operation(
        "messaging_profile_pictures", _PICTURES.doc, shapes.given(_PICTURES.gives)
    )
    body = {"required": True, "content": {_JSON: {"schema": shapes.ref(_PICTURES.takes)}}}
    yield PICTURES, "post", {**pictures, "requestBody": body}


def _operation(name: str, doc: str, answer: Schema) -> dict[str, Any]:
    responses: dict[str, Any] = {
        "200": {"description": "Done.", "content": {_JSON: {"schema": answer}}}
    }
    codes = {*ALWAYS, ErrorCode.AUTH_FAILED}
    for status in sorted({MEANINGS[code].status for code in codes}):
        of_status = [code for code in codes if MEANINGS[code].status == status]
        schema = shapes.given(MessagingFailure)
        schema["properties"]["code"] = {"enum": sorted(of_status)}
        responses[str(status)] = {
            "description": "; ".join(f"`{code}`" for code in sorted(of_status)) + ".",
            "content": {_JSON: {"schema": schema}},
        }
        if any(MEANINGS[code].retryable for code in of_status):
            responses[str(status)]["headers"] = {
                "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}
            }
    return {"operationId": name, "tags": [TAG], "summary": doc, "responses": responses}


def _whole(schema: Any) -> Any:
    """Return a schema with its parts in the places where it refers to them."""
    if isinstance(schema, list):
        return [_whole(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    named = schema.get("$ref", "").rpartition("/")[2]
    if named in _PARTS:
        return _whole(shapes.given(_PARTS[named]))
    return {name: _whole(part) for name, part in schema.items()}
