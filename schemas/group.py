"""``group:*``: groups and who is in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from schemas.base import ChangeOfConversation, Retryable
from schemas.conversations import ConversationGiven
from schemas.fields import Many, Text, UserId, Whole
from schemas.resources import (
    Conversation,
    Named,
    Page,
    Participant,
    Role,
    SharedConversation,
    Uuid,
)
from schemas.table import Command, Push, Rest

DEFAULT_MAX_MEMBERS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCreate(Retryable):
    """A new group of the caller and the people named; repetitions and the caller count once.

    ``max_members`` is 50 where nothing is said, and at most ``GROUP_MAX_MEMBERS``.
    """

    title: Annotated[str, Text(1, 100, blank=False)]
    description: Annotated[str | None, Text(0, 500)] = None
    participant_ids: Annotated[tuple[str, ...], Many(UserId(), 0, 1000)] = ()
    max_members: Annotated[int | None, Whole(2)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupListAsk:
    """A page of one's groups: 200 where nothing is said, and at most."""

    limit: Annotated[int, Whole(1, 200)] = 200
    offset: Annotated[int, Whole()] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPage:
    """Groups, the most recently active first. ``total`` counts all."""

    groups: tuple[Conversation, ...]
    total: int
    pagination: Page


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
class GroupCreated:
    """A group that the person takes part in from now on, as it was created."""

    conversation_id: Uuid
    seq: int
    conversation: SharedConversation
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberGone:
    """Somebody is no member any more; ``by`` is who removed them, or they themselves."""

    conversation_id: Uuid
    seq: int
    user: Named
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberAdded(MemberGone):
    """Somebody is a member now. They alone get ``conversation``, as it stood when they were added."""

    role: Role
    conversation: SharedConversation | None = None


_NOT_FOUND = "RESOURCE_NOT_FOUND"

COMMANDS = (
    Command(
        "group:create",
        takes=GroupCreate,
        gives=ConversationGiven,
        mutates=True,
        errors=(_NOT_FOUND, "USER_BLOCKED", "CONFLICT"),
        rest=(Rest("POST", "/api/conversations/group", 201, bare="conversation"),),
        doc="Create a group; you are its owner.",
    ),
    Command(
        "group:list",
        takes=GroupListAsk,
        gives=GroupPage,
        doc="Your groups, the most recently active first, also those whose history you have hidden.",
    ),
    Command(
        "group:member_add",
        takes=MemberAdd,
        gives=MembersGiven,
        mutates=True,
        errors=(_NOT_FOUND, "PERMISSION_DENIED", "USER_BLOCKED", "CONFLICT"),
        rest=(
            Rest(
                "POST",
                "/api/conversations/{conversation_id}/participants",
                then="chat:conversation_get",
                bare="conversation",
            ),
        ),
        doc="Add people to a group: all of them or none. Who is a member already stays as they are. "
        "For admins, the owner, and members with the permission.",
    ),
    Command(
        "group:member_remove",
        takes=MemberChange,
        gives=None,
        mutates=True,
        errors=(_NOT_FOUND, "PERMISSION_DENIED"),
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
        errors=(_NOT_FOUND, "CONFLICT"),
        doc="Leave a group. Its owner has to transfer it first.",
    ),
)

PUSHES = (
    Push("group:created", carries=GroupCreated, durable=True, doc="A group was created with you."),
    Push("group:member_added", carries=MemberAdded, durable=True, doc="Somebody was added."),
    Push(
        "group:member_removed",
        carries=MemberGone,
        durable=True,
        doc="Somebody was removed; if it is you, you hear nothing of the group after it.",
    ),
    Push("group:member_left", carries=MemberGone, durable=True, doc="Somebody left."),
)
