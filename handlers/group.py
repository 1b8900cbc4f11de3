"""``group:*``"""

from chatserver.chat import Groups, Posting
from chatserver.core.caller import Caller
from chatserver.resources import Conversations, Participants
from chatserver.schemas.base import ChangeOfConversation
from chatserver.schemas.conversations import ConversationGiven
from chatserver.schemas.groups import (
    GroupAnnounce,
    GroupCreate,
    GroupListAsk,
    GroupPage,
    GroupUpdate,
)
from chatserver.schemas.members import (
    Demote,
    MemberAdd,
    MemberChange,
    MemberGiven,
    MemberPage,
    MembersAsk,
    MembersGiven,
    Permit,
    Promote,
    RoleGiven,
)
from chatserver.schemas.messages import MessageSent
from chatserver.schemas.resources import Page


async def create(
    caller: Caller, cmd: GroupCreate, groups: Groups, conversations: Conversations
) -> ConversationGiven:
    """Create a group."""
    conversation_id = await groups.create(caller, cmd)
    return ConversationGiven(conversation=await conversations.get(caller.user_id, conversation_id))


async def list(caller: Caller, cmd: GroupListAsk, conversations: Conversations) -> GroupPage:
    """Return a page of the caller's groups."""
    found = await conversations.groups(caller.user_id, cmd)
    return GroupPage(groups=found.conversations, total=found.total, pagination=found.pagination)


async def member_add(caller: Caller, cmd: MemberAdd, groups: Groups) -> MembersGiven:
    """Add people to a group."""
    people = await groups.add(caller, cmd)
    if cmd.user_ids is None:
        return MembersGiven(participant=people[0])
    return MembersGiven(participants=people)


async def member_remove(caller: Caller, cmd: MemberChange, groups: Groups) -> None:
    """Remove somebody from a group."""
    await groups.remove(caller, cmd.conversation_id, cmd.user_id)


async def leave(caller: Caller, cmd: ChangeOfConversation, groups: Groups) -> None:
    """Leave a group."""
    await groups.leave(caller, cmd.conversation_id)


async def members(caller: Caller, cmd: MembersAsk, participants: Participants) -> MemberPage:
    """Return a page of a group's members."""
    found, total = await participants.members(
        caller.user_id, cmd.conversation_id, cmd.limit, cmd.offset
    )
    has_more = cmd.offset + len(found) < total
    return MemberPage(
        participants=found,
        total=total,
        pagination=Page(limit=cmd.limit, offset=cmd.offset, has_more=has_more),
    )


async def promote(caller: Caller, cmd: Promote, groups: Groups) -> RoleGiven:
    """Give a member a higher role."""
    await groups.promote(caller, cmd)
    return RoleGiven(role=cmd.role)


async def demote(caller: Caller, cmd: Demote, groups: Groups) -> RoleGiven:
    """Give a member a lower role."""
    await groups.demote(caller, cmd)
    return RoleGiven(role=cmd.role)


async def permit(caller: Caller, cmd: Permit, groups: Groups) -> MemberGiven:
    """Give a member the permission to add members, or take it."""
    return MemberGiven(participant=await groups.permit(caller, cmd))


async def transfer(caller: Caller, cmd: MemberChange, groups: Groups) -> None:
    """Make a member the owner."""
    await groups.transfer(caller, cmd.conversation_id, cmd.user_id)


async def update(
    caller: Caller, cmd: GroupUpdate, groups: Groups, conversations: Conversations
) -> ConversationGiven:
    """Change a group's title, description or highest number of members."""
    await groups.update(caller, cmd)
    return ConversationGiven(
        conversation=await conversations.get(caller.user_id, cmd.conversation_id)
    )


async def announce(caller: Caller, cmd: GroupAnnounce, posting: Posting) -> MessageSent:
    """Post an announcement."""
    return await posting.announce(caller, cmd)


async def delete(caller: Caller, cmd: ChangeOfConversation, groups: Groups) -> None:
    """End a group, for everyone."""
    await groups.delete(caller, cmd.conversation_id)
