"""What belongs to what."""

from collections.abc import Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key")


class Index(Generic[Key]):
    """Some texts under each key. Most keys have one, which is kept as it is: a set of one is 216 bytes."""

    def __init__(self) -> None:
        self._found: dict[Key, str | set[str]] = {}

    def __iter__(self) -> Iterator[Key]:
        """The keys that have any."""
        return iter(self._found)

    def of(self, key: Key) -> tuple[str, ...]:
        """What is under a key, as it is now."""
        found = self._found.get(key, ())
        return (found,) if isinstance(found, str) else tuple(found)

    def add(self, key: Key, text: str) -> bool:
        """Put a text under a key; whether it is the only one there."""
        found = self._found.get(key)
        if found is None:
            self._found[key] = text
        elif isinstance(found, set):
            found.add(text)
        elif found != text:
            self._found[key] = {found, text}
        return found is None or found == text

    def discard(self, key: Key, text: str) -> bool:
        """Take a text away from a key; whether it was the last there."""
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
