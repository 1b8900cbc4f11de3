"""Tells whether an ``Origin`` is the server's own address: native clients send that, pages send theirs.

React Native sends ``https://<host>`` for ``wss://<host>``, Starscream the address as it was given. It says no more
than that no page of somebody else's asks: pages of our own address are ours, and of others browsers send others.
"""

import re

from aiohttp import web

# An origin (RFC 6454, section 6.2), or the address of a WebSocket, which some clients send for it.
_ORIGIN = re.compile(r"(https?|wss?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?/?")
_PLAIN = {"http": "http", "ws": "http", "https": "https", "wss": "https"}
_PORTS = {"http": "80", "https": "443"}


def is_own_origin(origin: str, request: web.BaseRequest, hops: int) -> bool:
    """Return whether `origin` is the address under which the client of a request reaches us.

    Args:
        hops: how many proxies are trusted to say what they were asked for (X-Forwarded-Proto, X-Forwarded-Host).
    """
    scheme = _forwarded(request, "X-Forwarded-Proto", hops) or request.scheme
    host = _forwarded(request, "X-Forwarded-Host", hops) or request.headers.get("Host", "")
    own = _normal(f"{scheme}://{host}")
    return own is not None and own == _normal(origin)


def _forwarded(request: web.BaseRequest, name: str, hops: int) -> str:
    """Return what the outermost trusted proxy noted, or the outermost that noted anything."""
    if not hops:
        return ""
    return ",".join(request.headers.getall(name, [])).split(",")[-hops:][0].strip()


def _normal(origin: str) -> tuple[str, str, str] | None:
    """Return scheme, host and port of an origin; None where it is no origin."""
    match = _ORIGIN.fullmatch(origin.lower())
    if match is None:
        return None
    scheme = _PLAIN[match[1]]
    return scheme, match[2], match[3] or _PORTS[scheme]
