"""Search over what was said."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from chatserver.schemas.characters import IGNORABLE
from chatserver.schemas.fields import Id, Moment, Text, UserId, Whole
from chatserver.schemas.resources import Message
from chatserver.schemas.table import Command

# Writing in which one character may be a word: Han, kana (half as wide too), Hangul and its letters.
_WORDS = re.compile(
    r"[\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    r"\U0001aff0-\U0001b16f\U00020000-\U0003ffff\u3041-\u3096\u309d-\u309f\u30a1-\u30ff\u31f0-\u31ff\uff66-\uff9f"
    r"\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7fb\uffa1-\uffdc]"
)
_IGNORED = re.compile(f"[{IGNORABLE}]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchAsk:
    """What to look for: all of it must occur in a text as it stands, in whatever case.

    Of all your conversations or of one, by anybody or by one person, between two times, which are not included.
    """

    query: Annotated[str, Text(1, 100, blank=False, kept_as=str.strip)]
    conversation_id: Annotated[UUID | None, Id()] = None
    sender_id: Annotated[str | None, UserId()] = None
    before: Annotated[datetime | None, Moment()] = None
    after: Annotated[datetime | None, Moment()] = None
    limit: Annotated[int, Whole(1, 50)] = 20
    cursor: Annotated[str | None, Text(1, 200)] = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """At least 2 characters, or one that is an ideograph, kana or Hangul; blanks at the ends do not count."""
        if len(_IGNORED.sub("", self.query)) < 2 and not _WORDS.search(self.query):
            yield "query", "Must have at least 2 characters."


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """A message and where its text has the query: ranges [from, to) in UTF-16 units, the first 100."""

    message: Message
    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    """What was found so far, the newest first. With a ``cursor`` there may be more: ask again with it.

    A page ends after ``limit`` results, about a mebibyte, or some work, so it may have few results or none.
    ``complete`` says whether everything was looked through.
    """

    results: tuple[SearchResult, ...]
    cursor: str | None
    complete: bool


COMMANDS = (
    Command(
        "chat:search",
        takes=SearchAsk,
        gives=SearchPage,
        limit="search",
        page=True,
        errors=("RESOURCE_NOT_FOUND",),
        doc="Find messages by what they say: the conversations with the newest messages first, in each the newest "
        "first. Names of files and end-to-end encrypted texts are not searched.",
    ),
)
