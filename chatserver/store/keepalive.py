"""Has the system tell when the other end of a connection is gone without a word."""

import socket
from typing import Any

import asyncpg

from chatserver.config import KeepAlive


def keep_alive(connection: "asyncpg.Connection[asyncpg.Record]", rules: KeepAlive) -> None:
    """Set the rules on a connection's socket, as far as the system knows them; a Unix socket needs none."""
    known: Any = connection  # no stub has its transport
    found: socket.socket | None = known._transport.get_extra_info("socket")
    if found is None or found.family not in (socket.AF_INET, socket.AF_INET6):
        return
    if rules.idle is not None:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        _set(found, ("TCP_KEEPIDLE", "TCP_KEEPALIVE"), rules.idle)
        _set(found, ("TCP_KEEPINTVL",), rules.interval)
        _set(found, ("TCP_KEEPCNT",), rules.count)
    _set(found, ("TCP_USER_TIMEOUT",), rules.unacknowledged)


def _set(found: socket.socket, names: tuple[str, ...], value: int) -> None:
    """Set the first of an option's names that this system has; 0 leaves it to the system."""
    number = next((getattr(socket, name) for name in names if hasattr(socket, name)), None)
    if number is not None and value:
        found.setsockopt(socket.IPPROTO_TCP, number, value)
