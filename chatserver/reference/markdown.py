"""Writes pages as Markdown."""

import re

from chatserver.reference.blocks import Block, Code, Document, Heading, Paragraph, Points, Table

NOTE = "<!-- Made by `chatserver reference` from the tables in schemas/; changes here are lost. -->"
# The first page stands beside the folder of the others.
INDEX = "reference"


def written(page: Document) -> str:
    """Return the whole file."""
    parts = [NOTE, f"# {page.title}", *(_block(block, page.name) for block in page.blocks)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _block(block: Block, page: str) -> str:
    match block:
        case Heading(level, text):
            return f"{'#' * level} {text}"
        case Paragraph(text):
            return _linked(text, page)
        case Points(texts):
            return "\n".join(f"- {_linked(text, page)}" for text in texts)
        case Code(language, text):
            return f"```{language}\n{text}\n```"
        case Table(head, rows):
            lines = [head, tuple("---" for _ in head), *rows]
            return "\n".join(_row(line, page) for line in lines) if rows else ""


def _row(cells: tuple[str, ...], page: str) -> str:
    return f"| {' | '.join(_linked(cell, page).replace('|', chr(92) + '|') for cell in cells)} |"


def _linked(text: str, page: str) -> str:
    return re.sub(r"\(@(\w+)(#[\w-]+)?\)", lambda m: f"({_place(m[1], m[2] or '', page)})", text)


def _place(name: str, place: str, page: str) -> str:
    if name == page:
        return place
    if page == INDEX:
        return f"reference/{name}.md{place}"
    return f"../{INDEX}.md{place}" if name == INDEX else f"{name}.md{place}"
