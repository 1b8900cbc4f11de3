"""``chatserver doctor``: what is wrong with a deployment, and how to mend it."""

from chatserver.config import Settings
from chatserver.doctor import database, host, redis
from chatserver.doctor.finding import Finding

__all__ = ["Finding", "examine"]


async def examine(settings: Settings, workers: int = 1) -> list[Finding]:
    """Look at everything; settings that are wrong have been refused before.

    Args:
        workers: how many processes there are to be, on all machines.
    """
    return [
        *host.examine(settings),
        *await database.examine(settings, workers),
        *await redis.examine(settings, workers),
    ]
