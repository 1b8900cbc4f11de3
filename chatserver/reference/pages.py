"""Makes the reference, page by page, from the tables."""

import json
from collections.abc import Iterable, Sequence

from chatserver import schemas
from chatserver.core.errors import MEANINGS
from chatserver.reference import (
    openapi,
    page_vocabulary,
    prose,
    shapes,
    typescript,
    words,
)
from chatserver.reference.blocks import (
    Block,
    Code,
    Document,
    Heading,
    Paragraph,
    Points,
    Table,
    anchor,
)
from chatserver.reference.commands import ALWAYS, LIMITS, outcomes, own_errors
from chatserver.reference.markdown import INDEX
from chatserver.reference.shapes import Schema
from chatserver.reference.vocabularies import Vocabulary
from chatserver.schemas.authorisation import OK, ROLES
from chatserver.schemas.examples import EXAMPLES
from chatserver.schemas.history import LoggedEvent
from chatserver.schemas.table import Command, Push, Rest


def pages(vocabularies: Sequence[Vocabulary] = ()) -> tuple[Document, ...]:
    """Return all pages, the first one first; the doors' of other systems' words at the end."""
    rows: tuple[Command | Push, ...] = (*schemas.COMMANDS, *schemas.PUSHES)
    nouns = dict.fromkeys(_noun(row.name) for row in rows)
    of_nouns = map(_of_noun, nouns)
    moving = tuple(map(page_vocabulary.page, vocabularies))
    return _index(moving), *of_nouns, _authorisation(), _resources(), _rest(), *moving


def _noun(name: str) -> str:
    # The push `error` is about the session's commands.
    return name.partition(":")[0] if ":" in name else "session"


def _link(name: str) -> str:
    return f"[`{name}`](@{_noun(name)}#{anchor(name)})"


# --- the first page ------------------------------------------------------------------------------


def _index(moving: Sequence[Document]) -> Document:
    errors = tuple(
        (f"`{code}`", str(meaning.status), "yes" if meaning.retryable else "", meaning.message)
        for code, meaning in MEANINGS.items()
    )
    commands = tuple((_link(command.name), command.doc) for command in schemas.COMMANDS)
    pushes = tuple(
        (_link(words.push_name(push.name, push.personal)), _lasts(push), push.doc)
        for push in schemas.PUSHES
    )
    always = ", ".join(f"`{code}`" for code in ALWAYS)
    return Document(
        INDEX,
        "Reference",
        (
            Paragraph(
                "What clients may ask and what they are told, over Socket.IO and REST. "
                f"Types for socket.io-client: `{typescript.PATH}`."
            ),
            *(
                Paragraph(f"Clients of the {page.name} system: [{page.title}](@{page.name}).")
                for page in moving
            ),
            Heading(2, "Conventions"),
            Points(prose.CONVENTIONS),
            Heading(2, "Connecting"),
            *map(Paragraph, prose.CONNECTING),
            Table(("auth", "type", "required", ""), prose.AUTH_FIELDS),
            Heading(2, "Recovery"),
            *map(Paragraph, prose.RECOVERY),
            Heading(2, "Commands"),
            Paragraph("Who may ask what, by how they stand: [Who may do what](@authorisation)."),
            Table(("command", ""), commands),
            Heading(2, "Pushes"),
            Table(("push", "", ""), pushes),
            Heading(2, "Errors"),
            Paragraph(f"Any command may be refused with {always}; its own codes stand with it."),
            Table(("code", "status", "retryable", "default message"), errors),
        ),
    )


# --- who may do what -----------------------------------------------------------------------------


def _authorisation() -> Document:
    """Return the matrix that the tests execute."""
    meanings = Points(tuple(f"**{role}**: {meaning}" for role, meaning in ROLES.items()))
    rows = tuple(
        (f"{_link(command.name)}{f', {about}' if about else ''}", *map(_outcome, outcomes_of))
        for command in schemas.COMMANDS
        for about, outcomes_of in outcomes(command)
    )
    table = Table(("command", *ROLES), rows)
    return Document(
        "authorisation", "Who may do what", (meanings, *map(Paragraph, prose.MATRIX), table)
    )


def _outcome(outcome: str) -> str:
    return f"`{outcome}`" if outcome.isupper() else outcome


# --- a page of commands and pushes ---------------------------------------------------------------


def _of_noun(noun: str) -> Document:
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
    return Document(noun, f"{noun}:*", tuple(blocks))


def _command(command: Command) -> Iterable[Block]:
    payload = shapes.payload(command.takes)
    yield Heading(3, command.name)
    yield Paragraph(command.doc)
    if payload["properties"]:
        yield Paragraph(f"**Payload.** {payload['description']}")
        yield words.taken(payload)
    else:
        yield Paragraph("**Payload.** None.")
    if command.gives is None:
        yield Paragraph("**Ack.** That it was done.")
    else:
        yield Paragraph(f"**Ack.** {shapes.doc(command.gives)}")
        yield words.given(shapes.given(command.gives))
    yield Points(tuple(_facts(command)))
    yield from _who_may(command)
    example = json.dumps(EXAMPLES[command.name], indent=2, ensure_ascii=False)
    yield Code("js", f'await socket.emitWithAck("{command.name}", {example});')


def _who_may(command: Command) -> Iterable[Block]:
    rows = outcomes(command)
    if all(outcome == OK for _, outcomes_of in rows for outcome in outcomes_of):
        yield Paragraph("**Who may.** Anybody.")
    else:
        yield Paragraph("**Who may.** By how one [stands](@authorisation):")
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
    yield Heading(3, words.push_name(push.name, push.personal))
    yield Paragraph(f"{push.doc} **{_lasts(push).capitalize()}.**")
    yield Paragraph(shapes.doc(push.carries))
    yield words.given(shapes.given(push.carries))


def _lasts(push: Push) -> str:
    return "personal" if push.personal else "durable" if push.durable else "live only"


# --- resources and routes ------------------------------------------------------------------------


def _resources() -> Document:
    kinds = {kind.__name__: kind for kind in shapes.given_kinds()}
    blocks: list[Block] = []
    for name in _referred_to():
        schema = shapes.given(kinds[name])
        blocks += [Heading(2, name), Paragraph(schema["description"]), _parts(schema)]
    return Document("resources", "Resources and parts", tuple(blocks))


def _referred_to() -> list[str]:
    """Return the classes that are within others; what an event carries stands with its push."""
    kinds = [kind for kind in shapes.given_kinds() if kind is not LoggedEvent]
    texts = json.dumps([shapes.given(kind) for kind in kinds])
    alone = {"Failure", "FileElsewhere", "LoggedEvent"}
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


def _rest() -> Document:
    rows = tuple(
        (_route(rest), _link(command.name), str(rest.status), _answer(command, rest))
        for command in schemas.COMMANDS
        for rest in command.rest
    )
    routes = Table(("route", "command", "status", "answer"), rows)
    return Document("rest", "REST", (*map(Paragraph, prose.REST), Heading(2, "Routes"), routes))


def _answer(command: Command, rest: Rest) -> str:
    schema = openapi.answer(command, rest)
    if rest.bare:
        return words.kind(schema)
    return ", ".join(f"`{name}`" for name in schema["properties"])
