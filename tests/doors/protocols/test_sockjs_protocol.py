"""The tests of sockjs-protocol 0.3.3, by their names there.

Left out are those of what is off: JSONP, htmlfile, their cookies, the iframe page, and the WebSocket of hixie-76,
some of which are asked of today's. Other than there, pages of listed origins alone may read answers, and none gets
``*``.
"""

import asyncio
import json
import re
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import WSMsgType

from tests.doors.protocols.conftest import Answer, Http, a_session
from tests.doors.protocols.sockjs_services import ORIGIN, Services
from tests.support.inside import until
from tests.support.patience import PATIENCE
from tests.support.wire import Wire

_UNCACHED = "no-store, no-cache, must-revalidate, max-age=0"
_GO_AWAY = 'c[3000,"Go away!"]'
_SECOND = 'c[2010,"Another connection still open"]'


def content_type(answer: Answer | aiohttp.ClientResponse) -> str:
    return answer.headers["Content-Type"].replace(" ", "")


def may_read(answer: Answer | aiohttp.ClientResponse, origin: str | None = ORIGIN) -> None:
    """Pages of `origin` may read an answer, with credentials; None is of no origin."""
    headers = answer.headers
    assert headers.get("Access-Control-Allow-Origin") == origin
    assert headers.get("Access-Control-Allow-Credentials") == (origin and "true")
    assert headers["Vary"] == "Origin"


def uncached(answer: Answer | aiohttp.ClientResponse) -> None:
    assert answer.headers["Cache-Control"] == _UNCACHED
    assert not {"Expires", "Last-Modified"} & set(answer.headers)


async def options(http: Http, path: str, methods: str) -> None:
    for origin in (None, ORIGIN, "https://evil.example", "null"):
        headers = {"Origin": origin} if origin else {}
        answer = await http.ask("OPTIONS", path, **headers)
        assert (answer.status, answer.text) == (204, "")
        assert re.search("public, max-age=[1-9][0-9]{6}", answer.headers["Cache-Control"])
        may_read(answer, origin if origin == ORIGIN else None)
        if origin == ORIGIN:
            assert answer.headers["Access-Control-Allow-Methods"] == methods
            assert int(answer.headers["Access-Control-Max-Age"]) > 1_000_000


class TestBaseUrlGreeting:
    async def test_greeting(self, http: Http) -> None:
        """The base URL greets, with a slash at its end or without."""
        for path in ("/echo", "/echo/"):
            answer = await http.get(path)
            assert (answer.status, answer.text) == (200, "Welcome to SockJS!\n")
            assert content_type(answer) == "text/plain;charset=UTF-8"
            assert "Set-Cookie" not in answer.headers

    @pytest.mark.parametrize(
        "path",
        ["/a", "/a.html", "//", "///", "/a/a", "/a/a/", "/a/", "/iframe.html", "/iframe-/.html"],
    )
    async def test_not_found(self, http: Http, path: str) -> None:
        """Paths that are none, and the iframe page, are 404."""
        assert (await http.get(f"/echo{path}")).status == 404


class TestInfo:
    async def test_basic(self, http: Http) -> None:
        """Info says what the server can do, is not cached, and holds a random number of 32 bits."""
        answer = await http.get("/echo/info", Origin=ORIGIN)
        assert answer.status == 200
        assert content_type(answer) == "application/json;charset=UTF-8"
        assert "Set-Cookie" not in answer.headers
        uncached(answer)
        may_read(answer)
        about = json.loads(answer.text)
        entropy = about.pop("entropy")
        assert 0 <= entropy < 2**32
        assert about == {"websocket": True, "cookie_needed": False, "origins": ["*:*"]}

    async def test_entropy(self, http: Http) -> None:
        """The number is another one each time."""
        found = [json.loads((await http.get("/echo/info?t=1")).text)["entropy"] for _ in range(2)]
        assert found[0] != found[1]

    async def test_options(self, http: Http) -> None:
        """Pages of listed origins may ask for info."""
        await options(http, "/echo/info", "OPTIONS, GET")

    async def test_disabled_websocket(self, http: Http) -> None:
        """A service without WebSockets says so, and has none."""
        answer = await http.get("/disabled_websocket_echo/info")
        assert json.loads(answer.text)["websocket"] is False
        for path in ("websocket", "0/0/websocket"):
            assert (await http.get(f"/disabled_websocket_echo/{path}")).status == 404


class TestSessionUrls:
    @pytest.mark.parametrize("path", ["/a/a", "/_/_", "/1/1", "/abcdefgh_i-j%20/abcdefg_i-j%20"])
    async def test_any_value(self, http: Http, path: str) -> None:
        """The first poll of any server and session opens it."""
        assert await http.poll(f"/echo{path}") == "o\n"

    @pytest.mark.parametrize("path", ["//", "/a./a", "/a/a.", "/./.", "/", "///"])
    async def test_invalid_paths(self, http: Http, path: str) -> None:
        """Empty parts, and parts with a dot, are 404."""
        assert (await http.get(f"/echo{path}/xhr")).status == 404
        assert (await http.post(f"/echo{path}/xhr")).status == 404

    async def test_ignoring_server_id(self, http: Http) -> None:
        """A session is known by its id alone, whatever the server."""
        path = a_session()
        assert await http.poll(path) == "o\n"
        await http.send(path, '["a"]')
        assert await http.poll(path.replace("/000/", "/999/")) == 'a["a"]\n'


class TestProtocol:
    async def test_simple_session(self, http: Http) -> None:
        """A session is opened, echoes, and has one receiver at a time."""
        path = a_session()
        assert await http.poll(path) == "o\n"
        await http.send(path, '["a"]')
        assert await http.poll(path) == 'a["a"]\n'
        assert (await http.post("/echo/000/bad_session/xhr_send", '["a"]')).status == 404
        first = asyncio.create_task(http.poll(path))
        # Whichever of the two comes second is refused.
        second = asyncio.create_task(http.poll(path))
        done, waiting = await asyncio.wait((first, second), return_when=asyncio.FIRST_COMPLETED)
        assert done.pop().result() == f"{_SECOND}\n"
        await http.send(path, '["b"]')
        assert await waiting.pop() == 'a["b"]\n'

    async def test_close_session(self, http: Http) -> None:
        """A session that is over says so to each poll."""
        path = a_session("close")
        assert await http.poll(path) == "o\n"
        assert await http.poll(path) == f"{_GO_AWAY}\n"
        assert await http.poll(path) == f"{_GO_AWAY}\n"


class TestWebsocketHttpErrors:
    async def test_http_method(self, http: Http) -> None:
        """A request without an upgrade is refused."""
        answer = await http.get("/echo/0/0/websocket")
        assert answer.status == 400
        assert 'Can "Upgrade" only to "WebSocket".' in answer.text

    async def test_invalid_connection_header(self, http: Http) -> None:
        """So is one whose upgrade was taken away."""
        answer = await http.get("/echo/0/0/websocket", Upgrade="WebSocket", Connection="close")
        assert answer.status == 400

    async def test_invalid_method(self, http: Http) -> None:
        """A WebSocket is opened by GET alone."""
        answer = await http.post("/echo/0/0/websocket")
        assert answer.status == 405
        assert answer.headers["Allow"] == "GET"


class TestWebsocket:
    async def test_transport(self, http: Http) -> None:
        """Empty messages are ignored, arrays and strings are echoed."""
        async with http.session.ws_connect(f"{http.url}{a_session()}/websocket") as client:
            assert await client.receive_str(timeout=PATIENCE) == "o"
            await client.send_str("")
            await client.send_str('["a"]')
            assert await client.receive_str(timeout=PATIENCE) == 'a["a"]'
            await client.send_str('"b"')
            assert await client.receive_str(timeout=PATIENCE) == 'a["b"]'

    async def test_close(self, http: Http) -> None:
        """The end is said in SockJS' frame, and then in WebSocket's."""
        async with http.session.ws_connect(f"{http.url}{a_session('close')}/websocket") as client:
            assert await client.receive_str(timeout=PATIENCE) == "o"
            assert await client.receive_str(timeout=PATIENCE) == _GO_AWAY
            assert (await client.receive(timeout=PATIENCE)).type is WSMsgType.CLOSE

    async def test_reuse_session_id(self, http: Http) -> None:
        """WebSockets may share a session id: each is a session by itself."""
        url = f"{http.url}{a_session()}/websocket"
        for _ in range(2):
            async with http.session.ws_connect(url) as one, http.session.ws_connect(url) as two:
                for client, said in ((one, "a"), (two, "b")):
                    assert await client.receive_str(timeout=PATIENCE) == "o"
                    await client.send_str(f'["{said}"]')
                for client, said in ((one, "a"), (two, "b")):
                    assert await client.receive_str(timeout=PATIENCE) == f'a["{said}"]'

    @pytest.mark.parametrize("version", ["7", "8", "13"])
    @pytest.mark.parametrize("connection", ["Upgrade", "keep-alive, Upgrade"])
    async def test_headers_sanity(self, http: Http, version: str, connection: str) -> None:
        """Old versions of the handshake are answered, and whatever Firefox 6 made of Connection."""
        async with Wire(http.url) as wire:
            lines = (
                f"GET {a_session()}/websocket HTTP/1.1",
                f"Host: {wire.host}",
                "Upgrade: websocket",
                f"Connection: {connection}",
                f"Sec-WebSocket-Version: {version}",
                "Sec-WebSocket-Origin: http://asd",
                "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==",
            )
            await wire.send("\r\n".join([*lines, "", ""]).encode())
            head = await wire.head()
            assert " 101 " in head
            assert "Sec-WebSocket-Accept: HSmrc0sMlYUkAGmm5OPpG2HaGWk=" in head
            assert "content-length" not in head.lower()

    @pytest.mark.parametrize("broken", ['["a', "a", "{}", "[1]", '["\\ud800"]', "null"])
    async def test_broken_json(self, http: Http, broken: str) -> None:
        """What is no array of strings closes the connection."""
        async with http.session.ws_connect(f"{http.url}{a_session()}/websocket") as client:
            assert await client.receive_str(timeout=PATIENCE) == "o"
            await client.send_str(broken)
            goodbye = await client.receive(timeout=PATIENCE)
            assert (goodbye.type, goodbye.data) == (WSMsgType.CLOSE, 1007)


class TestXhrPolling:
    @pytest.mark.parametrize("name", ["xhr", "xhr_send"])
    async def test_options(self, http: Http, name: str) -> None:
        """Pages of listed origins may poll and send."""
        await options(http, f"/echo/abc/abc/{name}", "OPTIONS, POST")

    async def test_transport(self, http: Http) -> None:
        """Polls and sends are answered with the types, and the headers against caches, that browsers need."""
        path = a_session()
        answer = await http.post(f"{path}/xhr", Origin=ORIGIN)
        assert (answer.status, answer.text) == (200, "o\n")
        assert content_type(answer) == "application/javascript;charset=UTF-8"
        may_read(answer)
        uncached(answer)
        answer = await http.post(f"{path}/xhr_send", '["x"]', Origin=ORIGIN)
        assert (answer.status, answer.text) == (204, "")
        assert content_type(answer) == "text/plain;charset=UTF-8"
        may_read(answer)
        uncached(answer)
        assert await http.poll(path) == 'a["x"]\n'

    async def test_invalid_session(self, http: Http) -> None:
        """Nothing can be sent to a session that there is not."""
        assert (await http.post(f"{a_session()}/xhr_send", '["x"]')).status == 404

    async def test_invalid_json(self, http: Http) -> None:
        """What is no array of strings is refused by the words of the protocol, and the session goes on."""
        path = a_session()
        assert await http.poll(path) == "o\n"
        for body, reason in (
            ('["x', "Broken JSON encoding."),
            ('["\\ud800"]', "Broken JSON encoding."),
            ("", "Payload expected."),
            ("{}", "Payload expected."),
            ('"x"', "Payload expected."),
            ("[1]", "Payload expected."),
        ):
            answer = await http.post(f"{path}/xhr_send", body)
            assert (answer.status, answer.text) == (500, reason)
        await http.send(path, '["a"]')
        assert await http.poll(path) == 'a["a"]\n'

    async def test_content_types(self, http: Http) -> None:
        """A body of any content type is read, and what waits comes in one frame."""
        path = a_session()
        assert await http.poll(path) == "o\n"
        kinds = ("text/plain", "T", "application/json", "application/xml", "", "text/xml")
        for kind in (*kinds, "application/json; charset=utf-8", "text/xml; charset=utf-8"):
            answer = await http.post(f"{path}/xhr_send", '["a"]', Content_Type=kind)
            assert (answer.status, answer.text) == (204, "")
        assert await http.poll(path) == "a[" + ",".join(['"a"'] * 8) + "]\n"

    async def test_request_headers_cors(self, http: Http) -> None:
        """The headers that a page wants to send are allowed, as far as they are names."""
        for asked, allowed in (("a, b, c", "a, b, c"), ("", None), ("a\tb", None)):
            answer = await http.post(
                f"{a_session()}/xhr", Origin=ORIGIN, Access_Control_Request_Headers=asked
            )
            may_read(answer)
            assert answer.headers.get("Access-Control-Allow-Headers") == allowed


class TestXhrStreaming:
    async def test_options(self, http: Http) -> None:
        """Pages of listed origins may stream."""
        await options(http, "/echo/abc/abc/xhr_streaming", "OPTIONS, POST")

    async def test_transport(self, http: Http) -> None:
        """A stream begins with 2 KiB for browsers that wait for them, and goes on."""
        path = a_session()
        url = f"{http.url}{path}/xhr_streaming"
        async with http.session.post(url, headers={"Origin": ORIGIN}) as response:
            assert response.status == 200
            assert content_type(response) == "application/javascript;charset=UTF-8"
            may_read(response)
            uncached(response)
            assert await response.content.readline() == b"h" * 2048 + b"\n"
            assert await response.content.readline() == b"o\n"
            await http.send(path, '["x"]')
            assert await response.content.readline() == b'a["x"]\n'

    async def test_response_limit(self, http: Http) -> None:
        """A stream ends when it has brought enough."""
        path = a_session()
        async with http.session.post(f"{http.url}{path}/xhr_streaming") as response:
            await response.content.readline()
            assert await response.content.readline() == b"o\n"
            message = f'"{"x" * 128}"'
            for _ in range(31):
                await http.send(path, f"[{message}]")
                assert await response.content.readline() == f"a[{message}]\n".encode()
            assert await response.content.read() == b""


class TestEventSource:
    async def test_transport(self, http: Http) -> None:
        """Events hold no signs that would end them, and a per cent sign survives."""
        path = a_session()
        async with http.session.get(f"{http.url}{path}/eventsource") as response:
            assert response.status == 200
            assert content_type(response) == "text/event-stream;charset=UTF-8"
            uncached(response)
            assert await response.content.readline() == b"\r\n"
            for said, came in (
                (None, b"o"),
                ('["x"]', b'a["x"]'),
                ('["  \\u0000\\n\\r "]', b'a["  \\u0000\\n\\r "]'),
                # The stock client decodes it.
                ('["50% off"]', b'a["50%25 off"]'),
            ):
                if said is not None:
                    await http.send(path, said)
                assert await response.content.readuntil(b"\r\n\r\n") == b"data: %b\r\n\r\n" % came

    async def test_response_limit(self, http: Http) -> None:
        """So does a stream of events."""
        path = a_session()
        async with http.session.get(f"{http.url}{path}/eventsource") as response:
            assert await response.content.readuntil(b"\r\n\r\n") == b"\r\ndata: o\r\n\r\n"
            message = f'"{"x" * 4096}"'
            await http.send(path, f"[{message}]")
            assert await response.content.read() == f"data: a[{message}]\r\n\r\n".encode()


class TestJsessionidCookie:
    async def test_basic(self, http: Http) -> None:
        """Info says that cookies are needed, and sets none."""
        answer = await http.get("/cookie_needed_echo/info")
        assert "Set-Cookie" not in answer.headers
        assert json.loads(answer.text)["cookie_needed"] is True

    @pytest.mark.parametrize(
        ("had", "given"),
        [(None, "dummy"), ("abcdef", "abcdef"), ("a@b", "dummy"), ("x" * 300, "dummy")],
    )
    async def test_xhr(self, http: Http, had: str | None, given: str) -> None:
        """A poll sets the cookie, or repeats it, as far as it is one that a load balancer sets."""
        headers = {"Cookie": f"JSESSIONID={had}"} if had else {}
        answer = await http.post(f"{a_session('cookie_needed_echo')}/xhr", **headers)
        assert answer.text == "o\n"
        assert answer.headers["Set-Cookie"] == f"JSESSIONID={given}; Path=/"

    @pytest.mark.parametrize(
        ("method", "name"), [("POST", "xhr_streaming"), ("GET", "eventsource")]
    )
    async def test_streams(self, http: Http, method: str, name: str) -> None:
        """So do streams."""
        url = f"{http.url}{a_session('cookie_needed_echo')}/{name}"
        async with http.session.request(method, url) as response:
            assert response.headers["Set-Cookie"] == "JSESSIONID=dummy; Path=/"


class TestRawWebsocket:
    @pytest.mark.parametrize("path", ["/echo/websocket", "/echo", "/echo/"])
    async def test_transport(self, http: Http, path: str) -> None:
        """There is a WebSocket without SockJS' frames."""
        async with http.session.ws_connect(f"{http.url}{path}") as client:
            await client.send_str("Hello world!\uffff")
            assert await client.receive_str(timeout=PATIENCE) == "Hello world!\uffff"

    async def test_close(self, http: Http) -> None:
        """Its end is WebSocket's."""
        async with http.session.ws_connect(f"{http.url}/close/websocket") as client:
            goodbye = await client.receive(timeout=PATIENCE)
            assert (goodbye.type, goodbye.data, goodbye.extra) == (
                WSMsgType.CLOSE,
                3000,
                "Go away!",
            )


def _escapes(ranges: str, start: int) -> str:
    found = re.compile(f"[{ranges}]")
    return "".join(rf"\u{i:04x}" for i in range(start, 65_536) if found.match(chr(i)))


class TestJsonEncoding:
    async def test_xhr_server_encodes(self, http: Http) -> None:
        """Characters that browsers mangle are escaped."""
        escaped = _escapes("\u200c-\u200f\u2028-\u202f\u2060-\u206f\ufff0-\uffff", 255)
        path = a_session()
        await http.poll(path)
        await http.send(path, json.dumps([json.loads(f'"{escaped}"')], ensure_ascii=False))
        assert await http.poll(path) == f'a["{escaped}"]\n'

    async def test_xhr_server_decodes(self, http: Http) -> None:
        """Whatever clients escape is read."""
        ranges = '\\\\"\x00-\x1f\x7f-\x9f\u00ad\u0600-\u0604\u070f\u2000-\u20ff\ufeff\ufff0-\uffff\u0300-\u0333'
        escaped = _escapes(ranges, 0)
        path = a_session()
        await http.poll(path)
        await http.send(path, f'["{escaped}"]')
        assert json.loads((await http.poll(path))[1:]) == [json.loads(f'"{escaped}"')]


class TestHandlingClose:
    async def test_close_frame(self, http: Http) -> None:
        """Streams of a session that is over say so, and end."""
        url = f"{http.url}{a_session('close')}/xhr_streaming"
        prelude = b"h" * 2048 + b"\n"
        async with http.session.post(url) as first:
            assert await first.content.read() == prelude + f"o\n{_GO_AWAY}\n".encode()
        async with http.session.post(url) as second:
            assert await second.content.read() == prelude + f"{_GO_AWAY}\n".encode()

    async def test_close_request(self, http: Http) -> None:
        """A second stream is refused."""
        url = f"{http.url}{a_session()}/xhr_streaming"
        async with http.session.post(url) as first:
            await first.content.readline()
            assert await first.content.readline() == b"o\n"
            async with http.session.post(url) as second:
                assert (await second.content.read())[2049:] == f"{_SECOND}\n".encode()

    @pytest.mark.parametrize("name", ["xhr", "xhr_streaming"])
    async def test_abort(self, http: Http, shared: Services, name: str) -> None:
        """Where a receiver hangs up the session is over: what was on its way may be lost."""
        path = a_session()
        assert await http.poll(path) == "o\n"
        async with Wire(http.url) as wire:
            request = (
                f"POST {path}/{name} HTTP/1.1\r\nHost: {wire.host}\r\nContent-Length: 0\r\n\r\n"
            )
            await wire.send(request.encode())
            await until(lambda: shared.echo.has_receiver(path))
            assert await http.poll(path) == f"{_SECOND}\n"
        # Until the server has seen that the first one is gone, others are refused.
        async with asyncio.timeout(PATIENCE):
            while (frame := await http.poll(path)) == f"{_SECOND}\n":
                pass
        assert frame == 'c[1002,"Connection interrupted"]\n'


class TestHttp:
    async def test_synchronous_1_0(self, http: Http) -> None:
        """HTTP/1.0 is answered with a length."""
        async with Wire(http.url) as wire:
            await wire.send(b"GET /echo HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
            head = (await wire.head()).lower()
            assert "transfer-encoding" not in head
            assert "content-length: 19" in head
            assert await wire._exactly(19) == b"Welcome to SockJS!\n"

    async def test_streaming_1_0(self, http: Http) -> None:
        """Its streams end with the connection."""
        async with Wire(http.url) as wire:
            path = f"{urlsplit(http.url).path}{a_session('close')}/xhr_streaming"
            await wire.send(f"POST {path} HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n".encode())
            head = (await wire.head()).lower()
            assert "transfer-encoding" not in head
            assert "content-length" not in head
            await wire._exactly(2049)
            assert await wire._exactly(21) == f"o\n{_GO_AWAY}\n".encode()
            await wire.ended()

    async def test_synchronous_1_1(self, http: Http) -> None:
        """A connection of HTTP/1.1 takes several requests."""
        async with Wire(http.url) as wire:
            for _ in range(2):
                await wire.send(f"GET /echo HTTP/1.1\r\nHost: {wire.host}\r\n\r\n".encode())
                assert "content-length: 19" in (await wire.head()).lower()
                assert await wire._exactly(19) == b"Welcome to SockJS!\n"

    async def test_streaming_1_1(self, http: Http) -> None:
        """Its streams are chunked."""
        async with http.session.post(f"{http.url}{a_session('close')}/xhr_streaming") as response:
            assert response.headers["Transfer-Encoding"] == "chunked"
            assert "Content-Length" not in response.headers
            await response.content.read()
