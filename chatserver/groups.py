"""Groups: creating, changing and ending them, and who is in them as what."""

from collections.abc import Sequence
from uuid import UUID

from chatserver.conversations import Conversations
from chatserver.errors import ChatError, ErrorCode, conflict, denied, invalid, not_found
from chatserver.ids import uuid7
from chatserver.log import Publisher
from chatserver.requests import Requests
from chatserver.session import Caller
from chatserver.store import Database, Record
from schemas.groups import (
    DEFAULT_MAX_MEMBERS,
    Demote,
    GroupCreate,
    GroupUpdate,
    MemberAdd,
    Permit,
    Promote,
)
from schemas.resources import Participant

# What the group's state does not allow, by its verdict.
_CONFLICTS = {
    "full": "The group is full",
    "owner": "The owner cannot leave: transfer the group first",
    "is_higher": "The member has a higher role already",
    "is_lower": "The member has a lower role already",
    "is_admin": "An admin may add members in any case",
    "too_many": "The group has more members than that",
}


class Groups:
    """Changes groups, each time under the group's lock (``sql/migrations/0005_…`` and ``0007_…``).

    Args:
        max_members: the most that any group may allow.

    Raises (all methods):
        ChatError: IDEMPOTENCY_CONFLICT, UNAVAILABLE
    """

    def __init__(
        self,
        db: Database,
        conversations: Conversations,
        publisher: Publisher,
        requests: Requests,
        *,
        max_members: int,
    ) -> None:
        self._db = db
        self._conversations = conversations
        self._publisher = publisher
        self._requests = requests
        self._max_members = max_members

    async def create(self, caller: Caller, cmd: GroupCreate) -> UUID:
        """A new group, whose owner is the caller.

        Raises:
            ChatError: VALIDATION_ERROR; RESOURCE_NOT_FOUND, USER_BLOCKED, naming who; CONFLICT where the
                people named are too many.
        """
        most = self._check_max_members(cmd.max_members)
        new_id = uuid7()
        async with self._requests.once(caller) as work:
            if work.kept is not None:
                return UUID(work.kept["conversationId"])
            row = await work.asks.one(
                "create_group",
                new_id,
                caller.user_id,
                cmd.title,
                cmd.description,
                cmd.participant_ids,
                most,
            )
            _check(row, field="participantIds")
            await work.keep({"conversationId": str(new_id)})
        await self._publisher.conversation(new_id, 1)
        return new_id

    async def add(self, caller: Caller, cmd: MemberAdd) -> tuple[Participant, ...]:
        """Add people: all of them or none. Who is a member already stays as they are.

        Raises:
            ChatError: RESOURCE_NOT_FOUND for the group, or naming who; PERMISSION_DENIED; USER_BLOCKED,
                naming who; CONFLICT where the group would be over-full.
        """
        several = cmd.user_ids is not None
        asked = cmd.user_ids or (cmd.user_id,)
        people = await self._change(
            caller,
            cmd.conversation_id,
            "add_members",
            asked,
            field="userIds" if several else "userId",
        )
        return await self._conversations.participants(caller.user_id, cmd.conversation_id, people)

    async def remove(self, caller: Caller, conversation_id: UUID, user_id: str) -> None:
        """Remove somebody of a lower role.

        Raises:
            ChatError: VALIDATION_ERROR for oneself; RESOURCE_NOT_FOUND for the group or the member;
                PERMISSION_DENIED
        """
        await self._change(caller, conversation_id, "remove_member", user_id)

    async def leave(self, caller: Caller, conversation_id: UUID) -> None:
        """The caller is a member no longer.

        Raises:
            ChatError: RESOURCE_NOT_FOUND; CONFLICT for the owner
        """
        await self._change(caller, conversation_id, "leave_group")

    async def promote(self, caller: Caller, cmd: Promote) -> None:
        """Give a member a higher role.

        Raises:
            ChatError: RESOURCE_NOT_FOUND for the group or the member; PERMISSION_DENIED; VALIDATION_ERROR
                for oneself; CONFLICT where their role is higher already.
        """
        await self._set_role(caller, cmd, "group:member_promoted")

    async def demote(self, caller: Caller, cmd: Demote) -> None:
        """Give a member a lower role.

        Raises:
            ChatError: as `promote`; CONFLICT where their role is lower already.
        """
        await self._set_role(caller, cmd, "group:member_demoted")

    async def _set_role(self, caller: Caller, cmd: Promote | Demote, event: str) -> None:
        await self._change(
            caller, cmd.conversation_id, "set_member_role", cmd.user_id, cmd.role, event
        )

    async def permit(self, caller: Caller, cmd: Permit) -> Participant:
        """Let a member of a lower role add members, or not any more.

        Raises:
            ChatError: as `promote`; CONFLICT for an admin, who may in any case.
        """
        people = await self._change(
            caller, cmd.conversation_id, "permit_member", cmd.user_id, cmd.can_add_members
        )
        (member,) = await self._conversations.participants(
            caller.user_id, cmd.conversation_id, people
        )
        return member

    async def transfer(self, caller: Caller, conversation_id: UUID, user_id: str) -> None:
        """Make a member the owner.

        Raises:
            ChatError: RESOURCE_NOT_FOUND for the group or the member; PERMISSION_DENIED; VALIDATION_ERROR
                for oneself.
        """
        await self._change(caller, conversation_id, "transfer_group", user_id)

    async def update(self, caller: Caller, cmd: GroupUpdate) -> None:
        """Change what a group is called, what it is about, and how many it may have.

        Raises:
            ChatError: VALIDATION_ERROR, RESOURCE_NOT_FOUND, PERMISSION_DENIED; CONFLICT where it has more
                members than that.
        """
        most = None if cmd.max_members is None else self._check_max_members(cmd.max_members)
        await self._change(
            caller, cmd.conversation_id, "update_group", cmd.title, cmd.description, most
        )

    async def delete(self, caller: Caller, conversation_id: UUID) -> None:
        """End a group: nobody is a member any more.

        Raises:
            ChatError: RESOURCE_NOT_FOUND, PERMISSION_DENIED
        """
        await self._change(caller, conversation_id, "delete_group")

    async def _change(
        self,
        caller: Caller,
        conversation_id: UUID,
        query: str,
        *args: object,
        field: str = "userId",
    ) -> Sequence[str]:
        """One change of a group: committed, then handed on. Returns the people that it was about.

        Args:
            field: what the caller named them in.
        """
        async with self._requests.once(caller) as work:
            if work.kept is not None:
                kept: list[str] = work.kept["people"]
                return kept
            found = await work.asks.one(query, caller.user_id, conversation_id, *args)
            row = _check(found, field=field)
            people: list[str] = row["people"]
            await work.keep({"people": people})
        if row["first_seq"] is not None:
            await self._publisher.conversation(conversation_id, row["first_seq"], row["last_seq"])
        return people

    def _check_max_members(self, wanted: int | None) -> int:
        if wanted is None:
            return min(DEFAULT_MAX_MEMBERS, self._max_members)
        if wanted > self._max_members:
            raise invalid("maxMembers", f"Must be from 2 to {self._max_members}.")
        return wanted


def _check(row: Record | None, *, field: str) -> Record:
    """The row of a change that was made.

    Raises:
        ChatError: what its verdict says of one that was not.
    """
    assert row is not None  # every change answers
    if row["verdict"] != "done":
        raise _refusal(row["verdict"], row["people"] or (), field)
    return row


def _refusal(verdict: str, people: Sequence[str], field: str) -> ChatError:
    who = ", ".join(people)
    if verdict == "unknown":
        return ChatError(
            code=ErrorCode.RESOURCE_NOT_FOUND,
            message="User not found",
            details=f"Nobody has the id {who}.",
            fields={field: [f"User not found: {person}" for person in people]},
        )
    if verdict == "blocked":
        return ChatError(
            code=ErrorCode.USER_BLOCKED,
            message="User blocked",
            details=f"There is a block between you and {who}.",
            fields={field: [f"User blocked: {person}" for person in people]},
        )
    if verdict == "denied":
        return denied("Insufficient permissions")
    if verdict in _CONFLICTS:
        return conflict(_CONFLICTS[verdict])
    if verdict == "self":
        return invalid(field, "Must be somebody else than yourself.")
    if verdict == "no_member":
        return not_found("member", field=field)
    if verdict == "no_group":
        return invalid("conversationId", "Is not a group.")
    return not_found("conversation")
