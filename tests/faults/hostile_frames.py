"""Frames that no client sends, from connections that are let in and from some that are not."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp
import orjson

_PATIENCE = 10.0
_AT_ONCE = 16
# Then the connection gets a frame that ends it.
_PER_CONNECTION = 40

# What is a packet is answered where it has an id; the connection stays.
_ANSWERED = (
    '["chat:message_send"]',
    '["chat:message_send",{}]',
    '["chat:message_send",{"conversationId":"x","content":"y"}]',
    '["chat:message_send",{"content":"\\u0000"}]',
    '["chat:message_send",{"content":1e400}]',
    '["chat:message_send",[]]',
    '["chat:message_send",{},{}]',
    '["chat:history",{"conversationId":"\\ud800"}]',
    '["disconnect"]',
    '["connect",{}]',
    '["nothing:of_that_name",{"a":NaN}]',
    "[]",
    "{}",
    "",
    "null",
    "[null]",
    '[{"a":1}]',
    '["chat:message_send",{"content":' + "[" * 2000 + "]" * 2000 + "}]",
    '["chat:message_send',
    "\udcff".encode("utf-8", "replace").decode(),
    "[" * 100_000,
)
# What is none ends the connection.
_ENDING = ("", "x", "9", "4", "49", "4x", "0", "4\0", "44", "{}")


@dataclass(slots=True)
class Answers:
    """What became of the frames."""

    sent: int = 0
    connections: int = 0
    kinds: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        said = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kinds.items()))
        return f"{self.connections} connections; {said}"


async def send_malformed(urls: Sequence[str], token: str, count: int) -> Answers:
    """Send `count` malformed frames, to all processes in turn; each connection ends with one that closes it."""
    answers = Answers()
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(session: aiohttp.ClientSession, number: int, frames: int) -> None:
        async with slots:
            await _connection(session, urls[number % len(urls)], token, number, frames, answers)

    async with aiohttp.ClientSession() as session:
        whole, rest = divmod(count, _PER_CONNECTION)
        sizes = [_PER_CONNECTION] * whole + [rest] * bool(rest)
        await asyncio.gather(*(one(session, n, frames) for n, frames in enumerate(sizes)))
    return answers


async def _connection(
    session: aiohttp.ClientSession, url: str, token: str, number: int, frames: int, answers: Answers
) -> None:
    # The same frames in every run.
    choose = random.Random(number).choice
    address = f"{url}/socket.io/?EIO=4&transport=websocket"
    answers.connections += 1
    async with asyncio.timeout(_PATIENCE), session.ws_connect(address, max_msg_size=0) as socket:
        await socket.receive_str()
        await socket.send_str("40" + orjson.dumps({"token": token, "recovery": False}).decode())
        expected = set()
        try:
            for n in range(frames - 1):
                await socket.send_str(f"42{n}{choose(_ANSWERED)}")
                expected.add(n)
            answers.sent += frames - 1
            await _answered(socket, expected, answers)
            await socket.send_str(choose(_ENDING))
            answers.sent += 1
            while (await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
            answers.kinds["closed"] += 1
        except OSError:
            answers.kinds["cut"] += 1


async def _answered(
    socket: aiohttp.ClientWebSocketResponse, expected: set[int], answers: Answers
) -> None:
    while expected:
        message = await socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise ConnectionResetError
        if message.data == "2":
            await socket.send_str("3")
        elif message.data.startswith("43"):
            at = message.data.index("[")
            ack = orjson.loads(message.data[at:])[0]
            assert ack["success"] is False, ack
            expected.remove(int(message.data[2:at]))
            answers.kinds["answered"] += 1
