"""``group:*``"""

from chatserver.chat import Chat
from chatserver.conversations import Conversations
from chatserver.groups import Groups
from chatserver.session import Caller
from schemas.base import ChangeOfConversation
from schemas.conversations import ConversationGiven
from schemas.groups import (
    Demote,
    GroupAnnounce,
    GroupCreate,
    GroupListAsk,
    GroupPage,
    GroupUpdate,
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
from schemas.messages import MessageSent
from schemas.resources import Page


async def create(
    caller: Caller, cmd: GroupCreate, groups: Groups, conversations: Conversations
) -> ConversationGiven:
    """Create a group."""
    conversation_id = await groups.create(caller, cmd)
    return ConversationGiven(conversation=await conversations.get(caller.user_id, conversation_id))


async def list(caller: Caller, cmd: GroupListAsk, conversations: Conversations) -> GroupPage:
    """A page of the caller's groups."""
    found, total = await conversations.groups(caller.user_id, cmd.limit, cmd.offset)
    has_more = cmd.offset + len(found) < total
    return GroupPage(
        groups=found,
        total=total,
        pagination=Page(limit=cmd.limit, offset=cmd.offset, has_more=has_more),
    )


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


async def members(caller: Caller, cmd: MembersAsk, conversations: Conversations) -> MemberPage:
    """A page of a group's members."""
    found, total = await conversations.members(
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
    """Let a member add members, or not any more."""
    return MemberGiven(participant=await groups.permit(caller, cmd))


async def transfer(caller: Caller, cmd: MemberChange, groups: Groups) -> None:
    """Make a member the owner."""
    await groups.transfer(caller, cmd.conversation_id, cmd.user_id)


async def update(
    caller: Caller, cmd: GroupUpdate, groups: Groups, conversations: Conversations
) -> ConversationGiven:
    """Change what a group is called, what it is about, and how many it may have."""
    await groups.update(caller, cmd)
    return ConversationGiven(
        conversation=await conversations.get(caller.user_id, cmd.conversation_id)
    )


async def announce(caller: Caller, cmd: GroupAnnounce, chat: Chat) -> MessageSent:
    """Post an announcement."""
    return await chat.announce(caller, cmd)


async def delete(caller: Caller, cmd: ChangeOfConversation, groups: Groups) -> None:
    """End a group, for everyone."""
    await groups.delete(caller, cmd.conversation_id)
