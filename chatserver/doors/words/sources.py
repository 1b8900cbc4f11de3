"""Where the fields of a message come from, and how they are read."""

import dataclasses
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, TypeAlias, Union, get_args, get_origin, get_type_hints

from chatserver.schemas.wire import camel


class WordsError(ValueError):
    """A row that does not fit the tables of commands and pushes; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """Always the same value."""

    value: Any


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that is known beside what is shown; its name is one of those that its table has."""

    name: str


@dataclass(frozen=True, slots=True)
class Maybe:
    """A field that is left out where its source has none (null)."""

    source: "Source"


class Computed:
    """A value that a function makes of others."""

    __slots__ = ("make", "sources")

    def __init__(self, make: Callable[..., Any], *sources: "Source") -> None:
        self.make = make
        self.sources = sources


@dataclass(frozen=True, slots=True)
class Each:
    """A list: of each item of the list at a path, an object of these fields."""

    path: str
    fields: "Fields"


# A text is a path in what is shown, by the wire's names: ``message.created_at``.
Source: TypeAlias = "str | Fixed | Fact | Maybe | Computed | Each | Mapping[str, Source]"
Fields = Mapping[str, Source]

# By a fact's name, the expression that gives it: of ``known``, which is what is known beside what is shown.
Facts = Mapping[str, str]


class Compiled(NamedTuple):
    """An object's fields, ready to be read of what is shown and of what is known beside it.

    ``facts`` are the names of those that it needs.
    """

    read: Callable[[Any, Any], dict[str, Any]]
    facts: frozenset[str]


def compile_fields(where: str, fields: Fields, kind: Any, facts: Facts) -> Compiled:
    """Make what gives the fields of what is shown, which is a `kind` (None: it has no fields).

    They become one function, as the methods of dataclasses do: made of a function for each field it would take
    three times as long, and every push is read by it.

    Raises:
        WordsError: a path that the kind does not have, or a fact that nobody knows; `where` names the row.
    """
    compiler = _Compiler(where, facts)
    text = f"lambda shown, known: {compiler.object(fields, kind, 'shown')}"
    read: Callable[[Any, Any], dict[str, Any]] = eval(text, compiler.values)  # noqa: S307 - of our own tables
    return Compiled(read, frozenset(compiler.used))


class _Compiler:
    """Writes expressions. ``values`` are what they name: values and functions of the table, by a number each."""

    def __init__(self, where: str, facts: Facts) -> None:
        self._where = where
        self._facts = facts
        self.used: set[str] = set()
        self.values: dict[str, Any] = {"walk": _walk}

    def object(self, fields: Fields, kind: Any, shown: str) -> str:
        """Return the expression of an object of what the variable `shown` has."""
        parts = []
        for name, source in fields.items():
            at = f"{self._where}: {name}"
            if isinstance(source, Maybe):
                value = self._name()
                given = self.source(at, source.source, kind, shown)
                parts.append(f"**({{}} if ({value} := {given}) is None else {{{name!r}: {value}}})")
            else:
                parts.append(f"{name!r}: {self.source(at, source, kind, shown)}")
        return f"{{{', '.join(parts)}}}"

    def source(self, at: str, source: Source, kind: Any, shown: str) -> str:
        """Return the expression of one value."""
        match source:
            case str():
                return self._path(at, source, kind, shown)
            case Fixed():
                return self._name(source.value)
            case Fact():
                if source.name not in self._facts:
                    raise WordsError(f"{at}: there is no fact {source.name!r}")
                self.used.add(source.name)
                return f"({self._facts[source.name]})"
            case Computed():
                given = ", ".join(self.source(at, one, kind, shown) for one in source.sources)
                return f"{self._name(source.make)}({given})"
            case Each():
                items, item = self._path(at, source.path, kind, shown), self._name()
                each = self.object(source.fields, _item_of(_kind_at(kind, source.path)), item)
                return f"[{each} for {item} in {items} or ()]"
            case Maybe():
                raise WordsError(f"{at}: only a field as a whole may be left out")
        return self.object(source, kind, shown)

    def _path(self, at: str, path: str, kind: Any, shown: str) -> str:
        if _kind_at(kind, path) is _MISSING:
            raise WordsError(f"{at}: there is no {path!r} in {_name_of(kind)}")
        steps = tuple(path.split("."))
        if len(steps) > 1:
            return f"walk({shown}, {steps!r})"
        return f"{shown}.get({path!r})" if _names(kind)[path].optional else f"{shown}[{path!r}]"

    def _name(self, value: Any = None) -> str:
        """Return a name that nothing else has, of a value or for one."""
        name = f"v{len(self.values)}"
        self.values[name] = value
        return name


def _walk(shown: Any, steps: tuple[str, ...]) -> Any:
    for step in steps:
        if shown is None:
            return None
        shown = shown.get(step)
    return shown


# -- what there is ------------------------------------------------------------------------------------

_MISSING = object()


class _Name(NamedTuple):
    kind: Any
    # Left out where it is None.
    optional: bool


@cache
def _names(kind: Any) -> dict[str, _Name]:
    """Return what stands in a kind, by the wire's names."""
    if not dataclasses.is_dataclass(kind):
        return {}
    hints = get_type_hints(kind)
    is_resource = hasattr(kind, "__wire_resource__")
    return {
        item.name if is_resource else camel(item.name): _Name(
            hints[item.name], not is_resource and item.default is None
        )
        for item in dataclasses.fields(kind)
    }


def _kind_at(kind: Any, path: str) -> Any:
    """Return what stands at a path; `_MISSING` where nothing does."""
    for step in path.split("."):
        kind = _bare(kind)
        if kind is Any or get_origin(kind) is dict:
            return Any  # a client's own object
        name = _names(kind).get(step)
        if name is None:
            return _MISSING
        kind = name.kind
    return kind


def _item_of(kind: Any) -> Any:
    kind = _bare(kind)
    return get_args(kind)[0] if get_origin(kind) in (tuple, list) else kind


def _bare(kind: Any) -> Any:
    """Return a type without "or None"."""
    if get_origin(kind) in (Union, types.UnionType):
        others = [one for one in get_args(kind) if one is not type(None)]
        return others[0] if len(others) == 1 else kind
    return kind


def _name_of(kind: Any) -> str:
    return getattr(kind, "__name__", str(kind))
