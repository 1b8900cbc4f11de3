"""Files at the doors of other systems: a text, and where each is."""

import os

from tests.conftest import Connect, User
from tests.support.files import fetch, sent, uploaded
from tests.support.marketplace import asked
from tests.support.messaging import opener
from tests.support.servers import Server
from tests.support.talks import opened


async def test_messages_with_files_elsewhere(
    server: Server, connect: Connect, alice: User, bob: User
) -> None:
    """A message with files has an empty text there and `files`, live, queued and in lists; others have none."""
    device = await connect(alice)
    talk = await opened(device, bob)
    data = os.urandom(50)
    file = await uploaded(server.url, device, talk, data, "a.bin")
    queued = await sent(device, talk, file["id"])
    elsewhere = [{name: file[name] for name in ("name", "size", "type", "url")}]
    async with opener(server.url) as clients:
        client = await clients.open()
        connected = await client.authenticate(bob)
        (event,) = [e for e in connected["queuedEvents"] if e["message"]["id"] == queued["id"]]
        assert (event["message"]["content"], event["message"]["files"]) == ("", elsewhere)
        other = await uploaded(server.url, device, talk, data, "b.bin")
        await sent(device, talk, other["id"], content="another")
        told = await client.expect("new_private_message")
        assert told["message"]["content"] == "another"
        assert [one["name"] for one in told["message"]["files"]] == ["b.bin"]
    await device.do("chat:message_send", conversationId=talk, content="no file")
    shown = await asked(server, "GET", f"/messages?conversationId={talk}", bob)
    assert [message.get("files", None) and message["files"][0]["name"] for message in shown] == [
        "a.bin",
        "b.bin",
        None,
    ]
    assert (shown[0]["text"], "files" in shown[2]) == ("", False)
    served = await fetch("GET", server.url, shown[0]["files"][0]["url"], bob)
    assert served.body == data
