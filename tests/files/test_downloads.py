"""What is served: to whom, which part of it, and that nothing runs in it."""

import os
from types import SimpleNamespace
from uuid import uuid4

import asyncpg
import pytest

from chatserver.core.crypto import Vault
from chatserver.files import Links, links
from tests.conftest import Connect, User
from tests.support.files import begun, fetch, put, sent, uploaded
from tests.support.groups import create
from tests.support.http import request
from tests.support.images import picture, saved
from tests.support.servers import ENCRYPTION_KEY, Server
from tests.support.talks import opened

_SIZE = 200_000
_PAGE = b"<!doctype html><script>alert(document.cookie)</script>"
_PDF = b"%PDF-1.7 and so on"


async def _status(server: Server, file: dict[str, object], user: User) -> int:
    return (await fetch("GET", server.url, str(file["url"]), user)).status


async def test_parts_of_a_file(server: Server, connect: Connect, alice: User, bob: User) -> None:
    """A range, one from the end and an open one are served; what names no byte is 416, others the whole."""
    device = await connect(alice)
    data = os.urandom(_SIZE)
    file = await uploaded(server.url, device, await opened(device, bob), data)

    for asked, start, end in (
        ("bytes=0-0", 0, 1),
        ("bytes=65535-65536", 65_535, 65_537),
        ("bytes=-5", _SIZE - 5, _SIZE),
        ("bytes=-999999", 0, _SIZE),
        ("bytes=199000-", 199_000, _SIZE),
        ("bytes = 10 - 999999999", 10, _SIZE),
    ):
        part = await fetch("GET", server.url, file["url"], alice, Range=asked)
        assert (part.status, part.body) == (206, data[start:end]), asked
        assert part.headers["Content-Range"] == f"bytes {start}-{end - 1}/{_SIZE}"
    for asked in ("bytes=200000-", "bytes=-0", "bytes=999999999999999999-"):
        none = await fetch("GET", server.url, file["url"], alice, Range=asked)
        assert (none.status, none.headers["Content-Range"]) == (416, f"bytes */{_SIZE}"), asked
    others = (
        "bytes=5-4",
        "bytes=0-1,5-6",
        "bytes=",
        "bytes=a-b",
        "lines=0-1",
        "bytes=-",
        "x",
        "bytes=١-",
    )
    for asked in others:
        whole = await fetch("GET", server.url, file["url"], alice, Range=asked)
        assert (whole.status, whole.body) == (200, data), asked


async def test_conditions(server: Server, connect: Connect, alice: User, bob: User) -> None:
    """Who has the file is told so; a range of an older file is answered by the whole; HEAD has no bytes."""
    device = await connect(alice)
    file = await uploaded(server.url, device, await opened(device, bob), b"0123456789")
    head = await fetch("HEAD", server.url, file["url"], alice)
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", "10")
    tag = head.headers["ETag"]
    for names in (tag, f'"other", {tag}', "*"):
        known = await fetch("GET", server.url, file["url"], alice, If_None_Match=names)
        assert (known.status, known.body, known.headers["ETag"]) == (304, b"", tag)
    other = await fetch("GET", server.url, file["url"], alice, If_None_Match='"other"')
    assert other.status == 200
    part = await fetch("GET", server.url, file["url"], alice, Range="bytes=1-2", If_Range=tag)
    assert (part.status, part.body) == (206, b"12")
    whole = await fetch("GET", server.url, file["url"], alice, Range="bytes=1-2", If_Range='"old"')
    assert (whole.status, whole.body) == (200, b"0123456789")


@pytest.mark.parametrize(
    ("data", "declared", "served_as", "shown"),
    [
        (_PAGE, "text/html", "application/octet-stream", "attachment"),
        (
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            "image/svg+xml",
            "application/octet-stream",
            "attachment",
        ),
        (b"PK\3\4 a document", "application/zip", "application/octet-stream", "attachment"),
        (_PDF, "text/html", "application/pdf", "inline"),
        (b"OggS sound", "audio/ogg; codecs=opus", "audio/ogg", "inline"),
        (b"\x1aE\xdf\xa3....webm", "audio/webm;codecs=opus", "audio/webm", "inline"),
        (b"\x1aE\xdf\xa3....webm", "video/webm", "video/webm", "inline"),
        (b"\0\0\0\x18ftypM4A ", "", "audio/mp4", "inline"),
        (b"\0\0\0\x18ftypisom", "text/javascript", "video/mp4", "inline"),
        (b"ID3 a song", "audio/mpeg", "audio/mpeg", "inline"),
    ],
)
async def test_nothing_runs_in_a_file(
    server: Server,
    connect: Connect,
    alice: User,
    bob: User,
    data: bytes,
    declared: str,
    served_as: str,
    shown: str,
) -> None:
    """What a file is, its bytes say; what is not known as harmless is downloaded, and nothing runs in the rest."""
    device = await connect(alice)
    file = await uploaded(server.url, device, await opened(device, bob), data, "a.html", declared)
    assert file["type"] == served_as
    served = await fetch("GET", server.url, file["url"], alice)
    assert served.body == data
    headers = served.headers
    assert headers["Content-Type"] == served_as
    assert headers["Content-Disposition"] == f'{shown}; filename="a.html"'
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("name", "kept", "header"),
    [
        (
            "résumé.pdf",
            "résumé.pdf",
            "attachment; filename=\"r_sum_.pdf\"; filename*=UTF-8''r%C3%A9sum%C3%A9.pdf",
        ),
        ("../../etc/passwd", "passwd", 'attachment; filename="passwd"'),
        ("C:\\Users\\me\\a.txt", "a.txt", 'attachment; filename="a.txt"'),
        ('a"; filename="b.exe', 'a"; filename="b.exe', None),
        ("a\r\nSet-Cookie: b=c", "aSet-Cookie: b=c", None),
        ("photo\u202egpj.exe", "photogpj.exe", 'attachment; filename="photogpj.exe"'),
        ("...", "file", 'attachment; filename="file"'),
        ("/", "file", 'attachment; filename="file"'),
        (
            "名前.txt",
            "名前.txt",
            "attachment; filename=\"__.txt\"; filename*=UTF-8''%E5%90%8D%E5%89%8D.txt",
        ),
        ("x" * 255, "x" * 255, None),
    ],
)
async def test_names_of_every_kind(
    server: Server,
    connect: Connect,
    alice: User,
    bob: User,
    name: str,
    kept: str,
    header: str | None,
) -> None:
    """A name has no path and nothing that controls or turns a text, and cannot leave its place in a header."""
    device = await connect(alice)
    file = await uploaded(server.url, device, await opened(device, bob), b"bytes", name)
    assert file["name"] == kept
    served = await fetch("GET", server.url, file["url"], alice)
    assert "Set-Cookie" not in served.headers
    said = served.headers["Content-Disposition"]
    assert said.isascii()
    assert said.count('"') == 2
    assert header is None or said == header


async def test_whose_it_is_decides_each_time(
    server: Server, connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """Those who hide or delete its message, leave, or never were there get 404; a block takes nothing back."""
    a, b = await connect(alice), await connect(bob)
    talk = await opened(a, bob)
    hidden, deleted, kept = [await uploaded(server.url, a, talk, os.urandom(9)) for _ in range(3)]
    assert await _status(server, kept, bob) == 404  # not sent yet
    assert await _status(server, kept, alice) == 200
    await sent(a, talk, hidden["id"])
    await b.do("chat:conversation_delete", conversationId=talk)
    message = await sent(a, talk, deleted["id"])
    await sent(a, talk, kept["id"])
    await b.do("chat:message_delete", messageId=message["id"], deleteForEveryone=False)
    assert [await _status(server, one, bob) for one in (hidden, deleted, kept)] == [404, 404, 200]
    assert [await _status(server, one, alice) for one in (hidden, deleted, kept)] == [200] * 3
    group = await create(a, bob, carol)
    await b.do("user:block", userId=alice.id)
    assert [await _status(server, kept, one) for one in (alice, bob, carol)] == [200, 200, 404]
    shared = await uploaded(server.url, a, group, b"for all")
    await sent(a, group, shared["id"])
    assert [await _status(server, shared, one) for one in (alice, bob, carol)] == [200] * 3
    c = await connect(carol)
    await c.do("group:leave", conversationId=group)
    assert await _status(server, shared, carol) == 404
    await a.do("group:delete", conversationId=group)
    assert await _status(server, shared, bob) == 404


async def test_links_are_personal(
    server: Server, connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """A link holds without a token for whoever asked, as things stand; altered, or of another file, it is 404."""
    a, b = await connect(alice), await connect(bob)
    talk = await opened(a, bob)
    file = await uploaded(server.url, a, talk, saved(picture(), "PNG"))
    other = await uploaded(server.url, a, talk, b"bytes")
    message = await sent(a, talk, file["id"], other["id"])
    given = await b.do("file:links", fileIds=[file["id"], other["id"], str(uuid4())])
    assert given["links"].keys() == {file["id"], other["id"]}
    assert given["links"][other["id"]]["thumb_url"] is None
    link = given["links"][file["id"]]
    assert (await fetch("GET", server.url, link["url"])).status == 200
    assert (await fetch("GET", server.url, link["thumb_url"])).headers[
        "Content-Type"
    ] == "image/webp"
    mark = link["url"].partition("link=")[2]
    for altered in (mark[:-1], mark + "A", "B" + mark[1:], mark[::-1], "", "%00", "é", "A" * 3_000):
        address = f"/api/files/{file['id']}?link={altered}"
        answer = await fetch("GET", server.url, address)
        assert answer.status in (400, 404, 431), altered
    assert (await fetch("GET", server.url, f"/api/files/{other['id']}?link={mark}")).status == 404
    refused = await request(
        "POST", f"{server.url}/api/files/links", carol, json={"file_ids": [file["id"]]}
    )
    assert refused.body == {"links": {}}
    await a.do("chat:message_delete", messageId=message["id"])
    assert (await fetch("GET", server.url, link["url"])).status == 404
    assert (await b.do("file:links", fileIds=[file["id"]]))["links"] == {}


def test_a_link_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A link holds for a minute, whichever key of those known has signed it."""
    file_id, now = uuid4(), 1_800_000_000.5
    monkeypatch.setattr(links, "time", SimpleNamespace(time=lambda: now))
    old, new, other = Links(Vault(["old"])), Links(Vault(["new", "old"])), Links(Vault(["new"]))
    address, _, until = old.personal(file_id, "somebody")
    assert until == 1_800_000_061
    mark = address.partition("link=")[2]
    assert new.person(file_id, mark) == "somebody"
    with pytest.raises(Exception, match="RESOURCE_NOT_FOUND"):
        other.person(file_id, mark)
    now = until
    with pytest.raises(Exception, match="RESOURCE_NOT_FOUND"):
        new.person(file_id, mark)


async def test_what_is_no_file(server: Server, alice: User) -> None:
    """An id that is none, or nobody's, is 404; without a token it is 401."""
    for name in (str(uuid4()), "me", "..", "%2e%2e%2fpasswd", "0" * 36, "%00"):
        answer = await fetch("GET", server.url, f"/api/files/{name}", alice)
        assert answer.status in (404, 400), name
    assert (await fetch("GET", server.url, f"/api/files/{uuid4()}")).status == 401


async def test_pages_of_other_origins_may_read(
    server: Server, connect: Connect, alice: User, bob: User
) -> None:
    """Streamed answers have CORS' headers, and a preflight allows PUT and ranges."""
    device = await connect(alice)
    created = await begun(device, await opened(device, bob), 5)
    origin = "https://app.example.com"
    asked = {"Origin": origin, "Access_Control_Request_Method": "PUT"}
    preflight = await fetch("OPTIONS", server.url, created["upload"]["url"], **asked)
    assert preflight.status == 204
    assert "PUT" in preflight.headers["Access-Control-Allow-Methods"]
    assert "Range" in preflight.headers["Access-Control-Allow-Headers"]
    await put(server.url, created, b"bytes")
    await device.do("file:complete", fileId=created["file"]["id"])
    served = await fetch("GET", server.url, created["file"]["url"], alice, Origin=origin)
    assert served.headers["Access-Control-Allow-Origin"] == origin
    assert "Content-Range" in served.headers["Access-Control-Expose-Headers"]


async def test_what_is_lost_is_404(
    server: Server, connect: Connect, alice: User, bob: User, db: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    """A file whose bytes are gone from the storage is not there; nothing crashes."""
    assert ENCRYPTION_KEY
    device = await connect(alice)
    file = await uploaded(server.url, device, await opened(device, bob), b"bytes")
    await db.execute(
        "UPDATE files SET content = gen_random_uuid() WHERE id = $1::text::uuid", file["id"]
    )
    assert await _status(server, file, alice) == 404
