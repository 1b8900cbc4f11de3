"""Whether what a server says has the shape that the reference gives it, to the letter."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import jsonschema_rs

from chatserver import schemas
from chatserver.reference import openapi, shapes

Schema = dict[str, Any]
_NOUNS = {push.name.partition(":")[0] for push in schemas.PUSHES}
_GIVES = {command.name: command.gives for command in schemas.COMMANDS}


def closed(schema: Any) -> Any:
    """The schema, with nothing allowed beyond what it names."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: closed(part) for name, part in schema.items()}
    is_whole = found.get("type") == "object" and "properties" in found
    return found | {"additionalProperties": False} if is_whole else found


def validator(schema: Schema) -> jsonschema_rs.Validator:
    """A strict validator of a schema that refers to the reference's."""
    return jsonschema_rs.validator_for(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "components": _components(),
            **closed(schema),
        },
        validate_formats=True,
    )


@cache
def _components() -> Schema:
    return {"schemas": closed(shapes.definitions())}


def _any_of(alternatives: Iterable[Schema]) -> Schema:
    return {"anyOf": list(alternatives)}


@cache
def _push(name: str) -> jsonschema_rs.Validator | None:
    kinds = [push.carries for push in schemas.PUSHES if push.name == name]
    if not kinds:
        return None
    return validator(_any_of(shapes.ref(kind) for kind in kinds))


@cache
def _ack(name: str) -> jsonschema_rs.Validator:
    refusal = shapes.refusal()
    if name not in _GIVES:
        return validator(refusal)
    return validator(_any_of((shapes.ack(_GIVES[name]), refusal)))


def wrong_push(name: str, data: Any) -> str | None:
    """What is wrong with a push, if anything; other programs push by nouns of their own (through Redis)."""
    of = _push(name)
    if of is None:
        return "is not in the table" if name.partition(":")[0] in _NOUNS else None
    return _wrong(of, data)


def wrong_ack(name: str, ack: Any) -> str | None:
    """What is wrong with the ack of a command, if anything."""
    return _wrong(_ack(name), ack)


def wrong_answer(method: str, path: str, status: int, body: Any) -> str | None:
    """What is wrong with an answer by the OpenAPI document, if anything; routes that it lacks are not judged."""
    place = _template(method, path)
    if place is None:
        return None
    documented = openapi.document()["paths"][place][method.lower()]["responses"]
    if str(status) not in documented:
        return f"{status} is not documented: {body!r}"
    of = _answer(place, method.lower(), str(status))
    return None if of is None else _wrong(of, body)


def _template(method: str, path: str) -> str | None:
    """The document's path that is meant; one without fields before one with."""
    paths = openapi.document()["paths"]
    asked = [place for place, operations in paths.items() if method.lower() in operations]
    if path in asked:
        return path
    matching = (place for place in asked if re.fullmatch(re.sub(r"{\w+}", "[^/]+", place), path))
    return next(matching, None)


@cache
def _answer(place: str, method: str, status: str) -> jsonschema_rs.Validator | None:
    document = openapi.document()
    response = document["paths"][place][method]["responses"][status]
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    return (
        validator(response["content"]["application/json"]["schema"])
        if "content" in response
        else None
    )


def _wrong(of: jsonschema_rs.Validator, value: Any) -> str | None:
    return None if of.is_valid(value) else f"{value!r}: {_reason(of, value)}"


def _reason(of: jsonschema_rs.Validator, value: Any) -> str:
    error = next(of.iter_errors(value))
    contexts = getattr(error.kind, "context", [[error]])
    return "; ".join(str(part.message) for context in contexts for part in context)
