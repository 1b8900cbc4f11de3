"""The kinds of events that only groups have; see `events`."""

from dataclasses import replace

from chatserver.events import Kind, Logged
from chatserver.store import Record
from schemas.group import GroupCreated, MemberAdded, MemberGone
from schemas.resources import Named


def _members(row: Record) -> tuple[str, ...]:
    """Whose membership the event changes."""
    return *row["payload"].get("joined", ()), *row["payload"].get("left", ())


def _member(event: Logged, change: str) -> Named:
    user = event.names[event.payload[change][0]]
    return Named(user_id=user.id, username=user.username)


def _created(event: Logged) -> GroupCreated:
    assert event.conversation is not None  # its kind asks for it
    return GroupCreated(
        conversation_id=event.conversation_id,
        seq=event.seq,
        conversation=event.conversation,
        by=event.actor_id,
    )


def _added(event: Logged) -> MemberAdded:
    return MemberAdded(
        conversation_id=event.conversation_id,
        seq=event.seq,
        user=_member(event, "joined"),
        role=event.payload["role"],
        by=event.actor_id,
    )


def _welcome(event: Logged) -> MemberAdded:
    return replace(_added(event), conversation=event.conversation)


def _gone(event: Logged) -> MemberGone:
    return MemberGone(
        conversation_id=event.conversation_id,
        seq=event.seq,
        user=_member(event, "left"),
        by=event.actor_id,
    )


GROUP_KINDS: dict[str, Kind] = {
    # Everybody in it joins by it, and a thousand names would tell them nothing.
    "group:created": Kind(push=_created, conversation=True),
    "group:member_added": Kind(push=_added, welcome=_welcome, conversation=True, people=_members),
    "group:member_removed": Kind(push=_gone, people=_members),
    "group:member_left": Kind(push=_gone, people=_members),
}
