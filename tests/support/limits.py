"""Limits for what is not about them."""

from chatserver.limits import Limiter
from chatserver.limits_store import LocalLimits


def generous() -> Limiter:
    """Nobody gets there."""
    return Limiter(
        LocalLimits(),
        messages=1_000_000,
        client_messages=1_000_000,
        commands=0,
        requests=0,
        requests_in=60,
    )
