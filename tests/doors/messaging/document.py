"""The document of the messaging system (`messaging-api.md`, copied as it was handed over), as data.

Its examples speak of placeholders (``msg_abc123``): a test puts what is real in their places.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TEXT = Path(__file__).with_name("messaging-api.md").read_text(encoding="utf-8")
_COMMENT = re.compile(r"(?<!:)//[^\n\"]*$", re.MULTILINE)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
# What the document leaves out of an example: ``[...]`` and ``{...}``.
LEFT_OUT = "..."


@dataclass(frozen=True, slots=True)
class Example:
    """A block of JSON: under which heading, and what the document calls it."""

    heading: str
    label: str
    body: Any


def _read(block: str) -> Any:
    text = _COMMENT.sub("", block)
    return json.loads(text.replace("[...]", '"..."').replace("{...}", '"..."'))


def _examples() -> list[Example]:
    found = []
    heading = label = ""
    block: list[str] | None = None
    for line in _TEXT.splitlines():
        if line.startswith("```"):
            if block is not None:
                found.append(Example(heading, label, _read("\n".join(block))))
                block = None
            elif line == "```json":
                block = []
        elif block is not None:
            block.append(line)
        elif match := re.match(r"#{2,4} (?:\d+\. )?(.+)", line):
            heading, label = match[1], ""
        elif match := re.match(r"\*\*(.+?):?\*\*", line):
            label = match[1]
    return found


EXAMPLES = _examples()


def types() -> set[str]:
    """The types of messages, as the lines "Message Type" name them."""
    lines = re.findall(r"\*\*Message Type:\*\* (.+)", _TEXT)
    return {name for line in lines for name in re.findall(r"`(\w+)`", line)}


def error_codes() -> set[str]:
    """The common error codes."""
    return set(re.findall(r"^- `([A-Z_]+)` - ", _TEXT, re.MULTILINE))


def real(example: Any, places: Mapping[str, Any]) -> Any:
    """An example with what is real in the places of its placeholders, also within texts."""
    if isinstance(example, dict):
        return {name: real(item, places) for name, item in example.items()}
    if isinstance(example, list):
        return [real(item, places) for item in example]
    if not isinstance(example, str):
        return example
    if example in places:
        return places[example]
    for placeholder, name in places.items():
        if f"@{placeholder}" in example:
            example = example.replace(f"@{placeholder}", f"@{name}")
    return example


def differences(example: Any, found: Any, place: str = "") -> list[str]:
    """Where something does not say what an example says; fields that the example lacks are none.

    A time stands for any time in the same form.
    """
    if example == LEFT_OUT:
        return []
    if isinstance(example, dict):
        if not isinstance(found, dict):
            return [f"{place}: {found!r} is no object"]
        missing = [f"{place}.{name}: missing" for name in example.keys() - found.keys()]
        return missing + [
            line
            for name in example.keys() & found.keys()
            for line in differences(example[name], found[name], f"{place}.{name}")
        ]
    if isinstance(example, list):
        if not isinstance(found, list) or len(found) != len(example):
            return [f"{place}: {found!r} instead of {example!r}"]
        return [
            line
            for nth, (one, other) in enumerate(zip(example, found, strict=True))
            for line in differences(one, other, f"{place}[{nth}]")
        ]
    if isinstance(example, str) and _TIME.fullmatch(example):
        same = isinstance(found, str) and _TIME.fullmatch(found)
    elif place.endswith("timestamp") and isinstance(example, int):
        same = isinstance(found, int) and len(str(found)) == len(str(example))
    else:
        same = example == found and type(example) is type(found)
    return [] if same else [f"{place}: {found!r} instead of {example!r}"]


def more(example: Any, found: Any) -> set[str]:
    """The names of fields that an example lacks."""
    if isinstance(example, dict) and isinstance(found, dict):
        names = found.keys() - example.keys()
        return set(names).union(
            *(more(example[n], found[n]) for n in example.keys() & found.keys())
        )
    if isinstance(example, list) and isinstance(found, list):
        pairs = zip(example, found, strict=False)
        return set().union(*(more(one, other) for one, other in pairs))
    return set()
