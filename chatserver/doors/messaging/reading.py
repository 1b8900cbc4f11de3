"""Reads what a client sends: one JSON object, whose ``type`` says which command it is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from marshmallow import ValidationError

from chatserver import schemas
from chatserver.core import encoding
from chatserver.core.caller import Session
from chatserver.core.errors import ChatError, ErrorCode, invalid, not_found
from chatserver.doors.messaging.asks import ASKS, ROWS
from chatserver.doors.messaging.directs import Directs
from chatserver.doors.messaging.ids import (
    direct_id,
    group_id,
    is_direct_name,
    is_uuid,
    message_id,
    other_person,
    spelled,
    ungrouped,
)
from chatserver.doors.words import Ask, Asked
from chatserver.gate import LatePayload
from chatserver.schemas.fields import UserId
from chatserver.schemas.wire import Loader, camel, snake

# How a field is read: as it is; as the name of a group; as the name of a conversation, be it only to say who is
# addressed; as the person with whom the caller shares a conversation; as the name of a conversation that the
# answer alone repeats, since the id of the message says enough; or as a number that is cut to its bounds.
Kind = Literal["plain", "group", "conversation", "addressed", "with", "repeated", "clamped"]

_BOUNDS: Mapping[str, tuple[int, int]] = {"limit": (1, 200), "offset": (0, 2**53)}
_MESSAGES = ("messageId", "replyToMessageId")
_PERSON = UserId()
_SOME_ID = "00000000-0000-0000-0000-000000000000"
_NOT_THEM = "Is not the other person of this conversation."
_TWICE = "Given twice, in both casings, with different values."


def kinds(ask: Ask) -> dict[str, Kind]:
    """Return how the fields of a message are read, by their names."""
    found: dict[str, Kind] = {}
    for ours, theirs in ask.takes.items():
        assert isinstance(theirs, str)  # no row of ours has a function
        found[theirs] = _kind(ask, ours, theirs)
    if "messageId" in ask.takes:
        found |= {"conversationId": "repeated", "groupId": "repeated"}
    return found


def _kind(ask: Ask, ours: str, theirs: str) -> Kind:
    if theirs in _BOUNDS:
        return "clamped"
    match ours, theirs:
        case "conversationId", "groupId":
            return "group"
        case "conversationId", "recipientId":
            return "with"
        case "conversationId", _:
            return "addressed" if "recipientId" in ask.takes else "conversation"
    return "plain"


class _Fields:
    """The fields of a type of message, in either casing, and those of its command that it does not have."""

    def __init__(self, ask: Ask) -> None:
        command = next(command for command in schemas.COMMANDS if command.name == ask.command)
        by_name = kinds(ask)
        self.known = {
            spelling: (name, kind)
            for name, kind in by_name.items()
            for spelling in (name, snake(name))
        }
        self.loader: Loader[Any] = Loader(command.takes)
        ours = {camel(name) for name in self.loader.fields}
        both = {spelling for name in ours for spelling in (name, snake(name))}
        self.others = both - self.known.keys()


_FIELDS = {ask.type: _Fields(ask) for ask in ROWS}


def read(text: str) -> tuple[Ask, dict[str, Any]]:
    """Read a message: what its type asks, and its other fields.

    Raises:
        ChatError: VALIDATION_ERROR, UNKNOWN_COMMAND
    """
    try:
        message = encoding.loads(text)
    except ValueError as error:
        raise invalid("message", encoding.what_is_wrong(error)) from None
    if not isinstance(message, dict):
        raise invalid("message", "Must be an object.")
    if "type" not in message:
        raise invalid("type", "Missing.")
    type_ = message.pop("type")
    if not isinstance(type_, str):
        raise invalid("type", "Must be a string.")
    ask = ASKS.find(type_)
    if ask is None:
        raise ChatError(code=ErrorCode.UNKNOWN_COMMAND, message="Unknown message type")
    return ask, message


@dataclass(slots=True, eq=False)
class ClientMessage:
    """What one message asks, by whom: what its answer is made of. ``ask`` is None where it asks nothing.

    ``given`` has its fields as they were read. ``absent``: it names two people who have no conversation.
    ``is_judged``: what is wrong with it was found before it was a command.
    """

    session: Session
    ask: Ask | None = None
    given: dict[str, Any] = field(default_factory=dict)
    absent: bool = False
    is_judged: bool = False

    def asked(self) -> Asked:
        """Return what an answer may repeat."""
        return Asked(self.given, self.session)


class ByPeople(LatePayload):
    """A payload that lacks the id of a conversation, since that is named by its two people.

    Args:
        named_in: the field of the message that names them.
    """

    def __init__(
        self,
        message: ClientMessage,
        payload: dict[str, Any],
        named_in: str,
        person: str,
        directs: Directs,
        *,
        strict: bool,
    ) -> None:
        assert message.ask is not None  # it was read
        self._fields = _FIELDS[message.ask.type]
        self._strict = strict
        self.payload = payload
        self._message = message
        self._named_in = named_in
        self._person = person
        self._directs = directs

    async def found(self) -> dict[str, Any]:
        """See `LatePayload`. What is wrong with the rest comes first, and then whether there is such a thing.

        Raises:
            Invalid: what is wrong with the rest.
        """
        self._fields.loader.load({**self.payload, "conversationId": _SOME_ID}, strict=self._strict)
        conversation_id = await self._directs.find(self._message.session, self._person)
        if conversation_id is None:
            self._message.absent = True
            raise not_found("conversation", field=self._named_in)
        self.payload["conversationId"] = conversation_id
        return self.payload


class IncomingMessage:
    """A message as it came: see `Incoming`.

    Args:
        strict: refuse fields that its type does not have, though its command does; else they are ignored.
    """

    __slots__ = ("_directs", "_strict", "_unknown", "_values", "id", "json")

    def __init__(self, text: str, session: Session, directs: Directs, *, strict: bool) -> None:
        self.json = text
        self.id = ClientMessage(session)
        self._directs = directs
        self._strict = strict
        # Its fields as the command is given them, by the message's names.
        self._values: dict[str, Any] = {}
        self._unknown: dict[str, Any] = {}

    def command(self) -> tuple[object, object]:
        """Return its name and payload.

        Raises:
            ChatError: VALIDATION_ERROR, UNKNOWN_COMMAND, RESOURCE_NOT_FOUND
        """
        ask, message = read(self.json)
        self.id.ask = ask
        try:
            between = self._take_all(_FIELDS[ask.type], message.items())
        except ChatError:
            self.id.is_judged = True
            raise
        payload = self._unknown | {
            ours: self._values[theirs]
            for ours, theirs in ask.takes.items()
            if theirs in self._values
        }
        if between is None:
            return ask.command, payload
        named_in, person = between
        late = ByPeople(self.id, payload, named_in, person, self._directs, strict=self._strict)
        return ask.command, late

    def _take_all(
        self, fields: _Fields, items: Iterable[tuple[str, Any]]
    ) -> tuple[str, str] | None:
        """Take every field; which of them names a conversation by its people, and the other one of these."""
        seen: dict[str, Any] = {}
        between: tuple[str, str] | None = None
        for spelling, value in items:
            known = fields.known.get(spelling)
            if known is None:
                if spelling not in fields.others:
                    # Unknown to the command as well, which refuses or counts it.
                    self._unknown[spelling] = value
                elif self._strict:
                    raise invalid(spelling, "Unknown field.")
                continue
            name, kind = known
            if name in seen and not _alike(seen[name], value):
                raise invalid(name, _TWICE)
            seen[name] = value
            person = self._take(name, kind, value)
            if person is not None:
                between = name, person
        return between

    def _take(self, name: str, kind: Kind, value: Any) -> str | None:
        """Take a field; the person with whom a conversation is shared, where it is named so.

        Raises:
            ChatError: VALIDATION_ERROR, RESOURCE_NOT_FOUND
        """
        given, values, user_id = self.id.given, self._values, self.id.session.user.id
        if name in _MESSAGES:
            value = message_id(value)
        given[name] = value
        if name == "recipientId" and kind == "plain":
            self._address(value)
            return None
        values[name] = value
        match kind:
            case "repeated":
                del values[name]
                given[name] = None if value is None else spelled(value, user_id)
                if given[name] is None and value is not None:
                    raise invalid(name, "Must be the id of a conversation.")
            case "with" if value is not None:
                del values[name]
                return _person(name, value)
            case "conversation" | "addressed" if is_direct_name(value):
                del values[name]
                person = other_person(value, user_id)
                if person is None:
                    raise not_found("conversation", field=name)
                given[name] = direct_id(user_id, person)
                if kind == "conversation":
                    return person
                self._address(person)
            case "conversation" | "addressed" | "group":
                values[name] = ungrouped(value)
                given[name] = spelled(value, user_id)
                if kind == "group" and is_uuid(given[name]):
                    given[name] = group_id(given[name])
            case "clamped" if type(value) is int:
                low, high = _BOUNDS[name]
                given[name] = values[name] = min(max(value, low), high)
        return None

    def _address(self, person: Any) -> None:
        """Read whom a message is for, which two fields may say."""
        before = self._values.get("recipientId")
        if before is None:
            self._values["recipientId"] = person
        elif person is not None and not _alike(before, person):
            raise invalid("recipientId", _NOT_THEM)


def _person(name: str, value: object) -> str:
    try:
        person: str = _PERSON.deserialize(value)
    except ValidationError as error:
        raise invalid(name, str(error.messages[0])) from None
    return person


def _alike(one: object, other: object) -> bool:
    try:
        return bool(one == other)
    except RecursionError:
        # Nested deeper than can be compared: no field accepts that.
        return False
