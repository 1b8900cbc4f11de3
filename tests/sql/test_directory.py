"""A main back end with integer ids in the same database: its people, blocks, products and revocations count."""

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from chatserver.store.migrate import migrate
from tests.conftest import Connect, User, token_for
from tests.support.http import ok, request
from tests.support.main_backend import create_tables, rows
from tests.support.servers import Server, local_server
from tests.support.tokens import refusal, signed

REVOKED = uuid4()
DATA = f"""
INSERT INTO users_auth (user_id, username, email) VALUES
    (123, 'ann', 'ann@example.com'), (124, 'ben', NULL), (125, 'cleo', NULL), (126, 'dora', NULL),
    (127, 'emil', NULL), (2147483647, 'last', NULL), (0, 'zero', NULL);
INSERT INTO user_profile_info (user_id, first_name, last_name) VALUES
    (123, 'Ann', 'Lee'), (124, 'Ben', NULL), (126, ' ', ''), (127, NULL, 'Zola');
INSERT INTO blocked_relationships (blocker_id, blocked_id) VALUES (123, 126);
INSERT INTO user_follows VALUES (124, 123);
INSERT INTO jwt_revocation (jti, token_id) VALUES ('{REVOKED}', 'another');
INSERT INTO products (id, title, image, product) VALUES (7, 'A lamp', '/lamp.png', '8');
"""
OURS = """
INSERT INTO chat_users (user_id, username, display_name) VALUES
    ('guest', 'guest', 'A guest'), ('123', 'impostor', 'An impostor'), ('900', 'nine', NULL);
"""


@pytest.fixture(scope="module")
async def dsn(postgres: str) -> str:
    """A database with the main back end's tables and ours."""
    connection = await asyncpg.connect(postgres)
    try:
        await connection.execute("CREATE DATABASE with_integers")
    finally:
        await connection.close()
    dsn = postgres.replace("/chatserver?", "/with_integers?")
    await create_tables(dsn, "integer", DATA)
    await migrate(dsn)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(OURS)
    finally:
        await connection.close()
    return dsn


@pytest.fixture(scope="module")
async def server(dsn: str) -> AsyncIterator[Server]:
    """A server on that database."""
    async with local_server(dsn) as running:
        yield running


def user(user_id: int | str) -> User:
    """Somebody with a token."""
    return User(str(user_id), token_for(str(user_id)))


@pytest.mark.parametrize(
    ("user_id", "username", "display_name"),
    [
        ("123", "ann", "Ann Lee"),
        ("124", "ben", "Ben"),
        ("125", "cleo", "cleo"),
        ("126", "dora", "dora"),
        ("127", "emil", "Zola"),
        ("0", "zero", "zero"),
        ("2147483647", "last", "last"),
        ("guest", "guest", "A guest"),
        ("900", "nine", "nine"),
    ],
)
async def test_people(
    user_id: str, username: str, display_name: str, server: Server, connect: Connect
) -> None:
    """People are users_auth's, named by their profile or else their username; then chat_users'."""
    device = await connect(user(user_id))
    assert device.ready["user"] == {
        "userId": user_id,
        "username": username,
        "displayName": display_name,
    }
    assert (await ok("GET", f"{server.url}/api/conversations", user(user_id)))["total"] == 0


async def test_an_integer_sub(server: Server, connect: Connect) -> None:
    """A sub that is the number 123 names the same user as the text "123"."""
    for token in (signed(sub=123), signed(userId=123), signed(sub="123", userId=123)):
        device = await connect(User("123", token))
        assert device.ready["user"]["userId"] == "123"


NOBODY = [
    "0123", "+123", "-123", "1e3", " 123", "123 ", "123\t", "١٢٣", "٣", "\uff11\uff12\uff13",
    "123.0", "0x7b", "1_000", "128", "2147483648", "4294967419", "9223372036854775807",
    "9223372036854775808", "9" * 64, "abc",
    "Guest", "guest ", "%", "NULL", "123; --", "NaN", "Infinity",
]  # fmt: skip


@pytest.mark.parametrize("nobody", NOBODY, ids=ascii)
async def test_nobody(nobody: str, server: Server) -> None:
    """An id that users_auth's type cannot have, or nobody has, is nobody: at login and as a recipient."""
    answer = await request(
        "GET", f"{server.url}/api/conversations", User(nobody, signed(sub=nobody))
    )
    assert (answer.status, answer.error["code"]) == (401, "AUTH_FAILED")
    assert (await refusal(server.url, {"token": signed(sub=nobody)}))["code"] == "AUTH_FAILED"
    url = f"{server.url}/api/conversations/direct"
    answer = await request("POST", url, user(123), json={"user_id": nobody})
    if "\t" in nobody:
        assert (answer.status, list(answer.error["fields"])) == (400, ["user_id"])
    else:
        assert (answer.status, answer.error["code"]) == (404, "RESOURCE_NOT_FOUND")


async def test_they_chat(server: Server, connect: Connect) -> None:
    """People of users_auth and of chat_users chat with each other under their own names."""
    ann, guest = await connect(user(123)), await connect(user("guest"))
    sent = await ann.do("chat:message_send", recipientId="guest", content="hello")
    assert (sent["message"]["sender_id"], sent["message"]["sender_username"]) == ("123", "ann")
    assert (await guest.expect("chat:message_received"))["id"] == sent["messageId"]
    conversation_id = sent["message"]["conversation_id"]
    await guest.do("chat:message_send", conversationId=conversation_id, content="hello yourself")
    got = await ok("GET", f"{server.url}/api/conversations/{conversation_id}", user(123))
    names = {p["user_id"]: (p["username"], p["display_name"]) for p in got["participants"]}
    assert names == {"123": ("ann", "Ann Lee"), "guest": ("guest", "A guest")}


async def test_blocks(connect: Connect) -> None:
    """A row of integers in blocked_relationships keeps both from opening and from sending."""
    blocker, blocked = await connect(user(123)), await connect(user(126))
    for device, other in ((blocker, "126"), (blocked, "123")):
        for name in ("chat:conversation_open", "chat:message_send"):
            payload = {"content": "hi"} if name == "chat:message_send" else {}
            error = await device.refused(name, recipientId=other, **payload)
            assert error["code"] == "USER_BLOCKED"


async def test_blocking(dsn: str, connect: Connect) -> None:
    """user:block and user:unblock write and remove the main back end's own row, once."""
    pair = "SELECT blocker_id, blocked_id FROM blocked_relationships WHERE blocker_id = 125"
    cleo, ben = await connect(user(125)), await connect(user(124))
    opened = await cleo.do("chat:conversation_open", recipientId="124")
    conversation_id = opened["conversation"]["id"]
    for _ in range(2):
        await cleo.do("user:block", userId="124")
        assert await rows(dsn, pair) == [(125, 124)]
    error = await ben.refused("chat:message_send", conversationId=conversation_id, content="hi")
    assert error["code"] == "USER_BLOCKED"
    shown = [
        (await device.do("chat:conversation_get", conversationId=conversation_id))["conversation"]
        for device in (cleo, ben)
    ]
    assert [(c["is_blocked"], c["blocked_by_me"]) for c in shown] == [(True, True), (True, False)]
    for _ in range(2):
        await cleo.do("user:unblock", userId="124")
        assert await rows(dsn, pair) == []
    await ben.do("chat:message_send", conversationId=conversation_id, content="hi again")


async def test_follows(connect: Connect) -> None:
    """A row of integers in user_follows shows to both, whoever follows."""
    for one, other, follows in (("123", "124", True), ("124", "123", True), ("123", "125", False)):
        device = await connect(user(one))
        opened = await device.do("chat:conversation_open", recipientId=other)
        assert opened["conversation"]["either_follows"] is follows


async def test_revoked_uuids(server: Server, connect: Connect) -> None:
    """A jti in a uuid column revokes its token in any spelling; a jti that is no UUID is in no such column."""
    for jti in (str(REVOKED), str(REVOKED).upper(), REVOKED.hex):
        error = await refusal(server.url, {"token": signed(sub="123", jti=jti)})
        assert (error["code"], error["details"]) == (
            "AUTH_FAILED",
            "Session revoked. Please log in again.",
        )
    for jti in (str(uuid4()), uuid4().hex, f" {REVOKED}", "7", 7, "not a uuid", "x" * 255):
        await connect(User("123", signed(sub="123", jti=jti)))


async def test_products(server: Server) -> None:
    """A conversation about a product of the main back end shows its title and image."""
    url = f"{server.url}/api/conversations/direct"
    for product_id, title, image in (
        ("7", "A lamp", "/lamp.png"),
        ("8", None, None),
        ("07", None, None),
        ("lamp", None, None),
        ("9223372036854775808", None, None),
    ):
        body = {"user_id": "125", "product_id": product_id}
        made = await ok("POST", url, user(123), json=body)
        assert made["product"] == {"id": product_id, "title": title, "image": image}
