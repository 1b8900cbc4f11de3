"""Describes schemas in words: the rows of a table of fields."""

import json
from collections.abc import Iterator

from chatserver import schemas
from chatserver.reference.blocks import Table, anchor
from chatserver.reference.shapes import Schema

_FORMATS = {"uuid": "UUID", "date-time": "time"}
_UNLIMITED = 2**63 - 1


def taken(schema: Schema) -> Table:
    """Return a table of the fields of a payload."""
    needed = schema.get("required", [])
    rows = tuple(
        (f"`{name}`", kind(of), "yes" if name in needed else "", constraints(of))
        for name, of in schema["properties"].items()
    )
    return Table(("field", "type", "required", ""), rows)


def given(schema: Schema) -> Table:
    """Return a table of the fields of an answer, a push or a resource."""
    rows = tuple(
        (
            f"`{name}`",
            kind(of),
            "" if name in schema["required"] else "may be left out",
        )
        for name, of in schema["properties"].items()
    )
    return Table(("field", "type", ""), rows)


def kind(schema: Schema) -> str:
    """Return the type of a value."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](@resources#{anchor(name)})"
    if "anyOf" in schema:
        return " or ".join(kind(part) for part in schema["anyOf"])
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    kinds = schema.get("type", "anything")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return " or ".join(_of_kind(name, schema) for name in kinds)


def _of_kind(name: str, schema: Schema) -> str:
    if name == "array" and "prefixItems" in schema:
        return f"[{', '.join(kind(item) for item in schema['prefixItems'])}]"
    if name == "array":
        return f"list of {kind(schema['items'])}"
    if name == "string":
        return _FORMATS.get(schema.get("format", ""), name)
    return name


def constraints(schema: Schema) -> str:
    """Return what a value must be, and its default."""
    return "; ".join(_constraints(schema))


def _constraints(schema: Schema) -> Iterator[str]:
    if "maxLength" in schema:
        yield f"{schema['minLength']} to {schema['maxLength']:,} characters"
    if "pattern" in schema:
        yield "not blank"
    if schema.get("maximum", _UNLIMITED) != _UNLIMITED:
        yield f"{schema['minimum']} to {schema['maximum']:,}"
    elif "minimum" in schema:
        yield f"at least {schema['minimum']}"
    if "maxItems" in schema and "items" in schema:
        yield f"{schema['minItems']} to {schema['maxItems']:,} of them"
        yield from (f"each {said}" for said in _constraints(schema["items"]))
    if "description" in schema:
        said = schema["description"].removesuffix(".")
        yield said[:1].lower() + said[1:]
    if "default" in schema:
        yield f"otherwise `{json.dumps(schema['default'])}`"


def push_name(name: str, personal: bool) -> str:
    """Return what a push is called in headings: a personal one whose name another push shares is marked."""
    twice = sum(push.name == name for push in schemas.PUSHES) > 1
    return f"{name} (personal)" if personal and twice else name
