"""The parts of a document; `markdown` and `html` write them.

Texts are Markdown's spans: code in backticks, ``**strong**``, and links as ``[text](@page#anchor)``.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; 2 is the highest level within a page."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Points:
    """A list."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head; a table without rows is not shown."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Code:
    """A piece of source."""

    language: str
    text: str


Block = Heading | Paragraph | Points | Table | Code


@dataclass(frozen=True, slots=True)
class Document:
    """A page of the reference; its name is that of its file."""

    name: str
    title: str
    blocks: tuple[Block, ...]


def anchor(heading: str) -> str:
    """Return a heading's anchor, as GitHub makes it: ``chat:message_send`` → ``chatmessage_send``."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
