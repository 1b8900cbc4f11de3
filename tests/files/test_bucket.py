"""Files in a bucket: people upload to it and download from it, and what it keeps is as safe."""

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from tests.conftest import Connect, User
from tests.support.bucket import bucket
from tests.support.clamd import clamd
from tests.support.files import begun, fetch, put, sent, uploaded
from tests.support.images import SECRET, talkative
from tests.support.servers import Server, local_server
from tests.support.talks import opened


@pytest.fixture(scope="module")
def bucket_url() -> Iterator[str]:
    """A bucket of this file's tests."""
    with bucket() as url:
        yield url


@pytest.fixture
async def stored(dsn: str, bucket_url: str) -> AsyncIterator[Server]:
    """A server that keeps files there."""
    async with local_server(dsn, FILES_URL=bucket_url) as server:
        yield server


async def test_the_way_of_a_file(
    stored: Server, connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """A file goes to the bucket and comes from it, by addresses that are signed; who may is asked here."""
    a, b = await connect(alice, stored.url), await connect(bob, stored.url)
    talk = await opened(a, bob)
    file = await uploaded(stored.url, a, talk, b"<script>alert(1)</script>", "a.html", "text/html")
    message = await sent(a, talk, file["id"])
    push = await b.expect("chat:message_received")
    assert push["files"] == [file]
    served = await fetch("GET", stored.url, file["url"], bob)
    assert served.body == b"<script>alert(1)</script>"
    assert served.headers["Content-Type"] == "application/octet-stream"
    assert served.headers["Content-Disposition"] == 'attachment; filename="a.html"'
    part = await fetch("GET", stored.url, file["url"], bob, Range="bytes=1-6")
    assert (part.status, part.body) == (206, b"script")
    head = await fetch("HEAD", stored.url, file["url"], bob)
    assert (head.status, head.headers["Content-Length"]) == (200, "25")
    links = (await b.do("file:links", fileIds=[file["id"]]))["links"]
    assert (await fetch("GET", stored.url, links[file["id"]]["url"])).body == served.body
    assert (await fetch("GET", stored.url, file["url"], carol)).status == 404
    await a.do("chat:message_delete", messageId=message["id"])
    assert (await fetch("GET", stored.url, file["url"], bob)).status == 404
    for device in (a, b):
        await device.close()


async def test_an_image(stored: Server, connect: Connect, alice: User, bob: User) -> None:
    """An image in a bucket is made anew, too, and served as what it is."""
    device = await connect(alice, stored.url)
    file = await uploaded(stored.url, device, await opened(device, bob), talkative("JPEG"))
    assert (file["state"], file["type"]) == ("ready", "image/jpeg")
    for address, kind in ((file["url"], "image/jpeg"), (file["thumb_url"], "image/webp")):
        served = await fetch("GET", stored.url, address, alice)
        assert served.headers["Content-Type"] == kind
        assert SECRET.encode() not in served.body
    await device.close()


async def test_sizes_are_looked_at_in_the_end(
    stored: Server,
    connect: Connect,
    alice: User,
    bob: User,
    db: "asyncpg.Pool[asyncpg.Record]",
) -> None:
    """A bucket takes any size: what was uploaded is looked at in the end, and goes where it is too long."""
    device = await connect(alice, stored.url)
    talk = await opened(device, bob)
    assert stored.app is not None
    storage = stored.app.files.storage
    for data, code in ((None, "CONFLICT"), (b"byte", "CONFLICT"), (b"bytes!", "PAYLOAD_TOO_LARGE")):
        created = await begun(device, talk, 5)
        if data is not None:
            assert (await put(stored.url, created, data)).status == 200
        ack = await device.ask("file:complete", {"fileId": created["file"]["id"]})
        assert ack["error"]["code"] == code
        upload = await db.fetchval(
            "SELECT upload FROM files WHERE id = $1::text::uuid", created["file"]["id"]
        )
        assert await storage.size(upload) == {b"byte": 4}.get(data or b"")
    # What is uploaded again is as good as what is uploaded once.
    assert (await put(stored.url, created, b"bytes")).status == 200
    done = await device.do("file:complete", fileId=created["file"]["id"])
    assert done["file"]["state"] == "ready"
    await device.close()


async def test_nobody_changes_what_is_complete(
    stored: Server, connect: Connect, alice: User, bob: User
) -> None:
    """The address still holds after file:complete, but what is written there then is nobody's."""
    device = await connect(alice, stored.url)
    created = await begun(device, await opened(device, bob), 5)
    await put(stored.url, created, b"bytes")
    file = (await device.do("file:complete", fileId=created["file"]["id"]))["file"]
    assert (await put(stored.url, created, b"other")).status == 200
    assert (await fetch("GET", stored.url, file["url"], alice)).body == b"bytes"
    await device.close()


@pytest.mark.parametrize("other", [b"bytes and more", b"<svg>", b"%PDF-"])
async def test_what_is_changed_before_it_is_looked_at(
    dsn: str, bucket_url: str, connect: Connect, alice: User, bob: User, other: bytes
) -> None:
    """What is written over an upload while it waits for its turn is refused where it has another size or type."""
    async with (
        clamd() as scanner,
        local_server(dsn, FILES_URL=bucket_url, CLAMD_URL=scanner.url) as server,
    ):
        device = await connect(alice, server.url)
        talk = await opened(device, bob)
        scanner.free.clear()
        await uploaded(server.url, device, talk, b"first", wait=False)
        created = await begun(device, talk, 5)
        await put(server.url, created, b"bytes")
        ack = await device.do("file:complete", fileId=created["file"]["id"])
        assert ack["file"]["state"] == "scanning"
        await put(server.url, created, other)
        scanner.free.set()
        assert server.app is not None
        await server.app.files.completion.settled()
        ack = await device.do("file:complete", fileId=created["file"]["id"])
        is_same = other == b"<svg>"
        assert ack["file"]["state"] == ("ready" if is_same else "refused")
        assert scanner.sent == [b"first", *([other] if is_same else [])]
        await device.close()


async def test_a_bucket_that_is_away(dsn: str, connect: Connect, alice: User, bob: User) -> None:
    """While the bucket is away files are UNAVAILABLE, and messages go on."""
    away = "s3://key:secret@chat?region=us-east-1&endpoint=http://127.0.0.1:9"
    async with local_server(dsn, FILES_URL=away) as server:
        device = await connect(alice, server.url)
        talk = await opened(device, bob)
        created = await begun(device, talk, 5)
        ack = await device.ask("file:complete", {"fileId": created["file"]["id"]})
        assert (ack["error"]["code"], ack["error"]["retryable"]) == ("UNAVAILABLE", True)
        await device.do("chat:message_send", conversationId=talk, content="hello")
        await device.close()
