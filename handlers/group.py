"""``group:*``"""

from chatserver.conversations import Conversations
from chatserver.groups import Groups
from chatserver.session import Caller
from schemas.base import ChangeOfConversation
from schemas.conversations import ConversationGiven
from schemas.group import (
    GroupCreate,
    GroupListAsk,
    GroupPage,
    MemberAdd,
    MemberChange,
    MembersGiven,
)
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
