"""Finds out how a Redis carries channels: whether by shard (Redis 7), and which node of a Cluster has which.

What the server answers decides, not its version: Valkey and hosted ones number theirs otherwise.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from redis.crc import key_slot
from redis.exceptions import ClusterError, ResponseError

SLOTS = 16_384

# Host and port.
Node = tuple[str, int]


class RedisAsks(Protocol):
    """Sends commands, and returns their replies; an error is one of them."""

    async def __call__(self, *commands: tuple[bytes, ...]) -> list[Any]:
        """Ask. May raise RedisError, OSError and TimeoutError."""


@dataclass(frozen=True, slots=True)
class Topology:
    """What carries channels. `owners` are the masters of the slots, where it is a Cluster (else empty); None where
    nobody has a slot now.
    """

    is_sharded: bool
    owners: tuple[Node | None, ...] = ()

    @property
    def nodes(self) -> frozenset[Node]:
        """The masters among which channels are spread; empty where one node has all."""
        return frozenset(node for node in self.owners if node) if self.is_sharded else frozenset()

    @property
    def is_whole(self) -> bool:
        """Whether every channel has a node."""
        return None not in self.owners

    def node_of(self, channel: bytes) -> Node | None:
        """Return the master that has a channel; None where nobody has it now."""
        return self.owners[key_slot(channel)]


async def discover(ask: RedisAsks, home: str) -> Topology:
    """Ask a Redis how it carries channels. `home` is the host where it was reached: it may not know its own.

    Raises:
        RedisError, OSError
    """
    spublish, slots = await ask((b"COMMAND", b"INFO", b"SPUBLISH"), (b"CLUSTER", b"SLOTS"))
    is_sharded = isinstance(spublish, list) and bool(spublish) and spublish[0] is not None
    if isinstance(slots, ResponseError):
        if "CLUSTERDOWN" in str(slots):
            raise ClusterError(str(slots))
        return Topology(is_sharded)
    return Topology(is_sharded, _owners(slots, home) if is_sharded else ())


def _owners(ranges: list[Any], home: str) -> tuple[Node | None, ...]:
    owners: list[Node | None] = [None] * SLOTS
    for first, last, (host, port, *_), *_ in ranges:
        node = (host.decode() if host and host != b"?" else home, int(port))
        owners[first : last + 1] = [node] * (last + 1 - first)
    return tuple(owners)
