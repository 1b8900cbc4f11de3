"""The document of the marketplace system (`marketplace-api.md`, copied as it was handed over), as data.

Its examples speak of placeholders (``conv-uuid-1``): a test puts what is real in their places.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_TEXT = Path(__file__).with_name("marketplace-api.md").read_text(encoding="utf-8")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")
_COMMENT = re.compile(r"//[^\n\"]*$", re.MULTILINE)


@cache
def section(heading: str) -> str:
    """What stands under a heading, to the next one of its level or above."""
    level = re.match(r"#+", heading)[0]  # type: ignore[index]  # a heading begins so
    start = _TEXT.index(f"{heading}\n") + len(heading)
    end = re.compile(rf"^#{{1,{len(level)}}} ", re.MULTILINE).search(_TEXT, start)
    return _TEXT[start : end.start() if end else None]


def examples(heading: str) -> list[Any]:
    """The JSON blocks under a heading, in their order."""
    found = re.findall(r"```json\n(.*?)```", section(heading), re.DOTALL)
    return [json.loads(_COMMENT.sub("", block)) for block in found]


def headings() -> list[str]:
    """The headings directly under which JSON stands."""
    found: list[str] = []
    heading = ""
    for line in _TEXT.splitlines():
        if line.startswith("#"):
            heading = line
        elif line == "```json" and found[-1:] != [heading]:
            found.append(heading)
    return found


def endpoint(heading: str) -> tuple[str, str]:
    """The method and path of a REST route, by the heading that it stands under."""
    found = re.search(r"\*\*Endpoint:\*\* `(\w+) (\S+)`", section(heading))
    assert found is not None, heading
    return found[1], found[2]


def statuses(heading: str) -> set[int]:
    """The statuses that a REST route answers with."""
    return {int(status) for status in re.findall(r"`(\d{3}) [A-Z]", section(heading))}


def checklist(heading: str) -> list[str]:
    """The lines of one part of the testing checklist."""
    return re.findall(r"- \[ \] (.+)", section(heading))


def real(example: Any, places: Mapping[str, Any]) -> Any:
    """An example with what is real in the places of its placeholders."""
    if isinstance(example, dict):
        return {name: real(item, places) for name, item in example.items()}
    if isinstance(example, list):
        return [real(item, places) for item in example]
    return places.get(example, example) if isinstance(example, str) else example


def timeless(value: Any) -> Any:
    """A value without its times, each of which has the form of the document's."""
    if isinstance(value, dict):
        return {name: timeless(item) for name, item in value.items()}
    if isinstance(value, list):
        return [timeless(item) for item in value]
    return "a time" if isinstance(value, str) and _TIME.fullmatch(value) else value
