"""A REST request as the payload of its command."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web
from marshmallow import fields

from chatserver.doors import packets
from chatserver.errors import ChatError, ErrorCode, invalid
from schemas.base import key_field
from schemas.fields import Flag, Whole
from schemas.table import Choice, Rest
from schemas.wire import camel, snake

Fields = Mapping[str, fields.Field[Any]]


async def read(request: web.Request, known: Fields, max_size: int) -> dict[str, Any]:
    """The query's parameters and the body's fields.

    A body is read as JSON whatever its Content-Type: the guide's own ``fetch`` calls it text.

    Args:
        known: the fields that there are, by their names in snake_case.
        max_size: of the body, in bytes; only to say so.

    Raises:
        ChatError: PAYLOAD_TOO_LARGE, VALIDATION_ERROR
    """
    payload: dict[str, Any] = {
        name: _from_query(known.get(snake(name)), value) for name, value in request.query.items()
    }
    if not request.can_read_body:
        return payload
    try:
        raw = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise ChatError(
            code=ErrorCode.PAYLOAD_TOO_LARGE, details=f"At most {max_size:,} bytes."
        ) from None
    except web.RequestPayloadError:
        raise invalid("body", "Cannot be decoded as its headers say.") from None
    if not raw:
        return payload
    try:
        body = packets.loads(raw)
    except ValueError:
        raise invalid("body", "Is not JSON.") from None
    if not isinstance(body, dict):
        raise invalid("body", "Must be an object.")
    return payload | body


def _from_query(field: fields.Field[Any] | None, text: str) -> object:
    """A query parameter has no type of its own: it is read as its field's."""
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


def choose(payload: dict[str, Any], choices: Sequence[Choice]) -> Choice | None:
    """Which of the commands on one route is meant; the field that says so is taken out of the payload.

    Raises:
        ChatError: VALIDATION_ERROR
    """
    if not choices:
        return None
    field = choices[0].field
    given = [payload.pop(name) for name in (field, camel(field)) if name in payload]
    words = {_word(value) for value in given if value is not None}
    if len(words) > 1:
        raise invalid(camel(field), "Given twice, in both casings, with different values.")
    by_word = {_word(choice.value): choice for choice in choices}
    chosen = by_word.get(words.pop()) if words else next(filter(_is_default, choices), None)
    if chosen is None:
        raise invalid(camel(field), f"Must be one of: {', '.join(sorted(by_word))}.")
    return chosen


def _is_default(choice: Choice) -> bool:
    return choice.default


def _word(value: object) -> str:
    """A choice's value as the query has it, which knows no booleans; what chooses nothing is no word."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else ""


def rename(payload: dict[str, Any], rest: Rest) -> None:
    """What the route calls its fields becomes what the command calls them, in either casing.

    Raises:
        ChatError: VALIDATION_ERROR
    """
    for theirs, ours in rest.renames:
        for given, meant in ((theirs, ours), (camel(theirs), camel(ours))):
            if given in payload:
                value = payload.pop(given)
                if payload.setdefault(meant, value) != value:
                    raise invalid(camel(theirs), f"Differs from {camel(ours)}.")


def rename_back(error: ChatError, rest: Rest) -> None:
    """An error names the fields as the route does."""
    names = {camel(ours): camel(theirs) for theirs, ours in rest.renames}
    if names and error.fields:
        error.fields = {names.get(name, name): why for name, why in error.fields.items()}


def take_idempotency_key(request: web.Request, payload: dict[str, Any], known: Fields) -> None:
    """The header does what the body's own id does; where both are given they must agree.

    Raises:
        ChatError: VALIDATION_ERROR
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
