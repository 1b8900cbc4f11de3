"""STOMP frames: the vectors of the specifications, the bounds, and frames in pieces."""

import pytest

from chatserver.doors.protocols import stomp
from chatserver.doors.protocols.stomp import (
    MAX_HEAD,
    MAX_HEADERS,
    BadStompFrame,
    FrameReader,
    StompFrame,
    Version,
    encode,
    message_head,
    message_tail,
)

_MAX_BODY = 1_000


def read(data: bytes, version: Version | None = "1.2", *, size: int = 0) -> list[StompFrame]:
    """The frames in some octets, which come in pieces of a size, or all at once."""
    reader = FrameReader(max_body=_MAX_BODY)
    reader.version = version
    found: list[StompFrame] = []
    for start in range(0, len(data), size or len(data)):
        reader.feed(data[start : start + (size or len(data))])
        found += iter(reader.read, None)
    return found


def _send(headers: dict[str, str] | None = None, body: bytes = b"") -> StompFrame:
    return StompFrame("SEND", {"destination": "/a", **(headers or {})}, body)


# What comes, in which version, and what it is.
_VECTORS: dict[str, tuple[bytes, Version | None, list[StompFrame]]] = {
    "a frame": (b"SEND\ndestination:/a\n\nhi\0", "1.2", [_send(body=b"hi")]),
    "no headers": (b"CONNECT\n\n\0", None, [StompFrame("CONNECT", {})]),
    "an empty body": (b"SEND\ndestination:/a\n\n\0", "1.2", [_send()]),
    "an end of line after the NUL": (b"SEND\ndestination:/a\n\n\0\n", "1.2", [_send()]),
    "several frames": (
        b"SEND\ndestination:/a\n\n1\0SEND\ndestination:/a\n\n2\0\n\nSEND\ndestination:/a\n\n3\0",
        "1.2",
        [_send(body=body) for body in (b"1", b"2", b"3")],
    ),
    "beats between frames": (
        b"\n\n\r\nSEND\ndestination:/a\n\n1\0\n\r\n\n",
        "1.2",
        [_send(body=b"1")],
    ),
    "nothing but beats": (b"\n\n\r\n\n", "1.2", []),
    "CRLF in 1.2": (
        b"SEND\r\ndestination:/a\r\n\r\nline\r\nline\0\r\n",
        "1.2",
        [_send(body=b"line\r\nline")],
    ),
    "CRLF before a version is agreed on": (
        b"CONNECT\r\naccept-version:1.2\r\n\r\n\0",
        None,
        [StompFrame("CONNECT", {"accept-version": "1.2"})],
    ),
    "a carriage return belongs to a value in 1.1": (
        b"SEND\ndestination:/a\nx:y\r\n\n\0",
        "1.1",
        [_send({"x": "y\r"})],
    ),
    "NULs in a body with a length": (
        b"SEND\ndestination:/a\ncontent-length:5\n\na\0b\0c\0",
        "1.2",
        [_send({"content-length": "5"}, b"a\0b\0c")],
    ),
    "a second frame behind a body with NULs": (
        b"SEND\ndestination:/a\ncontent-length:3\n\na\0b\0SEND\ndestination:/a\n\n2\0",
        "1.2",
        [_send({"content-length": "3"}, b"a\0b"), _send(body=b"2")],
    ),
    "a length in octets": (
        "SEND\ndestination:/a\ncontent-length:7\n\ngrüße\0".encode(),
        "1.2",
        [_send({"content-length": "7"}, "grüße".encode())],
    ),
    "a length of nothing": (
        b"SEND\ndestination:/a\ncontent-length:0\n\n\0",
        "1.2",
        [_send({"content-length": "0"})],
    ),
    "a body that looks like a frame": (
        b"SEND\ndestination:/a\n\nSEND\n\n\0",
        "1.2",
        [_send(body=b"SEND\n\n")],
    ),
    "escapes in 1.2": (
        rb"SEND" + b"\ndestination:/a\n" + rb"a\cb:1\n2\r3\\4\c5" + b"\n\n\0",
        "1.2",
        [_send({"a:b": "1\n2\r3\\4:5"})],
    ),
    "escapes in 1.1": (
        rb"SEND" + b"\ndestination:/a\n" + rb"a\cb:1\n2\\4\c5" + b"\n\n\0",
        "1.1",
        [_send({"a:b": "1\n2\\4:5"})],
    ),
    "an escaped backslash before a letter": (
        b"SEND\ndestination:/a\nx:\\\\n\n\n\0",
        "1.2",
        [_send({"x": "\\n"})],
    ),
    "no escapes in 1.0": (
        b"SEND\ndestination:/a\nx:a\\cb\\t\n\n\0",
        "1.0",
        [_send({"x": "a\\cb\\t"})],
    ),
    "CONNECT is literal": (
        b"CONNECT\naccept-version:1.2\npasscode:a\\cb\\t\n\n\0",
        None,
        [StompFrame("CONNECT", {"accept-version": "1.2", "passcode": "a\\cb\\t"})],
    ),
    "STOMP is literal": (
        b"STOMP\naccept-version:1.2\npasscode:a\\cb\n\n\0",
        "1.2",
        [StompFrame("STOMP", {"accept-version": "1.2", "passcode": "a\\cb"})],
    ),
    "a colon in a value": (b"SEND\ndestination:/a\nx:y:z\n\n\0", "1.2", [_send({"x": "y:z"})]),
    "an empty value": (b"SEND\ndestination:/a\nx:\n\n\0", "1.2", [_send({"x": ""})]),
    "of a repeated header the first": (
        b"SEND\ndestination:/a\nx:1\nx:2\ndestination:/b\n\n\0",
        "1.2",
        [_send({"x": "1"})],
    ),
    "padding is part of a value": (
        b"SEND\ndestination:/a\nx: y \n\n\0",
        "1.2",
        [_send({"x": " y "})],
    ),
    "padding in 1.0 is none": (b"SEND\ndestination: /a\n\n\0", "1.0", [_send()]),
    "UTF-8 in headers": (
        "SEND\ndestination:/a\nnäme:wört\n\n\0".encode(),
        "1.2",
        [_send({"näme": "wört"})],
    ),
}

_BROKEN: dict[str, tuple[bytes, Version | None, str]] = {
    "an unknown escape": (b"SEND\nx:\\t\n\n\0", "1.2", "a backslash"),
    "an escape of 1.2 in 1.1": (b"SEND\nx:\\r\n\n\0", "1.1", "a backslash"),
    "a backslash at the end": (b"SEND\nx:\\\n\n\0", "1.2", "a backslash"),
    "a bare carriage return": (b"SEND\nx:a\rb\n\n\0", "1.2", "a carriage return"),
    "a header without a colon": (b"SEND\nx\n\n\0", "1.2", "a header is"),
    "a header without a name": (b"SEND\n:x\n\n\0", "1.2", "a header is"),
    "no empty line": (b"SEND\nx:y\0", "1.2", "an empty line"),
    "nothing but a NUL": (b"\0", None, "an empty line"),
    "headers that are no UTF-8": (b"SEND\nx:\xff\n\n\0", "1.2", "headers are UTF-8"),
    "a length that is none": (b"SEND\ncontent-length:-1\n\n\0", "1.2", "content-length"),
    "a length in other digits": (
        "SEND\ncontent-length:٣\n\nabc\0".encode(),
        "1.2",
        "content-length",
    ),
    "a length that is too short": (b"SEND\ncontent-length:2\n\nabc\0", "1.2", "no NUL"),
    "half a surrogate pair, twice": (
        # What a browser makes of a pair that its script cut in two, where the length was told before.
        b"SEND\ncontent-length:4\n\n" + "\ufffd".encode() * 2 + b"\0",
        "1.2",
        "no NUL",
    ),
    "a body that is announced too long": (
        b"SEND\ncontent-length:1001\n\n",
        "1.2",
        "the body of a frame is at most 1000 octets",
    ),
    "a body that is too long": (b"SEND\n\n" + b"x" * 1_001 + b"\0", "1.2", "the body"),
    "a body that is too long without an end": (b"SEND\n\n" + b"x" * 1_001, "1.2", "the body"),
    "a length of too many digits": (b"SEND\ncontent-length:9999999999999\n\n", "1.2", "content"),
    "too many headers": (
        b"SEND\n" + b"x:y\n" * (MAX_HEADERS + 1) + b"\n\0",
        "1.2",
        "a frame has at most 64 headers",
    ),
    "a head that is too long": (
        b"SEND\nx:" + b"y" * MAX_HEAD,
        "1.2",
        "the command and headers of a frame are at most 16384 octets",
    ),
}


@pytest.mark.parametrize("vector", _VECTORS.values(), ids=_VECTORS)
@pytest.mark.parametrize("size", [0, 1, 2, 7], ids=["whole", "by 1", "by 2", "by 7"])
def test_vectors(vector: tuple[bytes, Version | None, list[StompFrame]], size: int) -> None:
    """Octets are the frames that the specification says, in however many pieces they come."""
    data, version, frames = vector
    assert read(data, version, size=size) == frames


@pytest.mark.parametrize(("data", "version", "reason"), _BROKEN.values(), ids=_BROKEN)
@pytest.mark.parametrize("size", [0, 1], ids=["whole", "by 1"])
def test_broken(data: bytes, version: Version | None, reason: str, size: int) -> None:
    """What is no frame is refused with a reason that quotes nothing of it, as soon as that is certain."""
    with pytest.raises(BadStompFrame) as caught:
        read(data, version, size=size)
    assert caught.value.reason.startswith(reason)
    assert not set(":\\") & set(caught.value.reason)


def test_bounds() -> None:
    """A frame as large as the bounds allow is read."""
    headers = {f"h{number}": "" for number in range(MAX_HEADERS - 1)}
    lines = "".join(f"\n{name}:" for name in headers)
    long = "y" * (MAX_HEAD - len("SEND") - len(lines) - len("\nx:"))
    data = f"SEND{lines}\nx:{long}".encode()
    assert len(data) == MAX_HEAD
    frame = StompFrame("SEND", {**headers, "x": long}, b"z" * _MAX_BODY)
    assert read(data + b"\n\n" + frame.body + b"\0") == [frame]


def test_a_trickled_body_is_scanned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that comes octet by octet, and the head before it, is not looked through again for each."""
    scanned = 0

    class Counted(bytearray):
        def find(self, sub: int, start: int = 0) -> int:  # type: ignore[override]
            nonlocal scanned
            scanned += len(self) - start
            return super().find(sub, start)

    size = 5_000
    reader = FrameReader(max_body=size)
    reader._buffer = Counted()
    reader.feed(b"SEND\n\n")
    for _ in range(size):
        reader.feed(b"x")
        assert reader.read() is None
    reader.feed(b"\0")
    frame = reader.read()
    assert frame is not None
    assert len(frame.body) == size
    assert scanned <= size + 1


def test_nothing_waits_but_one_frame() -> None:
    """Frames that were read leave nothing behind."""
    reader = FrameReader(max_body=_MAX_BODY)
    for _ in range(100):
        reader.feed(b"SEND\n\n" + b"x" * 900 + b"\0\n\n")
        assert reader.read() is not None
        assert reader.read() is None
    assert len(reader._buffer) <= 2


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2"])
def test_what_is_written_is_read(version: Version) -> None:
    """A value of any signs comes back, as far as the version can write it; none ends its line early."""
    value = "a:b\\c\nd\re"
    data = encode("MESSAGE", [("x", value)], b"body\0", version=version)
    (frame,) = read(data, version)
    assert frame.body == b"body\0"
    assert frame.headers["content-length"] == "5"
    assert (
        frame.headers["x"]
        == {
            "1.0": "a:b\\c d e",
            "1.1": "a:b\\c\nd e",
            "1.2": value,
        }[version]
    )


def test_connected_is_literal() -> None:
    """CONNECTED escapes nothing, and what would begin another header becomes a space."""
    data = encode("CONNECTED", [("user-name", "a:b\\\nversion:9")], version="1.2")
    assert data == b"CONNECTED\nuser-name:a:b\\ version:9\n\n\0"


def test_messages_share_their_tail() -> None:
    """A MESSAGE is what its subscription begins and what all share; 1.0 may have no id."""
    tail = message_tail([("destination", "/a"), ("message-id", "1.2")], b"hi", version="1.2")
    (frame,) = read(message_head("sub:1", "1.2") + tail)
    assert frame == StompFrame(
        "MESSAGE",
        {
            "subscription": "sub:1",
            "destination": "/a",
            "message-id": "1.2",
            "content-length": "2",
        },
        b"hi",
    )
    (frame,) = read(message_head(None, "1.0") + tail, "1.0")
    assert "subscription" not in frame.headers


def test_a_beat_is_no_frame() -> None:
    """A heart-beat is an end of line, and nothing of a frame."""
    assert read(stomp.BEAT) == []
