"""What each member of a conversation has of it: role, what they hid, received and read."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from chatserver.ops.importing.conversion import Conversion, in_milliseconds
from chatserver.ops.importing.talks import Member


class MemberRow(NamedTuple):
    """What one member has of a conversation; the fields are columns of ``participants``."""

    conversation_id: UUID
    user_id: str
    left_seq: int | None
    role: str
    can_add_members: bool
    in_group: bool
    joined_at: datetime
    hidden_seq: int
    hidden_number: int
    delivered_seq: int
    read_seqs: str


def member_rows(conversion: Conversion, last_seq: int) -> tuple[list[MemberRow], list[str]]:
    """Return the conversation's rows for ``participants``, and the ids of those who have hidden all of it.

    Args:
        last_seq: the seq of the conversation's last event.
    """
    hidden_at = _hidings(conversion)
    for old_id in conversion.talk.old_ids:
        conversion.tools.undelivered.of_talk(conversion.marks, old_id)
    rows, hidden = [], []
    for member in conversion.talk.members:
        hidden_seq = hidden_number = 0
        if member.user_id in hidden_at:
            until = hidden_at[member.user_id]
            count = (
                len(conversion.times) if until is None else bisect_right(conversion.times, until)
            )
            hidden_seq = conversion.first_seq + count - 1 if count else 0
            hidden_number = conversion.place.last_number + count
            if count == len(conversion.times):
                # Nothing came after it, so it is hidden as it stands, with the event that tells of it.
                hidden_seq = last_seq
                hidden.append(member.user_id)
        rows.append(
            MemberRow(
                conversation_id=conversion.place.id,
                user_id=member.user_id,
                left_seq=None if conversion.talk.is_active else last_seq,
                role=member.role,
                can_add_members=member.may_add,
                in_group=bool(conversion.talk.key.is_group),
                joined_at=in_milliseconds(member.joined_at or conversion.talk.created_at),
                hidden_seq=hidden_seq,
                hidden_number=hidden_number,
                delivered_seq=conversion.marks.delivered(
                    member.user_id, conversion.last_seq, last_seq
                ),
                read_seqs=_read(conversion, member, last_seq),
            )
        )
    return rows, hidden


def _read(conversion: Conversion, member: Member, last_seq: int) -> str:
    if not conversion.talk.key.is_group:
        return conversion.marks.read(member.user_id)
    up_to = last_seq
    if conversion.tools.has_read_times:
        read_at = member.last_read_at
        count = bisect_right(conversion.times, read_at) if read_at else 0
        up_to = conversion.first_seq + count - 1
    return conversion.marks.read_up_to(member.user_id, up_to)


def _hidings(conversion: Conversion) -> dict[str, datetime | None]:
    """Return until when each person has deleted the conversation for themselves; None: all of it."""
    found: dict[str, datetime | None] = {}
    people = {member.user_id for member in conversion.talk.members}
    for row in conversion.talk.hidings:
        reason = None if row["user_id"] in people else "is by somebody who is not in it"
        if not conversion.counted("hidings", row, reason):
            continue
        user_id, until = row["user_id"], row["deleted_at"]
        before = found.get(user_id, until)
        found[user_id] = None if until is None or before is None else max(until, before)
    return found
