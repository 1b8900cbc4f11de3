"""The address of a client, also behind proxies."""

import ipaddress
import re
from functools import lru_cache

from aiohttp import web

_BRACKETED = re.compile(r"\[([^\]]*)\](?::\d{1,5})?")
_WITH_PORT = re.compile(r"([\d.]+):\d{1,5}")
# An IPv6 address with a zone, in brackets, with a port.
_LONGEST = 80


def client_address(request: web.BaseRequest, hops: int) -> str:
    """The peer's address, or behind `hops` trusted proxies what the outermost of them noted.

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


@lru_cache(1_000)
def network_of(address: str) -> str | None:
    """What limits by address count: an IPv4 address, or the /64 that one customer has; None where it is none."""
    if ":" not in address:
        return None if address == "unknown" else address
    return str(ipaddress.IPv6Network((address.partition("%")[0], 64), strict=False))


def _parse(text: str) -> str | None:
    """An address in its one spelling, without a port; None where it is none."""
    # No address is longer, and no longer text is worth remembering.
    return _read(text) if len(text) <= _LONGEST else None


@lru_cache(1_000)
def _read(text: str) -> str | None:
    """As `_parse`: most requests come from an address, or by a proxy, that has sent others."""
    match = _BRACKETED.fullmatch(text) or _WITH_PORT.fullmatch(text)
    try:
        found = ipaddress.ip_address(match[1] if match else text)
    except ValueError:
        return None
    # A dual-stack listener sees IPv4 clients as ::ffff:192.0.2.1.
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)
