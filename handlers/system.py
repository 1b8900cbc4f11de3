"""``system:*``"""

import time

from chatserver.core.caller import Caller
from chatserver.schemas.base import Empty
from chatserver.schemas.system import Pong, Tested


async def ping(_caller: Caller, _cmd: Empty) -> Pong:
    """Return the server's time."""
    return Pong(timestamp=time.time_ns() // 1_000_000)


async def test(_caller: Caller, _cmd: Empty) -> Tested:
    """Answer, as a sign of life."""
    return Tested(
        message="Server is responding to test messages", timestamp=time.time_ns() // 1_000_000
    )
