"""What is taken: as many bytes as were announced, in time, once."""

import asyncio
import os
from collections.abc import AsyncIterator
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import pytest

from chatserver.files.disk import DiskStorage
from chatserver.files.storage import Attributes
from tests.conftest import Connect, User
from tests.support.files import begun, fetch, put, sent, uploaded
from tests.support.http import request
from tests.support.patience import PATIENCE
from tests.support.servers import Server, local_server
from tests.support.talks import opened

Pool = asyncpg.Pool
_OBJECTS = "SELECT count(*) FROM file_objects"
_COUNT = "SELECT count(*) FROM file_objects WHERE doomed_at IS NOT NULL AND doomed_at <= now()"


async def _slowly(data: bytes, *, size: int = 100_000) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]
        await asyncio.sleep(0)


async def test_sizes_are_what_was_announced(
    server: Server, connect: Connect, alice: User, bob: User
) -> None:
    """More bytes than announced are refused, fewer are a conflict, said before or found out; then it goes on."""
    device = await connect(alice)
    talk = await opened(device, bob)
    created = await begun(device, talk, 150_000)
    data = os.urandom(150_001)
    file_id = created["file"]["id"]
    early = await device.ask("file:complete", {"fileId": file_id})
    assert early["error"]["code"] == "CONFLICT"
    assert (await put(server.url, created, data)).status == 413
    assert (await put(server.url, created, _slowly(data))).status == 413
    assert (await put(server.url, created, data[:-2])).status == 409
    assert (await put(server.url, created, _slowly(data[:-2]))).status == 409
    assert (await put(server.url, created, b"")).status == 409
    early = await device.ask("file:complete", {"fileId": file_id})
    assert early["error"]["code"] == "CONFLICT"
    unfinished = await device.ask(
        "chat:message_send", {"conversationId": talk, "fileIds": [file_id]}
    )
    assert unfinished["error"]["code"] == "CONFLICT"
    assert (await put(server.url, created, _slowly(data[:-1]))).status == 200
    done = await device.do("file:complete", fileId=file_id)
    assert (await fetch("GET", server.url, done["file"]["url"], alice)).body == data[:-1]


async def test_limits_of_one_file_and_of_a_day(
    dsn: str, connect: Connect, alice: User, bob: User
) -> None:
    """A file over MAX_FILE_SIZE is refused; those over FILE_QUOTA_PER_DAY wait; small files count as 64 KiB."""
    async with local_server(
        dsn, MAX_FILE_SIZE="200000", FILE_QUOTA_PER_DAY=str(200_000 + 2 * 65_536)
    ) as server:
        device = await connect(alice, server.url)
        assert device.ready["limits"]["maxFileSize"] == 200_000
        assert device.ready["limits"]["maxFilesPerMessage"] == 10
        talk = await opened(device, bob)
        asked = {"conversationId": talk, "name": "a", "type": ""}
        large = await device.ask("file:create", {**asked, "size": 200_001})
        assert large["error"]["code"] == "PAYLOAD_TOO_LARGE"
        assert list(large["error"]["fields"]) == ["size"]
        created = await begun(device, talk, 200_000)
        await begun(device, talk, 1)
        await begun(device, talk, 1)
        for size in (1, 200_000):
            late = await device.ask("file:create", {**asked, "size": size})
            assert late["error"]["code"] == "RATE_LIMIT_EXCEEDED"
            assert 23 * 3600 - 1 <= late["error"]["retryAfter"] <= 24 * 3600
        # Deleting gives nothing back: who uploads and deletes all day is one of those that this is for.
        await device.do("file:delete", fileId=created["file"]["id"])
        late = await device.ask("file:create", {**asked, "size": 1})
        assert late["error"]["code"] == "RATE_LIMIT_EXCEEDED"
        other = await connect(bob, server.url)
        await begun(other, talk, 200_000)
        await device.close()
        await other.close()


async def test_one_outcome(
    server: Server, connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Of uploads at the same time one counts, whole; one that is aborted changes nothing; none comes too late."""
    device = await connect(alice)
    created = await begun(device, await opened(device, bob), 400_000)
    bodies = [bytes([n]) * 400_000 for n in range(3)]
    answers = await asyncio.gather(*(put(server.url, created, _slowly(body)) for body in bodies))
    assert {answer.status for answer in answers} == {200}

    begun_to_send, never = asyncio.Event(), asyncio.Event()

    async def aborted() -> AsyncIterator[bytes]:
        yield bytes(100_000)
        begun_to_send.set()
        await never.wait()

    upload = asyncio.create_task(put(server.url, created, aborted()))
    await begun_to_send.wait()
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    done = await device.do("file:complete", fileId=created["file"]["id"])
    served = await fetch("GET", server.url, done["file"]["url"], alice)
    assert served.body in bodies
    assert (await put(server.url, created, bodies[0])).status == 409
    again = await device.do("file:complete", fileId=created["file"]["id"])
    assert again["file"] == done["file"]
    assert (await fetch("GET", server.url, done["file"]["url"], alice)).body == served.body
    assert server.app is not None
    await server.app.files.caretaker.look()
    assert await db.fetchval(_COUNT) == 0


async def test_at_once_there_are_few(
    server: Server, connect: Connect, alice: User, bob: User
) -> None:
    """A fourth upload of one file at the same time is a conflict."""
    device = await connect(alice)
    created = await begun(device, await opened(device, bob), 400_000)
    free, came = asyncio.Event(), asyncio.Semaphore(0)

    async def held() -> AsyncIterator[bytes]:
        yield bytes(200_000)
        came.release()
        await free.wait()
        yield bytes(200_000)

    assert server.app is not None
    running = [asyncio.create_task(put(server.url, created, held())) for _ in range(3)]
    async with asyncio.timeout(PATIENCE):
        for _ in running:
            await came.acquire()
        while server.app.files.uploads.running < len(running):  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.01)
    assert (await put(server.url, created, bytes(400_000))).status == 409
    free.set()
    assert {(await task).status for task in running} == {200}


async def test_a_file_is_sent_often_and_not_for_ever(
    server: Server, connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """The 21st attempt to send one file's bytes is refused, before the database is asked; other files go on."""
    device = await connect(alice)
    talk = await opened(device, bob)
    created, other = [await begun(device, talk, 5) for _ in range(2)]
    answers = [await put(server.url, created, b"four") for _ in range(20)]
    assert {answer.status for answer in answers} == {409}
    written = await db.fetchval(_OBJECTS)
    late = await put(server.url, created, b"bytes")
    assert late.status == 429
    assert 0 < int(late.headers["Retry-After"]) <= 900
    assert await db.fetchval(_OBJECTS) == written
    assert (await put(server.url, other, b"bytes")).status == 200


async def test_uploads_are_commands_of_whose_file_it_is(
    dsn: str, connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Who has used up their commands uploads nothing, though no token comes with the bytes."""
    async with local_server(dsn, COMMAND_RATE_LIMIT="30") as server:
        device = await connect(alice, server.url)
        talk = await opened(device, bob)
        created = await begun(device, talk, 5)
        while (await device.ask("chat:conversation_list", {}))["success"]:
            pass
        before = await db.fetchval(_OBJECTS)
        late = await put(server.url, created, b"bytes")
        assert (late.status, late.body.count(b"RATE_LIMIT_EXCEEDED")) == (429, 1)
        assert await db.fetchval(_OBJECTS) == before
        await device.close()


async def test_addresses_that_do_not_hold(
    server: Server, connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """An upload's address that was altered, is another file's or has ended is 404."""
    device = await connect(alice)
    talk = await opened(device, bob)
    one, other = [await begun(device, talk, 5) for _ in range(2)]
    address = one["upload"]["url"]
    parts = urlsplit(address)
    assert (parts.scheme, parts.netloc) == ("", "")
    for altered in (
        address[:-1],
        address.replace("expires=", "expires=9"),
        address.replace(one["file"]["id"], other["file"]["id"]),
        parts.path,
        f"{parts.path}?expires=-1&signature=x",
        f"{parts.path}?expires=99999999999999999999&signature=%FF",
        f"{parts.path}?expires=²&signature=",
    ):
        answer = await fetch("PUT", server.url, altered, data=b"bytes")
        assert answer.status == 404, altered
    await db.execute(
        "UPDATE files SET expires_at = now() WHERE id = $1::text::uuid", one["file"]["id"]
    )
    assert (await put(server.url, one, b"bytes")).status == 404


async def test_a_body_that_stops_coming(
    dsn: str, connect: Connect, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those who send nothing more for REQUEST_BODY_TIMEOUT are answered 408; our own time does not count."""
    write, begun_first, go_on = DiskStorage.write, asyncio.Event(), asyncio.Event()

    async def held(
        self: DiskStorage, object_id: UUID, pieces: AsyncIterator[bytes], attributes: Attributes
    ) -> int:
        async def slow() -> AsyncIterator[bytes]:
            async for piece in pieces:
                begun_first.set()
                await go_on.wait()
                yield piece

        return await write(self, object_id, slow(), attributes)

    async def stopping() -> AsyncIterator[bytes]:
        yield bytes(100_000)
        await asyncio.sleep(PATIENCE)

    async with local_server(dsn, REQUEST_BODY_TIMEOUT="1000") as server:
        device = await connect(alice, server.url)
        talk = await opened(device, bob)
        busy, stalled = [await begun(device, talk, 2_000_000) for _ in range(2)]
        monkeypatch.setattr(DiskStorage, "write", held)
        first = asyncio.create_task(put(server.url, busy, bytes(2_000_000)))
        await begun_first.wait()
        monkeypatch.undo()
        assert (await put(server.url, stalled, stopping())).status == 408
        # Whose time would have ended before that.
        go_on.set()
        assert (await first).status == 200
        assert (await put(server.url, stalled, bytes(2_000_000))).status == 200
        await device.close()


async def test_creating_again(server: Server, connect: Connect, alice: User, bob: User) -> None:
    """The same requestId again is the same file, with its address; with another payload it is a conflict."""
    device = await connect(alice)
    talk = await opened(device, bob)
    asked = {"conversationId": talk, "name": "a", "size": 5, "type": "", "requestId": "once"}
    first, again = [await device.do("file:create", **asked) for _ in range(2)]
    assert first == again
    other = await device.ask("file:create", {**asked, "size": 6})
    assert other["error"]["code"] == "IDEMPOTENCY_CONFLICT"
    assert (await put(server.url, again, b"bytes")).status == 200
    over_rest = await request(
        "POST",
        f"{server.url}/api/commands/file:create",
        alice,
        json={k: v for k, v in asked.items() if k != "requestId"},
        headers={"Idempotency-Key": "once"},
    )
    assert over_rest.body["file"]["id"] == first["file"]["id"]


async def test_deleting(server: Server, connect: Connect, alice: User, bob: User) -> None:
    """A file that was not sent can be deleted by its owner; one that was goes with its message alone."""
    a, b = await connect(alice), await connect(bob)
    talk = await opened(a, bob)
    kept, gone = [await uploaded(server.url, a, talk, os.urandom(5)) for _ in range(2)]
    theirs = await b.ask("file:delete", {"fileId": gone["id"]})
    assert theirs["error"]["code"] == "RESOURCE_NOT_FOUND"
    await a.do("file:delete", fileId=gone["id"])
    assert (await fetch("GET", server.url, gone["url"], alice)).status == 404
    again = await a.ask("file:delete", {"fileId": gone["id"]})
    assert again["error"]["code"] == "RESOURCE_NOT_FOUND"
    await sent(a, talk, kept["id"])
    late = await a.ask("file:delete", {"fileId": kept["id"]})
    assert late["error"]["code"] == "CONFLICT"
    assert (await fetch("GET", server.url, kept["url"], bob)).status == 200
