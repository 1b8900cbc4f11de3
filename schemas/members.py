"""Members of groups, and as what they are in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from chatserver.schemas.base import ChangeOfConversation, OfConversation
from chatserver.schemas.fields import Flag, Many, OneOf, UserId, Whole
from chatserver.schemas.resources import Named, Page, Participant, Role, SharedConversation, Uuid
from chatserver.schemas.table import Command, Push, Rest


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberAdd(ChangeOfConversation):
    """One person, or several."""

    user_id: Annotated[str | None, UserId()] = None
    user_ids: Annotated[tuple[str, ...] | None, Many(UserId(), 1, 50)] = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """Either userId or userIds."""
        if self.user_id is None and self.user_ids is None:
            yield "user_id", "Give userId or userIds."
        if self.user_id is not None and self.user_ids is not None:
            yield "user_ids", "Give userId or userIds, not both."


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberChange(ChangeOfConversation):
    """Names a member of a group."""

    user_id: Annotated[str, UserId()]


@dataclass(frozen=True, slots=True, kw_only=True)
class MembersGiven:
    """The member added, where one was named, or the members, where several were."""

    participant: Participant | None = None
    participants: tuple[Participant, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MembersAsk(OfConversation):
    """A page of a group's members: the highest roles first, then those who have been members longest."""

    limit: Annotated[int, Whole(1, 200)] = 50
    offset: Annotated[int, Whole()] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberPage:
    """Members. ``total`` counts all."""

    participants: tuple[Participant, ...]
    total: int
    pagination: Page


@dataclass(frozen=True, slots=True, kw_only=True)
class Promote(MemberChange):
    """The role that the member rises to."""

    role: Annotated[Literal["admin", "moderator"], OneOf("admin", "moderator")] = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demote(MemberChange):
    """The role that the member falls to."""

    role: Annotated[Literal["member", "moderator"], OneOf("member", "moderator")] = "member"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleGiven:
    """The role that the member has now."""

    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit(MemberChange):
    """Whether the member may add members from now on."""

    can_add_members: Annotated[bool, Flag()]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberGiven:
    """The member."""

    participant: Participant


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberEvent:
    """Something happened to a member; ``by`` is the person who did it, who may be the member."""

    conversation_id: Uuid
    seq: int
    user: Named
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRole(MemberEvent):
    """A member has this role."""

    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberAdded(MemberRole):
    """Somebody is a member now. Only they get ``conversation``, as it stood when they were added."""

    conversation: SharedConversation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberUpdated(MemberRole):
    """Whether a member may add members."""

    can_add_members: bool


def _added(cmd: MemberAdd) -> int:
    """Count the people to add: each is an event of its own, which everybody in the group gets."""
    return len(cmd.user_ids or ()) or 1


COMMANDS = (
    Command(
        "group:member_add",
        takes=MemberAdd,
        gives=MembersGiven,
        mutates=True,
        limit="message",
        rows=_added,
        pushes=_added,
        errors=("RESOURCE_NOT_FOUND", "PERMISSION_DENIED", "USER_BLOCKED", "CONFLICT"),
        rest=(
            Rest(
                "POST",
                "/api/conversations/{conversation_id}/participants",
                then="chat:conversation_get",
                bare="conversation",
            ),
        ),
        doc="Add people to a group: all of them or none. Those who are members already stay as they are. "
        "Each counts as a message. For admins, the owner, and members with the permission.",
    ),
    Command(
        "group:member_remove",
        takes=MemberChange,
        gives=None,
        mutates=True,
        limit="message",
        errors=("RESOURCE_NOT_FOUND", "PERMISSION_DENIED"),
        rest=(
            Rest(
                "DELETE",
                "/api/conversations/{conversation_id}/participants/{user_id}",
                then="chat:conversation_get",
                bare="conversation",
                own="group:leave",
            ),
        ),
        doc="Remove somebody of a lower role than yours from a group, as an admin or its owner.",
    ),
    Command(
        "group:leave",
        takes=ChangeOfConversation,
        gives=None,
        mutates=True,
        limit="message",
        errors=("RESOURCE_NOT_FOUND", "CONFLICT"),
        doc="Leave a group. Its owner has to transfer it first.",
    ),
    Command(
        "group:members",
        takes=MembersAsk,
        gives=MemberPage,
        page=True,
        rows=lambda cmd: -(-cmd.limit // 50),
        errors=("RESOURCE_NOT_FOUND",),
        rest=(
            Rest(
                "GET",
                "/api/conversations/{conversation_id}/participants",
                shows=("participants", "total", "pagination"),
            ),
        ),
        doc="A page of a group's members: the highest roles first, then those who have been members longest.",
    ),
    Command(
        "group:promote",
        takes=Promote,
        gives=RoleGiven,
        mutates=True,
        limit="message",
        errors=("RESOURCE_NOT_FOUND", "PERMISSION_DENIED", "CONFLICT"),
        doc="Give a member a higher role, as the owner. An admin may add members.",
    ),
    Command(
        "group:demote",
        takes=Demote,
        gives=RoleGiven,
        mutates=True,
        limit="message",
        errors=("RESOURCE_NOT_FOUND", "PERMISSION_DENIED", "CONFLICT"),
        doc="Give a member a lower role, as the owner. A member does not keep the permission to add members.",
    ),
    Command(
        "group:permit",
        takes=Permit,
        gives=MemberGiven,
        mutates=True,
        limit="message",
        errors=("RESOURCE_NOT_FOUND", "PERMISSION_DENIED", "CONFLICT"),
        doc="Give a member of a lower role the permission to add members, or take it, as an admin or the owner.",
    ),
    Command(
        "group:transfer",
        takes=MemberChange,
        gives=None,
        mutates=True,
        limit="message",
        errors=("RESOURCE_NOT_FOUND", "PERMISSION_DENIED"),
        doc="Make a member the owner of your group; you become an admin of it.",
    ),
)

PUSHES = (
    Push("group:member_added", carries=MemberAdded, durable=True, doc="Somebody was added."),
    Push(
        "group:member_removed",
        carries=MemberEvent,
        durable=True,
        doc="Somebody was removed; if it is you, you hear nothing of the group after it.",
    ),
    Push("group:member_left", carries=MemberEvent, durable=True, doc="Somebody left."),
    Push(
        "group:member_promoted",
        carries=MemberRole,
        durable=True,
        doc="Somebody has a higher role; an admin may add members.",
    ),
    Push(
        "group:member_demoted",
        carries=MemberRole,
        durable=True,
        doc="Somebody has a lower role; a member may not add members any more.",
    ),
    Push(
        "group:member_updated",
        carries=MemberUpdated,
        durable=True,
        doc="Somebody may add members from now on, or may not any more.",
    ),
    Push(
        "group:owner_changed",
        carries=MemberRole,
        durable=True,
        doc="A group has another owner; the previous owner, ``by``, is an admin now.",
    ),
)
