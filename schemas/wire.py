"""Frozen dataclasses out of what arrives, and what leaves out of frozen dataclasses.

A payload is declared once, as a frozen dataclass whose annotations carry their marshmallow field:

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Typing:
        conversation_id: Annotated[UUID, Id()]
        is_typing: Annotated[bool, Flag()]

A field without a default is required. On the wire its name is camelCase; snake_case is accepted,
too.
A payload whose fields depend on each other has a method ``problems`` that yields (field, reason).
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import (
    Annotated,
    Any,
    Generic,
    Protocol,
    TypeVar,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from marshmallow import ValidationError, fields

from chatserver.schemas.fields import Nullable

T = TypeVar("T")


# Many times as many as any payload has, newer clients' included.
_MOST_FIELDS = 1_000


class _HasProblems(Protocol):
    def problems(self) -> Iterator[tuple[str, str]]: ...


@cache
def camel(name: str) -> str:
    """Return ``conversation_id`` as ``conversationId``."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


@cache
def snake(name: str) -> str:
    """Return ``conversationId`` as ``conversation_id``."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


class Invalid(Exception):  # noqa: N818 - it says what the payload is
    """A payload that breaks its schema. ``fields`` is ``{wire name: [reason]}``."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        super().__init__(", ".join(fields))
        self.fields = dict(fields)


class Loader(Generic[T]):
    """Loads one kind of payload. Made once per command, at start-up."""

    def __init__(self, kind: type[T]) -> None:
        self.kind = kind
        self.fields: dict[str, fields.Field[Any]] = {}
        hints = get_type_hints(kind, include_extras=True)
        for item in dataclasses.fields(kind):  # type: ignore[arg-type]  # kind is a dataclass
            field = _field_of(hints[item.name])
            required = item.default is dataclasses.MISSING
            self.fields[item.name] = _named(field, item.name, required)
        self._names = {name: camel(name) for name in self.fields}
        # Either casing.
        self._known = {spelled: name for name in self.fields for spelled in (name, camel(name))}
        self._deserialize = {name: field._deserialize for name, field in self.fields.items()}
        self._required = {name for name, field in self.fields.items() if field.required}
        self._optional = self.fields.keys() - self._required
        self._nullable = {n for n, field in self.fields.items() if isinstance(field, Nullable)}
        # By what a field may be called: its name, and how it is read.
        self._readers = {
            spelled: (name, self._deserialize[name]) for spelled, name in self._known.items()
        }
        self._has_problems = hasattr(kind, "problems")

    def load(self, payload: object, *, strict: bool) -> tuple[T, frozenset[str]]:
        """Return the payload as its dataclass, and the names of the unknown fields that were ignored.

        Raises:
            Invalid: naming each wrong field; with `strict`, each unknown one too.
        """
        if not isinstance(payload, dict):
            raise Invalid({"payload": ["Must be an object."]})
        if len(payload) > _MOST_FIELDS:
            raise Invalid({"payload": [f"Must have at most {_MOST_FIELDS:,} fields."]})
        if (value := self._usual(payload)) is not None:
            return value, _NONE
        data, unknown, wrong = self._spelled(payload)
        if strict:
            wrong |= {name: ["Unknown field."] for name in unknown}
        loaded: dict[str, Any] = {}
        # As marshmallow's Schema.load does it, without what no schema here uses (hooks, partial and nested loads,
        # validators beside the fields): that would take a third of a message's time.
        for name, value in data.items():
            try:
                if value is None and name not in self._nullable:
                    raise ValidationError("Must not be null.")
                loaded[name] = self._deserialize[name](value, None, None)
            except ValidationError as error:
                wrong |= dict(_flat({self._names[name]: error.messages}))
        for name in sorted(self._required):
            if name not in data and self._names[name] not in wrong:
                wrong[self._names[name]] = ["Missing."]
        if wrong:
            raise Invalid(wrong)
        value = self.kind(**loaded)
        if self._has_problems:
            problems = dict(_checked(value))
            if problems:
                raise Invalid(problems)
        return value, frozenset(unknown)

    def _usual(self, payload: dict[Any, Any]) -> T | None:
        """Load a payload in which everything is as it should be, in one pass; None where something may not be."""
        loaded = {}
        try:
            for given, value in payload.items():
                name, deserialize = self._readers[given]
                if value is None or name in loaded:
                    return None
                loaded[name] = deserialize(value, None, None)
        except (KeyError, ValidationError):
            return None
        if not loaded.keys() >= self._required:
            return None
        value = self.kind(**loaded)
        return None if self._has_problems and any(value.problems()) else value  # type: ignore[attr-defined]

    def _spelled(
        self, payload: dict[Any, Any]
    ) -> tuple[dict[str, Any], list[str], dict[str, list[str]]]:
        """Rename fields in either casing to their names; a field given in both must be given alike."""
        data: dict[str, Any] = {}
        unknown: list[str] = []
        wrong: dict[str, list[str]] = {}
        for given, value in payload.items():
            name = self._known.get(given)
            if name is None:
                unknown.append(given[:64].encode(errors="replace").decode())
            elif value is None and name in self._optional and name not in self._nullable:
                # null stands for "not given" where it says nothing else: many clients send it so.
                continue
            elif name in data and not _alike(data[name], value):
                wrong[self._names[name]] = ["Given twice, in both casings, with different values."]
            else:
                data[name] = value
        return data, unknown, wrong


_NONE: frozenset[str] = frozenset()


def _alike(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except RecursionError:
        # Nested deeper than can be compared: no field accepts that.
        return False


def _checked(value: Any) -> Iterator[tuple[str, list[str]]]:
    checked: _HasProblems = value
    for name, reason in checked.problems():
        yield camel(name), [reason]


def _field_of(hint: Any) -> fields.Field[Any]:
    if get_origin(hint) is not Annotated:
        raise TypeError(f"{hint} has no marshmallow field: write Annotated[type, Field()]")
    return next(item for item in get_args(hint)[1:] if isinstance(item, fields.Field))


def _named(field: fields.Field[Any], name: str, required: bool) -> fields.Field[Any]:
    field.data_key = camel(name)
    field.required = required
    field.allow_none = False
    return field


def _flat(messages: Any, prefix: str = "") -> Iterator[tuple[str, list[str]]]:
    if isinstance(messages, dict):
        for key, value in messages.items():
            yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, [str(message) for message in messages]


# --- leaving -------------------------------------------------------------------------------------


@dataclass_transform(kw_only_default=True, frozen_default=True)
def resource(kind: type[T]) -> type[T]:
    """Makes a class a resource: frozen and keyword-only, in snake_case on the wire, as its fields are named.

    To the type checker it is a dataclass. At run time it is a dict whose keys are the fields: made in half of a
    dataclass's time, and written by orjson in a fifth of it.

    Raises:
        TypeError: a field has a default, which a dict would not know of, or is called like a method of dicts.
    """
    # Collects the fields, inherited ones included, and makes nothing else.
    declared: Any = dataclass(init=False, repr=False, eq=False, match_args=False)(kind)
    names = [item.name for item in dataclasses.fields(declared)]
    for item in dataclasses.fields(declared):
        is_given = item.default is item.default_factory is dataclasses.MISSING
        if not is_given or hasattr(dict, item.name):
            raise TypeError(f"{kind.__name__}.{item.name} cannot be a field of a resource")
    bases = kind.__bases__ if kind.__bases__ != (object,) else (dict,)
    body = {name: item for name, item in vars(kind).items() if name not in _NOT_COPIED}
    body |= {name: property(itemgetter(name)) for name in names}
    body |= {"__slots__": (), "__wire_resource__": True}  # read by _shape
    made: type[T] = type(kind.__name__, bases, body)
    return made


# What a class gets anew when it is made anew.
_NOT_COPIED = ("__dict__", "__weakref__")


@dataclass(frozen=True, slots=True)
class _Shape:
    """How one class leaves: is it a part (camelCase), and its (field, wire name, optional) triples."""

    is_part: bool
    names: tuple[tuple[str, str, bool], ...] = ()


# What leaves as it is.
_PLAIN = frozenset((str, int, bool, float, type(None), dict))


_shapes: dict[type, _Shape] = {}


def _shape(kind: type) -> _Shape:
    shape = _shapes.get(kind)
    if shape is None:
        if not dataclasses.is_dataclass(kind):
            shape = _Shape(False)
        else:
            names = ((f.name, camel(f.name), f.default is None) for f in dataclasses.fields(kind))
            shape = _Shape(not hasattr(kind, "__wire_resource__"), tuple(names))
        _shapes[kind] = shape
    return shape


def _inner(value: Any) -> Any:
    if _shape(type(value)).is_part:
        return to_wire(value)
    if type(value) in (tuple, list) and value and _shape(type(value[0])).is_part:
        return [to_wire(item) for item in value]
    return value


def to_wire(value: Any) -> dict[str, Any]:
    """Return an answer or push as the wire's object: camelCase keys, also in the parts of it.

    Resources are left to the JSON encoder, which writes them as they are named. A None is
    left out where the field's default is None, and is null elsewhere.
    """
    return {
        wire: item if type(item) in _PLAIN else _inner(item)
        for name, wire, optional in _shape(type(value)).names
        if not ((item := getattr(value, name)) is None and optional)
    }


def payload(value: Any) -> Any:
    """Return what a push carries, ready for the JSON encoder: a resource as it is, the rest by `to_wire`."""
    return to_wire(value) if _shape(type(value)).is_part else value
