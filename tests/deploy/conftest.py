"""Real proxies in front of two processes, by the configurations of deploy/."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from tests.faults.cluster import Server
from tests.faults.postgres import children
from tests.support.certificates import Certificates, issue
from tests.support.debian import program
from tests.support.patience import PATIENCE
from tests.support.redis_server import free_port
from tests.support.resuming import Resuming
from tests.support.servers import PATIENT, ROOT

# What one address may have at each process, so that a test can see who is counted as whom.
MOST = 4
# Whose pages may connect, beside those of the server's own origin.
PAGES = "https://app.example"


class Proxy:
    """A running proxy.

    Args:
        reload: the signal that makes it read its configuration anew.
    """

    def __init__(
        self, command: list[str], port: int, made: Certificates, reload: signal.Signals
    ) -> None:
        self.url = f"https://127.0.0.1:{port}"
        self.trusting = made.trusting
        self._command = command
        self._port = port
        self._reload = reload
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, log: Path) -> None:
        """Run it, and wait until it listens."""
        with log.open("wb") as said:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdout=said, stderr=said
            )
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self._port)
                except OSError:
                    assert self._process.returncode is None, f"it ended: see {log}"
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    return

    def workers(self) -> set[int]:
        """The processes that carry the connections."""
        assert self._process is not None
        return set(children(self._process.pid))

    async def reload(self) -> None:
        """Have it read its configuration anew, and wait until another worker is there."""
        before = self.workers()
        assert self._process is not None
        self._process.send_signal(self._reload)
        async with asyncio.timeout(PATIENCE):
            while not self.workers() - before:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """End it, and all that it carries."""
        if self._process is None:
            return
        for worker in self.workers():
            _send(worker, signal.SIGKILL)
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    def session(self, address: str | None = None) -> aiohttp.ClientSession:
        """A client that trusts it and keeps cookies, with an `address` of its own."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=self.trusting, local_addr=(address, 0) if address else None, force_close=True
            ),
            cookie_jar=aiohttp.CookieJar(unsafe=True),
        )


def _send(pid: int, number: signal.Signals) -> None:
    """Send a signal to what may be gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


class Through(Resuming):
    """A client that resumes, through a proxy."""

    def __init__(self, proxy: Proxy, token: str) -> None:
        super().__init__(proxy.url, token)
        self._proxy = proxy

    def session(self) -> aiohttp.ClientSession:
        """See `Resuming`."""
        return self._proxy.session()


@dataclass(frozen=True, slots=True)
class Fronted:
    """Two processes, and the proxy before them."""

    proxy: Proxy
    processes: tuple[Server, ...]


def _edited(name: str, changes: Mapping[str, str]) -> str:
    """A configuration of ours with this test's addresses and files; each change must apply."""
    text = (ROOT / "deploy" / name).read_text()
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def _ports(processes: tuple[Server, ...]) -> dict[str, str]:
    return {
        f"127.0.0.1:{port}": server.url.removeprefix("http://")
        for port, server in zip((3001, 3002), processes, strict=True)
    }


async def _nginx(directory: Path, made: Certificates, processes: tuple[Server, ...]) -> Proxy:
    binary = await program(["nginx"], "nginx-light", "nothing is asked through nginx")
    port = free_port()
    site = _edited(
        "nginx.conf",
        {
            **_ports(processes),
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "/etc/ssl/chat.example.com.pem": str(made.chain),
            "/etc/ssl/chat.example.com.key": str(made.key),
        },
    )
    places = "".join(
        f"{name}_temp_path {directory}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (directory / "nginx.conf").write_text(
        f"daemon off; user root; pid {directory}/nginx.pid; error_log stderr;\n"
        "worker_processes 1; events {}\n"
        f"http {{ access_log off; {places}\n{site}\n}}\n"
    )
    command = [binary, "-p", str(directory), "-c", str(directory / "nginx.conf")]
    return Proxy(command, port, made, signal.SIGHUP)


async def _haproxy(directory: Path, made: Certificates, processes: tuple[Server, ...]) -> Proxy:
    binary = await program(["haproxy"], "haproxy", "nothing is asked through HAProxy")
    port = free_port()
    both = directory / "both.pem"
    both.write_text(made.chain.read_text() + made.key.read_text())
    (directory / "haproxy.cfg").write_text(
        _edited(
            "haproxy.cfg",
            {
                **_ports(processes),
                "maxconn 50000": "maxconn 500",
                "bind :443": f"bind 127.0.0.1:{port}",
                "/etc/haproxy/chat.example.com.pem": str(both),
            },
        )
    )
    return Proxy([binary, "-W", "-f", str(directory / "haproxy.cfg")], port, made, signal.SIGUSR2)


_PROXIES = {"nginx": _nginx, "haproxy": _haproxy}


@pytest.fixture(scope="module", params=_PROXIES)
async def fronted(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    dsn: str,
    redis_url: str,
) -> AsyncIterator[Fronted]:
    """nginx, then HAProxy, in front of two processes of their own."""
    directory = tmp_path_factory.mktemp(request.param)
    made = issue(directory)
    processes = tuple(
        Server(
            name,
            directory / f"{name}.log",
            dsn,
            redis_url,
            **PATIENT,
            TRUSTED_PROXY_HOPS="1",
            MAX_CONNECTIONS_PER_IP=str(MOST),
            CORS_ALLOWED_ORIGINS=PAGES,
        )
        for name in ("one", "two")
    )
    proxy = await _PROXIES[request.param](directory, made, processes)
    try:
        await asyncio.gather(*(process.start() for process in processes))
        await proxy.start(directory / "log")
        yield Fronted(proxy, processes)
    finally:
        for process in processes:
            await process.dismiss()
        await proxy.stop()
