"""A database whose machine vanishes without a word is given up, however long a statement may take."""

import socket
from urllib.parse import urlsplit

import asyncpg
import pytest

from chatserver.store.connect import Connector
from tests.support.far_network import far_network
from tests.support.link import unix_socket
from tests.support.servers import settings_for


async def _connected(dsn: str, place: str, rules: str) -> "asyncpg.Connection[asyncpg.Record]":
    url = urlsplit(dsn)
    account = url.netloc.rpartition("@")[0]
    through = f"postgresql://{account}@{place}{url.path}?sslmode=disable&{rules}"
    settings = settings_for(through, DB_QUERY_TIMEOUT="600000").database
    return await Connector(settings, through).connect()


async def test_a_machine_that_vanishes(dsn: str) -> None:
    """A statement that is not acknowledged fails, though the time for its answer is not over."""
    with far_network() as cable:
        place = f"{cable.host}:{cable.relay(unix_socket(dsn))}"
        connection = await _connected(dsn, place, "tcp_user_timeout=600")
        assert await connection.fetchval("SELECT 1") == 1
        cable.cut()
        with pytest.raises((OSError, asyncpg.PostgresConnectionError)) as lost:
            await connection.fetchval("SELECT 2")
        assert not isinstance(lost.value, TimeoutError) or lost.value.errno
        assert connection.is_closed()


async def test_what_the_system_is_told(dsn: str) -> None:
    """The socket has what the URL says, and otherwise our own rules."""
    with far_network() as cable:
        place = f"{cable.host}:{cable.relay(unix_socket(dsn))}"
        connection = await _connected(dsn, place, "keepalives_idle=7&keepalives_count=4")
        found = connection._transport.get_extra_info("socket")
        options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        told = [found.getsockopt(socket.IPPROTO_TCP, option) for option in options]
        assert (told, found.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)) == (
            [7, 3, 4],
            5000,
        )
        await connection.close()
