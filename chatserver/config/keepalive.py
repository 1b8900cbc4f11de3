"""When a connection over TCP counts as lost though nobody said so."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepAlive:
    """Rules for the system's sockets, as libpq's parameters have them; 0 leaves one to the system.

    A machine that loses its power says nothing: without these rules a statement would wait for its answer until
    DB_QUERY_TIMEOUT, on each connection of the pool.

    Args:
        idle: seconds of silence after which the other end is asked whether it is there; None asks never.
        interval: seconds until it is asked again.
        count: how often it may say nothing.
        unacknowledged: ms that what was sent may go without the other system's acknowledgement. How long a
            statement takes has no part in it.
    """

    idle: int | None = 10
    interval: int = 3
    count: int = 3
    unacknowledged: int = 5000
