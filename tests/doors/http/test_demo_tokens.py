"""Tokens of the demo for the app's page, and for nobody else."""

from collections.abc import AsyncIterator

import pytest

from chatserver.ops import demo
from tests.conftest import User
from tests.support.cli import production
from tests.support.http import Answer, ok, request
from tests.support.servers import Server, local_server, settings_for


@pytest.fixture(scope="module")
async def shown(dsn: str) -> AsyncIterator[Server]:
    """A server that runs the demo."""
    async with local_server(dsn, demo_users=demo.USERS, IP_RATE_LIMIT="1000") as server:
        yield server


async def _ask(server: Server, body: object, **headers: str) -> Answer:
    return await request(
        "POST",
        f"{server.url}/demo/token",
        json=body,
        headers={"Origin": server.url} | headers,
    )


async def test_a_token(shown: Server, dsn: str) -> None:
    """The server's own page gets a token for each of the demo's people, with which they are let in."""
    await demo.create_users(dsn, settings_for(dsn))
    for user in demo.USERS:
        answer = await _ask(shown, {"user": user})
        assert (answer.status, list(answer.body)) == (200, ["token"])
        assert answer.headers["Cache-Control"] == "no-store"
        await ok("GET", f"{shown.url}/api/conversations", User(user, answer.body["token"]))


@pytest.mark.parametrize(
    "origin",
    ["", "null", "https://evil.example", "http://evil.example:80", "http://127.0.0.1", "file://",
     "http://127.0.0.1:1", "http://localhost.evil.example"],
)  # fmt: skip
async def test_another_origin(shown: Server, origin: str) -> None:
    """A page of another origin, and a program that names none, find no such route."""
    assert (await _ask(shown, {"user": "alice"}, Origin=origin)).status == 404


@pytest.mark.parametrize(
    ("host", "status"),
    [("rebound.example", 404), ("127.0.0.1.evil.example", 404), ("localhost", 200), ("[::1]:3001", 200),
     ("10.0.2.2:3001", 200), ("devbox:3001", 200), ("mac.local", 200)],
)  # fmt: skip
async def test_a_name_that_was_pointed_here(shown: Server, host: str, status: int) -> None:
    """A stranger's page whose name was pointed at this machine gets no token; the machine's own names do."""
    answer = await _ask(shown, {"user": "alice"}, Origin=f"http://{host}", Host=host)
    assert answer.status == status


@pytest.mark.parametrize(
    "body", [{}, {"user": "mallory"}, {"user": ["alice"]}, {"user": None}, {"user": "alice "}]
)
async def test_an_unknown_user(shown: Server, body: object) -> None:
    """Nobody but the demo's people gets a token: the error names the field, and repeats nothing."""
    answer = await _ask(shown, body)
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    assert answer.error["fields"] == {"user": ["Must be one of alice, bob, carol, dave."]}


async def test_bad_bodies(shown: Server) -> None:
    """What is no small JSON object is refused."""
    for data, status in ((b"{", 400), (b"[]", 400), (b'{"user": "%s"}' % (b"a" * 2000), 413)):
        answer = await request(
            "POST", f"{shown.url}/demo/token", data=data, headers={"Origin": shown.url}
        )
        assert answer.status == status, data


async def test_other_methods(shown: Server) -> None:
    """Nothing but POST gets a token."""
    for method in ("GET", "PUT", "DELETE"):
        answer = await request(
            method, f"{shown.url}/demo/token?user=alice", headers={"Origin": shown.url}
        )
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")


async def test_without_a_demo(server: Server, dsn: str) -> None:
    """Without --demo there is no such route, and in production there is none in any case."""
    assert (await _ask(server, {"user": "alice"})).status == 404
    async with local_server(dsn, demo_users=demo.USERS, **production(dsn)) as strict:
        assert (await _ask(strict, {"user": "alice"})).status == 404


async def test_the_limit_of_an_address(dsn: str) -> None:
    """Tokens count among the requests of an address."""
    async with local_server(dsn, demo_users=demo.USERS, IP_RATE_LIMIT="1") as server:
        assert (await _ask(server, {"user": "alice"})).status == 200
        assert (await _ask(server, {"user": "alice"})).status == 429
