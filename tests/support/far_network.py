"""A host at the end of a cable, which can vanish without a word, as a machine that loses its power does."""

import itertools
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_numbers = itertools.count(1)
# Listens on an address, and hands on to a Unix socket, which no network parts from anybody.
_RELAY = """
import asyncio, sys
async def pipe(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()
async def serve(reader, writer):
    try:
        inner = await asyncio.open_unix_connection(sys.argv[2])
    except OSError:
        return writer.close()
    await asyncio.gather(pipe(reader, inner[1]), pipe(inner[0], writer))
async def main():
    server = await asyncio.start_server(serve, sys.argv[1], 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


class FarNetwork:
    """One host at the end of a cable.

    Args:
        name: of its namespace.
        here: our address.
        host: the other one.
    """

    def __init__(self, name: str, here: str, host: str) -> None:
        self.host = host
        self._name = name
        self._here = here
        self._relays: list[subprocess.Popen[str]] = []

    def relay(self, path: str) -> int:
        """Have the host hand on what comes to a Unix socket; returns the port."""
        relay = subprocess.Popen(
            ["ip", "netns", "exec", self._name, sys.executable, "-c", _RELAY, self.host, path],
            stdout=subprocess.PIPE,
            text=True,
        )
        self._relays.append(relay)
        assert relay.stdout is not None
        return int(relay.stdout.readline())

    def cut(self) -> None:
        """From now on nothing comes from the host: no answer, no end of a connection, no refusal."""
        _run("ip", "-n", self._name, "route", "add", "blackhole", f"{self._here}/32")

    def close(self) -> None:
        """End what runs there."""
        for relay in self._relays:
            relay.kill()
            relay.communicate()


@contextmanager
def far_network() -> Iterator[FarNetwork]:
    """A host at the end of a cable, which only root can have."""
    name = f"chat{os.getpid()}n{next(_numbers)}"
    # Others may test at the same time.
    net = f"10.{random.randrange(200, 250)}.{random.randrange(256)}"
    here, host = f"{net}.1", f"{net}.2"
    near, far = f"{name}a"[-15:], f"{name}b"[-15:]
    if os.geteuid() != 0 or shutil.which("ip") is None or not _run("ip", "netns", "add", name):
        pytest.skip("a network of its own wants root, and iproute2: no machine vanishes")
    network = FarNetwork(name, here, host)
    try:
        made = (
            _run("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", name)
            and _run("ip", "address", "add", f"{here}/30", "dev", near)
            and _run("ip", "link", "set", near, "up")
            and _run("ip", "-n", name, "address", "add", f"{host}/30", "dev", far)
            and _run("ip", "-n", name, "link", "set", far, "up")
        )
        if not made:
            pytest.skip("no cable can be laid here: no machine vanishes")
        yield network
    finally:
        network.close()
        _run("ip", "netns", "delete", name)


def _run(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
