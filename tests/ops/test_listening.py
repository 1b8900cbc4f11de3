"""Where the server listens: HOST, PORT, Unix sockets, and what is said where it cannot."""

import asyncio
import errno
import os
import socket
import stat
from pathlib import Path

import aiohttp
import pytest

from chatserver.ops.listening import ListenAddress, bind, refusal
from tests.conftest import User
from tests.support.cli import end, run, serving, spawn
from tests.support.patience import PATIENCE
from tests.support.redis_server import free_port
from tests.support.servers import environment

_UNREACHABLE = "postgresql://u@/d?host=/nonexistent"


async def test_both_families(dsn: str) -> None:
    """HOST=:: serves IPv6 and IPv4 on one port."""
    async with serving(env=environment(dsn, HOST="::")) as (process, url):
        port = url.rsplit(":", 1)[1]
        async with aiohttp.ClientSession() as session:
            for host in ("127.0.0.1", "[::1]"):
                async with session.get(f"http://{host}:{port}/live") as response:
                    assert response.status == 200
        process.terminate()
        assert (await end(process)).code == 0


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_unix_socket(
    workers: int, dsn: str, redis_url: str, tmp_path: Path, alice: User
) -> None:
    """HOST may be the path of a Unix socket, for one process or several; its file goes when they go."""
    path = tmp_path / "chat.sock"
    env = environment(dsn, HOST=str(path), UNIX_SOCKET_MODE="600", REDIS_URL=redis_url)
    for _ in range(2):
        process = await spawn("serve", "--workers", str(workers), env=env)
        assert process.stdout is not None
        for _ in range(workers):
            line = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
            assert line.decode().split()[-1] == str(path)
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        connector = aiohttp.UnixConnector(str(path))
        async with aiohttp.ClientSession(connector=connector) as session:
            async with session.get("http://x/api/conversations", headers=alice.auth) as response:
                assert response.status == 200
            async with session.ws_connect(
                "http://x/socket.io/?EIO=4&transport=websocket"
            ) as websocket:
                assert (await websocket.receive_str()).startswith("0{")
        process.terminate()
        assert (await end(process)).code == 0
        assert os.listdir(tmp_path) == []


async def test_a_stale_unix_socket(dsn: str, tmp_path: Path) -> None:
    """The file of a process that was killed is replaced; that of one that listens, or no socket at all, is not."""
    path = tmp_path / "chat.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with serving(env=environment(dsn, HOST=str(path))) as (process, _):
        second = await run("serve", env=environment(dsn, HOST=str(path)))
        assert second.code == 2
        assert f"HOST {path} is taken" in second.problem
        process.terminate()
        assert (await end(process)).code == 0
    file = tmp_path / "file"
    file.write_text("kept")
    refused = await run("serve", env=environment(dsn, HOST=str(file)))
    assert refused.code == 2
    assert f"HOST {file} cannot be made a Unix socket" in refused.problem
    assert file.read_text() == "kept"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"HOST": "no-such-host.invalid"}, "HOST 'no-such-host.invalid' is no address"),
        ({"HOST": "256.1.1.1"}, "HOST '256.1.1.1' is no address"),
        ({"HOST": "a..b"}, "HOST 'a..b' is no address"),
        ({"HOST": "x" * 300}, "is no address"),
        ({"HOST": "203.0.113.7"}, "HOST 203.0.113.7 cannot be listened on"),
        ({"HOST": "/no/such/directory/chat.sock"}, "HOST /no/such/directory/chat.sock cannot be made"),
        ({"HOST": f"/tmp/{'x' * 200}"}, "cannot be made a Unix socket"),
        ({"UNIX_SOCKET_MODE": "rw"}, "UNIX_SOCKET_MODE must be an octal mode"),
        ({"METRICS_ADDRESS": "9464"}, "METRICS_ADDRESS must be host:port"),
        ({"METRICS_ADDRESS": "127.0.0.1:0"}, "METRICS_ADDRESS must be host:port"),
        ({"METRICS_ADDRESS": "127.0.0.1:70000"}, "METRICS_ADDRESS must be host:port"),
    ],
)  # fmt: skip
async def test_where_nothing_can_listen(variables: dict[str, str], said: str) -> None:
    """An address that cannot be had is one line naming the variable, exit code 2, before the database is asked."""
    ended = await run("serve", env=environment(_UNREACHABLE, **variables))
    assert ended.code == 2
    assert said in ended.problem


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")])
async def test_a_port_that_is_taken(arguments: tuple[str, ...], dsn: str, redis_url: str) -> None:
    """A PORT where somebody listens, another server's workers among them, is one line, exit code 2."""
    port = str(free_port())
    env = environment(dsn, PORT=port, REDIS_URL=redis_url)
    async with serving(*arguments, env=env) as (process, _):
        for more in ((), ("--workers", "2")):
            ended = await run("serve", *more, env=env)
            assert ended.code == 2
            assert f"PORT {port} is taken" in ended.problem
        wrong = environment(dsn, PORT="0", METRICS_ADDRESS=f"127.0.0.1:{port}")
        ended = await run("serve", env=wrong)
        assert ended.code == 2
        assert f"METRICS_ADDRESS {port} is taken" in ended.problem
        process.terminate()
        await end(process)


async def test_workers_on_a_free_port(dsn: str, redis_url: str) -> None:
    """With PORT=0 the workers share one port that was free."""
    async with serving("--workers", "2", env=environment(dsn, REDIS_URL=redis_url)) as (
        process,
        url,
    ):
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
        assert line.decode().split()[-1].rsplit(":", 1)[1] == url.rsplit(":", 1)[1]
        process.terminate()
        assert (await end(process)).code == 0


def test_a_privileged_port() -> None:
    """A port that only root may have is named, with what to do."""
    error = refusal(ListenAddress(host="0.0.0.0", port=443), OSError(errno.EACCES, ""))
    assert str(error).startswith("PORT 443 is privileged: choose one from 1024 on")


def test_a_host_with_both_families() -> None:
    """A name with several addresses has all of them, on one port."""
    sockets = bind(ListenAddress(host="localhost", port=0))
    assert len({found.getsockname()[1] for found in sockets}) == 1
    for found in sockets:
        found.close()
