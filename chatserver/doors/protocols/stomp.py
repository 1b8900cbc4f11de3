"""STOMP frames, read as they come and written (STOMP 1.0, 1.1 and 1.2; https://stomp.github.io).

What a client sends is bounded: the head of a frame, its headers and its body. A body may come in as many pieces as
there are octets in it: each octet is looked at once.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Version = Literal["1.0", "1.1", "1.2"]
Headers = Iterable[tuple[str, str]]

MAX_HEAD = 16_384
MAX_HEADERS = 64
# What a heart-beat is, and what may stand between frames.
BEAT = b"\n"

# Their headers are taken as they stand, whatever the version: it is not agreed on yet (1.2, "Value Encoding").
_LITERAL = frozenset(("CONNECT", "STOMP", "CONNECTED"))
_BEATS = re.compile(rb"(?:\r?\n)*")
_HEAD_END = re.compile(rb"\n\r?\n|\0")
_LENGTH = re.compile(r"[0-9]{1,12}")

_ESCAPED = re.compile(r"\\(.?)", re.DOTALL)
_MEANINGS: Mapping[Version, Mapping[str, str]] = {
    "1.0": {},
    "1.1": {"\\": "\\", "n": "\n", "c": ":"},
    "1.2": {"\\": "\\", "n": "\n", "c": ":", "r": "\r"},
}
_ESCAPES: Mapping[Version, Mapping[int, str]] = {
    # Where there is no escape for it a value cannot hold what would end its line, or the frame.
    "1.0": str.maketrans({"\n": " ", "\r": " ", "\0": " "}),
    "1.1": str.maketrans({"\\": "\\\\", "\n": "\\n", ":": "\\c", "\r": " ", "\0": " "}),
    "1.2": str.maketrans({"\\": "\\\\", "\n": "\\n", ":": "\\c", "\r": "\\r", "\0": " "}),
}


class BadStompFrame(Exception):  # noqa: N818 - it names what came
    """What came is no frame. The reason is for the ``message`` of an ERROR, and holds nothing of what came."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class StompFrame:
    """A frame. Of a header that is repeated the first one counts."""

    command: str
    headers: Mapping[str, str]
    body: bytes = b""


# -- reading --------------------------------------------------------------------------------------


class FrameReader:
    """Makes frames of octets. ``version`` is what has been agreed on, None until then.

    Args:
        max_body: of one frame, in octets.
    """

    def __init__(self, *, max_body: int) -> None:
        self.version: Version | None = None
        self._max_body = max_body
        self._buffer = bytearray()
        # Up to where the buffer holds no end of what is being read.
        self._scanned = 0
        # The frame whose body is still to come, and how long it is; None where only a NUL ends it.
        self._head: StompFrame | None = None
        self._length: int | None = None

    def feed(self, data: bytes) -> None:
        """Take octets; `read` all frames before more are taken, so that no more than a frame and these wait."""
        self._buffer += data

    def read(self) -> StompFrame | None:
        """Read the next frame; None where it is not complete.

        Raises:
            BadStompFrame: the octets are none; nothing more can be read.
        """
        if self._head is None and not self._read_head():
            return None
        return self._read_body()

    def _read_head(self) -> bool:
        buffer = self._buffer
        if not self._scanned and (beats := _BEATS.match(buffer)) is not None:
            del buffer[: beats.end()]
        end = _HEAD_END.search(buffer, max(0, self._scanned - 2), MAX_HEAD + 3)
        if end is None:
            if len(buffer) >= MAX_HEAD + 3:
                raise BadStompFrame(
                    f"the command and headers of a frame are at most {MAX_HEAD} octets"
                )
            # Alone it may be the first half of an end of line.
            self._scanned = 0 if buffer == b"\r" else len(buffer)
            return False
        if end[0] == b"\0":
            raise BadStompFrame("an empty line is missing after the headers")
        frame = self._parse(bytes(buffer[: end.start()]))
        self._length = self._length_of(frame)
        self._head = frame
        del buffer[: end.end()]
        self._scanned = 0
        return True

    def _parse(self, head: bytes) -> StompFrame:
        try:
            lines = head.decode().split("\n")
        except UnicodeDecodeError:
            raise BadStompFrame("headers are UTF-8") from None
        if len(lines) > MAX_HEADERS + 1:
            raise BadStompFrame(f"a frame has at most {MAX_HEADERS} headers")
        if self.version in (None, "1.2"):
            lines = [line.removesuffix("\r") for line in lines]
            if any("\r" in line for line in lines):
                raise BadStompFrame("a carriage return in a header is to be escaped")
        command, *rest = lines
        headers: dict[str, str] = {}
        for line in rest:
            name, colon, value = line.partition(":")
            if not colon or not name:
                raise BadStompFrame("a header is a name, a colon and a value")
            if self.version is not None and command not in _LITERAL:
                name, value = _unescaped(name, self.version), _unescaped(value, self.version)
            headers.setdefault(name, value)
        if self.version == "1.0" or (self.version is None and "accept-version" not in headers):
            # The specification's own examples pad them; later ones take padding for a part of the value.
            headers = {name: value.strip() for name, value in headers.items()}
        return StompFrame(command, headers)

    def _length_of(self, frame: StompFrame) -> int | None:
        length = frame.headers.get("content-length")
        if length is None:
            return None
        if not _LENGTH.fullmatch(length):
            raise BadStompFrame("content-length is a number of octets")
        if int(length) > self._max_body:
            raise self._too_long()
        return int(length)

    def _read_body(self) -> StompFrame | None:
        buffer, length = self._buffer, self._length
        if length is None:
            length = buffer.find(0, self._scanned)
            if length < 0:
                if len(buffer) > self._max_body:
                    raise self._too_long()
                self._scanned = len(buffer)
                return None
            if length > self._max_body:
                raise self._too_long()
        elif len(buffer) <= length:
            return None
        elif buffer[length]:
            raise BadStompFrame("no NUL follows the body of content-length octets")
        assert self._head is not None  # just read
        frame = StompFrame(self._head.command, self._head.headers, bytes(buffer[:length]))
        del buffer[: length + 1]
        self._head, self._scanned = None, 0
        return frame

    def _too_long(self) -> BadStompFrame:
        return BadStompFrame(f"the body of a frame is at most {self._max_body} octets")


def _unescaped(text: str, version: Version) -> str:
    """Return a header's name or value as it was meant.

    Raises:
        BadStompFrame: it has an escape that the version does not know.
    """
    meanings = _MEANINGS[version]
    if "\\" not in text or not meanings:
        return text

    def meaning(match: re.Match[str]) -> str:
        found = meanings.get(match[1])
        if found is None:
            raise BadStompFrame("a backslash in a header begins an escape that is not known")
        return found

    return _ESCAPED.sub(meaning, text)


# -- writing --------------------------------------------------------------------------------------


def escaped(text: str, version: Version) -> str:
    """Return a header's name or value as it is written; what the version cannot write becomes a space."""
    return text.translate(_ESCAPES[version])


def encode(command: str, headers: Headers, body: bytes = b"", *, version: Version) -> bytes:
    """Write a frame as octets; one with a body says how long it is."""
    # A CONNECTED frame is read before its reader knows the version.
    spelling: Version = "1.0" if command in _LITERAL else version
    return command.encode() + _rest(headers, body, spelling)


def message_head(subscription: str | None, version: Version) -> bytes:
    """Write what a MESSAGE for one subscription begins with; None is one without an id, as 1.0 allows.

    All MESSAGEs of an event are the same but for this: followed by a `message_tail` it is a whole frame.
    """
    if subscription is None:
        return b"MESSAGE"
    return b"MESSAGE\nsubscription:" + escaped(subscription, version).encode()


def message_tail(headers: Headers, body: bytes, *, version: Version) -> bytes:
    """Write what all MESSAGEs of an event end with."""
    return _rest(headers, body, version)


def _rest(headers: Headers, body: bytes, version: Version) -> bytes:
    lines = [f"\n{escaped(name, version)}:{escaped(value, version)}" for name, value in headers]
    if body:
        lines.append(f"\ncontent-length:{len(body)}")
    return b"%b\n\n%b\0" % ("".join(lines).encode(), body)
