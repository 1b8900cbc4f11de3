"""Groups: creating them, and who is in them."""

from collections.abc import Sequence
from uuid import UUID

from chatserver.conversations import Conversations
from chatserver.errors import ChatError, ErrorCode, conflict, denied, invalid, not_found
from chatserver.ids import uuid7
from chatserver.log import Publisher
from chatserver.requests import Requests
from chatserver.session import Caller
from chatserver.store import Database, Record
from schemas.group import DEFAULT_MAX_MEMBERS, GroupCreate, MemberAdd
from schemas.resources import Participant


class Groups:
    """Changes groups, each time under the group's lock (``sql/migrations/0005_groups.sql``).

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
    if verdict == "full":
        return conflict("The group is full")
    if verdict == "denied":
        return denied("Insufficient permissions")
    if verdict == "owner":
        return conflict("The owner cannot leave: transfer the group first")
    if verdict == "self":
        return invalid(field, "Must be somebody else than yourself: leave instead.")
    if verdict == "no_member":
        return not_found("member", field=field)
    if verdict == "no_group":
        return invalid("conversationId", "Is not a group.")
    return not_found("conversation")
