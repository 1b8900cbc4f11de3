"""What a door's clients are shown of each push, and what they are not."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chatserver.core.encoding import Received, dumps
from chatserver.delivery import Frame
from chatserver.doors.words.sources import Facts, Fields, Fixed, WordsError, compile_fields
from chatserver.schemas.messages import MessageReceived
from chatserver.schemas.resources import Message
from chatserver.schemas.table import Push

# What is in no payload: see `core.about`. ``at`` is when it was written, or now for what is in no log.
_ABOUT: Facts = {
    "conversation_type": "known.about.conversation_type",
    "users": "known.about.users",
    "product_id": "known.about.product_id",
    "actor.id": "known.about.actor and known.about.actor.id",
    "actor.username": "known.about.actor and known.about.actor.username",
    "actor.display_name": "known.about.actor and known.about.actor.display_name",
    "actor.email": "known.about.actor and known.about.actor.email",
}
# ``whole`` is all that the push carries, for a `Made`.
_FACTS: Facts = {**_ABOUT, "at": "known.written_at", "whole": "shown"}


def is_direct(frame: Frame) -> bool:
    """Return whether a push is of a direct conversation."""
    return frame.about is not None and frame.about.conversation_type == "direct"


def is_group(frame: Frame) -> bool:
    """Return whether a push is of a group."""
    return frame.about is not None and frame.about.conversation_type == "group"


@dataclass(frozen=True, slots=True)
class Shown:
    """A push that is shown, as a message of this ``type`` with these fields.

    Of several rows for one push the first counts whose ``when`` holds; where none does it is not shown.
    ``personal`` is the row's in the table of pushes: a name may stand there twice.
    """

    push: str
    type: str
    fields: Fields
    when: Callable[[Frame], bool] | None = None
    personal: bool = False


@dataclass(frozen=True, slots=True)
class Hidden:
    """A push that is not shown, and why."""

    push: str
    why: str
    personal: bool = False


@dataclass(frozen=True, slots=True)
class _Row:
    type: str
    when: Callable[[Frame], bool] | None
    read: Callable[[Any, Any], dict[str, Any]]
    # Whether it needs to know what the push is about.
    asks: bool


class Pushes:
    """Shows pushes in a dialect's words. A push that another program made up is shown to nobody.

    Args:
        pushes: the table of all pushes.
        rows: what becomes of each.
        type_field: what the field is called that has a message's type.

    Raises:
        WordsError: a push neither shown nor hidden, or both; a row of an unknown push; a path that is not in what
            the push carries; a row that none of the following can come to.
    """

    def __init__(
        self, pushes: Iterable[Push], rows: Sequence[Shown | Hidden], *, type_field: str = "type"
    ) -> None:
        self._type_field = type_field
        table = {(push.name, push.personal): push for push in pushes}
        self._twofold = frozenset(
            name for name, personal in table if personal and (name, False) in table
        )
        self._rows: dict[tuple[str, bool], tuple[_Row, ...]] = {}
        self.hidden: dict[tuple[str, bool], str] = {}
        for row in rows:
            key = row.push, row.personal
            push = table.get(key)
            if push is None:
                raise WordsError(f"{row.push}: there is no such push")
            if key in self.hidden or (isinstance(row, Hidden) and key in self._rows):
                raise WordsError(f"{row.push} is hidden, and has another row")
            if isinstance(row, Hidden):
                self.hidden[key] = row.why
            else:
                self._rows[key] = self._with(key, row, push)
        missing = [name for name, personal in table if not {(name, personal)} & self._known]
        if missing:
            raise WordsError(f"neither shown nor hidden: {', '.join(sorted(missing))}")

    @property
    def _known(self) -> set[tuple[str, bool]]:
        return {*self._rows, *self.hidden}

    def _with(self, key: tuple[str, bool], row: Shown, push: Push) -> tuple[_Row, ...]:
        before = self._rows.get(key, ())
        if before and before[-1].when is None:
            raise WordsError(f"{row.push}: a row stands behind one that always holds")
        if self._type_field in row.fields:
            raise WordsError(f"{row.push}: {self._type_field!r} stands twice in {row.type}")
        fields = {self._type_field: Fixed(row.type), **row.fields}
        compiled = compile_fields(f"{row.push} as {row.type}", fields, _carried(push), _FACTS)
        asks = bool(compiled.facts & _ABOUT.keys())
        return *before, _Row(row.type, row.when, compiled.read, asks)

    def show(self, frame: Frame) -> dict[str, Any] | None:
        """Return the message that shows a push; None where it is not shown.

        A push of which another process did not say what it is about is not shown where that is needed.
        """
        name = frame.name
        # One that is in a person's own stream.
        personal = name in self._twofold and (frame.room or "").startswith("user:")
        rows = self._rows.get((name, personal))
        if rows is None:
            rows = self._rows.get((name, True), ())
        for row in rows:
            if row.when is None or row.when(frame):
                if row.asks and frame.about is None:
                    return None
                return row.read(_payload(frame), frame)
        return None

    def json(self, frame: Frame) -> bytes | None:
        """Return what `show` does, as JSON."""
        shown = self.show(frame)
        return None if shown is None else dumps(shown)

    @property
    def types(self) -> Mapping[str, tuple[str, ...]]:
        """The types under which each push is shown."""
        found: dict[str, tuple[str, ...]] = {}
        for (name, _), rows in self._rows.items():
            found[name] = (*found.get(name, ()), *(row.type for row in rows))
        return found


def _carried(push: Push) -> Any:
    """What a push carries. A new message is the resource itself: only the main door writes its conversation's id
    once more beside it."""
    return Message if push.carries is MessageReceived else push.carries


def _payload(frame: Frame) -> Any:
    payload = frame.payload
    return payload.message if type(payload) is Received else payload
