import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, get_args
from uuid import UUID

import orjson
import pytest

from chatserver import schemas
from chatserver.core.errors import ErrorCode
from chatserver.schemas.base import Retryable
from chatserver.schemas.examples import EXAMPLES
from chatserver.schemas.fields import Flag, Id, Many, Text, Whole
from chatserver.schemas.table import Choice, Command
from chatserver.schemas.wire import Invalid, Loader, camel, payload, resource, snake, to_wire

ID = "0190a6e0-0000-7000-8000-000000000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A payload of every sort of field."""

    conversation_id: Annotated[UUID, Id()]
    is_on: Annotated[bool, Flag()]
    up_to_seq: Annotated[int | None, Whole()] = None
    message_ids: Annotated[tuple[UUID, ...] | None, Many(Id(), 1, 3)] = None
    title: Annotated[str, Text(1, 5)] = "hello"

    def problems(self) -> Iterator[tuple[str, str]]:
        """Two fields that contradict each other."""
        if self.up_to_seq == 7:
            yield "up_to_seq", "Not 7."


LOADER = Loader(Ask)
WHOLE = {"conversationId": ID, "isOn": True}


def wrong(given: object, *, strict: bool = True) -> dict[str, list[str]]:
    """What is wrong with a payload."""
    with pytest.raises(Invalid) as error:
        LOADER.load(given, strict=strict)
    return error.value.fields


def test_a_payload_becomes_its_dataclass() -> None:
    """Fields are read by their wire names, and what is not given has its default."""
    value, unknown = LOADER.load({**WHOLE, "upToSeq": 3, "messageIds": [ID, ID]}, strict=True)
    assert value == Ask(
        conversation_id=UUID(ID), is_on=True, up_to_seq=3, message_ids=(UUID(ID),), title="hello"
    )
    assert unknown == frozenset()


@pytest.mark.parametrize(
    "given",
    [
        {"conversation_id": ID, "is_on": True},
        {"conversationId": ID, "is_on": True},
        {**WHOLE, "conversation_id": ID, "is_on": True},
        {**WHOLE, "upToSeq": None, "up_to_seq": None, "title": None},
    ],
)
def test_casings_and_nulls(given: dict[str, Any]) -> None:
    """Either casing is read, both where they agree, and null for what may be left out is as good as that."""
    assert LOADER.load(given, strict=True)[0] == Ask(conversation_id=UUID(ID), is_on=True)


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({}, {"conversationId": ["Missing."], "isOn": ["Missing."]}),
        ({**WHOLE, "isOn": None}, {"isOn": ["Must not be null."]}),
        ({**WHOLE, "is_on": False}, {"isOn": ["Given twice, in both casings, with different values."]}),
        ({**WHOLE, "messageIds": [ID, 5]}, {"messageIds.1": ["Must be a UUID."]}),
        ({**WHOLE, "upToSeq": 7}, {"upToSeq": ["Not 7."]}),
        ({**WHOLE, "upToSeq": 7, "title": ""}, {"title": ["Must not be empty."]}),
        ({**WHOLE, "more": None}, {"more": ["Unknown field."]}),
        ({**WHOLE, "conversationid": ID}, {"conversationid": ["Unknown field."]}),
        ({**WHOLE, "\ud800": 1}, {"?": ["Unknown field."]}),
        ({"more": 1, "isOn": 1}, {
            "conversationId": ["Missing."],
            "isOn": ["Must be true or false."],
            "more": ["Unknown field."],
        }),
        ([], {"payload": ["Must be an object."]}),
        ("{}", {"payload": ["Must be an object."]}),
        (None, {"payload": ["Must be an object."]}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(given: object, fields: dict[str, list[str]]) -> None:
    """Every wrong field is named as the wire has it, with the reason."""
    assert wrong(given) == fields


def test_unknown_fields_are_ignored_where_that_is_asked() -> None:
    """Without strictness unknown fields are told to the caller and change nothing; wrong ones stay wrong."""
    value, unknown = LOADER.load({**WHOLE, "more": 1, "x" * 99: 2}, strict=False)
    assert value == Ask(conversation_id=UUID(ID), is_on=True)
    assert unknown == {"more", "x" * 64}
    assert list(wrong({**WHOLE, "more": 1, "title": 5}, strict=False)) == ["title"]


def test_values_too_deep_to_compare_are_refused() -> None:
    """A field given in both casings, nested deeper than can be compared, is refused like any wrong one."""
    deep = [orjson.loads("[" * 1000 + "]" * 1000) for _ in range(2)]
    assert set(wrong({**WHOLE, "title": deep[0], "upToSeq": deep[0], "up_to_seq": deep[1]})) == {
        "title",
        "upToSeq",
    }


def test_a_field_must_say_what_it_is() -> None:
    """A payload's field without a marshmallow field is a mistake that shows at start-up."""

    @dataclass
    class Bare:
        name: str

    with pytest.raises(TypeError, match="has no marshmallow field"):
        Loader(Bare)


@resource
class Thing:
    """A resource."""

    thing_id: str
    is_new: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of an answer."""

    part_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gives:
    """An answer."""

    one_thing: Thing
    some_things: tuple[Thing, ...]
    one_part: Part
    some_parts: tuple[Part, ...]
    left_null: str | None
    left_out: str | None = None
    left_in: int = 0


def test_answers_are_camel_case_and_resources_snake_case() -> None:
    """An answer and its parts leave in camelCase, the resources in it as they are named."""
    thing = Thing(thing_id="t", is_new=None)
    gives = Gives(
        one_thing=thing,
        some_things=(thing,),
        one_part=Part(part_id=1),
        some_parts=(Part(part_id=2), Part(part_id=3)),
        left_null=None,
    )
    shown = {"thing_id": "t", "is_new": None}
    assert orjson.loads(orjson.dumps(to_wire(gives))) == {
        "oneThing": shown,
        "someThings": [shown],
        "onePart": {"partId": 1},
        "someParts": [{"partId": 2}, {"partId": 3}],
        "leftNull": None,
        "leftIn": 0,
    }
    assert payload(gives) == to_wire(gives)
    assert payload(thing) is thing
    assert payload({"as_it": "is"}) == {"as_it": "is"}


def test_resources_are_declared_like_dataclasses() -> None:
    """A resource has the fields that it inherits too, by name, and none of them can be set."""

    @resource
    class Special(Thing):
        """A thing with a price."""

        price: int

    special: Any = Special(thing_id="t", is_new=True, price=3)
    assert [field.name for field in dataclasses.fields(Special)] == ["thing_id", "is_new", "price"]
    assert (special.thing_id, special.is_new, special.price) == ("t", True, 3)
    assert orjson.dumps(special) == b'{"thing_id":"t","is_new":true,"price":3}'
    with pytest.raises(AttributeError):
        special.price = 4
    with pytest.raises(AttributeError):
        special.prize = 4


@pytest.mark.parametrize(
    "body", [{"price": 0}, {"items": dataclasses.field()}], ids=["a default", "a name"]
)
def test_fields_that_no_resource_can_have_are_refused(body: dict[str, Any]) -> None:
    """A default and a name that dicts use themselves are refused where the resource is declared."""
    kind = type("Broken", (), {**body, "__annotations__": dict.fromkeys(body, int)})
    with pytest.raises(TypeError, match=r"Broken\.(price|items) cannot be a field"):
        resource(kind)


def parts(kind: Any) -> Iterator[Any]:
    """The dataclasses that a type is made of, itself included."""
    for inner in get_args(kind):
        yield from parts(inner)
    if dataclasses.is_dataclass(kind):
        yield kind
        for field in dataclasses.fields(kind):
            yield from parts(field.type)


def test_names_survive_both_casings() -> None:
    """Every field's name comes back from camelCase as it was."""
    roots = [kind for row in schemas.COMMANDS for kind in (row.takes, row.gives)]
    roots += [row.carries for row in schemas.PUSHES]
    kinds = {kind for root in roots for kind in parts(root)}
    names = {field.name for kind in kinds for field in dataclasses.fields(kind)}
    assert {"conversation_id", "up_to_seq", "typing_interval_ms"} <= names
    for name in names - {"conversationId"}:  # MessageReceived has it in both casings
        assert snake(camel(name)) == name
        assert camel(camel(name)) == camel(name)


_BY_NAME = {command.name: command for command in schemas.COMMANDS}


def test_names_are_unique() -> None:
    """No command and no push stands in its table twice (a push may be personal too), and all are spelt alike."""
    for table in (schemas.COMMANDS, schemas.PUSHES):
        names = [row.name for row in table]
        keys = [(row.name, getattr(row, "personal", False)) for row in table]
        assert len(set(keys)) == len(keys)
        assert all(re.fullmatch(r"[a-z]+:[a-z_]+|error", name) for name in names)
        assert all(row.doc.endswith(".") for row in table)


@pytest.mark.parametrize("command", schemas.COMMANDS, ids=lambda command: command.name)
def test_every_command_is_complete(command: Command) -> None:
    """A command takes what can be loaded, gives a dataclass or nothing, and fails by codes that exist."""
    loader = Loader(command.takes)
    assert command.gives is None or dataclasses.is_dataclass(command.gives)
    assert set(command.errors) <= {code.value for code in ErrorCode}
    # Sending has a key of its own, which lasts for ever.
    retryable = issubclass(command.takes, Retryable) or "client_message_id" in loader.fields
    assert retryable == command.mutates
    for rest in command.rest:
        assert set(re.findall(r"{(\w+)}", rest.path)) <= set(loader.fields)
        shown = {rest.bare} if rest.bare else set(rest.shows or ())
        gives = _BY_NAME[rest.then].gives if rest.then else command.gives
        given = {f.name for f in dataclasses.fields(gives)} if gives else set()
        assert shown <= given


def test_every_command_has_an_example() -> None:
    """Every command stands in schemas/examples.py: a new one is given a payload there."""
    assert set(EXAMPLES) == set(_BY_NAME)


def test_routes_are_unique() -> None:
    """No two commands have the same REST route, unless a field of the request says which of them is meant."""
    routes: dict[tuple[str, str], list[Choice | None]] = {}
    for row in schemas.COMMANDS:
        for rest in row.rest:
            routes.setdefault((rest.method, rest.path), []).append(rest.chosen_by)
    for route, choices in routes.items():
        if len(choices) > 1:
            chosen = [choice for choice in choices if choice]
            assert len({choice.value for choice in chosen}) == len(choices), route
            assert len({choice.field for choice in chosen}) == 1, route
            assert sum(choice.default for choice in chosen) <= 1, route


def test_every_push_is_complete() -> None:
    """A push carries a dataclass; a durable one its place in its stream, and a personal one is durable."""
    for push in schemas.PUSHES:
        assert dataclasses.is_dataclass(push.carries), push.name
        names = {camel(field.name) for field in dataclasses.fields(push.carries)}
        if push.personal:
            assert push.durable, push.name
            assert "personalSeq" in names, push.name
        elif push.durable:
            assert {"conversationId", "seq"} <= names, push.name
    assert {push.name for push in schemas.PUSHES if push.durable} >= {"chat:message_received"}
