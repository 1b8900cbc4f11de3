"""Profile pictures: where they are found, how long that is remembered, what is asked of the main back end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from aiohttp import web

from chatserver.people.profile_pictures import PictureSource, ProfilePictures
from chatserver.resources.directory import Directory
from chatserver.schemas.profile_pictures import PictureOf
from chatserver.store import Database
from chatserver.store.migrate import migrate
from tests.conftest import Connect, User
from tests.support.http import ok, request
from tests.support.main_backend import create_tables, execute
from tests.support.patience import PATIENCE
from tests.support.redis_server import free_port
from tests.support.servers import Server, local_server, settings_for


class Backend:
    """A main back end. ``statuses`` are its answers by path, else 404; ``asked`` is what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[tuple[str, str]] = []
        self.statuses: dict[str, int] = {}
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.at_once = self.most_at_once = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.method, request.raw_path))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.go_on.wait()
            status = self.statuses.get(request.raw_path, 404)
            if status == -1 and request.method == "HEAD":
                return web.Response(status=405)
            headers = {"Location": f"{self.url}/elsewhere"} if status == 302 else {}
            return web.Response(status=200 if status == -1 else status, headers=headers)
        finally:
            self.at_once -= 1


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    """A main back end that listens."""
    backend = Backend()
    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", backend.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    backend.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield backend
    backend.go_on.set()
    await runner.cleanup()


@asynccontextmanager
async def pictures_of(
    dsn: str, source: PictureSource | None, **options: Any
) -> AsyncIterator[ProfilePictures]:
    """The service alone, on a real database."""
    db = await Database.connect(settings_for(dsn).database, dsn)
    pictures = ProfilePictures(Directory(db), source, **{"batch_timeout": PATIENCE, **options})
    try:
        yield pictures
    finally:
        await pictures.close()
        if source:
            await source.close()
        await db.close()


async def _set_picture(db: "asyncpg.Pool[asyncpg.Record]", user: User, url: str) -> None:
    await db.execute("UPDATE chat_users SET avatar_url = $2 WHERE user_id = $1", user.id, url)


def _of(user: User) -> dict[str, Any]:
    return {"type": "user", "id": user.id}


async def test_the_documented_batch(
    dsn: str, backend: Backend, db: "asyncpg.Pool[asyncpg.Record]", alice: User, bob: User
) -> None:
    """POST /api/profile-pictures/batch answers each item, in order, ids as they were given, as documented."""
    await _set_picture(db, alice, "https://cdn.example/alice.png")
    backend.statuses = {"/pfp/user/123": 200, "/pfp/community/789": 200}
    async with local_server(dsn, PROFILE_PICTURE_URL=f"{backend.url}/pfp/") as server:
        items = [
            {"type": "user", "id": 123},
            {"type": "community", "id": 456},
            _of(alice),
            {"type": "community", "id": "789"},
            _of(bob),
            {"type": "user", "id": 123},
        ]
        url = f"{server.url}/api/profile-pictures/batch"
        body = await ok("POST", url, bob, json={"items": items})
        timestamp = body.pop("timestamp")
        assert timestamp.endswith("Z")
        there = {"hasPicture": True, "default": False}
        none = {"hasPicture": False, "default": True}
        pfp = f"{backend.url}/pfp"
        assert body == {
            "status": "ok",
            "items": [
                {**items[0], **there, "url": f"{pfp}/user/123"},
                {**items[1], **none},
                {**items[2], **there, "url": "https://cdn.example/alice.png"},
                {**items[3], **there, "url": f"{pfp}/community/789"},
                {**items[4], **none},
                {**items[5], **there, "url": f"{pfp}/user/123"},
            ],
        }
        paths = ["/pfp/community/456", "/pfp/community/789", "/pfp/user/123", f"/pfp/user/{bob.id}"]
        assert sorted(backend.asked) == [("HEAD", path) for path in paths]
        again = await ok("POST", url, alice, json={"items": items})
        assert again["items"] == body["items"]
        assert len(backend.asked) == 4, "the rest is remembered"


async def test_without_a_main_back_end(
    server: Server, connect: Connect, db: "asyncpg.Pool[asyncpg.Record]", alice: User, bob: User
) -> None:
    """Over Socket.IO it is `user:profile_pictures`; without PROFILE_PICTURE_URL the directory is all there is."""
    await _set_picture(db, bob, "https://cdn.example/bob.png")
    a = await connect(alice)
    answer = await a.do(
        "user:profile_pictures", items=[_of(bob), _of(alice), {"type": "community", "id": 1}]
    )
    assert [item["hasPicture"] for item in answer["items"]] == [True, False, False]
    assert answer["items"][0]["url"] == "https://cdn.example/bob.png"
    assert not any("error" in item for item in answer["items"])
    assert (await a.do("user:profile_pictures", items=[]))["items"] == []


@pytest.mark.parametrize(
    ("items", "wrong"),
    [
        ([{"type": "user", "id": 1}] * 51, {"items"}),
        ([{"type": "user", "id": 1}, {"type": "group", "id": 1}], {"items.1.type"}),
        ([{"id": 1}, {"type": "user"}, "x"], {"items.0.type", "items.1.id", "items.2"}),
        (
            [{"type": "user", "id": bad} for bad in (-1, True, 1.5, None, "", "x" * 65, "a\0b", [])],
            {f"items.{n}.id" for n in range(8)},
        ),
    ],
)  # fmt: skip
async def test_bad_items(items: list[Any], wrong: set[str], server: Server, alice: User) -> None:
    """What is wrong with an item is told by its place in the list and its field; more than 50 are refused."""
    url = f"{server.url}/api/profile-pictures/batch"
    answer = await request("POST", url, alice, json={"items": items})
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    assert set(answer.error["fields"]) == wrong


async def test_it_wants_a_token(server: Server) -> None:
    """Nobody's pictures are told to nobody."""
    answer = await request("POST", f"{server.url}/api/profile-pictures/batch", json={"items": []})
    assert (answer.status, answer.error["code"]) == (401, "AUTH_REQUIRED")


async def test_failures_are_by_item(dsn: str, backend: Backend, alice: User) -> None:
    """What the main back end cannot tell fails by itself, is not remembered, and is asked again."""
    backend.statuses = {"/community/1": 500, "/community/2": 200, "/community/3": 302}
    async with local_server(dsn, PROFILE_PICTURE_URL=backend.url) as server:
        url = f"{server.url}/api/profile-pictures/batch"
        items = [{"type": "community", "id": n} for n in (1, 2, 3)]
        first = (await ok("POST", url, alice, json={"items": items}))["items"]
        assert [item["hasPicture"] for item in first] == [False, True, True]
        assert [item.get("error") for item in first] == ["UNAVAILABLE", None, None]
        assert ("HEAD", "/elsewhere") not in backend.asked, "a redirect is the client's to follow"
        backend.statuses["/community/1"] = 200
        second = (await ok("POST", url, alice, json={"items": items}))["items"]
        assert [item["hasPicture"] for item in second] == [True, True, True]


async def test_a_back_end_that_is_away(dsn: str, alice: User) -> None:
    """Without the main back end the directory's people are still told, and the others fail by themselves."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    async with local_server(dsn, PROFILE_PICTURE_URL=nowhere) as server:
        url = f"{server.url}/api/profile-pictures/batch"
        body = await ok("POST", url, alice, json={"items": [_of(alice)]})
        assert body["items"] == [
            {**_of(alice), "hasPicture": False, "default": True, "error": "UNAVAILABLE"}
        ]


async def test_a_back_end_that_stands_still(dsn: str, backend: Backend) -> None:
    """A batch has an end; ten requests are under way at most; the same picture is asked for once."""
    backend.go_on.clear()
    source = PictureSource(backend.url, timeout=PATIENCE)
    async with pictures_of(dsn, source, batch_timeout=1.5) as pictures:
        asked = [PictureOf(type="community", id=n) for n in range(50)]
        batches = await asyncio.gather(*(pictures.batch(asked) for _ in range(3)))
        for batch in batches:
            assert [item.error for item in batch.items] == ["UNAVAILABLE"] * 50
        assert backend.most_at_once == 10
        backend.statuses = {f"/community/{n}": 200 for n in range(50)}
        backend.go_on.set()
        pictures._batch_timeout = PATIENCE
        found = (await pictures.batch(asked)).items
        assert all(item.has_picture for item in found)
        assert len(backend.asked) == 50


async def test_a_back_end_without_head(dsn: str, backend: Backend) -> None:
    """A main back end that does not know HEAD is asked by GET."""
    backend.statuses = {"/user/7": -1}
    async with pictures_of(dsn, PictureSource(backend.url, timeout=PATIENCE)) as pictures:
        (item,) = (await pictures.batch([PictureOf(type="user", id=7)])).items
    assert item.url == f"{backend.url}/user/7"
    assert backend.asked == [("HEAD", "/user/7"), ("GET", "/user/7")]


@pytest.mark.parametrize(
    ("user_id", "path"),
    [
        ("../admin", "/pfp/user/..%2Fadmin"),
        ("a/b?c=d#e", "/pfp/user/a%2Fb%3Fc%3Dd%23e"),
        ("%2e%2e", "/pfp/user/%252e%252e"),
        ("@evil.example", "/pfp/user/%40evil.example"),
        ("http://evil.example", "/pfp/user/http%3A%2F%2Fevil.example"),
        ("ü ", "/pfp/user/%C3%BC%20"),
        ("..", None),
        (".", None),
    ],
)
async def test_an_id_is_one_segment(
    user_id: str, path: str | None, dsn: str, backend: Backend
) -> None:
    """Whatever an id is, it is one segment of the configured address' path, or nobody's."""
    async with pictures_of(dsn, PictureSource(f"{backend.url}/pfp", timeout=PATIENCE)) as pictures:
        (item,) = (await pictures.batch([PictureOf(type="user", id=user_id)])).items
    assert item.default
    assert item.error is None
    assert [asked for _, asked in backend.asked] == ([path] if path else [])


async def test_five_minutes_and_a_thousand(dsn: str, backend: Backend) -> None:
    """A picture is remembered for five minutes, also that there is none; of more than 1,000 the oldest go."""
    now = 1_000.0
    source = PictureSource(backend.url, timeout=PATIENCE)
    async with pictures_of(dsn, source, clock=lambda: now) as pictures:

        async def ask(*ids: int) -> int:
            before = len(backend.asked)
            await pictures.batch([PictureOf(type="community", id=n) for n in ids])
            return len(backend.asked) - before

        assert await ask(0, 1) == 2
        now += 299
        assert await ask(0, 1) == 0
        now += 2
        assert await ask(0, 1) == 2
        for first in range(2, 1_000, 50):
            await ask(*range(first, min(first + 50, 1_000)))
        assert await ask(0, 1, 999) == 0
        assert await ask(1_000) == 1
        assert await ask(1, 999, 1_000) == 0
        assert await ask(0) == 1


async def test_a_database_that_is_away(fresh_dsn: str, postgres: str, backend: Backend) -> None:
    """Without the database the main back end is asked for users, and without that each fails by itself."""
    name = fresh_dsn.split("?")[0].rpartition("/")[2]
    backend.statuses = {"/user/1": 200}
    asked = [PictureOf(type="user", id=1), PictureOf(type="community", id=1)]
    async with (
        pictures_of(fresh_dsn, PictureSource(backend.url, timeout=PATIENCE)) as with_http,
        pictures_of(fresh_dsn, None) as without,
    ):
        await execute(
            postgres,
            f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'",
        )
        assert [item.has_picture for item in (await with_http.batch(asked)).items] == [True, False]
        failed = (await without.batch(asked)).items
        assert [item.error for item in failed] == ["UNAVAILABLE", None]


async def test_the_main_back_ends_users(empty_dsn: str) -> None:
    """Users with integer ids are found by number and by text alike, an avatar_url of theirs is shown."""
    await create_tables(
        empty_dsn,
        "integer",
        "ALTER TABLE users_auth ADD avatar_url text",
        "INSERT INTO users_auth (user_id, username, avatar_url) VALUES (5, 'ann', 'https://cdn.example/5')",
    )
    await migrate(empty_dsn)
    async with pictures_of(empty_dsn, None) as pictures:
        asked = [PictureOf(type="user", id=5), PictureOf(type="user", id="5")]
        found = (await pictures.batch(asked)).items
    assert [(item.id, item.url) for item in found] == [
        (5, "https://cdn.example/5"),
        ("5", "https://cdn.example/5"),
    ]
