"""Creates, changes and ends groups, and changes who is in them, and as what."""

from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from chatserver.core.caller import Caller
from chatserver.core.crypto import Vault
from chatserver.core.errors import invalid
from chatserver.core.ids import uuid7
from chatserver.core.quotas import NO_QUOTAS, Quotas
from chatserver.log import Appended, Changes, to_conversation
from chatserver.resources import Participants
from chatserver.schemas.groups import DEFAULT_MAX_MEMBERS, GroupCreate, GroupUpdate
from chatserver.schemas.members import Demote, MemberAdd, Permit, Promote
from chatserver.schemas.resources import Participant
from chatserver.store import Record


class Groups:
    """Changes groups, each time under the group's lock (``sql/migrations/0008_groups.sql``).

    Args:
        max_members: the most that any group may allow.
        quotas: `groups_per_day`, `conversations` and `joins_per_hour` of them.

    Raises (all methods):
        ChatError: IDEMPOTENCY_CONFLICT, UNAVAILABLE
    """

    def __init__(
        self,
        vault: Vault,
        participants: Participants,
        changes: Changes,
        *,
        max_members: int,
        quotas: Quotas = NO_QUOTAS,
    ) -> None:
        self._vault = vault
        self._participants = participants
        self._changes = changes
        self._max_members = max_members
        self._quotas = quotas

    async def create(self, caller: Caller, cmd: GroupCreate) -> UUID:
        """Create a group, whose owner is the caller. Returns its id.

        Raises:
            ChatError: VALIDATION_ERROR; RESOURCE_NOT_FOUND, USER_BLOCKED, naming who; CONFLICT where the
                people named are too many, or one of them, or the caller, has too many conversations;
                RATE_LIMIT_EXCEEDED where the caller has created too many groups of late.
        """
        most = self._check_max_members(cmd.max_members)
        new_id = uuid7()
        made = await self._changes.make(
            caller,
            lambda db: db.one(
                "create_group",
                new_id,
                caller.user_id,
                self._sealed(new_id, "title", cmd.title),
                self._sealed(new_id, "description", cmd.description),
                cmd.participant_ids,
                most,
                self._quotas.groups_per_day,
                self._quotas.conversations,
            ),
            of="group",
            field="participantIds",
            answer=lambda _: {"conversationId": str(new_id)},
            appended=_to(new_id),
        )
        return UUID(made.answer["conversationId"])

    async def add(self, caller: Caller, cmd: MemberAdd) -> tuple[Participant, ...]:
        """Add people: all of them or none. Those who are members already stay as they are.

        Raises:
            ChatError: RESOURCE_NOT_FOUND for the group, or naming who; PERMISSION_DENIED; USER_BLOCKED,
                naming who; CONFLICT where the group would be over-full, or naming who has too many
                conversations; RATE_LIMIT_EXCEEDED, naming who was added too often of late.
        """
        several = cmd.user_ids is not None
        asked = cmd.user_ids or (cmd.user_id,)
        people = await self._change(
            caller,
            cmd.conversation_id,
            "add_members",
            asked,
            self._quotas.joins_per_hour,
            self._quotas.conversations,
            field="userIds" if several else "userId",
        )
        return await self._participants.named(caller.user_id, cmd.conversation_id, people)

    async def remove(self, caller: Caller, conversation_id: UUID, user_id: str) -> None:
        """Remove somebody of a lower role.

        Raises:
            ChatError: VALIDATION_ERROR for oneself; RESOURCE_NOT_FOUND for the group or the member;
                PERMISSION_DENIED
        """
        await self._change(caller, conversation_id, "remove_member", user_id)

    async def leave(self, caller: Caller, conversation_id: UUID) -> None:
        """End the caller's own membership.

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
        (member,) = await self._participants.named(caller.user_id, cmd.conversation_id, people)
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
        group_id = cmd.conversation_id
        await self._change(
            caller,
            group_id,
            "update_group",
            self._sealed(group_id, "title", cmd.title),
            self._sealed(group_id, "description", cmd.description),
            most,
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
        """Make one change of a group. Returns the people whom it was about.

        Args:
            field: what the caller named them in.
        """
        made = await self._changes.make(
            caller,
            lambda db: db.one(query, caller.user_id, conversation_id, *args),
            of="group",
            field=field,
            answer=lambda row: {"people": row["people"]},
            appended=_to(conversation_id),
        )
        people: list[str] = made.answer["people"]
        return people

    def _sealed(self, group_id: UUID, field: str, text: str | None) -> str | None:
        """Seal a title or a description, as the database keeps it; None stays None."""
        return None if text is None else self._vault.seal_field(group_id, field, text)

    def _check_max_members(self, wanted: int | None) -> int:
        if wanted is None:
            return min(DEFAULT_MAX_MEMBERS, self._max_members)
        if wanted > self._max_members:
            raise invalid("maxMembers", f"Must be from 2 to {self._max_members}.")
        return wanted


def _to(group_id: UUID) -> Callable[[Record], Iterable[Appended]]:
    """Return the reader of a change's row, which says where in one group its events are."""
    return lambda row: (to_conversation(group_id, row["first_seq"], row["last_seq"]),)
