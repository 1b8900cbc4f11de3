"""The app at the root: its page, its files, and nothing else of the machine."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from chatserver.doors.http import app_page
from tests.support.servers import Server, local_server

PAGE = b"<!doctype html><title>Chat</title><script type=module src=/assets/app-1.js></script>"
WORKER = b"addEventListener('fetch', () => undefined);"
SCRIPT = b"export const greeting = 'hello';\n" * 100
# Without the time, which would be in the names of tests, and differ between the processes that run them.
ZIPPED = gzip.compress(SCRIPT, mtime=0)
YEAR = "public, max-age=31536000, immutable"


def _write(folder: Path) -> Path:
    """An app as it is built, beside what is none of it."""
    (folder / "assets" / "deep").mkdir(parents=True)
    (folder / "index.html").write_bytes(PAGE)
    (folder / "sw.js").write_bytes(WORKER)
    (folder / "assets" / "app-1.js").write_bytes(SCRIPT)
    (folder / "assets" / "app-1.js.gz").write_bytes(ZIPPED)
    (folder / "assets" / "app-1.js.br").write_bytes(b"what a browser unpacks")
    (folder / "assets" / "icon-1.svg").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "assets" / "notes.txt").write_bytes(b"not part of an app")
    (folder / "assets" / "deep" / "app-1.js").write_bytes(b"nor this")
    (folder / "secret.js").write_bytes(b"nor this")
    return folder


@pytest.fixture(scope="module")
async def built(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A server with an app."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app_page, "BUILT", _write(tmp_path_factory.mktemp("static")))
        async with local_server(dsn) as server:
            yield server


async def _get(
    url: str, method: str = "GET", **headers: str
) -> tuple[aiohttp.ClientResponse, bytes]:
    """An answer and its body as it came."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession(auto_decompress=False) as http,
        http.request(method, url, headers=sent) as response,
    ):
        return response, await response.read()


async def test_the_page(built: Server) -> None:
    """The root is the app's page under its policy, asked for anew each time, and 304 to those who have it."""
    response, body = await _get(f"{built.url}/")
    assert (response.status, body) == (200, PAGE)
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' https: data: blob:; media-src 'self' https:; manifest-src 'self'; "
        "base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types chatserver"
    )
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    again, nothing = await _get(f"{built.url}/", If_None_Match=response.headers["ETag"])
    assert (again.status, nothing) == (304, b"")
    assert again.headers["Cache-Control"] == "no-cache"
    head, nothing = await _get(f"{built.url}/?conversation=1", method="HEAD")
    assert (head.status, nothing) == (200, b"")
    assert head.headers["Content-Length"] == str(len(PAGE))


async def test_files_in_a_bucket(dsn: str) -> None:
    """Where files are in a bucket the page may upload to its origin and show what is there, whatever is asked."""
    bucket = "s3://key:secret@chat/files?region=us-east-1&endpoint=http://127.0.0.1:9/s3"
    async with local_server(dsn, FILES_URL=bucket) as server:
        response, _ = await _get(
            f"{server.url}/", Host="elsewhere.example", Origin="https://elsewhere.example"
        )
        assert response.headers["Content-Security-Policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' http://127.0.0.1:9; "
            "img-src 'self' http://127.0.0.1:9 https: data: blob:; media-src 'self' http://127.0.0.1:9 https:; "
            "manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
            "require-trusted-types-for 'script'; trusted-types chatserver"
        )


async def test_the_service_worker(built: Server) -> None:
    """The worker is asked for anew each time, and may ask this server alone."""
    response, body = await _get(f"{built.url}/sw.js")
    assert (response.status, body) == (200, WORKER)
    assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; connect-src 'self'"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    again, _ = await _get(f"{built.url}/sw.js", If_None_Match=response.headers["ETag"])
    assert again.status == 304


@pytest.mark.parametrize(
    ("accepted", "encoding", "expected"),
    [
        ("gzip, deflate, br, zstd", "br", b"what a browser unpacks"),
        ("GZIP", "gzip", ZIPPED),
        ("br;q=0, gzip;q=0.5", "gzip", ZIPPED),
        ("identity", None, SCRIPT),
        ("xbr, gzipped-not;q=1", None, SCRIPT),
    ],
)
async def test_a_script(
    built: Server, accepted: str, encoding: str | None, expected: bytes
) -> None:
    """A file is kept for a year, and sent in the best encoding that the client takes."""
    response, body = await _get(f"{built.url}/assets/app-1.js", Accept_Encoding=accepted)
    assert response.status == 200
    assert response.headers.get("Content-Encoding") == encoding
    assert body == expected
    assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert response.headers["Cache-Control"] == YEAR
    assert response.headers["Vary"] == "Accept-Encoding, Origin"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    ["/assets/", "/assets/app-2.js", "/assets/app-1.js.gz", "/assets/notes.txt", "/assets/deep/app-1.js",
     "/assets/../secret.js", "/assets/..%2Fsecret.js", "/assets/%2e%2e/secret.js", "/assets/..%5Csecret.js",
     "/assets/%2e%2e%2findex.html", "/assets/deep%2Fapp-1.js", "/assets//app-1.js", "/assets/app-1.js%00",
     "/secret.js", "/index.html", "//assets/app-1.js/", "/static/index.html", "/assets/%252e%252e%252fsecret.js"],
)  # fmt: skip
async def test_nothing_else(built: Server, path: str) -> None:
    """No other path is a file, however it is written, and what there is not is not kept for a year."""
    host, port = built.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    assert answer.split(b" ", 2)[1] == b"404"
    assert b"immutable" not in answer


async def test_without_a_build(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a build the root says how to make one, under the same policy, and no asset is there."""
    monkeypatch.setattr(app_page, "BUILT", tmp_path / "missing")
    async with local_server(dsn) as server:
        response, body = await _get(f"{server.url}/")
        assert response.status == 200
        assert b"make client" in body
        assert b"<style" not in body
        assert response.headers["Content-Security-Policy"] == app_page.content_security_policy()
        for path in ("/assets/app-1.js", "/sw.js"):
            assert (await _get(server.url + path))[0].status == 404


async def test_a_websocket_at_the_root(built: Server) -> None:
    """Those who ask for a WebSocket at the root get the messaging system's; only GET can ask for one."""
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{built.url}/") as socket:
        assert "connected" in await socket.receive_str()
    head, _ = await _get(f"{built.url}/", method="HEAD", Upgrade="websocket", Connection="Upgrade")
    assert (head.status, head.headers["Cache-Control"]) == (200, "no-cache")


async def test_the_limit_of_an_address(dsn: str) -> None:
    """The page counts among the requests of an address, also where it asks as if for a WebSocket."""
    async with local_server(dsn, IP_RATE_LIMIT="3") as server:
        for upgrade in ({}, {"Upgrade": "websocket"}, {}):
            assert (await _get(f"{server.url}/", method="HEAD", **upgrade))[0].status == 200
        response, _ = await _get(f"{server.url}/assets/app-1.js")
        assert response.status == 429
