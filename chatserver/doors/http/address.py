"""Finds the address of a client, also behind proxies."""

import asyncio
import ipaddress
import re
from functools import lru_cache

from aiohttp import web

from chatserver.core.networks import network_of

__all__ = ["client_address", "network_of"]

_BRACKETED = re.compile(r"\[([^\]]*)\](?::[0-9]{1,5})?")
_WITH_PORT = re.compile(r"([0-9.]+):[0-9]{1,5}")
# An IPv6 address with a zone, in brackets, with a port.
_LONGEST = 80


def client_address(request: web.BaseRequest, hops: int) -> str:
    """Return the peer's address, or behind `hops` trusted proxies what the outermost of them noted.

    Every proxy appends the address that it was spoken to from, so entries are trusted from the right: as many
    as there are proxies. What stands further left was sent by the client, who may write anything. Where an
    entry is no address, the one before it (nearer to us) is the last that can be trusted.
    """
    address = _parse(request.remote or "") or "unknown"
    if hops == 0:
        return address
    entries = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
    for entry in reversed(entries[-hops:]):
        found = _parse(entry.strip())
        if found is None:
            break
        address = found
    return address


def peer_network(transport: asyncio.BaseTransport) -> str | None:
    """Return the `network_of` the peer's address; None where it has none, as over a Unix socket."""
    return network_of_peer(transport.get_extra_info("peername"))


def network_of_peer(peer: object) -> str | None:
    """Return the `network_of` an address as sockets have it."""
    return network_of(_parse(peer[0]) or "unknown") if isinstance(peer, tuple) else None


def _parse(text: str) -> str | None:
    """Return an address in its one spelling, without a port; None where it is no address."""
    # No address is longer, and no longer text is worth remembering.
    return _read(text) if len(text) <= _LONGEST else None


@lru_cache(1_000)
def _read(text: str) -> str | None:
    """Do as `_parse`, from a cache: most requests come from an address that has sent others."""
    match = _BRACKETED.fullmatch(text) or _WITH_PORT.fullmatch(text)
    try:
        found = ipaddress.ip_address(match[1] if match else text)
    except ValueError:
        return None
    # A dual-stack listener sees IPv4 clients as ::ffff:192.0.2.1.
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)
