"""Limits for what is not about them, and clocks for what is."""

from chatserver.limits.limiter import Limiter
from chatserver.limits.store import LocalLimits
from tests.support.servers import Server


class Clock:
    """Stands still until `now` is set; seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def generous() -> Limiter:
    """Nobody gets there."""
    return Limiter(
        LocalLimits(),
        messages=1_000_000,
        client_messages=1_000_000,
        commands=0,
        searches=0,
        requests=0,
        requests_in=60,
        upload_ttl=900,
    )


def stop_the_clock(server: Server) -> Clock:
    """From now on the limits of a server in this process go by a clock that stands still."""
    assert server.app is not None
    clock = Clock()
    limiter = server.app.gate._limiter
    for meter in (
        limiter._messages,
        limiter._client_messages,
        limiter._commands,
        limiter._searches,
        limiter._requests,
        limiter._site_requests,
    ):
        if meter is not None:
            meter._clock = clock
            meter._turn_at = clock.now + meter.rule.seconds
    return clock
