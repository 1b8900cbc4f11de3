"""Whose address a request comes from."""

from types import SimpleNamespace
from typing import Any

import pytest
from multidict import CIMultiDict

from chatserver.core.networks import site_of
from chatserver.doors.http.address import client_address, network_of


def _request(peer: str | None, *forwarded: str) -> Any:
    headers = CIMultiDict([("X-Forwarded-For", value) for value in forwarded])
    return SimpleNamespace(remote=peer, headers=headers)


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        # Nobody is trusted.
        (0, [], "10.0.0.1"),
        (0, ["192.0.2.7"], "10.0.0.1"),
        # As many entries as there are proxies are trusted, from the right; the client wrote the others.
        (1, ["192.0.2.7"], "192.0.2.7"),
        (1, ["203.0.113.9, 192.0.2.7"], "192.0.2.7"),
        (2, ["203.0.113.9, 192.0.2.7, 10.0.0.2"], "192.0.2.7"),
        (2, ["192.0.2.7"], "192.0.2.7"),
        (1, [], "10.0.0.1"),
        # Several headers are one.
        (1, ["203.0.113.9", "192.0.2.7"], "192.0.2.7"),
        (2, ["203.0.113.9", "192.0.2.7", "10.0.0.2"], "192.0.2.7"),
        # Spellings.
        (1, ["192.0.2.7:50123"], "192.0.2.7"),
        (1, ["2001:DB8:0::7"], "2001:db8::7"),
        (1, ["[2001:db8::7]"], "2001:db8::7"),
        (1, ["[2001:db8::7]:50123"], "2001:db8::7"),
        (1, ["::ffff:192.0.2.7"], "192.0.2.7"),
        (1, [" 192.0.2.7 "], "192.0.2.7"),
        # What is no address is passed over, and so is all that stands left of it.
        (1, ["unknown"], "10.0.0.1"),
        (1, ["192.0.2.7, "], "10.0.0.1"),
        (1, ["192.0.2.256"], "10.0.0.1"),
        (1, ["192.0.2.7; drop"], "10.0.0.1"),
        (1, ["_hidden"], "10.0.0.1"),
        (2, ["203.0.113.9, junk, 10.0.0.2"], "10.0.0.2"),
        (3, ["203.0.113.9, junk, 10.0.0.2"], "10.0.0.2"),
    ],
)
def test_client_address(hops: int, forwarded: list[str], address: str) -> None:
    """It is the peer's, or the one that the outermost trusted proxy noted."""
    assert client_address(_request("10.0.0.1", *forwarded), hops) == address


def test_a_peer_without_an_address() -> None:
    """A Unix socket has no address, but a proxy in front of it may note one."""
    assert client_address(_request(None), 0) == "unknown"
    assert client_address(_request("", "192.0.2.7"), 1) == "192.0.2.7"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::/64"),
        ("2001:db8::ffff:1:2:3", "2001:db8::/64"),
        ("2001:db8:0:1::7", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", None),
    ],
)
def test_network_of(address: str, network: str | None) -> None:
    """Limits count IPv4 addresses singly, and IPv6 ones by what one customer has."""
    assert network_of(address) == network


def test_site_of() -> None:
    """The networks of one IPv6 site are known as its own; IPv4 has none."""
    sites = [
        site_of(network_of(a) or "")
        for a in ("2001:db8:1:2::3", "2001:db8:1:ffff::", "2001:db8:2::")
    ]
    assert sites == ["2001:db8:1::/48", "2001:db8:1::/48", "2001:db8:2::/48"]
    assert site_of("192.0.2.1") is None
