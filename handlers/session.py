"""``session:*``"""

from chatserver.core.caller import Caller
from chatserver.schemas.sessions import Refresh, Refreshed
from chatserver.sessions import Sessions


async def refresh(caller: Caller, cmd: Refresh, sessions: Sessions) -> Refreshed:
    """Continue the session with a newer token."""
    return await sessions.refresh(caller, cmd.token)
