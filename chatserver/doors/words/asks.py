"""What a door's clients ask in their words, as commands; and what they are answered."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from chatserver.core.caller import Session
from chatserver.core.times import iso_now
from chatserver.doors.words.sources import Facts, Fields, Fixed, WordsError, compile_fields
from chatserver.schemas.table import Command
from chatserver.schemas.wire import Loader, camel, to_wire


class Asked(NamedTuple):
    """What was asked, by whom: what an answer may repeat. ``message`` is the client's, as it came."""

    message: Mapping[str, Any]
    session: Session

    @property
    def now(self) -> str:
        """The present moment."""
        return iso_now()


_FACTS: Facts = {
    "me.id": "known.session.user.id",
    "me.username": "known.session.user.username",
    "me.display_name": "known.session.user.display_name",
    "me.email": "known.session.user.email",
    "now": "known.now",
    # The client's message as a whole, for a `Made`.
    "asked": "known.message",
}


@dataclass(frozen=True, slots=True)
class Ask:
    """A message of clients, under its ``type`` and its ``aliases``, as a command.

    Attributes:
        takes: the command's fields (camelCase), and where each comes from: a field of the client's message by its
            name, or a function of the message. What the message lacks, or has as null, is left out.
        answer: the type of the answer, and `answers` its fields, of what the command gives; None: nothing is
            answered where it was done.
    """

    type: str
    command: str
    takes: Mapping[str, str | Callable[[Mapping[str, Any]], Any]]
    answer: str | None = None
    answers: Fields = field(default_factory=dict)
    aliases: tuple[str, ...] = ()


class _Row(NamedTuple):
    ask: Ask
    read: Callable[[Any, Any], dict[str, Any]] | None


class Asks:
    """Finds the command that a message asks for, and shows its answer.

    Args:
        commands: the table of all commands.
        reserved: types that the door answers by itself.

    Raises:
        WordsError: a type or alias twice; an unknown command; a field that the command does not take, or one that
            it must be given and is not; a path that is not in what it gives.
    """

    def __init__(
        self,
        commands: Iterable[Command],
        rows: Sequence[Ask],
        *,
        reserved: Iterable[str] = (),
        type_field: str = "type",
    ) -> None:
        table = {command.name: command for command in commands}
        self._rows: dict[str, _Row] = {}
        taken = set(reserved)
        for ask in rows:
            command = table.get(ask.command)
            if command is None:
                raise WordsError(f"{ask.type}: there is no command {ask.command!r}")
            _check_taken(ask, command)
            row = _Row(ask, _answer_of(ask, command, type_field))
            for name in (ask.type, *ask.aliases):
                if name in taken:
                    raise WordsError(f"{name} stands twice among what is asked")
                taken.add(name)
                self._rows[name] = row

    def find(self, kind: object) -> Ask | None:
        """Return the row of a type, or of an alias of one."""
        row = self._rows.get(kind) if isinstance(kind, str) else None
        return None if row is None else row.ask

    def payload(self, ask: Ask, message: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the command is given; its schema judges it.

        Raises:
            ChatError: what a function of the row refuses.
        """
        given = {}
        for name, source in ask.takes.items():
            value = message.get(source) if isinstance(source, str) else source(message)
            if value is not None:
                given[name] = value
        return given

    def answer(self, ask: Ask, value: object | None, asked: Asked) -> dict[str, Any] | None:
        """Return the message that says that it was done; None where nothing does."""
        read = self._rows[ask.type].read
        if read is None:
            return None
        given = {} if value is None else to_wire(value)
        return read(given, asked)


def _check_taken(ask: Ask, command: Command) -> None:
    fields = Loader(command.takes).fields
    known = {camel(name) for name in fields}
    if wrong := [name for name in ask.takes if name not in known]:
        raise WordsError(f"{ask.type}: {command.name} takes no {', '.join(wrong)}")
    required = {camel(name) for name, taken in fields.items() if taken.required}
    if lacking := sorted(required - ask.takes.keys()):
        raise WordsError(f"{ask.type}: {command.name} must be given {', '.join(lacking)}")


def _answer_of(
    ask: Ask, command: Command, type_field: str
) -> Callable[[Any, Any], dict[str, Any]] | None:
    if ask.answer is None:
        if ask.answers:
            raise WordsError(f"{ask.type}: an answer without a type has fields")
        return None
    where = f"{ask.type} answered {ask.answer}"
    fields = {type_field: Fixed(ask.answer), **ask.answers}
    return compile_fields(where, fields, command.gives, _FACTS).read
