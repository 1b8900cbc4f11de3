"""An index of texts by key, small in memory."""

from collections.abc import Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key")


class Index(Generic[Key]):
    """Keeps some texts under each key.

    Most keys have one, which is kept without a set: a set of one is 216 bytes.
    """

    def __init__(self) -> None:
        self._found: dict[Key, str | set[str]] = {}

    def __iter__(self) -> Iterator[Key]:
        """Iterate over the keys that have a text."""
        return iter(self._found)

    def of(self, key: Key) -> tuple[str, ...]:
        """Return a copy of the texts under a key."""
        found = self._found.get(key, ())
        return (found,) if isinstance(found, str) else tuple(found)

    def add(self, key: Key, text: str) -> bool:
        """Add a text to a key; return whether it is the only one there."""
        found = self._found.get(key)
        if found is None:
            self._found[key] = text
        elif isinstance(found, set):
            found.add(text)
        elif found != text:
            self._found[key] = {found, text}
        return found is None or found == text

    def discard(self, key: Key, text: str) -> bool:
        """Remove a text from a key; return whether it was the last one there."""
        found = self._found.get(key)
        if isinstance(found, set):
            found.discard(text)
            if len(found) == 1:
                self._found[key] = found.pop()
            return False
        if found != text:
            return False
        del self._found[key]
        return True

    def clear(self) -> None:
        """Forget everything."""
        self._found.clear()
