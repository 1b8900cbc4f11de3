"""``session:*``"""

from chatserver.session import Caller
from chatserver.sessions import Sessions
from schemas.session import Refresh, Refreshed


async def refresh(caller: Caller, cmd: Refresh, sessions: Sessions) -> Refreshed:
    """Go on with a newer token."""
    return await sessions.refresh(caller, cmd.token)
