"""Groups: created, changed and ended."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from chatserver.schemas.base import ChangeOfConversation, Paged, Retryable
from chatserver.schemas.characters import or_empty
from chatserver.schemas.conversations import ConversationGiven
from chatserver.schemas.fields import Many, Text, UserId, Whole
from chatserver.schemas.messages import MAX_CONTENT, MessageSent
from chatserver.schemas.resources import Conversation, CursorPage, SharedConversation, Uuid
from chatserver.schemas.table import Choice, Command, Push, Rest, per_rows

DEFAULT_MAX_MEMBERS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCreate(Retryable):
    """A new group of the caller and the people named; repetitions and the caller count once.

    ``max_members`` is 50 where nothing is said, and at most ``GROUP_MAX_MEMBERS``.
    """

    title: Annotated[str, Text(1, 100, blank=False)]
    description: Annotated[str | None, Text(0, 500, kept_as=or_empty)] = None
    participant_ids: Annotated[tuple[str, ...], Many(UserId(), 0, 1000)] = ()
    max_members: Annotated[int | None, Whole(2)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupListAsk(Paged):
    """A page of one's groups: 200 where nothing is said, and at most."""

    limit: Annotated[int, Whole(1, 200)] = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPage:
    """Groups, the most recently active first. ``total`` counts all."""

    groups: tuple[Conversation, ...]
    total: int
    pagination: CursorPage


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupUpdate(ChangeOfConversation):
    """Changes the fields that are given. An empty description removes it."""

    title: Annotated[str | None, Text(1, 100, blank=False)] = None
    description: Annotated[str | None, Text(0, 500, kept_as=or_empty)] = None
    max_members: Annotated[int | None, Whole(2)] = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """At least one of title, description and maxMembers."""
        if self.title is None and self.description is None and self.max_members is None:
            yield "title", "Give title, description or maxMembers."


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupAnnounce(ChangeOfConversation):
    """A text for all members. ``requestId`` does what ``clientMessageId`` does, where that is not given."""

    content: Annotated[str, Text(1, MAX_CONTENT, blank=False)]
    client_message_id: Annotated[str | None, Text(1, 64)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEvent:
    """Something happened to the group, which is shown as it stood then, without its members."""

    conversation_id: Uuid
    seq: int
    conversation: SharedConversation
    by: str


COMMANDS = (
    Command(
        "group:create",
        takes=GroupCreate,
        gives=ConversationGiven,
        mutates=True,
        limit="message",
        rows=lambda cmd: len(cmd.participant_ids),
        errors=("RESOURCE_NOT_FOUND", "USER_BLOCKED", "CONFLICT"),
        rest=(Rest("POST", "/api/conversations/group", 201, bare="conversation"),),
        doc="Create a group; you are its owner. Each person named counts as a command.",
    ),
    Command(
        "group:list",
        takes=GroupListAsk,
        gives=GroupPage,
        page=True,
        rows=per_rows(200),
        doc="Your groups, the most recently active first, also those whose history you have hidden.",
    ),
    Command(
        "group:update",
        takes=GroupUpdate,
        gives=ConversationGiven,
        mutates=True,
        limit="message",
        errors=("RESOURCE_NOT_FOUND", "PERMISSION_DENIED", "CONFLICT"),
        rest=(Rest("PATCH", "/api/conversations/{conversation_id}", bare="conversation"),),
        doc="Change a group's title, description or highest number of members, as an admin or its owner.",
    ),
    Command(
        "group:announce",
        takes=GroupAnnounce,
        gives=MessageSent,
        mutates=True,
        limit="message",
        errors=("RESOURCE_NOT_FOUND", "PERMISSION_DENIED", "IDEMPOTENCY_CONFLICT"),
        doc="Post an announcement to a group, as an admin or its owner.",
    ),
    Command(
        "group:delete",
        takes=ChangeOfConversation,
        gives=None,
        mutates=True,
        limit="message",
        errors=("RESOURCE_NOT_FOUND", "PERMISSION_DENIED"),
        rest=(
            Rest(
                "DELETE",
                "/api/conversations/{conversation_id}",
                chosen_by=Choice("for_everyone", True),
            ),
        ),
        doc="End a group of yours, for everyone: nobody is a member of it after that, or can read it.",
    ),
)

PUSHES = (
    Push(
        "group:created",
        carries=GroupEvent,
        durable=True,
        doc="A group was created with you. One whose `seq` is above 1 was moved in from another system: load its "
        "history.",
    ),
    Push(
        "group:info_updated",
        carries=GroupEvent,
        durable=True,
        doc="A group has another title, description or highest number of members.",
    ),
    Push(
        "group:deleted",
        carries=GroupEvent,
        durable=True,
        doc="A group has ended; you hear nothing of it after this.",
    ),
)
