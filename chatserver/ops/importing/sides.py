"""Rows about messages and conversations: reactions, pins, what people deleted for themselves, blocks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chatserver.core.user_ids import is_user_id
from chatserver.ops.importing.conversion import Conversion, in_milliseconds
from chatserver.ops.importing.streams import Row
from chatserver.schemas.characters import one_form, shows_something
from chatserver.schemas.reactions import MAX_REACTION


def reactions(conversion: Conversion) -> list[tuple[Any, ...]]:
    """Return rows of ``reactions``: the latest of each person to each message."""
    kept: dict[tuple[UUID, str], tuple[Any, ...]] = {}
    for row in conversion.talk.reactions:
        message_id = conversion.tools.message_id(row["message_id"])
        reaction = one_form(row["reaction"] or "")
        reason = _reason(conversion, row, message_id)
        if reason is None and not (shows_something(reaction) and len(reaction) <= MAX_REACTION):
            reason = "is no reaction that can be shown"
        if conversion.counted("reactions", row, reason):
            kept[message_id, row["user_id"]] = (
                conversion.place.id,
                message_id,
                row["user_id"],
                reaction,
                row["created_at"],
            )
    return [*kept.values()]


def deletions(conversion: Conversion) -> list[tuple[Any, ...]]:
    """Return rows of ``message_deletions``."""
    kept = set()
    for row in conversion.talk.deletions:
        message_id = conversion.tools.message_id(row["message_id"])
        reason = _reason(conversion, row, message_id)
        if conversion.counted("deletions", row, reason):
            kept.add((conversion.place.id, row["user_id"], conversion.seqs[message_id]))
    return [*kept]


def pins(conversion: Conversion) -> list[tuple[Any, ...]]:
    """Return rows of ``pins``."""
    kept = dict(conversion.pinned)
    for row in conversion.talk.pins:
        message_id = conversion.tools.message_id(row["message_id"])
        pinner = row["user_id"] if is_user_id(row["user_id"]) else conversion.talk.created_by
        reason = None
        if not conversion.stands(message_id):
            reason = "is about a message that is not carried"
        if conversion.counted("pins", row, reason):
            kept[message_id] = (pinner, row["pinned_at"])
    return [(conversion.place.id, message_id, by, at) for message_id, (by, at) in kept.items()]


def blocks(conversion: Conversion) -> list[tuple[Any, ...]]:
    """Return rows of ``conversation_blocks``."""
    kept: dict[str, tuple[Any, ...]] = {}
    people = {member.user_id for member in conversion.talk.members}
    for row in conversion.talk.blocks:
        reason = None if row["user_id"] in people else "is by neither of its two people"
        if conversion.counted("blocks", row, reason):
            at = in_milliseconds(row["created_at"])
            kept.setdefault(row["user_id"], (conversion.place.id, row["user_id"], at))
    return [*kept.values()]


def _reason(conversion: Conversion, row: Row, message_id: UUID) -> str | None:
    if not conversion.stands(message_id):
        return "is about a message that is not carried"
    if not is_user_id(row["user_id"]):
        return "is by nobody"
    return None
