"""The way of one file: created, uploaded, complete, sent, shown, downloaded, erased."""

import os

from tests.conftest import Connect, User
from tests.support.files import fetch, sent, uploaded
from tests.support.http import request
from tests.support.servers import Server
from tests.support.talks import opened


async def test_the_way_of_a_file(
    server: Server, connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """A file that is sent is shown wherever its message is, and served to its readers until it is erased."""
    a, b = await connect(alice), await connect(bob)
    talk = await opened(a, bob)
    data = os.urandom(300_000)
    file = await uploaded(server.url, a, talk, data, "résumé.bin", "application/x-thing")
    assert file == {
        "id": file["id"],
        "name": "résumé.bin",
        "size": len(data),
        "type": "application/octet-stream",
        "state": "ready",
        "width": None,
        "height": None,
        "duration": None,
        "waveform": None,
        "preview": None,
        "url": f"/api/files/{file['id']}",
        "thumb_url": None,
    }
    message = await sent(a, talk, file["id"])
    assert (message["content"], message["message_type"], message["files"]) == (None, "file", [file])
    push = await b.expect("chat:message_received")
    assert push["files"] == [file]
    history = await b.do("chat:history", conversationId=talk)
    assert history["messages"][-1]["files"] == [file]
    for reader in (alice, bob):
        served = await fetch("GET", server.url, file["url"], reader)
        assert (served.status, served.body) == (200, data)
    part = await fetch("GET", server.url, file["url"], bob, Range="bytes=70000-199999")
    assert (part.status, part.body) == (206, data[70_000:200_000])
    assert part.headers["Content-Range"] == "bytes 70000-199999/300000"
    assert (await fetch("GET", server.url, file["url"], carol)).status == 404
    assert (await fetch("GET", server.url, file["url"])).status == 401
    links = await request(
        "POST", f"{server.url}/api/files/links", bob, json={"file_ids": [file["id"]]}
    )
    link = links.body["links"][file["id"]]
    assert (await fetch("GET", server.url, link["url"])).body == data
    await a.do("chat:message_delete", messageId=message["id"])
    for address, reader in ((file["url"], alice), (file["url"], bob), (link["url"], None)):
        assert (await fetch("GET", server.url, address, reader)).status == 404
    history = await b.do("chat:history", conversationId=talk)
    assert (history["messages"][-1]["is_deleted"], history["messages"][-1]["files"]) == (True, [])
