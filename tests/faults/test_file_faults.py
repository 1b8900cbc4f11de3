"""A server that is killed while files are uploaded: no message names a missing file, nothing is left behind."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from tests.conftest import User, token_for
from tests.support.device import Device
from tests.support.files import fetch, put
from tests.support.images import picture, saved
from tests.support.servers import Server, local_server, process_server
from tests.support.talks import opened

_ROUNDS = 3
_AT_ONCE = 6


async def _slowly(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), 64 * 1024):
        yield data[at : at + 64 * 1024]
        await asyncio.sleep(0)


async def _send_files(server: Server, device: Device, talk: str, came: asyncio.Event) -> None:
    """Send one file after the other, until the server is gone."""
    pixels = saved(picture((900, 700)), "PNG")
    try:
        while True:
            data = random.choice([pixels, os.urandom(400_000)])
            created = await device.do(
                "file:create", conversationId=talk, name="a", size=len(data), type=""
            )
            await put(server.url, created, _slowly(data))
            file_id = created["file"]["id"]
            await device.ask("file:complete", {"fileId": file_id})
            await device.ask("chat:message_send", {"conversationId": talk, "fileIds": [file_id]})
            came.set()
    except (aiohttp.ClientError, ConnectionError, Exception):
        return


async def test_killed_while_files_are_uploaded(fresh_dsn: str, tmp_path: Path) -> None:
    """After kills in the middle of uploads every file of a message is served whole, and no object is nobody's."""
    folder = tmp_path / "files"
    where = {"FILES_URL": f"file://{folder}"}
    connection = await asyncpg.connect(fresh_dsn)
    await connection.execute(
        "INSERT INTO chat_users (user_id, username) VALUES ('ann', 'ann'), ('ben', 'ben')"
    )
    ann, ben = (User(name, token_for(name)) for name in ("ann", "ben"))
    talk = ""
    for _ in range(_ROUNDS):
        async with process_server(fresh_dsn, **where) as server:
            devices = [Device(server.url, ann.token) for _ in range(_AT_ONCE)]
            for device in devices:
                await device.connect()
            talk = talk or await opened(devices[0], ben)
            came = asyncio.Event()
            sending = [asyncio.create_task(_send_files(server, d, talk, came)) for d in devices]
            await came.wait()
            assert server.process is not None
            server.process.kill()
            await server.process.wait()
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)
            for device in devices:
                await device.close()
    # What was being looked at is taken over, and what was not finished goes, at once for this test.
    await connection.execute("UPDATE files SET work_until = now() - interval '1 s'")
    await connection.execute(
        "UPDATE file_objects SET doomed_at = now() - interval '1 s' WHERE doomed_at IS NOT NULL"
    )
    async with local_server(fresh_dsn, **where) as server:
        assert server.app is not None
        files = server.app.files
        while await connection.fetchval("SELECT count(*) FROM files WHERE state = 'scanning'"):
            await files.caretaker.look()
            await files.completion.settled()
        await files.caretaker.look(unclaimed=0)
        shown: list[dict[str, Any]] = []
        device = Device(server.url, ben.token)
        await device.connect()
        history = await device.do("chat:history", conversationId=talk, limit=200)
        for message in history["messages"]:
            shown += message["files"]
        assert shown
        for file in shown:
            assert file["state"] == "ready"
            served = await fetch("GET", server.url, file["url"], ben)
            assert (served.status, len(served.body)) == (200, file["size"])
        await device.close()
    left = await connection.fetch("SELECT id, doomed_at FROM file_objects")
    assert all(row["doomed_at"] is None for row in left)
    referred = await connection.fetch(
        "SELECT content AS id FROM files UNION SELECT thumb FROM files WHERE thumb IS NOT NULL"
    )
    stored = {path.name for path in folder.rglob("*") if path.is_file()}
    assert stored == {row["id"].hex for row in left} == {row["id"].hex for row in referred}
    await connection.close()
