"""``presence:*``"""

from chatserver.presence import Presence
from chatserver.session import Caller
from schemas.base import Empty, Retryable
from schemas.presence import Online, OnlineList


async def online(caller: Caller, _: Retryable, presence: Presence) -> Online:
    """Count this connection again."""
    presence.connect(caller.session)
    return Online(users=await presence.contacts(caller.user))


async def offline(caller: Caller, _: Retryable, presence: Presence) -> None:
    """Count this connection no longer."""
    presence.leave(caller.session)


async def list(caller: Caller, _: Empty, presence: Presence) -> OnlineList:
    """The contacts who are online."""
    users = await presence.contacts(caller.user)
    return OnlineList(users=users, count=len(users))
