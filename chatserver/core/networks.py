"""What limits per address count: an IPv4 address, or the IPv6 network of one customer."""

import ipaddress
from functools import lru_cache

# A site may use up as much as so many of its 65,536 networks: a household has a /64 or a /56, a company a /48,
# and so has a client that wants to look like many.
PER_SITE = 16


@lru_cache(1_000)
def network_of(address: str) -> str | None:
    """Return what limits per address count: an IPv4 address, an IPv6 /64; None for anything else."""
    if ":" not in address:
        return None if address == "unknown" else address
    return str(ipaddress.IPv6Network((address.partition("%")[0], 64), strict=False))


@lru_cache(1_000)
def site_of(network: str) -> str | None:
    """Return the IPv6 site (a /48) of a `network_of` an address; None for IPv4."""
    if ":" not in network:
        return None
    return str(ipaddress.IPv6Network(network).supernet(new_prefix=48))
