"""Shows files in the words that the doors of other systems share."""

from collections.abc import Mapping, Sequence
from typing import Any

_FIELDS = ("name", "size", "type", "url")


def files(shown: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]] | None:
    """Return the files of a message; None where there is none."""
    return [{name: file[name] for name in _FIELDS} for file in shown] or None
