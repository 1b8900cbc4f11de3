"""``system:*``"""

import time

from chatserver.session import Caller
from schemas.base import Empty
from schemas.system import Pong, Tested


async def ping(_caller: Caller, _cmd: Empty) -> Pong:
    """The server's time."""
    return Pong(timestamp=time.time_ns() // 1_000_000)


async def test(_caller: Caller, _cmd: Empty) -> Tested:
    """A sign of life."""
    return Tested(
        message="Server is responding to test messages", timestamp=time.time_ns() // 1_000_000
    )
