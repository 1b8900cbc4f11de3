"""A WebSocket by hand on a bare TCP socket: it sends what is no frame, and reads only when it is told to."""

import asyncio
import socket
import struct
from types import TracebackType
from urllib.parse import urlsplit

import orjson

from tests.support.patience import PATIENCE

TEXT, BINARY, CLOSE = 1, 2, 8
WEBSOCKET = "/socket.io/?EIO=4&transport=websocket"


def frame(opcode: int, payload: bytes, *, first_byte: int | None = None) -> bytes:
    """A frame as a client sends it; the mask of zeros leaves the payload as it is."""
    start = 0x80 | opcode if first_byte is None else first_byte
    length = len(payload)
    if length < 126:
        header = struct.pack("!BB", start, 0x80 | length)
    elif length < 65536:
        header = struct.pack("!BBH", start, 0x80 | 126, length)
    else:
        header = struct.pack("!BBQ", start, 0x80 | 127, length)
    return header + b"\0\0\0\0" + payload


def text(content: str) -> bytes:
    """A text frame."""
    return frame(TEXT, content.encode())


def handshake(host: str, *headers: str, path: str = WEBSOCKET) -> bytes:
    """The request that opens a WebSocket."""
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", key)
    lines = (f"GET {path} HTTP/1.1", f"Host: {host}", *upgrade, *headers)
    return "\r\n".join([*lines, "", ""]).encode()


class Wire:
    """A TCP connection to a server under test, with a small receive buffer."""

    def __init__(self, url: str) -> None:
        self.host = urlsplit(url).netloc
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.setblocking(False)
        self._read = b""

    async def __aenter__(self) -> "Wire":
        name, _, port = self.host.partition(":")
        await asyncio.get_running_loop().sock_connect(self._socket, (name, int(port)))
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._socket.close()

    async def send(self, data: bytes) -> None:
        """Write bytes."""
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def _more(self) -> bool:
        async with asyncio.timeout(PATIENCE):
            try:
                data = await asyncio.get_running_loop().sock_recv(self._socket, 65536)
            except ConnectionError:
                return False
        self._read += data
        return bool(data)

    async def _exactly(self, size: int) -> bytes:
        while len(self._read) < size:
            assert await self._more(), f"the connection ended after {self._read!r}"
        taken, self._read = self._read[:size], self._read[size:]
        return taken

    async def head(self) -> str:
        """The status line and headers of an HTTP answer."""
        while b"\r\n\r\n" not in self._read:
            assert await self._more(), f"the connection ended after {self._read!r}"
        head, _, self._read = self._read.partition(b"\r\n\r\n")
        return head.decode()

    async def receive(self) -> tuple[int, bytes]:
        """The opcode and payload of the next frame."""
        start, length = await self._exactly(2)
        if length == 126:
            (length,) = struct.unpack("!H", await self._exactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self._exactly(8))
        return start & 0x0F, await self._exactly(length)

    async def close_code(self) -> int:
        """The code of the close frame; frames that come before it are skipped."""
        while True:
            opcode, payload = await self.receive()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], "big")

    async def ended(self) -> None:
        """Read until the server has closed the connection, or cut it off."""
        while await self._more():
            self._read = b""

    async def open(self, *headers: str) -> str:
        """Open a WebSocket; gives the answer's head."""
        await self.send(handshake(self.host, *headers))
        head = await self.head()
        assert " 101 " in head, head
        _, opened = await self.receive()
        assert opened.startswith(b"0{"), opened
        return head

    async def connect(self, token: str, *headers: str) -> None:
        """Open a WebSocket, and connect as the bearer of a token."""
        await self.open(*headers)
        await self.send(text("40" + orjson.dumps({"token": token}).decode()))
        await self.push("session:ready")

    async def push(self, name: str) -> bytes:
        """The next push of that name; others are skipped."""
        while True:
            _, payload = await self.receive()
            if payload.startswith(b'42["' + name.encode() + b'"'):
                return payload
