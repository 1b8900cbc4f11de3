"""Messages with files: who may send what, once, and how it is shown."""

import asyncio
import os
from uuid import uuid4

import asyncpg

from tests.conftest import Connect, Resume, User
from tests.support.files import begun, fetch, sent, uploaded
from tests.support.groups import create
from tests.support.images import picture, saved
from tests.support.servers import Server
from tests.support.talks import opened

Pool = asyncpg.Pool


async def test_what_may_be_sent(
    server: Server, connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """Files must be one's own, of that conversation, each in one message; else nothing is posted."""
    a, b = await connect(alice), await connect(bob)
    talk, other = await opened(a, bob), await opened(a, carol)
    mine, elsewhere = [await uploaded(server.url, a, t, os.urandom(5)) for t in (talk, other)]
    theirs = await uploaded(server.url, b, talk, b"bytes")
    before = await a.do("chat:history", conversationId=talk)

    async def refusal(*ids: str) -> tuple[str, list[str]]:
        ack = await a.ask("chat:message_send", {"conversationId": talk, "fileIds": [*ids]})
        return ack["error"]["code"], [*ack["error"].get("fields", {})]

    missing = ("RESOURCE_NOT_FOUND", ["fileIds"])
    assert await refusal(mine["id"], elsewhere["id"]) == missing
    assert await refusal(mine["id"], theirs["id"]) == missing
    assert await refusal(mine["id"], str(uuid4())) == missing
    assert await refusal(mine["id"], mine["id"]) == ("VALIDATION_ERROR", ["fileIds"])
    assert await refusal(*(str(uuid4()) for _ in range(11))) == ("VALIDATION_ERROR", ["fileIds"])
    assert await refusal() == ("VALIDATION_ERROR", ["fileIds"])
    assert await a.do("chat:history", conversationId=talk) == before
    await sent(a, talk, mine["id"])
    assert await refusal(mine["id"]) == ("CONFLICT", [])


async def test_it_is_sent_once(server: Server, connect: Connect, alice: User, bob: User) -> None:
    """The same clientMessageId again is the same message; with other files it is a conflict, erased or not."""
    device = await connect(alice)
    talk = await opened(device, bob)
    one, other = [await uploaded(server.url, device, talk, os.urandom(5)) for _ in range(2)]
    first = await sent(device, talk, one["id"], clientMessageId="once", content="look")
    payload = {"conversationId": talk, "clientMessageId": "once", "content": "look"}
    again = await device.ask("chat:message_send", {**payload, "fileIds": [one["id"]]})
    assert (again["duplicate"], again["messageId"]) == (True, first["id"])
    assert again["message"]["files"] == [one]
    for ids in ({"fileIds": [other["id"]]}, {"fileIds": [one["id"], other["id"]]}, {}):
        ack = await device.ask("chat:message_send", payload | ids)
        assert ack["error"]["code"] == "IDEMPOTENCY_CONFLICT", ids
    await device.do("chat:message_delete", messageId=first["id"])
    late = await device.ask("chat:message_send", {**payload, "fileIds": [one["id"]]})
    assert (late["success"], late["duplicate"]) == (True, True)


async def test_sends_at_the_same_time(
    server: Server, connect: Connect, alice: User, bob: User
) -> None:
    """Of messages that want the same file at once one gets it."""
    devices = [await connect(alice) for _ in range(4)]
    talk = await opened(devices[0], bob)
    file = await uploaded(server.url, devices[0], talk, b"bytes")
    acks = await asyncio.gather(
        *(
            d.ask("chat:message_send", {"conversationId": talk, "fileIds": [file["id"]]})
            for d in devices
        )
    )
    assert sorted(ack["success"] for ack in acks) == [False, False, False, True]
    assert {ack["error"]["code"] for ack in acks if not ack["success"]} == {"CONFLICT"}


async def test_types_by_themselves(
    server: Server, connect: Connect, alice: User, bob: User
) -> None:
    """A message is an image where all its files are, a voice where it is a sound with a duration, else a file."""
    device = await connect(alice)
    talk = await opened(device, bob)
    pixels, sound = saved(picture((40, 30)), "PNG"), b"OggS and so on"
    voice = {"duration": 2_500, "waveform": [0, 128, 255]}

    async def kind(*files: dict[str, object], **more: object) -> str:
        message = await sent(device, talk, *(str(file["id"]) for file in files), **more)
        return str(message["message_type"])

    async def image() -> dict[str, object]:
        return await uploaded(server.url, device, talk, pixels, "a.png", "image/png")

    async def audio(**more: object) -> dict[str, object]:
        return await uploaded(server.url, device, talk, sound, "a.ogg", "audio/ogg", **more)

    assert await kind(await image(), await image()) == "image"
    spoken = await audio(**voice)
    assert (spoken["duration"], spoken["waveform"]) == (2_500, [0, 128, 255])
    assert await kind(spoken) == "voice"
    assert await kind(await audio()) == "file"
    assert await kind(await audio(**voice), await audio(**voice)) == "file"
    assert await kind(await image(), await audio(**voice)) == "file"
    assert await kind(await image(), messageType="file") == "file"


async def test_an_edit_changes_the_text_alone(
    server: Server, connect: Connect, alice: User, bob: User
) -> None:
    """An edit of a message leaves its files."""
    a, b = await connect(alice), await connect(bob)
    talk = await opened(a, bob)
    file = await uploaded(server.url, a, talk, b"bytes")
    message = await sent(a, talk, file["id"])
    edited = await a.do("chat:message_edit", messageId=message["id"], content="what it is")
    assert (edited["message"]["content"], edited["message"]["files"]) == ("what it is", [file])
    push = await b.expect("chat:message_edited")
    assert push["message"]["files"] == [file]


async def test_end_to_end(server: Server, connect: Connect, alice: User, bob: User) -> None:
    """End-to-end ciphertext goes with files, too."""
    device = await connect(alice)
    talk = await opened(device, bob)
    file = await uploaded(server.url, device, talk, b"bytes")
    message = await sent(device, talk, file["id"], contentEncrypted="c2VjcmV0")
    assert (message["content"], message["content_encrypted"]) == (None, "c2VjcmV0")
    assert message["files"] == [file]


async def test_who_was_away_sees_it(
    server: Server, connect: Connect, resume: Resume, alice: User, bob: User
) -> None:
    """Files are in what is replayed and in what is synced."""
    a = await connect(alice)
    talk = await opened(a, bob)
    away = await resume(bob)
    await away.drop()
    file = await uploaded(server.url, a, talk, b"bytes")
    message = await sent(a, talk, file["id"])
    back = await connect(bob)
    push = await back.expect("chat:message_received")
    assert push["files"] == [file]
    synced = await back.do("chat:sync", conversationId=talk, afterSeq=message["seq"] - 1)
    assert synced["events"][0]["data"]["files"] == [file]


async def test_blocks_and_strangers(
    server: Server, connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """Between people who block each other no file is begun or sent; in a group a block changes nothing."""
    a, b = await connect(alice), await connect(bob)
    talk, group = await opened(a, bob), await create(a, bob)
    file = await uploaded(server.url, a, talk, b"bytes")
    await b.do("user:block", userId=alice.id)
    asked = {"conversationId": talk, "name": "a", "size": 5, "type": ""}
    assert (await a.ask("file:create", asked))["error"]["code"] == "USER_BLOCKED"
    ack = await a.ask("chat:message_send", {"conversationId": talk, "fileIds": [file["id"]]})
    assert ack["error"]["code"] == "USER_BLOCKED"
    shared = await uploaded(server.url, a, group, b"bytes")
    await sent(a, group, shared["id"])
    c = await connect(carol)
    assert (await c.ask("file:create", asked))["error"]["code"] == "RESOURCE_NOT_FOUND"


async def test_nothing_lies_in_clear(
    server: Server, connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """What a file is called stands nowhere in the database."""
    device = await connect(alice)
    talk = await opened(device, bob)
    file = await uploaded(server.url, device, talk, b"bytes", "a telling name.txt")
    await sent(device, talk, file["id"])
    for table in ("files", "messages", "events", "requests"):
        rows = await db.fetch(f"SELECT t::text AS row FROM {table} t")
        named = b"a telling name".hex()
        assert not any("telling" in row["row"] or named in row["row"] for row in rows)
    assert (await begun(device, talk, 5))["file"]["state"] == "uploading"
    assert (await fetch("GET", server.url, file["url"], bob)).status == 200
