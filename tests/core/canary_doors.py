"""A word in every place of what clients of the two other doors send."""

import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any

import aiohttp
import orjson

from chatserver.doors.messaging.asks import ROWS
from chatserver.doors.messaging.reading import kinds
from tests.conftest import User
from tests.support.messaging import opener
from tests.support.patience import PATIENCE
from tests.support.stomp import PATH, frame, stomp

_ENDS = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED)


def requests(user: User, w: str) -> Iterator[bytes]:
    """Requests of both doors, one wrong thing in each."""
    base = "Host: x\r\nConnection: close\r\n"
    bearer = f"Authorization: Bearer {user.token}\r\n"
    cookie = f"Cookie: token={w}\r\n"
    upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    session = f"{PATH}/{w}/{w}"
    for head in (
        f"GET /marketplace/api/{w} HTTP/1.1\r\n{base}{bearer}",
        f"GET /marketplace/api/conversations?limit={w}&{w}={w} HTTP/1.1\r\n{base}{bearer}",
        f"GET /marketplace/api/conversations?cursor={w} HTTP/1.1\r\n{base}{bearer}",
        f"GET /marketplace/api/conversations/{w} HTTP/1.1\r\n{base}{bearer}",
        f"GET /marketplace/api/messages?conversationId={w} HTTP/1.1\r\n{base}{bearer}",
        f"GET /marketplace/api/messages?recipientId={w}&productId={w} HTTP/1.1\r\n{base}{bearer}",
        f"GET /marketplace/api/conversations HTTP/1.1\r\n{base}{cookie}Origin: https://{w}\r\n",
        f"GET /marketplace/api/conversations HTTP/1.1\r\n{base}{cookie}Sec-Fetch-Site: same-origin\r\n",
        f"GET /messaging/api/conversations?limit={w}&{w}={w} HTTP/1.1\r\n{base}{bearer}",
        f"GET /messaging/api/{w} HTTP/1.1\r\n{base}{bearer}",
        f"GET /messaging/ws?token={w} HTTP/1.1\r\n{base}",
        f"GET /messaging/ws?token={w} HTTP/1.1\r\n{base}{upgrade}Sec-WebSocket-Key: {w}\r\n",
        f"GET /messaging/ws HTTP/1.1\r\n{base}{upgrade}{key}Origin: https://{w}\r\n",
        f"GET /messaging/ws HTTP/1.1\r\n{base}{upgrade}{key}Sec-WebSocket-Protocol: {w}\r\n",
        f"GET /messaging/ws HTTP/1.1\r\n{base}{upgrade}{key}Sec-WebSocket-Extensions: {w}; {w}\r\n",
        f"GET {PATH}/info?t={w} HTTP/1.1\r\n{base}Origin: https://{w}\r\n",
        f"GET {PATH}/{w} HTTP/1.1\r\n{base}",
        f"GET {PATH}?token={w} HTTP/1.1\r\n{base}{upgrade}{key}Sec-WebSocket-Protocol: {w}\r\n",
        f"GET {PATH} HTTP/1.1\r\n{base}{upgrade}{key}{cookie}Origin: https://{w}\r\n",
        f"GET {session}/websocket HTTP/1.1\r\n{base}{upgrade}Sec-WebSocket-Key: {w}\r\n",
        f"GET {session}/{w} HTTP/1.1\r\n{base}",
        f"GET {session}/eventsource HTTP/1.1\r\n{base}Origin: https://{w}\r\n",
        f"POST {session}/xhr HTTP/1.1\r\n{base}{cookie}Origin: https://{w}\r\nContent-Length: 0\r\n",
        f"OPTIONS {session}/xhr_send HTTP/1.1\r\n{base}Origin: https://{w}\r\n"
        f"Access-Control-Request-Method: {w}\r\nAccess-Control-Request-Headers: {w}\r\n",
    ):
        yield f"{head}\r\n".encode()
    posts = (
        "/marketplace/api/messages",
        "/marketplace/api/messages/mark-read",
        f"/marketplace/api/conversations/{w}/block",
        "/messaging/api/profile-pictures/batch",
        f"{session}/xhr_send",
    )
    fields = (
        "conversationId",
        "recipientId",
        "productId",
        "text",
        "messageIds",
        "block",
        "userIds",
    )
    for path, value in itertools.product(posts, (w, [w], {w: w}, f"{w}\0")):
        for body in (orjson.dumps(value), orjson.dumps({**dict.fromkeys(fields, value), w: value})):
            head = f"POST {path} HTTP/1.1\r\n{base}{bearer}Content-Length: {len(body)}\r\n\r\n"
            yield head.encode() + body


async def messaging(url: str, user: User, w: str, values: Sequence[Any]) -> None:
    """Messages of every type with the word in every field, before a client has said who it is and after it."""
    async with opener(url) as join:
        early = await join.open()
        for text in (
            w,
            f'{{"type":"{w}"}}',
            f'{{"type":"authenticate","token":"{w}"}}',
            f'{{"{w}":',
        ):
            await early.text(text)
            await early.expect_any("error", "auth_error")
        client = await join(user)
        for ask in ROWS:
            for value in values:
                await client.text(
                    json.dumps({"type": ask.type, **dict.fromkeys(kinds(ask), value), w: value})
                )
            for name in kinds(ask):
                for spelt in (w, f"conv_{user.id}_{w}", f"conv_{w}_{w}", f"group_{w}", f"msg_{w}"):
                    await client.text(json.dumps({"type": ask.type, name: spelt}))
        for text in (w, f'"{w}"', f'{{"type":"{w}"}}', f'{{"type":["{w}"]}}', f'{{"{w}":NaN}}'):
            await client.text(text)
        await client.settled()
        await (await join(user))._socket.send_bytes(w.encode())
        await (await join(user))._socket.close(code=4000, message=w.encode())


async def marketplace(url: str, user: User, w: str) -> None:
    """Frames of STOMP with the word in every place, each on a connection of its own; and over SockJS."""
    token = {"token": user.token}
    for headers in (
        {"token": w},
        {"Authorization": f"Bearer {w}"},
        {w: w},
        {**token, "accept-version": w},
        {**token, "heart-beat": w},
        {**token, "content-length": w},
    ):
        await _said(url, frame("CONNECT", headers))
    send = {"destination": "/app/message.send"}
    hello = frame("CONNECT", {**token, "accept-version": "1.2"})
    for said in (
        frame(w),
        frame(w, {w: w}, w.encode()),
        frame("SUBSCRIBE", {"id": w, "destination": w}),
        frame("SUBSCRIBE", {"id": w, "destination": f"/topic/conversation.{w}"}),
        frame("SUBSCRIBE", {"id": w, "destination": f"/user/{w}/queue/notifications", "ack": w}),
        frame("SUBSCRIBE", {f"{w}\\t": w}),
        frame("BEGIN", {"transaction": w}),
        frame("SEND", {"destination": w}, w.encode()),
        frame("SEND", send, w.encode()),
        frame("SEND", {**send, "content-length": "1"}, w.encode()),
        frame("SEND", {**send, "receipt": w}, orjson.dumps({"recipientId": w, "text": w, w: w})),
        frame("SEND", send, orjson.dumps({"conversationId": w, "text": [w]})),
        f"{w}\n{w}\n\n\0".encode(),
    ):
        await _said(url, hello, said, frame("DISCONNECT", {"receipt": w}))
    async with aiohttp.ClientSession() as http:
        for said in (w, f'["{w}\\u0000"]', f'"{w}\\u0000"', f'{{"{w}":1}}'):
            async with http.ws_connect(f"{url}{PATH}/000/{w}/websocket") as socket:
                await socket.send_str(said)
                while (await socket.receive(timeout=PATIENCE)).type not in _ENDS:
                    pass
            session = f"{url}{PATH}/000/{w}{len(said)}"
            async with http.post(f"{session}/xhr") as answer:
                assert await answer.text() == "o\n"
            async with http.post(f"{session}/xhr_send", data=said) as answer:
                await answer.read()


async def _said(url: str, *frames: bytes) -> None:
    async with stomp(url) as client:
        await client.write(*frames)
        await client.closed()
