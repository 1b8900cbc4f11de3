"""Talks to servers outside, whose addresses may come from clients: public ones alone, and redirects nowhere.

A client names the push service of its subscription, and so could name a host of our own network. A name is judged
by the addresses that the connection is made to, each time: one that was looked at before may have moved since.
"""

import asyncio
import ipaddress
import socket
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

# One request, from the look-up of the name to the status (s).
TIMEOUT = 5.0
_PORTS = (443, 8443)
_MOST_BODY = 16 * 1024
# Look-ups at once, of names that led somewhere the last time, and of others. One whose servers do not answer keeps
# a thread for longer than an attempt lasts.
_LOOK_UPS = 8
_MOST_KNOWN = 1_000


class Answered(NamedTuple):
    """A status, Retry-After, and the first bytes of the body where they were asked for."""

    status: int
    retry_after: str | None
    body: bytes = b""


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the public Internet, also where it stands for another one."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip not in _UNICAST and ip.ipv4_mapped is None and ip not in _NAT64:
            return False
        # An IPv4 address in another form: mapped, 6to4, Teredo, NAT64 (RFC 6052).
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1])
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


# What IANA gives to the Internet. What lies elsewhere is old or local (::/96, fec0::/10), or a translator's.
_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class PublicResolver(AbstractResolver):
    """Looks names up, and refuses what leads to anything but public addresses."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOK_UPS, "push-names")
        self._threads_for_known = ThreadPoolExecutor(_LOOK_UPS, "push-known-names")
        self._known: OrderedDict[str, None] = OrderedDict()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """See `AbstractResolver`; raises OSError for a name that does not lead to public addresses alone."""
        loop = asyncio.get_running_loop()
        is_known = host in self._known
        # Until it leads somewhere again.
        self._known.pop(host, None)
        infos = await loop.run_in_executor(
            self._threads_for_known if is_known else self._threads,
            lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family),
        )
        found = []
        for kind, _, protocol, _, address in infos:
            ip = str(address[0])
            if not is_public(ip):
                raise OSError("the name leads to an address that is not public")
            found.append(
                ResolveResult(
                    hostname=host,
                    host=ip,
                    port=port,
                    family=kind,
                    proto=protocol,
                    flags=socket.AI_NUMERICHOST,
                )
            )
        self._known[host] = None
        while len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        return found

    async def close(self) -> None:
        """See `AbstractResolver`."""
        self._threads_for_known.shutdown(wait=False, cancel_futures=True)
        self._threads.shutdown(wait=False, cancel_futures=True)


def is_allowed(url: str, *, private: bool) -> bool:
    """Return whether a client may name this URL: https at a named host, on port 443 or 8443.

    Args:
        private: also http, any port, and addresses in figures.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or "@" in parts.netloc or parts.fragment:
        return False
    if private:
        return parts.scheme in ("http", "https")
    if (
        parts.scheme != "https"
        or (443 if port is None else port) not in _PORTS
        or "." not in host.strip(".")
    ):
        return False
    return not _is_figures(url)


def _is_figures(url: str) -> bool:
    """Return whether a URL's host is an address in some form: what ends in figures alone is (WHATWG URL)."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    last = host.rpartition(".")[2]
    return ":" in host or last.isdigit() or last.startswith("0x")


class Outside:
    """Sends POSTs.

    Args:
        public: to public addresses alone.
        at_once: connections.
    """

    def __init__(self, *, public: bool, at_once: int, timeout: float = TIMEOUT) -> None:
        self._public = public
        self._at_once = at_once
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, read: bool = False
    ) -> Answered:
        """Send a POST; redirects are not followed.

        Args:
            read: whether the body's beginning is wanted.

        Raises:
            OSError, aiohttp.ClientError, TimeoutError, ValueError: nobody can tell what became of it.
        """
        if self._public and _is_figures(url):
            # Connectors look up names alone.
            raise OSError("an address in figures is no push service's")
        session = self._session = self._session or self._open()
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
            got = await _beginning(answer.content) if read else b""
            return Answered(answer.status, answer.headers.get("Retry-After"), got)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        options: dict[str, Any] = {"resolver": PublicResolver()} if self._public else {}
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._at_once, **options),
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers={"User-Agent": "chatserver"},
        )


async def _beginning(content: aiohttp.StreamReader) -> bytes:
    """Return a body up to its end, or as much as is read of one: each read gives what came so far."""
    got = b""
    while len(got) < _MOST_BODY and (more := await content.read(_MOST_BODY - len(got))):
        got += more
    return got
