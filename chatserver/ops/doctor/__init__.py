"""``chatserver doctor``: what is wrong with a deployment, and how to mend it."""

from collections.abc import Mapping

from chatserver.config import Settings, misspelt
from chatserver.ops.doctor import database, files, host, redis
from chatserver.ops.doctor.finding import Finding, warn

__all__ = ["Finding", "examine"]


async def examine(
    settings: Settings, workers: int = 1, env: Mapping[str, str] | None = None
) -> list[Finding]:
    """Look at everything that a deployment needs. (Wrong settings have been refused before.)

    Args:
        workers: how many processes will run, on all machines together.
        env: the variables that the settings were read from.
    """
    return [
        *host.examine(settings),
        *(
            warn(name, f"it is set, but nothing reads it; if you mean {meant}, set that")
            for name, meant in misspelt(env or {}).items()
        ),
        *await database.examine(settings, workers),
        *await redis.examine(settings, workers),
        *await files.examine(settings, env or {}),
    ]
