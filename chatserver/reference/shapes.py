"""Writes all that travels on the main door as JSON Schema (2020-12, as in OpenAPI 3.1 and AsyncAPI 3).

Payloads come from their marshmallow fields, answers and pushes from the type hints of their dataclasses.
"""

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterable
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import fields

from chatserver import schemas
from chatserver.core.errors import ErrorCode
from chatserver.schemas.fields import (
    UNSET,
    Flag,
    Id,
    Many,
    Metadata,
    Moment,
    Nullable,
    OneOf,
    Text,
    UserId,
    Whole,
)
from chatserver.schemas.files import FileElsewhere
from chatserver.schemas.history import LoggedEvent
from chatserver.schemas.sessions import Failure
from chatserver.schemas.wire import Invalid, Loader, camel

Schema = dict[str, Any]

OPENAPI = "3.1.1"
_PLACE = "#/components/schemas/"
_PLAIN: dict[object, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


def doc(kind: type) -> str:
    """Return the docstring of a class in Markdown, with its fields' names as on the wire."""
    text = " ".join(inspect.cleandoc(kind.__doc__ or "").split())
    text = text.replace("``", "`")
    return text if is_resource(kind) else re.sub("`[a-z_]+`", lambda name: camel(name[0]), text)


def is_resource(kind: type) -> bool:
    """Return whether a class is snake_case on the wire."""
    return hasattr(kind, "__wire_resource__")


def rules(kind: type) -> str | None:
    """Return the rules of a payload about fields that depend on each other."""
    problems: Callable[..., Any] | None = getattr(kind, "problems", None)
    return None if problems is None else " ".join((problems.__doc__ or "").split())


# --- payloads ------------------------------------------------------------------------------------


def _constraints(_converter: Any, field: fields.Field[Any], **_: Any) -> Schema:
    """Return what our own kinds of fields ask for, in JSON Schema's words."""
    match field:
        case UserId():
            return {"type": "string", "minLength": field.low, "maxLength": field.high}
        case Text():
            found: Schema = {"type": "string", "minLength": field.low, "maxLength": field.high}
            return found if field.blank else found | {"pattern": r"\S"}
        case Id():
            return {"type": "string", "format": "uuid"}
        case Whole():
            return {
                "type": "integer",
                "format": "int64",
                "minimum": field.low,
                "maximum": field.high,
            }
        case Flag():
            return {"type": "boolean"}
        case OneOf():
            return {"type": "string", "enum": list(field.words)}
        case Many():
            items = _constraints(_converter, field.kind)
            return {
                "type": "array",
                "items": items,
                "minItems": field.low,
                "maxItems": field.high,
            }
        case Moment():
            return {"type": "string", "format": "date-time"}
        case Nullable():
            return _or_null(_constraints(_converter, field.kind))
        case Metadata():
            return {
                "type": "object",
                "description": f"At most {field.max_bytes:,} bytes as JSON, and nested at most "
                f"{field.depth} deep.",
            }
    # A kind of field that one noun alone has says it by itself.
    own: Schema | None = getattr(field, "json_schema", None)
    if own is not None:
        return own
    raise TypeError(f"{type(field).__name__} has no JSON Schema: give it a json_schema")


_plugin = MarshmallowPlugin()
APISpec("", "", OPENAPI, plugins=[_plugin])
assert _plugin.converter is not None  # the spec has given it one
_plugin.converter.add_attribute_function(_constraints)  # type: ignore[no-untyped-call]
# A field of a payload in JSON Schema. Raises TypeError for a kind of field that it has no words for.
property_of: Callable[[fields.Field[Any]], Schema] = _plugin.converter.field2property


def payload_properties(kind: type) -> dict[str, Schema]:
    """Return the fields of a payload by their names in snake_case."""
    defaults = {item.name: item.default for item in dataclasses.fields(kind)}
    found = {}
    for name, field in Loader(kind).fields.items():
        found[name] = property_of(field)
        if defaults[name] not in (dataclasses.MISSING, None, (), UNSET):
            found[name]["default"] = defaults[name]
    return found


def required(kind: type) -> set[str]:
    """Return the required fields of a payload, by their names in snake_case."""
    return {name for name, field in Loader(kind).fields.items() if field.required}


def may_be_empty(kind: type) -> bool:
    """Return whether a payload may be empty."""
    try:
        Loader(kind).load({}, strict=True)
    except Invalid:
        return False
    return True


def payload(kind: type) -> Schema:
    """Return a payload as Socket.IO's commands take it: camelCase."""
    needed = required(kind)
    properties = payload_properties(kind)
    description = " ".join(filter(None, (doc(kind), rules(kind))))
    found: Schema = {
        "type": "object",
        "description": description,
        "properties": {camel(name): schema for name, schema in properties.items()},
    }
    return found | ({"required": [camel(n) for n in properties if n in needed]} if needed else {})


# --- answers, pushes and resources ---------------------------------------------------------------


def ref(kind: type) -> Schema:
    """Return the reference to a class's schema."""
    return {"$ref": _PLACE + kind.__name__}


def given(kind: type) -> Schema:
    """Return a class as it leaves: an answer, a push or a resource."""
    if kind is LoggedEvent:
        return _logged_event()
    hints = get_type_hints(kind, include_extras=True)
    properties: dict[str, Schema] = {}
    always = []
    for item in dataclasses.fields(kind):
        name = item.name if is_resource(kind) else camel(item.name)
        # schemas.wire.to_wire leaves a None out where it is the default.
        is_optional = not is_resource(kind) and item.default is None
        properties[name] = _of(_without_none(hints[item.name]) if is_optional else hints[item.name])
        if not is_optional:
            always.append(name)
    if kind is Failure:
        properties["code"] = {"type": "string", "enum": list(ErrorCode)}
    return {
        "type": "object",
        "description": doc(kind),
        "properties": properties,
        "required": always,
    }


def _logged_event() -> Schema:
    durable = [push for push in schemas.PUSHES if push.durable and not push.personal]
    return {
        "description": doc(LoggedEvent),
        "oneOf": [
            {
                "type": "object",
                "properties": {"event": {"const": push.name}, "data": ref(push.carries)},
                "required": ["event", "data"],
            }
            for push in durable
        ],
    }


def ack(kind: type | None) -> Schema:
    """Return the schema of the ack of a command that succeeded."""
    found = given(kind) if kind else {"properties": {}, "required": []}
    return {
        "type": "object",
        "properties": {"success": {"const": True}, **found["properties"]},
        "required": ["success", *found["required"]],
    }


def refusal() -> Schema:
    """Return the schema of the ack of a command that was refused."""
    return {
        "type": "object",
        "properties": {"success": {"const": False}, "error": ref(Failure)},
        "required": ["success", "error"],
    }


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (UnionType, Union):
        rest = [part for part in get_args(hint) if part is not type(None)]
        return rest[0] if len(rest) == 1 else Union[tuple(rest)]  # noqa: UP007 - of a list
    return hint


def _of(hint: Any) -> Schema:
    origin, parts = get_origin(hint), get_args(hint)
    if hint is Any:
        return {}
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if dataclasses.is_dataclass(hint):
        assert isinstance(hint, type)
        return ref(hint)
    if origin is Annotated:
        return {**_of(parts[0]), "format": parts[1]}
    if origin is Literal:
        return {"type": _PLAIN[type(parts[0])], "enum": list(parts)}
    if origin is tuple and parts[-1] is Ellipsis:
        return {"type": "array", "items": _of(parts[0])}
    if origin is tuple:
        return {
            "type": "array",
            "prefixItems": [_of(part) for part in parts],
            "minItems": len(parts),
            "maxItems": len(parts),
        }
    if origin is dict:
        return {"type": "object", "additionalProperties": _of(parts[1]) or True}
    if origin in (UnionType, Union) and type(None) in parts:
        return _or_null(_of(_without_none(hint)))
    if origin in (UnionType, Union) and set(parts) <= _PLAIN.keys():
        return {"type": [_PLAIN[part] for part in parts]}
    raise TypeError(f"{hint} has no JSON Schema: say it in {__name__}")


def _or_null(schema: Schema) -> Schema:
    if "type" not in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    found = {**schema, "type": [*kinds, "null"]}
    return found | ({"enum": [*schema["enum"], None]} if "enum" in schema else {})


# --- all of them ---------------------------------------------------------------------------------


def payload_kinds() -> list[type]:
    """Return the classes of all payloads, by name."""
    return _by_name(command.takes for command in schemas.COMMANDS)


def given_kinds() -> list[type]:
    """Return the classes of all answers and pushes, and of all that is in them, by name."""
    found: set[type] = set()
    waiting: list[type] = [
        Failure,
        FileElsewhere,
        *(command.gives for command in schemas.COMMANDS if command.gives),
        *(push.carries for push in schemas.PUSHES),
    ]
    while waiting:
        kind = waiting.pop()
        if kind not in found:
            found.add(kind)
            waiting += [part for hint in get_type_hints(kind).values() for part in _classes(hint)]
    return _by_name(found)


def _classes(hint: Any) -> list[type]:
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return [hint]
    return [kind for part in get_args(hint) for kind in _classes(part)]


def _by_name(kinds: Iterable[type]) -> list[type]:
    found = {kind.__name__: kind for kind in kinds}
    return [found[name] for name in sorted(found)]


def definitions() -> dict[str, Schema]:
    """Return the schemas of all classes, by name."""
    return {kind.__name__: payload(kind) for kind in payload_kinds()} | {
        kind.__name__: given(kind) for kind in given_kinds()
    }


def titled(name: str) -> str:
    """Return a name as a title: ``chat:message_send`` → ``ChatMessageSend``."""
    return "".join(word.capitalize() for word in re.split(r"[:_]", name))
