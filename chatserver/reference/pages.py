"""The reference, page by page, from the tables."""

import json
from collections.abc import Iterable

import schemas
from chatserver.errors import MEANINGS
from chatserver.reference import openapi, prose, shapes, words
from chatserver.reference.blocks import Block, Code, Heading, Page, Points, Table, Text, anchor
from chatserver.reference.commands import ALWAYS, LIMITS, outcomes, own_errors
from chatserver.reference.markdown import INDEX
from chatserver.reference.shapes import Schema
from schemas.authorisation import OK, ROLES
from schemas.conversations import LoggedEvent
from schemas.examples import EXAMPLES
from schemas.table import Command, Push, Rest


def pages() -> tuple[Page, ...]:
    """All pages, the first one first."""
    rows: tuple[Command | Push, ...] = (*schemas.COMMANDS, *schemas.PUSHES)
    nouns = dict.fromkeys(_noun(row.name) for row in rows)
    return _index(), *map(_of_noun, nouns), _authorisation(), _resources(), _rest()


def _noun(name: str) -> str:
    # The push `error` is about the session's commands.
    return name.partition(":")[0] if ":" in name else "session"


def _link(name: str) -> str:
    return f"[`{name}`](@{_noun(name)}#{anchor(name)})"


# --- the first page ------------------------------------------------------------------------------


def _index() -> Page:
    errors = tuple(
        (f"`{code}`", str(meaning.status), "yes" if meaning.retryable else "", meaning.message)
        for code, meaning in MEANINGS.items()
    )
    commands = tuple((_link(command.name), command.doc) for command in schemas.COMMANDS)
    pushes = tuple((_link(_push_name(push)), _lasts(push), push.doc) for push in schemas.PUSHES)
    always = ", ".join(f"`{code}`" for code in ALWAYS)
    return Page(
        INDEX,
        "Reference",
        (
            Text(
                "What clients may ask and what they are told, over Socket.IO and REST. "
                "Types for socket.io-client: `client/events.ts`."
            ),
            Heading(2, "Conventions"),
            Points(prose.CONVENTIONS),
            Heading(2, "Connecting"),
            *map(Text, prose.CONNECTING),
            Table(("auth", "type", "required", ""), prose.AUTH_FIELDS),
            Heading(2, "Recovery"),
            *map(Text, prose.RECOVERY),
            Heading(2, "Commands"),
            Text("Who may ask what, by how they stand: [Who may do what](@authorisation)."),
            Table(("command", ""), commands),
            Heading(2, "Pushes"),
            Table(("push", "", ""), pushes),
            Heading(2, "Errors"),
            Text(f"Any command may be refused with {always}; its own codes stand with it."),
            Table(("code", "status", "retryable", "default message"), errors),
        ),
    )


# --- who may do what -----------------------------------------------------------------------------


def _authorisation() -> Page:
    """The matrix that the tests execute."""
    meanings = Points(tuple(f"**{role}**: {meaning}" for role, meaning in ROLES.items()))
    rows = tuple(
        (f"{_link(command.name)}{f', {about}' if about else ''}", *map(_outcome, outcomes_of))
        for command in schemas.COMMANDS
        for about, outcomes_of in outcomes(command)
    )
    table = Table(("command", *ROLES), rows)
    return Page("authorisation", "Who may do what", (meanings, *map(Text, prose.MATRIX), table))


def _outcome(outcome: str) -> str:
    return f"`{outcome}`" if outcome.isupper() else outcome


# --- a page of commands and pushes ---------------------------------------------------------------


def _of_noun(noun: str) -> Page:
    blocks: list[Block] = []
    commands = [command for command in schemas.COMMANDS if _noun(command.name) == noun]
    pushes = [push for push in schemas.PUSHES if _noun(push.name) == noun]
    if commands:
        blocks.append(Heading(2, f"Commands: {noun}"))
    for command in commands:
        blocks += _command(command)
    if pushes:
        blocks.append(Heading(2, f"Pushes: {noun}"))
    for push in pushes:
        blocks += _push(push)
    return Page(noun, f"{noun}:*", tuple(blocks))


def _command(command: Command) -> Iterable[Block]:
    payload = shapes.payload(command.takes)
    yield Heading(3, command.name)
    yield Text(command.doc)
    if payload["properties"]:
        yield Text(f"**Payload.** {payload['description']}")
        yield words.taken(payload)
    else:
        yield Text("**Payload.** None.")
    if command.gives is None:
        yield Text("**Ack.** That it was done.")
    else:
        yield Text(f"**Ack.** {shapes.doc(command.gives)}")
        yield words.given(shapes.given(command.gives))
    yield Points(tuple(_facts(command)))
    yield from _who_may(command)
    example = json.dumps(EXAMPLES[command.name], indent=2, ensure_ascii=False)
    yield Code("js", f'await socket.emitWithAck("{command.name}", {example});')


def _who_may(command: Command) -> Iterable[Block]:
    rows = outcomes(command)
    if all(outcome == OK for _, outcomes_of in rows for outcome in outcomes_of):
        yield Text("**Who may.** Anybody.")
    else:
        yield Text("**Who may.** By how one [stands](@authorisation):")
        whose = ((about, *map(_outcome, outcomes_of)) for about, outcomes_of in rows)
        yield Table(("", *ROLES), tuple(whose))


def _facts(command: Command) -> Iterable[str]:
    codes = ", ".join(f"`{code}`" for code in own_errors(command))
    yield f"Errors: {codes}." if codes else "Errors: none of its own."
    yield f"Limit: {LIMITS[command.limit]}"
    for rest in command.rest:
        yield f"REST: {_route(rest)} → {rest.status}."
    yield f"REST: `POST /api/commands/{command.name}` → 200."


def _route(rest: Rest) -> str:
    chosen = rest.chosen_by
    if chosen is None:
        return f"`{rest.method} {rest.path}`"
    absent = " or without it" if chosen.default else ""
    return f"`{rest.method} {rest.path}` with `{chosen.field}` {json.dumps(chosen.value)}{absent}"


def _push(push: Push) -> Iterable[Block]:
    yield Heading(3, _push_name(push))
    yield Text(f"{push.doc} **{_lasts(push).capitalize()}.**")
    yield Text(shapes.doc(push.carries))
    yield words.given(shapes.given(push.carries))


def _push_name(push: Push) -> str:
    twice = sum(other.name == push.name for other in schemas.PUSHES) > 1
    return f"{push.name} (personal)" if push.personal and twice else push.name


def _lasts(push: Push) -> str:
    return "personal" if push.personal else "durable" if push.durable else "live only"


# --- resources and routes ------------------------------------------------------------------------


def _resources() -> Page:
    kinds = {kind.__name__: kind for kind in shapes.given_kinds()}
    blocks: list[Block] = []
    for name in _referred_to():
        schema = shapes.given(kinds[name])
        blocks += [Heading(2, name), Text(schema["description"]), _parts(schema)]
    return Page("resources", "Resources and parts", tuple(blocks))


def _referred_to() -> list[str]:
    """The classes that are within others; what an event carries stands with its push."""
    kinds = [kind for kind in shapes.given_kinds() if kind is not LoggedEvent]
    texts = json.dumps([shapes.given(kind) for kind in kinds])
    alone = {"Failure", "LoggedEvent"}
    names = (kind.__name__ for kind in shapes.given_kinds())
    return sorted(name for name in names if name in alone or f'schemas/{name}"' in texts)


def _parts(schema: Schema) -> Table:
    if "oneOf" not in schema:
        return words.given(schema)
    alternatives = [alternative["properties"] for alternative in schema["oneOf"]]
    rows = tuple(
        (f"`{of['event']['const']}`", f"as the push {_link(of['event']['const'])} carries it")
        for of in alternatives
    )
    return Table(("event", "data"), rows)


def _rest() -> Page:
    rows = tuple(
        (_route(rest), _link(command.name), str(rest.status), _answer(command, rest))
        for command in schemas.COMMANDS
        for rest in command.rest
    )
    routes = Table(("route", "command", "status", "answer"), rows)
    return Page("rest", "REST", (*map(Text, prose.REST), Heading(2, "Routes"), routes))


def _answer(command: Command, rest: Rest) -> str:
    schema = openapi.answer(command, rest)
    if rest.bare:
        return words.kind(schema)
    return ", ".join(f"`{name}`" for name in schema["properties"])
