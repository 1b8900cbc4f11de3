"""The old event queue: what waits for whom (messaging-implementation.md, "Event Queue Delivery Mechanism")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from chatserver.core.user_ids import is_user_id
from chatserver.ops.importing.reading import ReadMarks
from chatserver.ops.importing.report import Report
from chatserver.ops.importing.streams import Row

_OBJECTS = ("message", "event", "group", "data")


class Undelivered:
    """Knows by the ids of messages and conversations what has not reached whom."""

    def __init__(self) -> None:
        self._messages: dict[str, set[str]] = {}
        self._changes: dict[str, set[str]] = {}

    def add(self, table: str, row: Row, report: Report) -> None:
        """Take a row of the queue that was not delivered."""
        user_id = row["user_id"]
        try:
            event = orjson.loads(row["event_data"] or "")
        except orjson.JSONDecodeError:
            event = None
        if not is_user_id(user_id) or not isinstance(event, dict):
            report.refuse(table, row["id"], "is no event for anybody")
            return
        name = row["event_type"] or event.get("type")
        message = _named(event, "messageId") or _id_of(event.get("message"))
        talk = _named(event, "groupId") or _named(event, "conversationId")
        if message and isinstance(name, str) and name.startswith("new_"):
            self._messages.setdefault(message, set()).add(user_id)
        elif message or talk:
            self._changes.setdefault(message or talk or "", set()).add(user_id)
        else:
            report.refuse(table, row["id"], "names neither a message nor a conversation")
            return
        report.carry(table)

    def of_message(self, marks: ReadMarks, message: str, seq: int) -> None:
        """Note what of a message waits for people.

        Args:
            marks: of the message's conversation.
            message: its old id.
            seq: its seq here.
        """
        for user_id in self._messages.get(message, ()):
            marks.not_delivered(seq, user_id)
        for user_id in self._changes.get(message, ()):
            marks.not_told(user_id)

    def of_talk(self, marks: ReadMarks, talk: str) -> None:
        """Note what of a conversation waits for people."""
        for user_id in self._changes.get(talk, ()):
            marks.not_told(user_id)


def _id_of(value: Any) -> str | None:
    found = value.get("id") if isinstance(value, Mapping) else None
    return str(found) if isinstance(found, str | int) else None


def _named(event: Mapping[str, Any], name: str) -> str | None:
    """Return a field of an event, or of what the event is about."""
    for part in (event, *(event[key] for key in _OBJECTS if isinstance(event.get(key), dict))):
        found = part.get(name)
        if isinstance(found, str | int):
            return str(found)
    return None
