"""Files that are looked at for long: by clamd, and by a process that ends meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest

from chatserver.files import Clamd, ClamdError
from tests.conftest import Connect, User
from tests.support.clamd import BAD, FakeClamd, clamd
from tests.support.device import Device
from tests.support.files import begun, fetch, put, sent, uploaded
from tests.support.images import picture, saved
from tests.support.servers import Server, local_server
from tests.support.talks import opened

Pool = asyncpg.Pool


@pytest.fixture
async def scanned(dsn: str) -> AsyncIterator[tuple[FakeClamd, Server]]:
    """A server with a clamd."""
    async with clamd() as scanner, local_server(dsn, CLAMD_URL=scanner.url) as server:
        yield scanner, server


@asynccontextmanager
async def _held(scanner: FakeClamd) -> AsyncIterator[None]:
    """While clamd does not answer."""
    scanner.free.clear()
    try:
        yield
    finally:
        scanner.free.set()


async def _state(device: Device, file_id: str) -> str:
    return str((await device.do("file:complete", fileId=file_id))["file"]["state"])


async def test_what_clamd_finds_is_refused(
    scanned: tuple[FakeClamd, Server], connect: Connect, alice: User, bob: User
) -> None:
    """Every byte goes to clamd; what it finds something in is refused, and its bytes are gone."""
    scanner, server = scanned
    device = await connect(alice, server.url)
    talk = await opened(device, bob)
    good = await uploaded(server.url, device, talk, b"x" * 400_000)
    assert (good["state"], scanner.sent) == ("ready", [b"x" * 400_000])
    bad = await uploaded(server.url, device, talk, b"y" * 300_000 + BAD)
    assert bad["state"] == "refused"
    ack = await device.ask("chat:message_send", {"conversationId": talk, "fileIds": [bad["id"]]})
    assert ack["error"]["code"] == "CONFLICT"
    assert (await fetch("GET", server.url, bad["url"], alice)).status == 404
    await device.close()


@pytest.mark.parametrize("bad", [False, True])
async def test_a_file_is_sent_while_it_is_looked_at(
    scanned: tuple[FakeClamd, Server], connect: Connect, alice: User, bob: User, bad: bool
) -> None:
    """What takes long may be sent: nobody is served it until everybody is told what became of it."""
    scanner, server = scanned
    a, b = await connect(alice, server.url), await connect(bob, server.url)
    talk = await opened(a, bob)
    data = saved(picture(), "PNG") + (BAD if bad else b"")
    async with _held(scanner):
        file = await uploaded(server.url, a, talk, data, "a.png", "image/png", wait=False)
        assert (file["state"], file["type"]) == ("scanning", "image/png")
        message = await sent(a, talk, file["id"], content="look")
        assert (message["message_type"], message["files"]) == ("image", [file])
        assert [(await fetch("GET", server.url, file["url"], u)).status for u in (alice, bob)] == [
            404
        ] * 2
        await a.do("chat:message_edit", messageId=message["id"], content="look at this")
    for device in (a, b):
        push = await device.expect("chat:file_updated")
        assert push["messageId"] == message["id"]
        assert push["file"]["state"] == ("refused" if bad else "ready")
    assert (await fetch("GET", server.url, file["url"], bob)).status == (404 if bad else 200)
    history = await b.do("chat:history", conversationId=talk)
    (shown,) = (one for one in history["messages"] if one["id"] == message["id"])
    assert (shown["content"], shown["files"]) == ("look at this", [push["file"]])
    assert shown["updated_seq"] == push["seq"]
    synced = await b.do("chat:sync", conversationId=talk, afterSeq=push["seq"] - 1)
    assert synced["events"][0]["data"]["file"] == push["file"]
    for device in (a, b):
        await device.close()


async def test_each_has_one_turn_at_a_time(
    scanned: tuple[FakeClamd, Server], connect: Connect, alice: User, bob: User
) -> None:
    """Of one person's files one is looked at, while another person's is looked at beside it."""
    scanner, server = scanned
    devices = [await connect(user, server.url) for user in (alice, alice, bob)]
    talk = await opened(devices[0], bob)
    datas = (b"first", b"second", b"bob's")
    async with _held(scanner):
        await asyncio.gather(
            *(
                uploaded(server.url, device, talk, data, wait=False)
                for device, data in zip(devices, datas, strict=True)
            )
        )
        await scanner.expect(b"bob's")
        assert len(scanner.sent) == 2
    for data in datas:
        await scanner.expect(data)
    for device in devices:
        await device.close()


async def test_erased_while_it_is_looked_at(
    scanned: tuple[FakeClamd, Server],
    connect: Connect,
    alice: User,
    bob: User,
    db: "Pool[asyncpg.Record]",
) -> None:
    """A message that is erased meanwhile takes its file along; what comes out is nobody's, and nobody is told."""
    scanner, server = scanned
    device = await connect(alice, server.url)
    talk = await opened(device, bob)
    async with _held(scanner):
        file = await uploaded(server.url, device, talk, saved(picture(), "PNG"), wait=False)
        message = await sent(device, talk, file["id"])
        await device.do("chat:message_delete", messageId=message["id"])
    assert server.app is not None
    await server.app.files.completion.settled()
    assert not await db.fetchval("SELECT count(*) FROM files WHERE id = $1::text::uuid", file["id"])
    await device.settled()
    assert not [name for name, _ in device.pushes if name == "chat:file_updated"]
    await device.close()


async def test_somebody_goes_on(
    dsn: str, connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """A file whose process ended while it looked, or whose clamd was away, is looked at by another one."""
    async with clamd() as scanner:
        scanner.says = b"ERROR"
        async with local_server(dsn, CLAMD_URL=scanner.url) as server:
            device = await connect(alice, server.url)
            talk = await opened(device, bob)
            file = await uploaded(server.url, device, talk, b"bytes", wait=False)
            assert file["state"] == "scanning"
            await sent(device, talk, file["id"])
            await device.close()
        scanner.says = None
        async with local_server(dsn, CLAMD_URL=scanner.url) as server:
            device = await connect(alice, server.url)
            assert server.app is not None
            await server.app.files.caretaker.look()
            assert await _state(device, file["id"]) == "scanning"  # the lease has not ended
            await db.execute(
                "UPDATE files SET work_until = now() - interval '1 s' WHERE id = $1::text::uuid",
                file["id"],
            )
            await server.app.files.caretaker.look()
            push = await device.expect("chat:file_updated")
            assert push["file"]["state"] == "ready"
            await device.close()


async def test_what_clamd_may_say() -> None:
    """An answer that is none, and a clamd that is away, are failures, not verdicts."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"bytes"

    async with clamd() as scanner:
        host, port = scanner.url.removeprefix("tcp://").split(":")
        asked = Clamd(host, int(port))
        await asked.ping()
        assert await asked.is_harmless(pieces())
        for said in (b"INSTREAM size limit exceeded. ERROR", b"", b"stream: OK?"):
            scanner.says = said
            with pytest.raises(ClamdError):
                await asked.is_harmless(pieces())
    with pytest.raises(ClamdError):
        await Clamd("127.0.0.1", 9).is_harmless(pieces())


async def test_what_nobody_sends_goes(
    server: Server, connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Files that were not sent in time go with their bytes; those of messages, and new ones, stay."""
    device = await connect(alice)
    talk = await opened(device, bob)
    old, new, said = [await uploaded(server.url, device, talk, b"bytes") for _ in range(3)]
    unfinished = await begun(device, talk, 5)
    await put(server.url, unfinished, b"bytes")
    await sent(device, talk, said["id"])
    ids = [UUID(one) for one in (old["id"], unfinished["file"]["id"], said["id"])]
    contents = await db.fetch("SELECT content FROM files WHERE id = ANY ($1)", ids[:2])
    await db.execute(
        "UPDATE files SET created_at = now() - interval '25 hours' WHERE id = ANY ($1)", ids
    )
    assert server.app is not None
    await server.app.files.caretaker.look()
    found = [(await fetch("GET", server.url, one["url"], alice)).status for one in (old, new, said)]
    assert found == [404, 200, 200]
    for row in contents:
        assert await server.app.files.storage.size(row["content"]) is None
        left = "SELECT count(*) FROM file_objects WHERE id = $1"
        assert await db.fetchval(left, row["content"]) == 0
