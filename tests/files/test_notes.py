"""What films say of themselves, such as where they were taken, is not served."""

import os

import pytest

from tests.conftest import Connect, User
from tests.support.files import fetch, uploaded
from tests.support.servers import Server
from tests.support.talks import opened

_PLACE = b"+48.8577+002.2950/"
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_FTYP = b"\0\0\0\x14ftypqt  \0\0\0\0qt  "


def _box(kind: bytes, content: bytes, *, large: bool = False) -> bytes:
    if large:
        return b"\0\0\0\1" + kind + (len(content) + 16).to_bytes(8) + content
    return (len(content) + 8).to_bytes(4) + kind + content


def _film(pictures: bytes, *, first: bool, large: bool) -> bytes:
    """A film that says where it was taken in every place that it can."""
    udta = _box(b"udta", _box(b"\xa9xyz", _PLACE), large=large)
    track = _box(b"trak", _box(b"tkhd", bytes(84)) + udta + _box(b"mdia", b"tables" * 9))
    moov = _box(b"moov", _box(b"mvhd", bytes(100)) + track + udta + _box(b"meta", _PLACE * 9))
    mdat = _box(b"mdat", pictures, large=large)
    parts = (moov, mdat) if first else (mdat, moov)
    return _FTYP + b"".join(parts) + _box(b"uuid", _XMP + _PLACE) + _box(b"meta", _PLACE)


def _without(film: bytes) -> bytes:
    """What is to be served: all of it, but for what the boxes of notes are called and say."""
    for name in (b"udta", b"meta"):
        film = film.replace(name, b"free")
    film = film.replace(b"uuid" + _XMP, b"free" + bytes(16))
    return film.replace(b"\0\0\0\x1a\xa9xyz", bytes(8)).replace(_PLACE, bytes(len(_PLACE)))


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("type_", ["video/mp4", "audio/mp4"])
async def test_places_are_not_served(
    server: Server,
    connect: Connect,
    alice: User,
    bob: User,
    first: bool,
    large: bool,
    type_: str,
) -> None:
    """Notes become free space, wherever they stand and in boxes of either form; all else stays where it is."""
    device = await connect(alice)
    film = _film(os.urandom(400_000), first=first, large=large)
    file = await uploaded(server.url, device, await opened(device, bob), film, "a.mov", type_)
    assert (file["state"], file["type"], file["size"]) == ("ready", type_, len(film))
    served = await fetch("GET", server.url, file["url"], alice)
    assert _PLACE not in served.body
    assert served.body == _without(film)


@pytest.mark.parametrize(
    "rest",
    [
        b"",
        b"\0",
        b"\0\0\0\7moov",
        b"\0\0\0\1moov",
        b"\0\0\0\1moov" + bytes(8),
        b"\xff\xff\xff\xffudta",
        _box(b"moov", b"\xff\xff\xff\xffudta" + bytes(40)),
        b"\0\0\0\x08free" * 5_000,
        b"\0\0\0\0mdat" + bytes(300),
    ],
)
async def test_what_is_no_film(
    server: Server, connect: Connect, alice: User, bob: User, rest: bytes
) -> None:
    """What only begins as a film is served as it is."""
    device = await connect(alice)
    data = _FTYP + rest
    file = await uploaded(server.url, device, await opened(device, bob), data, "a.mp4")
    assert file["state"] == "ready"
    assert (await fetch("GET", server.url, file["url"], alice)).body == data


async def test_a_note_to_the_end(server: Server, connect: Connect, alice: User, bob: User) -> None:
    """A box without a length goes to the end of the file, and so does what it says."""
    device = await connect(alice)
    data = _FTYP + b"\0\0\0\0udta" + _PLACE
    file = await uploaded(server.url, device, await opened(device, bob), data, "a.mp4")
    served = await fetch("GET", server.url, file["url"], alice)
    assert served.body == _FTYP + b"\0\0\0\0free" + bytes(len(_PLACE))
