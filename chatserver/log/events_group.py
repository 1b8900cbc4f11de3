"""The kinds of events that only groups have; see `log.events`."""

from dataclasses import replace

from chatserver.log.events import Kind, Logged
from chatserver.schemas.groups import GroupEvent
from chatserver.schemas.members import MemberAdded, MemberEvent, MemberRole, MemberUpdated
from chatserver.schemas.resources import Named
from chatserver.store import Record


def _members(row: Record) -> tuple[str, ...]:
    """Return the people whose membership the event changes."""
    return *row["payload"].get("joined", ()), *row["payload"].get("left", ())


def _member(row: Record) -> tuple[str, ...]:
    """Return the person whose role or permission the event changes."""
    return (row["payload"]["user"],)


def _named(event: Logged, user_id: str) -> Named:
    user = event.names[user_id]
    return Named(user_id=user.id, username=user.username)


def _group(event: Logged) -> GroupEvent:
    assert event.conversation is not None  # its kind asks for it
    return GroupEvent(
        conversation_id=event.conversation_id,
        seq=event.seq,
        conversation=event.conversation,
        by=event.actor_id,
    )


def _added(event: Logged) -> MemberAdded:
    return MemberAdded(
        conversation_id=event.conversation_id,
        seq=event.seq,
        user=_named(event, event.payload["joined"][0]),
        role=event.payload["role"],
        by=event.actor_id,
    )


def _welcome(event: Logged) -> MemberAdded:
    return replace(_added(event), conversation=event.conversation)


def _gone(event: Logged) -> MemberEvent:
    return MemberEvent(
        conversation_id=event.conversation_id,
        seq=event.seq,
        user=_named(event, event.payload["left"][0]),
        by=event.actor_id,
    )


def _role(event: Logged) -> MemberRole:
    return MemberRole(
        conversation_id=event.conversation_id,
        seq=event.seq,
        user=_named(event, event.payload["user"]),
        role=event.payload["role"],
        by=event.actor_id,
    )


def _updated(event: Logged) -> MemberUpdated:
    return MemberUpdated(
        conversation_id=event.conversation_id,
        seq=event.seq,
        user=_named(event, event.payload["user"]),
        role=event.payload["role"],
        can_add_members=event.payload["can_add_members"],
        by=event.actor_id,
    )


GROUP_KINDS: dict[str, Kind] = {
    # All members join by the first event and leave by the last; a thousand names would tell nobody more.
    "group:created": Kind(push=_group, conversation=True),
    "group:info_updated": Kind(push=_group, conversation=True),
    "group:deleted": Kind(push=_group, conversation=True),
    "group:member_added": Kind(push=_added, welcome=_welcome, conversation=True, people=_members),
    "group:member_removed": Kind(push=_gone, people=_members),
    "group:member_left": Kind(push=_gone, people=_members),
    "group:member_promoted": Kind(push=_role, people=_member),
    "group:member_demoted": Kind(push=_role, people=_member),
    "group:member_updated": Kind(push=_updated, people=_member),
    "group:owner_changed": Kind(push=_role, people=_member),
}
