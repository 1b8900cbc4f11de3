"""Whose token it is, at both doors: REST's Bearer and Socket.IO's CONNECT."""

import time
from collections.abc import Callable
from uuid import uuid4

import asyncpg
import orjson
import pytest

from tests.conftest import Connect, MakeUser, User
from tests.support.http import ok, request
from tests.support.servers import Server
from tests.support.tokens import refusal, signed

Make = Callable[[str], str]


def _in(seconds: int) -> int:
    return int(time.time()) + seconds


GOOD: dict[str, Make] = {
    "sub": lambda me: signed(sub=me),
    "userId": lambda me: signed(userId=me),
    "sub and the same userId": lambda me: signed(sub=me, userId=me),
    "as the messaging documents have it": lambda me: signed(
        userId=me, username="somebody else", jti=str(uuid4()), iat=_in(0)
    ),
    "expired within the leeway": lambda me: signed(sub=me, exp=-20),
    "valid since now": lambda me: signed(sub=me, nbf=_in(0)),
    "valid within the leeway": lambda me: signed(sub=me, nbf=_in(20)),
    "issued by a clock that is ahead": lambda me: signed(sub=me, iat=_in(3600)),
    "for anybody": lambda me: signed(sub=me, aud="elsewhere", iss="https://main.example"),
}
BAD: dict[str, Make] = {
    "garbage": lambda _: "this-is-no-token-at-all-but-a-long-text",
    "three empty parts": lambda _: "..",
    "a piece": lambda me: signed(sub=me).rpartition(".")[0],
    "an empty signature": lambda me: signed(sub=me).rpartition(".")[0] + ".",
    "another secret": lambda me: signed(sub=me, secret=b"another secret of more than 32 bytes"),
    "alg none": lambda me: signed("none", sub=me),
    "alg None": lambda me: signed("None", sub=me),
    "HS512": lambda me: signed("HS512", sub=me),
    "expired": lambda me: signed(sub=me, exp=-31),
    "expired long ago": lambda me: signed(sub=me, exp=-86_400),
    "not valid yet": lambda me: signed(sub=me, nbf=_in(60)),
    "no exp": lambda me: signed(sub=me, exp=None),
    "two users": lambda me: signed(sub=me, userId="somebody-else"),
    "two users, one of them nobody": lambda me: signed(sub="nobody", userId=me),
    "no user": lambda _: signed(),
    "an empty sub": lambda _: signed(sub=""),
    "an empty sub and a userId": lambda me: signed(sub="", userId=me),
    "a sub that is a list": lambda me: signed(sub=[me]),
    "a sub that is a flag": lambda _: signed(sub=True),
    "a sub with NUL": lambda me: signed(sub=f"{me}\0"),
    "a sub with a blank": lambda me: signed(sub=f" {me}"),
    "a sub that is too long": lambda _: signed(sub="u" * 65),
    "an unknown user": lambda _: signed(sub="nobody"),
    "Bearer twice": lambda me: f"Bearer {signed(sub=me)}",
}


def _is_refusal(error: dict[str, object], code: str, token: str = "") -> None:
    assert (error["code"], error["retryable"]) == (code, False)
    shown = orjson.dumps(error).decode()
    for piece in (token[at : at + 12] for at in range(len(token) - 12)):
        assert piece not in shown, "the token is echoed"


@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD.keys())
async def test_good_tokens(make: Make, server: Server, connect: Connect, alice: User) -> None:
    """A token that holds opens both doors to its user, and commands pass them."""
    user = User(alice.id, make(alice.id))
    device = await connect(user)
    assert device.ready["user"]["userId"] == alice.id
    await device.do("presence:list")
    await ok("GET", f"{server.url}/api/conversations", user)


@pytest.mark.parametrize("make", BAD.values(), ids=BAD.keys())
async def test_bad_tokens(make: Make, server: Server, alice: User) -> None:
    """A token that does not hold is AUTH_FAILED at both doors, and no answer repeats a piece of it."""
    token = make(alice.id)
    answer = await request("GET", f"{server.url}/api/conversations", User(alice.id, token))
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    _is_refusal(answer.error, "AUTH_FAILED", token)
    error = await refusal(server.url, {"token": token})
    _is_refusal(error, "AUTH_FAILED", token)
    assert error == answer.error


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Token x", "x"]
)
async def test_rest_without_a_token(authorization: str | None, server: Server) -> None:
    """A REST request without a bearer token is AUTH_REQUIRED."""
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = await request("GET", f"{server.url}/api/conversations", headers=headers)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    _is_refusal(answer.error, "AUTH_REQUIRED")


@pytest.mark.parametrize(
    "auth", [None, {}, {"token": None}, {"token": ""}, "text", [1], {"Token": "x"}], ids=repr
)
async def test_a_socket_without_a_token(auth: object, server: Server) -> None:
    """A CONNECT whose auth has no token is AUTH_REQUIRED, whatever else it is."""
    _is_refusal(await refusal(server.url, auth), "AUTH_REQUIRED")


@pytest.mark.parametrize("token", [5, True, ["x"], {"a": 1}, 1.5, "\0", "é" * 40], ids=repr)
async def test_a_socket_token_that_is_none(token: object, server: Server) -> None:
    """A CONNECT whose token is no token is AUTH_FAILED."""
    _is_refusal(await refusal(server.url, {"token": token}), "AUTH_FAILED")


async def test_a_bearer_is_spelled_in_any_case(server: Server, alice: User) -> None:
    """The scheme of the Authorization header is read in any case."""
    for scheme in ("bearer", "BEARER", "Bearer "):
        headers = {"Authorization": f"{scheme} {alice.token}"}
        answer = await request("GET", f"{server.url}/api/conversations", headers=headers)
        assert answer.status == 200


async def test_tokens_travel_in_one_place_only(server: Server, alice: User) -> None:
    """A token in the query, in a cookie or, at the socket, in a header opens nothing."""
    url = f"{server.url}/api/conversations"
    cookie = {"Cookie": f"token={alice.token}"}
    for at, headers in ((f"{url}?token={alice.token}", {}), (url, cookie)):
        answer = await request("GET", at, headers=headers)
        _is_refusal(answer.error, "AUTH_REQUIRED", alice.token)
    for at, headers in (
        (f"{server.url}?token={alice.token}", {}),
        (server.url, cookie),
        (server.url, alice.auth),
    ):
        _is_refusal(await refusal(at, {}, headers=headers), "AUTH_REQUIRED", alice.token)


async def test_a_numeric_sub(
    server: Server, connect: Connect, db: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    """A sub that is a number names the user whose id is that number in digits."""
    number = uuid4().int % 10**15 + 10**15
    await db.execute("INSERT INTO chat_users (user_id, username) VALUES ($1, 'num')", str(number))
    for token in (
        signed(sub=number),
        signed(userId=number),
        signed(sub=number, userId=str(number)),
    ):
        user = User(str(number), token)
        assert (await connect(user)).ready["user"]["userId"] == str(number)
        await ok("GET", f"{server.url}/api/conversations", user)


async def test_revocation(
    server: Server, connect: Connect, alice: User, db: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    """A token is refused at both doors from the moment its jti is revoked, and other tokens are not."""
    jti = str(uuid4())
    user, other = (User(alice.id, signed(sub=alice.id, jti=text)) for text in (jti, str(uuid4())))
    await connect(user)
    await ok("GET", f"{server.url}/api/conversations", user)
    await db.execute("INSERT INTO jwt_revocation (jti) VALUES ($1)", jti)
    answer = await request("GET", f"{server.url}/api/conversations", user)
    _is_refusal(answer.error, "AUTH_FAILED", user.token)
    assert await refusal(server.url, {"token": user.token}) == answer.error
    await connect(other)
    await ok("GET", f"{server.url}/api/conversations", other)


async def test_a_user_who_is_gone(
    server: Server, make_user: MakeUser, db: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    """A token whose user no longer exists is refused at both doors."""
    user = await make_user("leaver")
    await ok("GET", f"{server.url}/api/conversations", user)
    await db.execute("DELETE FROM chat_users WHERE user_id = $1", user.id)
    answer = await request("GET", f"{server.url}/api/conversations", user)
    assert (answer.status, answer.error["code"]) == (401, "AUTH_FAILED")
    assert await refusal(server.url, {"token": user.token}) == answer.error


async def test_a_token_of_nine_kibibytes(server: Server, connect: Connect, alice: User) -> None:
    """A token over 8 KiB is AUTH_FAILED at both doors, and one that is just under it opens them."""
    token = signed(sub=alice.id, padding="x" * 7000)
    assert 9 * 1024 < len(token) < 10 * 1024
    _is_refusal(await refusal(server.url, {"token": token}), "AUTH_FAILED", token)
    answer = await request("GET", f"{server.url}/api/conversations", User(alice.id, token))
    _is_refusal(answer.error, "AUTH_FAILED", token)
    user = User(alice.id, signed(sub=alice.id, padding="x" * 6000))
    assert 8000 < len(user.token) <= 8 * 1024
    await ok("GET", f"{server.url}/api/conversations", user)
    await connect(user)


async def test_who_is_refused_is_not_counted(server: Server, connect: Connect, alice: User) -> None:
    """A refused CONNECT leaves nothing behind: only those let in are connected."""
    assert server.app is not None
    await connect(alice)
    before = server.app.reception.connections
    for _ in range(3):
        await refusal(server.url, {"token": "no"})
    assert server.app.reception.connections == before
