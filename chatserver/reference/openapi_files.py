"""The routes of files' bytes as parts of the OpenAPI document."""

from collections.abc import Iterator, Sequence
from typing import Any

from chatserver.core.errors import MEANINGS, ErrorCode
from chatserver.reference import shapes
from chatserver.reference.shapes import Schema
from chatserver.schemas.sessions import Failure

TAG = "file"
_ID = {"name": "file_id", "in": "path", "required": True, "schema": {"type": "string"}}
_TEXT: Schema = {"type": "string"}
_BYTES: dict[str, Any] = {"application/octet-stream": {}}
_JSON = "application/json"


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give the path, the method and the operation of each route."""
    yield (
        "/api/files/{file_id}",
        "get",
        {
            "operationId": "file_download",
            "tags": [TAG],
            "summary": "The bytes of a file, for those who may see its message now; also HEAD. The personal "
            "address that `file:links` gives needs no token.",
            "security": [{"token": []}, {}],
            "parameters": [
                _ID,
                _query(
                    "variant", {"type": "string"}, "`thumb` is the thumbnail, which images have."
                ),
                _query("link", _TEXT, "What a personal address has."),
                _header("Range", "Which part of it; one range at a time."),
                _header(
                    "If-Range",
                    "The ETag of what you have a part of: the whole where it is another.",
                ),
                _header("If-None-Match", "The ETag of what you have: 304 where it is still that."),
            ],
            "responses": {
                "200": {"description": "The whole file.", "content": _BYTES},
                "206": {"description": "The part of it.", "content": _BYTES},
                "302": {"description": "Where a bucket has it, for a minute."},
                "304": {"description": "You have it."},
                "416": {"description": "No byte of it is asked for."},
                **_refused(
                    ErrorCode.AUTH_REQUIRED,
                    ErrorCode.AUTH_FAILED,
                    ErrorCode.RESOURCE_NOT_FOUND,
                    ErrorCode.RATE_LIMIT_EXCEEDED,
                    ErrorCode.INTERNAL_ERROR,
                    ErrorCode.UNAVAILABLE,
                ),
            },
        },
    )
    yield (
        "/api/files/{file_id}/content",
        "put",
        {
            "operationId": "file_upload",
            "tags": [TAG],
            "summary": "Upload a file to the address that `file:create` gives, without a token.",
            "security": [{}],
            "parameters": [
                _ID,
                _query("expires", _TEXT, "As `file:create` has it."),
                _query("signature", _TEXT, "As `file:create` has it."),
            ],
            "requestBody": {"required": True, "content": _BYTES},
            "responses": {
                "200": {
                    "description": "Done.",
                    "content": {_JSON: {"schema": shapes.ack(None)}},
                },
                **_refused(
                    ErrorCode.RESOURCE_NOT_FOUND,
                    ErrorCode.CONFLICT,
                    ErrorCode.PAYLOAD_TOO_LARGE,
                    ErrorCode.RATE_LIMIT_EXCEEDED,
                    ErrorCode.INTERNAL_ERROR,
                    ErrorCode.UNAVAILABLE,
                ),
            },
        },
    )


def _query(name: str, schema: Schema, description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _header(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "schema": _TEXT, "description": description}


def _refused(*codes: ErrorCode) -> dict[str, Any]:
    by_status: dict[int, Sequence[ErrorCode]] = {}
    for code in codes:
        status = MEANINGS[code].status
        by_status[status] = (*by_status.get(status, ()), code)
    return {str(status): _of(found) for status, found in sorted(by_status.items())}


def _of(codes: Sequence[ErrorCode]) -> dict[str, Any]:
    error = {"allOf": [shapes.ref(Failure), {"properties": {"code": {"enum": list(codes)}}}]}
    schema = {"type": "object", "properties": {"error": error}, "required": ["error"]}
    found: dict[str, Any] = {
        "description": "; ".join(f"`{code}`: {MEANINGS[code].message}" for code in codes) + ".",
        "content": {_JSON: {"schema": schema}},
    }
    if any(MEANINGS[code].retryable for code in codes):
        found["headers"] = {
            "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}
        }
    return found
