"""``presence:*``"""

from chatserver.core.caller import Caller
from chatserver.presence import Presence
from chatserver.resources import Conversations
from chatserver.schemas.base import Empty, Retryable
from chatserver.schemas.presence import FocusSet, Online, OnlineList


async def online(caller: Caller, _: Retryable, presence: Presence) -> Online:
    """Count this connection as present again."""
    presence.connect(caller.session)
    return Online(users=await presence.contacts(caller.user))


async def offline(caller: Caller, _: Retryable, presence: Presence) -> None:
    """Count this connection as gone."""
    presence.leave(caller.session)


async def focus(
    caller: Caller, cmd: FocusSet, presence: Presence, conversations: Conversations
) -> None:
    """Note what this connection has in front of its user."""
    if cmd.conversation_id is not None:
        await conversations.check_member(caller.user_id, cmd.conversation_id)
    presence.focus(caller.session, cmd.conversation_id)


async def list(caller: Caller, _: Empty, presence: Presence) -> OnlineList:
    """Return the contacts who are online."""
    users = await presence.contacts(caller.user)
    return OnlineList(users=users, count=len(users))
