"""Answers searches: pages of what was found in all that a person may see now."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import orjson

from chatserver.core.boxes import Box
from chatserver.core.caller import Caller
from chatserver.core.crypto import Vault
from chatserver.core.errors import ChatError, ErrorCode, unavailable
from chatserver.core.times import milliseconds
from chatserver.resources import MessageReader, fitting_messages
from chatserver.schemas.resources import Message
from chatserver.schemas.search import SearchAsk, SearchPage, SearchResult
from chatserver.search.folding import fold, ranges_of
from chatserver.search.looking import Hit, Look
from chatserver.search.places import PURPOSE, blocks_of, open_place
from chatserver.search.reading import SegmentReader
from chatserver.search.segments import Wanted
from chatserver.search.talks import Talks
from chatserver.store import Database, Record

# What looking may take for one page: seconds of the processor's time in the thread, and seconds in all.
_WORK = 0.03
_PATIENCE = 1.5
# Pages that are made at once; beyond these people are told to come back.
_MOST_PAGES = 64
# Of these, pages of one person: whoever asks for all that a minute allows at once leaves places for others.
_MOST_OF_ONE = 4
# After so many seconds a page of theirs is made.
_SOON = 1.0
# How many blocks are read for one look: few first, since what is often said is found in them.
_FIRST_BLOCKS = 8
_MOST_BLOCKS = 64
# How often blocks are read for one page.
_MOST_READS = 32
# Ranges that are told of one message.
_MOST_RANGES = 100

Given = TypeVar("Given")


class Search:
    """Finds messages by what they say.

    Args:
        box: opens segments.
        threads: where what was read is looked through; one thread, so that pages take turns.
        on_read: told how many conversations were looked up.
    """

    def __init__(
        self,
        db: Database,
        vault: Vault,
        reader: MessageReader,
        segments: SegmentReader,
        box: Box,
        threads: Executor,
        on_read: Callable[[int], None] = lambda _rows: None,
    ) -> None:
        self.db = db
        self.reader = reader
        self.segments = segments
        self.box = box
        self.on_read = on_read
        self._cursors = Box(vault, PURPOSE)
        self._threads = threads
        self._pages = 0
        self._pages_of: Counter[str] = Counter()

    async def page(self, caller: Caller, cmd: SearchAsk) -> SearchPage:
        """Return the next page of a search.

        Raises:
            ChatError: RESOURCE_NOT_FOUND for a conversation that the caller may not see; VALIDATION_ERROR for a
                cursor that is none of this search; RATE_LIMIT_EXCEEDED where the person has several under way;
                UNAVAILABLE, also where too many search at once.
            DecryptionError: a message's key is not known.
        """
        if self._pages >= _MOST_PAGES:
            raise unavailable()
        binding = _binding(caller.user_id, cmd)
        place = None if cmd.cursor is None else open_place(self._cursors, binding, cmd.cursor)
        with self._place_of(caller.user_id):
            page = _Page(self, caller.user_id, cmd)
            talks = Talks(self.db, caller.user_id, cmd.conversation_id, place, self.on_read)
            await page.fill(talks)
        reached = talks.place
        return SearchPage(
            results=tuple(page.results),
            cursor=None if reached is None else reached.seal(self._cursors, binding),
            complete=reached is None,
        )

    @contextmanager
    def _place_of(self, user_id: str) -> Iterator[None]:
        if self._pages_of[user_id] >= _MOST_OF_ONE:
            raise ChatError(
                code=ErrorCode.RATE_LIMIT_EXCEEDED,
                details=f"At most {_MOST_OF_ONE} searches of yours may be under way at once.",
                retry_after=_SOON,
            )
        self._pages += 1
        self._pages_of[user_id] += 1
        try:
            yield
        finally:
            self._pages -= 1
            self._pages_of[user_id] -= 1
            if not self._pages_of[user_id]:
                del self._pages_of[user_id]

    async def in_thread(self, work: Callable[[], Given]) -> Given:
        """Do some work in the thread, and return what it gives."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _binding(user_id: str, cmd: SearchAsk) -> bytes:
    """Return what a cursor is good for: whose search it is, and for what."""
    about = (cmd.query, cmd.conversation_id, cmd.sender_id, cmd.before, cmd.after)
    return orjson.dumps((user_id, *about), default=str)


class _Page:
    """One page, as it is filled."""

    def __init__(self, search: Search, user_id: str, cmd: SearchAsk) -> None:
        self.results: list[SearchResult] = []
        self._search = search
        self._user_id = user_id
        self._cmd = cmd
        self._wanted = Wanted(
            fold(cmd.query),
            cmd.sender_id,
            None if cmd.before is None else milliseconds(cmd.before),
            None if cmd.after is None else milliseconds(cmd.after),
        )
        self._rows: list[Record] = []
        self._left = _WORK
        self._until = asyncio.get_running_loop().time() + _PATIENCE
        self._is_full = False

    async def fill(self, talks: Talks) -> None:
        """Look through conversations, the next ones first, until the page ends; `talks` then says where."""
        most = _FIRST_BLOCKS
        for _ in range(_MOST_READS):
            found = await talks.next()
            if not found:
                return
            blocks = list(blocks_of(found, most))
            readings = await self._search.segments.read(blocks, self._cmd.before, self._cmd.after)
            look = Look(readings, self._wanted, self._search.box, self._search.reader)
            await self._look(look, talks)
            if look.broken is not None:
                await self._search.segments.forget(look.broken)
            if self._has_ended():
                return
            most = min(most * 4, _MOST_BLOCKS)

    async def _look(self, look: Look, talks: Talks) -> None:
        while True:
            room = self._cmd.limit - len(self.results)
            hits, spent = await self._search.in_thread(partial(look.run, room, self._left))
            self._left -= spent
            shown = await self._show(hits)
            if self._is_full:
                # The page ends with its last result, before what else was found.
                talks.pass_by(*shown[-1])
                return
            if look.reached is not None:
                talks.pass_by(*look.reached)
            if look.is_done or look.broken is not None or self._has_ended():
                return

    def _has_ended(self) -> bool:
        return (
            self._is_full
            or len(self.results) == self._cmd.limit
            or self._left <= 0
            or asyncio.get_running_loop().time() >= self._until
        )

    async def _show(self, hits: Sequence[Hit]) -> list[Hit]:
        """Add those of the messages that the caller sees and that have what is wanted, as they are now."""
        if not hits:
            return []
        rows = await self._search.db.all(
            "search_shown", self._user_id, *map(list, zip(*hits, strict=True))
        )
        messages = await self._search.reader.resources(rows)
        shown = {
            (row["conversation_id"], row["number"]): (row, message)
            for row, message in zip(rows, messages, strict=True)
        }
        found = [(hit, *shown[hit]) for hit in hits if hit in shown]
        results = await self._search.in_thread(lambda: [self._result(m) for _, _, m in found])
        added = []
        for (hit, row, _), result in zip(found, results, strict=True):
            if result is None:
                continue
            if fitting_messages([*self._rows, row], self._cmd.limit) <= len(self._rows):
                self._is_full = True
                break
            self._rows.append(row)
            self.results.append(result)
            added.append(hit)
        return added

    def _result(self, message: Message) -> SearchResult | None:
        ranges = ranges_of(message.content or "", self._wanted.text, _MOST_RANGES)
        return SearchResult(message=message, ranges=tuple(ranges)) if ranges else None
