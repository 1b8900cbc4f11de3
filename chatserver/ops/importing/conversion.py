"""Turns a conversation of the source into rows of ours: numbered, sealed, with what each member has read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chatserver.chat import mentions_in
from chatserver.core.crypto import VERSION
from chatserver.core.user_ids import is_user_id
from chatserver.ops.importing.old_mentions import kept_mentions
from chatserver.ops.importing.reading import ReadMarks
from chatserver.ops.importing.report import Report
from chatserver.ops.importing.streams import Row
from chatserver.ops.importing.talks import Talk
from chatserver.ops.importing.tools import Place, Tools
from chatserver.resources import body_of, context_of
from chatserver.schemas.messages import MessageSend
from chatserver.schemas.resources import Mention

# The old system's largest frame.
_MOST_BYTES = 1024 * 1024
_TYPES = ("text", "image", "file", "voice")

MESSAGE_COLUMNS = (
    *("conversation_id", "seq", "number", "id", "sender_id", "message_type", "version", "key_id"),
    *("nonce", "ciphertext", "reply_to_message_id", "is_announcement", "created_at", "edited_at"),
    *("deleted_at", "deleted_by", "updated_seq"),
)


class Conversion:
    """One conversation as it is written.

    Args:
        talk: the conversation of the source.
        place: where it goes.
        tools: see `Tools`.
        report: counts what is carried and what is not.
        names: members' names as they are compared, with (user id, username) of each.

    As messages are taken, `seqs` gets the seq of each, `times` when each was sent, `pinned` those that are marked
    so with who and when, and `marks` what has reached whom.
    """

    def __init__(
        self,
        talk: Talk,
        place: Place,
        tools: Tools,
        report: Report,
        names: Mapping[str, Sequence[tuple[str, str]]],
    ) -> None:
        self.talk = talk
        self.place = place
        self.tools = tools
        self.report = report
        self._names = names
        self._table = tools.tables["messages"]
        self.first_seq = place.last_seq + 1
        self._erased: set[UUID] = set()
        # Those that have something beside them.
        self._marked = {
            tools.message_id(row["message_id"]) for row in (*talk.reactions, *talk.pins)
        }
        self.seqs: dict[UUID, int] = {}
        self.times: list[datetime] = []
        self.pinned: dict[UUID, tuple[str, datetime]] = {}
        self.marks = ReadMarks([member.user_id for member in talk.members])
        self.rows_read = 0

    @property
    def last_seq(self) -> int:
        """Return the seq of the last message; without any, the seq that the conversation stood at."""
        return self.place.last_seq + len(self.times)

    @property
    def last_number(self) -> int:
        """Return the number of the last message; 0 without any."""
        return self.place.last_number + len(self.times)

    @property
    def last_message_at(self) -> datetime | None:
        """Return when the last message was sent; None without any."""
        return self.times[-1] if self.times else None

    def messages(
        self, rows: Sequence[Row], ids: Sequence[UUID], taken: Collection[UUID]
    ) -> Iterator[tuple[Any, ...]]:
        """Yield rows of ``messages``, with their columns in the order of `MESSAGE_COLUMNS`.

        Args:
            rows: the next messages of the conversation.
            ids: their ids.
            taken: those of the ids that other messages have here.
        """
        self.rows_read += len(rows)
        for row, message_id in zip(rows, ids, strict=True):
            reason = self._reason(row, message_id, taken)
            text = None if reason or row["deleted_at"] else self._text(row)
            if not reason and text is None and not row["deleted_at"]:
                reason = "does not open with the old key"
            if reason:
                self.report.refuse(self._table, row["id"], reason)
                continue
            self.report.carry(self._table)
            yield self._message(row, message_id, text)

    def _reason(self, row: Row, message_id: UUID, taken: Collection[UUID]) -> str | None:
        """Return why a message cannot be carried; None if it can."""
        if not row["id"]:
            return "has no id"
        if message_id in taken or message_id in self.seqs:
            return "has the id of another message here"
        sender = row["sender"]
        if not is_user_id(sender):
            return "is from nobody"
        if not self.talk.key.is_group and sender not in (self.talk.key.low, self.talk.key.high):
            return "is from neither of its two people"
        if row["content"] is None and row["deleted_at"] is None:
            return "has no text"
        if len(row["content"] or "") > (_MOST_BYTES * 2 if row["is_encrypted"] else _MOST_BYTES):
            return "is longer than a mebibyte"
        return None

    def _text(self, row: Row) -> str | None:
        content: str | None = row["content"]
        return self.tools.texts.open(content, row["iv"]) if row["is_encrypted"] else content

    def _message(self, row: Row, message_id: UUID, text: str | None) -> tuple[Any, ...]:
        place, sender = self.place, row["sender"]
        created_at = in_milliseconds(row["created_at"])
        self.times.append(created_at)
        seq = self.seqs[message_id] = self.last_seq
        reply_to = self._reply_to(row)
        kind = row["message_type"] if row["message_type"] in _TYPES else "text"
        is_announcement = row["is_announcement"]
        if text is None:
            self._erased.add(message_id)
            version, key_id, nonce, ciphertext = VERSION, self.tools.vault.key_id, None, None
        else:
            body = body_of(MessageSend(content=text), self._mentions(row, text))
            context = context_of(sender, kind, is_announcement=is_announcement, reply_to=reply_to)
            version, key_id, nonce, ciphertext = self.tools.vault.seal(
                place.id, message_id, body, context
            )
            if row["is_pinned"]:
                self.pinned[message_id] = (
                    row["pinned_by"] if is_user_id(row["pinned_by"]) else sender,
                    row["pinned_at"] or row["created_at"],
                )
        if not self.talk.key.is_group:
            reader = self.talk.key.high if sender == self.talk.key.low else self.talk.key.low
            self.marks.said(seq, reader, is_read=row["is_read"])
        self.tools.undelivered.of_message(self.marks, row["id"], seq)
        deleted_at = in_milliseconds(row["deleted_at"]) if row["deleted_at"] else None
        edited_at = in_milliseconds(row["edited_at"]) if row["edited_at"] else None
        return (
            *(
                place.id,
                seq,
                place.last_number + len(self.times),
                message_id,
                sender,
                kind,
                version,
                key_id,
                nonce,
            ),
            *(ciphertext, reply_to, is_announcement, created_at, edited_at, deleted_at),
            sender if deleted_at else None,
            # As soon as it has reactions or is pinned, it has been changed.
            seq if message_id in self._marked or message_id in self.pinned else None,
        )

    def _reply_to(self, row: Row) -> UUID | None:
        if not row["reply_to"]:
            return None
        replied = self.tools.message_id(row["reply_to"])
        if replied in self.seqs:
            return replied
        self.report.note("replies to messages that are gone, carried without the reference")
        return None

    def _mentions(self, row: Row, text: str) -> tuple[Mention, ...]:
        """Return whom a group's message mentions: as it was kept, else as its text says."""
        if not self.talk.key.is_group:
            return ()
        if row["mentions"]:
            kept = kept_mentions(row["mentions"])
            if kept is not None:
                return kept
        return mentions_in(text, self._names) if self._names else ()

    def stands(self, message_id: UUID) -> bool:
        """Return whether a message was carried with its text."""
        return message_id in self.seqs and message_id not in self._erased

    def counted(self, name: str, row: Row, reason: str | None) -> bool:
        """Count a row that is no message. Return whether it is carried.

        Args:
            name: the kind, by the names of `Queries`.
            row: of the source.
            reason: why it is not carried, if it is not.
        """
        table = self.tools.tables[name]
        if reason is None:
            self.report.carry(table)
        else:
            key = row["low"] if name in ("blocks", "hidings") else row["message_id"]
            self.report.refuse(table, f"{key}/{row['user_id']}", reason)
        return reason is None


def in_milliseconds(moment: datetime) -> datetime:
    """Return a time as precise as clients see it, cut as the database cuts it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
