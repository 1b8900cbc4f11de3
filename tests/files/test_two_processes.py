"""Two servers that share files and a database: each step of a file may be at either."""

import asyncio
import os

import asyncpg

from tests.conftest import Connect, User
from tests.support.files import begun, completed, fetch, put, sent
from tests.support.http import request
from tests.support.images import picture, saved
from tests.support.servers import Server, local_server
from tests.support.talks import opened

_LEFT = "SELECT count(*) FROM file_objects WHERE doomed_at IS NOT NULL"


async def test_a_file_goes_between_two_servers(
    server: Server,
    dsn: str,
    connect: Connect,
    alice: User,
    bob: User,
    db: "asyncpg.Pool[asyncpg.Record]",
) -> None:
    """Created at one server, a file is uploaded at the other, completed and sent at the first, served at both.

    The caretakers of both, at once, delete what is nobody's, once, and nothing else.
    """
    async with local_server(dsn) as second:
        a, b = await connect(alice, server.url), await connect(bob, second.url)
        talk = await opened(a, bob)
        pixels, urls = saved(picture((90, 70)), "PNG"), []
        for n, data in enumerate((os.urandom(300_000), pixels)):
            one, other = (server, second) if n else (second, server)
            created = await begun(a, talk, len(data))
            file_id = created["file"]["id"]
            # Of two uploads the last one counts, wherever it was.
            assert (await put(other.url, created, bytes(len(data)))).status == 200
            assert (await put(one.url, created, data)).status == 200
            url = f"{other.url}/api/commands/file:complete"
            assert (await request("POST", url, alice, json={"fileId": file_id})).status == 200
            file = await completed(a, file_id)
            again = await request("POST", url, alice, json={"fileId": file_id})
            assert again.body["file"] == file
            assert file["state"] == "ready"
            urls += [file["url"]] + ([file["thumb_url"]] if n else [])
            await sent(a, talk, file_id)
            assert (await b.expect("chat:message_received"))["files"] == [file]
            for where in (server, second):
                served = await fetch("GET", where.url, file["url"], bob)
                assert (served.status, len(served.body)) == (200, file["size"])
                assert n or served.body == data
        dropped = await begun(a, talk, 5)
        assert (await put(second.url, dropped, b"bytes")).status == 200
        await a.do("file:delete", fileId=dropped["file"]["id"])
        await db.execute("UPDATE file_objects SET doomed_at = now() WHERE doomed_at IS NOT NULL")
        assert await db.fetchval(_LEFT)
        parts = [each.app.files for each in (server, second) if each.app is not None]
        await asyncio.gather(*(each.caretaker.look() for each in parts * 3))
        assert await db.fetchval(_LEFT) == 0
        for url in urls:
            assert (await fetch("GET", server.url, url, bob)).status == 200
        await b.close()
