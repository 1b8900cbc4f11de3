"""Reads the payloads of requests."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiohttp import web
from marshmallow import fields

from chatserver.core import encoding
from chatserver.core.errors import ChatError, ErrorCode, invalid
from chatserver.doors.http import expectations
from chatserver.doors.http.expectations import BodyTimeout
from chatserver.schemas.base import key_field
from chatserver.schemas.fields import Flag, Nullable, Whole
from chatserver.schemas.wire import camel, snake

Fields = Mapping[str, fields.Field[Any]]
# What the route calls a field, and what the command calls it.
Renames = Iterable[tuple[str, str]]


async def read(
    request: web.Request, known: Fields, max_size: int, weigh: Callable[[int], None]
) -> dict[str, Any]:
    """Read the query's parameters and the body's fields.

    A body is read as JSON whatever its Content-Type: the guide's own ``fetch`` calls it text.

    Args:
        known: the fields that there are, by their names in snake_case.
        max_size: of the body, in bytes; only to say so.
        weigh: told of the body's size before it is read as JSON; may refuse it.

    Raises:
        ChatError: PAYLOAD_TOO_LARGE, VALIDATION_ERROR, what `weigh` raises.
    """
    payload: dict[str, Any] = {
        name: _from_query(known.get(snake(name)), value) for name, value in request.query.items()
    }
    if not request.can_read_body:
        return payload
    if (request.content_length or 0) > max_size:
        raise _too_large(max_size)
    await expectations.go_on(request)
    try:
        raw = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise _too_large(max_size) from None
    except BodyTimeout:
        raise  # answered as what it is
    except web.RequestPayloadError:
        raise invalid("body", "Cannot be decoded as its headers say.") from None
    if not raw:
        return payload
    weigh(len(raw))
    try:
        body = encoding.loads(raw)
    except ValueError as error:
        raise invalid("body", encoding.what_is_wrong(error)) from None
    if not isinstance(body, dict):
        raise invalid("body", "Must be an object.")
    return payload | body


def _too_large(max_size: int) -> ChatError:
    return ChatError(code=ErrorCode.PAYLOAD_TOO_LARGE, details=f"At most {max_size:,} bytes.")


def _from_query(field: fields.Field[Any] | None, text: str) -> object:
    """Read a query parameter, which has no type of its own, as its field's type."""
    if isinstance(field, Nullable):
        field = field.kind
    if (
        isinstance(field, Whole)
        and text.isascii()
        and text.removeprefix("-").isdigit()
        and len(text) < 20
    ):
        return int(text)
    if isinstance(field, Flag) and text in ("true", "false"):
        return text == "true"
    return text


def rename(payload: dict[str, Any], renames: Renames) -> None:
    """Rename the route's fields to the command's, in either casing.

    Raises:
        ChatError: VALIDATION_ERROR
    """
    for theirs, ours in renames:
        for given, meant in ((theirs, ours), (camel(theirs), camel(ours))):
            if given in payload:
                value = payload.pop(given)
                if payload.setdefault(meant, value) != value:
                    raise invalid(camel(theirs), f"Differs from {camel(ours)}.")


def rename_back(error: ChatError, renames: Renames) -> None:
    """Rename the fields that an error names: from the command's names to the route's."""
    names = {camel(ours): camel(theirs) for theirs, ours in renames}
    if names and error.fields:
        error.fields = {names.get(name, name): why for name, why in error.fields.items()}


def take_idempotency_key(request: web.Request, payload: dict[str, Any], known: Fields) -> None:
    """Put the header ``Idempotency-Key`` into the payload, as the id that makes the command safe to repeat.

    Args:
        request: the request; without the header nothing changes.
        payload: the request's fields.
        known: the command's fields; where none of them is such an id, nothing changes.

    Raises:
        ChatError: VALIDATION_ERROR where the payload has another id already.
    """
    key = request.headers.get("Idempotency-Key")
    name = key_field(known)
    if key is None or name is None:
        return
    wire = camel(name)
    given = payload.get(name, payload.get(wire))
    if given is not None and given != key:
        raise invalid(wire, "Differs from the header Idempotency-Key.")
    payload.pop(name, None)
    payload[wire] = key
