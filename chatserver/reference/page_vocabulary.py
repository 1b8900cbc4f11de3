"""The page for those who move from a system whose words a door speaks."""

from chatserver import schemas
from chatserver.reference import shapes, words
from chatserver.reference.blocks import Block, Document, Heading, Paragraph, Points, Table, anchor
from chatserver.reference.shapes import Schema
from chatserver.reference.vocabularies import AskedMessage, FieldOf, Vocabulary

_COMMANDS = {command.name: command for command in schemas.COMMANDS}


def page(vocabulary: Vocabulary) -> Document:
    """Return the page."""
    title = vocabulary.name.capitalize()
    blocks: list[Block] = [
        Paragraph(vocabulary.summary),
        Heading(2, f"Connecting to the {vocabulary.name} door"),
        *map(Paragraph, vocabulary.connecting),
        Heading(2, f"What differs from the {vocabulary.name} system"),
        Points(vocabulary.differences),
        Heading(2, f"{title} messages"),
        Paragraph("What clients ask, each as a command of the main door, which says more of it."),
    ]
    for asked in vocabulary.asked:
        blocks += _asked(asked)
    blocks += [
        Heading(2, f"What {vocabulary.name} clients are told"),
        _told(vocabulary),
        Heading(2, f"What {vocabulary.name} clients are not told"),
        Table(
            ("push", "why"),
            tuple(
                (_push(untold.push, untold.personal), untold.why) for untold in vocabulary.untold
            ),
        ),
        Heading(2, f"{title} shapes"),
    ]
    for shape in vocabulary.shapes:
        rows = tuple((f"`{name}`", said) for name, said in shape.fields)
        blocks += [Heading(3, shape.name), Paragraph(shape.doc), Table(("field", ""), rows)]
    blocks += [
        Heading(2, f"{title} routes"),
        Table(("route", ""), tuple((f"`{route}`", said) for route, said in vocabulary.routes)),
    ]
    return Document(vocabulary.name, vocabulary.title, tuple(blocks))


def fields_taken(asked: AskedMessage) -> Schema:
    """Return the schema of a message's fields, without its type: those of its command, by the message's names."""
    payload = shapes.payload(_COMMANDS[asked.command].takes)
    known, needed = payload["properties"], payload.get("required", ())
    properties: Schema = {}
    for taken in asked.takes:
        if taken.said is None:
            assert taken.ours is not None  # else it must be said what it is
            properties[taken.name] = known[taken.ours]
        else:
            kind = "integer" if taken.is_number else "string"
            properties[taken.name] = {"type": kind, "description": taken.said}
    required = [taken.name for taken in asked.takes if taken.ours in needed]
    return {"properties": properties, "required": required}


def _asked(asked: AskedMessage) -> list[Block]:
    aliases = f" Also {_list(asked.aliases)}." if asked.aliases else ""
    command = asked.command
    link = f"[{command}](@{command.partition(':')[0]}#{anchor(command)})"
    found: list[Block] = [
        Heading(3, asked.destination or asked.type),
        Paragraph(f"{_COMMANDS[command].doc}{aliases} The command is {link}."),
    ]
    if asked.takes:
        found.append(words.taken(fields_taken(asked)))
    if asked.destination is not None:
        found.append(Paragraph("A RECEIPT says that it is done, where one is asked for."))
    elif asked.answer is None:
        found.append(Paragraph("It is not answered."))
    else:
        found.append(Paragraph(f"The answer is `{asked.answer}`: {_names(asked.answers)}."))
    return found


def _told(vocabulary: Vocabulary) -> Table:
    rows = [(f"`{t.type}`", _names(t.fields), _push(t.push, t.personal)) for t in vocabulary.told]
    if not any(told.destinations for told in vocabulary.told):
        return Table(("type", "fields", "of the push"), tuple(rows))
    at = [" and ".join(f"`{each}`" for each in told.destinations) for told in vocabulary.told]
    return Table(
        ("type", "fields", "of the push", "at"),
        tuple((*row, places) for row, places in zip(rows, at, strict=True)),
    )


def _names(fields: tuple[FieldOf, ...]) -> str:
    return ", ".join(
        f"`{field.name}`{' (may be left out)' if field.optional else ''}" for field in fields
    )


def _list(names: tuple[str, ...]) -> str:
    return " and ".join(f"`{name}`" for name in names)


def _push(push: str, personal: bool) -> str:
    noun = push.partition(":")[0] if ":" in push else "session"
    name = words.push_name(push, personal)
    return f"[`{name}`](@{noun}#{anchor(name)})"
