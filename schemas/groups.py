"""What commands and pushes about groups carry."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from schemas.base import ChangeOfConversation, OfConversation, Retryable
from schemas.fields import Flag, Many, OneOf, Text, UserId, Whole
from schemas.messages import MAX_CONTENT
from schemas.resources import Conversation, Named, Page, Participant, Role, SharedConversation, Uuid

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
class MembersAsk(OfConversation):
    """A page of a group's members: the highest roles first, then the longest members."""

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
    """The role that the member goes back to."""

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
class GroupUpdate(ChangeOfConversation):
    """What is not given stays. An empty description takes it away."""

    title: Annotated[str | None, Text(1, 100, blank=False)] = None
    description: Annotated[str | None, Text(0, 500)] = None
    max_members: Annotated[int | None, Whole(2)] = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """At least one of title, description and maxMembers."""
        if self.title is None and self.description is None and self.max_members is None:
            yield "title", "Give title, description or maxMembers."


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupAnnounce(ChangeOfConversation):
    """A text for all. ``requestId`` does what ``clientMessageId`` does, where that is not given."""

    content: Annotated[str, Text(1, MAX_CONTENT, blank=False)]
    client_message_id: Annotated[str | None, Text(1, 64)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEvent:
    """Something happened to the group, which is shown as it stood then, without its members."""

    conversation_id: Uuid
    seq: int
    conversation: SharedConversation
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberEvent:
    """Something happened to a member; ``by`` is who did it, or they themselves."""

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
    """Somebody is a member now. They alone get ``conversation``, as it stood when they were added."""

    conversation: SharedConversation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberUpdated(MemberRole):
    """Whether a member may add members."""

    can_add_members: bool
