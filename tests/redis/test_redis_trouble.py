"""What keeps us from Redis is told apart, at start-up and by `doctor`, in a line without secrets."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import cast

import pytest
from redis._parsers.base import BaseParser
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from chatserver.config import ConfigError, load_settings
from chatserver.ops.doctor import redis as doctor
from chatserver.redis import trouble as redis_trouble
from chatserver.redis.trouble import briefly, explained
from tests.support.certificates import issue
from tests.support.cli import production, run
from tests.support.redis_server import free_port, start_redis
from tests.support.tls_proxy import tls_before

SECRET = "correct-horse-battery"
# What each address is expected to be answered with; {name} are the places of `places`.
MENDED = (
    ("redis://{plain}", None, ""),
    ("redis://{plain}/15", None, ""),
    ("unix://{socket}?db=1", None, ""),
    ("rediss://{tls}?ssl_cert_reqs=none", None, ""),
    ("rediss://{tls}?ssl_ca_certs={authority}", None, ""),
    ("redis://:{secret}@{locked}", None, ""),
)
# (address, whether the server refuses to start, what the line says)
WRONG = (
    ("rediss://{tls}", True, "name the file of its authority (?ssl_ca_certs="),
    ("rediss://:{secret}@{tls}", True, "certificate"),
    ("rediss://{tls}?ssl_ca_certs=/nowhere", True, "names a certificate file that is not there"),
    ("redis://{tls}", True, "speaks TLS alone: write rediss://"),
    ("rediss://{plain}", True, "does not speak: write redis://"),
    ("rediss://:{secret}@{locked}", True, "does not speak: write redis://"),
    ("redis://{locked}", True, "has no password, but"),
    ("redis://:wrong-{secret}@{locked}", True, "correct the user and password"),
    ("redis://somebody:{secret}@{locked}", True, "correct the user and password"),
    ("redis://{plain}/99", True, "names a database that"),
    ("redis://:{secret}@{http}", True, "which is not Redis"),
    ("redis://:{secret}@{ssh}", True, "which is not Redis"),
    ("redis://:{secret}@{deaf}", False, "where nothing answers in time"),
    ("rediss://:{secret}@{deaf}", False, "where nothing answers in time"),
    ("redis://:{secret}@{closing}", False, "closes the connection"),
    ("redis://:{secret}@127.0.0.1:1", False, "where nothing listens"),
    ("redis://:{secret}@nobody.invalid", False, "names a host that"),
    ("unix:///nowhere/redis.sock", False, "where there is no socket"),
    ("redis+sentinel://:{secret}@{plain}/0/mymaster", False, "Sentinels know no master"),
)


@pytest.fixture(scope="module")
def redises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A Redis without a password, on a port and a socket, and one with."""
    socket = str(tmp_path_factory.mktemp("redis") / "redis.sock")
    plain, locked = free_port(), free_port()
    processes = [
        start_redis(plain, "--unixsocket", socket),
        start_redis(locked, "--requirepass", SECRET),
    ]
    yield {"plain": f"127.0.0.1:{plain}", "locked": f"127.0.0.1:{locked}", "socket": socket}
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
async def places(
    redises: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, str]]:
    """Those, one behind TLS, and what is no Redis at all."""
    directory = tmp_path_factory.mktemp("tls")
    made = issue(directory)
    made.root.cert_pem.write_to_path(directory / "ca.pem")
    ends: list[asyncio.StreamWriter] = []

    def saying(greeting: bytes, *, stays: bool) -> object:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            ends.append(writer)
            writer.write(greeting)
            if not stays:
                writer.close()

        return serve

    found = {"secret": SECRET, "authority": str(directory / "ca.pem"), **redises}
    port = int(redises["plain"].rpartition(":")[2])
    async with AsyncExitStack() as stack:
        for name, greeting, stays in (
            ("http", b"HTTP/1.1 400 Bad Request\r\n\r\n", True),
            ("ssh", b"SSH-2.0-hello\r\n", True),
            ("deaf", b"", True),
            ("closing", b"", False),
        ):
            server = await asyncio.start_server(saying(greeting, stays=stays), "127.0.0.1", 0)  # type: ignore[arg-type]
            stack.callback(server.close)
            found[name] = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        tls = await stack.enter_async_context(
            tls_before(lambda: asyncio.open_connection("127.0.0.1", port), made, asked_first=False)
        )
        found["tls"] = f"127.0.0.1:{tls}"
        yield found
        for writer in ends:
            writer.close()


async def _told(url: str) -> tuple[str | None, list[str]]:
    """With what line start-up refuses, and what `doctor` finds wrong."""
    settings = load_settings(
        production("postgresql://u@h/d", REDISCLOUD_URL=url), state_directory=Path("/nonexistent")
    )

    async def refusal() -> str | None:
        try:
            await redis_trouble.check(settings)
        except ConfigError as error:
            return str(error)
        return None

    refused, findings = await asyncio.gather(refusal(), doctor.examine(settings, 1))
    return refused, [str(finding) for finding in findings if finding.level != "ok"]


@pytest.mark.parametrize("url", [url for url, _, _ in MENDED])
async def test_every_way_to_write_a_redis_that_is_there(url: str, places: dict[str, str]) -> None:
    """By TCP, a Unix socket and TLS, with a password and a database: nothing is found wrong."""
    assert await _told(url.format(**places)) == (None, [])


@pytest.mark.parametrize(("url", "is_refused", "cause"), WRONG)
async def test_what_is_wrong_with_redis_is_told_apart(
    url: str, is_refused: bool, cause: str, places: dict[str, str]
) -> None:
    """A line names the variable, the cause and the remedy; start-up refuses what waiting will not mend."""
    refused, found = await _told(url.format(**places))
    assert len(found) == 1
    assert found[0].startswith("FAIL  Redis: REDISCLOUD_URL ")
    assert cause in found[0]
    assert ": " in found[0].partition("REDISCLOUD_URL")[2], "a remedy"
    assert (refused is not None) == is_refused
    for line in (found[0], refused or ""):
        assert SECRET not in line
        assert "Error" not in line
    if refused:
        assert refused in found[0]


async def test_start_up_refuses_in_one_line(dsn: str, places: dict[str, str]) -> None:
    """`serve` ends with exit code 2 where a Redis is there and will not have us."""
    url = f"redis://:wrong-{SECRET}@{places['locked']}"
    ended = await run("serve", env=production(dsn, REDIS_URL=url, PORT="0"))
    assert (ended.code, ended.out) == (2, "")
    assert ended.problem.startswith("chatserver: REDIS_URL has a user or password ")
    assert SECRET not in ended.err


def _as_heard(answer: str) -> Exception:
    """What the client makes of an error that Redis answers."""
    return cast("Exception", BaseParser.parse_error(answer))


def test_a_redis_that_was_well() -> None:
    """What keeps a running server from Redis is in words, and nothing that an answer quotes is among them."""
    for error, words in (
        (RedisConnectionError("Error while reading: (104, 'reset')"), "the connection was lost"),
        (RedisTimeoutError("Timeout reading from socket"), "no answer came in time"),
        (TimeoutError(), "no answer came in time"),
        (_as_heard(f"OOM command not allowed {SECRET}"), "its memory is full: raise maxmemory"),
        (_as_heard(f"READONLY You can't write {SECRET}"), "it refuses (READONLY): read its log"),
        (_as_heard(f"MISCONF Errors writing {SECRET}"), "it refuses (MISCONF): read its log"),
    ):
        assert briefly(error).startswith(words)
        assert SECRET not in briefly(error)
    for lost in (RedisConnectionError("Error while reading"), ConnectionResetError(104, "reset")):
        assert "which closes the connection: " in explained(lost, "redis://host").line
