"""A main back end whose tables have no keys: whatever they hold, each person is one, and nobody else is hurt."""

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from chatserver.store.migrate import migrate
from tests.conftest import Connect, User, token_for
from tests.support.http import ok, request
from tests.support.main_backend import execute
from tests.support.servers import Server, local_server
from tests.support.tokens import refusal, signed

REVOKED = uuid4()
# Views and tables without any key, columns that are missing, NULL or blank, and rows that say everything twice.
TABLES = f"""
CREATE TABLE people (id integer, name text, mail text);
CREATE VIEW users_auth AS SELECT id AS user_id, name AS username, mail AS email FROM people;
CREATE TABLE user_profile_info (user_id integer, first_name text, last_name text);
CREATE TABLE blocked_relationships (blocker_id integer, blocked_id integer);
CREATE TABLE user_follows (follower_id integer, followee_id integer);
CREATE TABLE jwt_revocation (jti text, reason text);
CREATE TABLE products (id integer, title text, image text);
INSERT INTO people VALUES
    (1, 'ann', 'b@example.com'), (1, 'ann', 'a@example.com'), (2, 'ben', NULL), (3, NULL, NULL), (4, '  ', NULL),
    (5, 'emil', NULL), (5, NULL, NULL), (6, 'fay', NULL), (NULL, 'nobody', NULL), (NULL, NULL, NULL);
INSERT INTO user_profile_info VALUES
    (1, 'Ann', 'Lee'), (1, NULL, NULL), (1, 'Ann', 'Lee'), (2, 'Benno', 'Zorn'), (2, 'Ben', 'Adam'),
    (3, '', ' '), (NULL, 'No', 'Body'), (NULL, NULL, NULL);
INSERT INTO blocked_relationships VALUES (1, 6), (1, 6), (1, NULL), (NULL, 1), (NULL, NULL);
INSERT INTO user_follows VALUES (2, 1), (2, 1), (NULL, 1), (2, NULL);
INSERT INTO jwt_revocation VALUES ('{REVOKED}', 'x'), ('{REVOKED}', 'y'), (NULL, NULL);
INSERT INTO products VALUES (7, 'A lamp', '/b.png'), (7, 'A lamp', '/a.png'), (NULL, 'x', NULL), (8, NULL, NULL);
"""


@pytest.fixture(scope="module")
async def dsn(postgres: str) -> str:
    """A database with such tables."""
    connection = await asyncpg.connect(postgres)
    try:
        await connection.execute("CREATE DATABASE with_doubles")
    finally:
        await connection.close()
    dsn = postgres.replace("/chatserver?", "/with_doubles?")
    await execute(dsn, TABLES)
    await migrate(dsn)
    return dsn


@pytest.fixture(scope="module")
async def server(dsn: str) -> AsyncIterator[Server]:
    """A server on that database."""
    async with local_server(dsn) as running:
        yield running


def user(user_id: int) -> User:
    """Somebody with a token."""
    return User(str(user_id), token_for(str(user_id)))


@pytest.mark.parametrize(
    ("user_id", "username", "display_name"),
    [
        (1, "ann", "Ann Lee"),
        (2, "ben", "Ben Adam"),
        (3, "3", "3"),
        (4, "4", "4"),
        (5, "emil", "emil"),
    ],
)
async def test_a_person_is_one(
    user_id: int, username: str, display_name: str, server: Server, connect: Connect
) -> None:
    """Somebody with several rows or profiles, or without a name in them, connects as one person with a name."""
    device = await connect(user(user_id))
    assert device.ready["user"] == {
        "userId": str(user_id),
        "username": username,
        "displayName": display_name,
    }
    assert (await request("GET", f"{server.url}/ready")).status == 200


async def test_everybody_else_connects_meanwhile(server: Server, connect: Connect) -> None:
    """Those who connect in one batch with doubled people are let in, in whichever order they are looked up."""
    for first, second in ((1, 2), (2, 1), (5, 3)):
        devices = [await connect(user(person)) for person in (first, second, first, second)]
        assert [device.ready["user"]["userId"] for device in devices] == [
            str(person) for person in (first, second, first, second)
        ]


async def test_conversations_and_groups_name_each_person_once(
    server: Server, connect: Connect
) -> None:
    """A product with two rows is one, so is a member, and names are those of the same row each time."""
    ann, ben = await connect(user(1)), await connect(user(2))
    opened = await ann.do("chat:conversation_open", recipientId="2", productId="7")
    conversation = opened["conversation"]
    assert conversation["product"] == {"id": "7", "title": "A lamp", "image": "/a.png"}
    assert conversation["either_follows"] is True
    listed = await ben.do("chat:conversation_list")
    assert [found["id"] for found in listed["conversations"]] == [conversation["id"]]
    made = await ben.do("group:create", title="All", participantIds=["1", "3", "4", "5"])
    members = await ben.do("group:members", conversationId=made["conversation"]["id"])
    assert sorted(member["user_id"] for member in members["participants"]) == list("12345")
    assert members["total"] == 5
    said = await ben.do(
        "chat:message_send", conversationId=made["conversation"]["id"], content="@ann and @emil"
    )
    assert [found["user_id"] for found in said["message"]["mentions"]] == ["1", "5"]


async def test_blocks_and_contacts_with_rows_that_are_null(
    server: Server, connect: Connect
) -> None:
    """A block that names nobody hides nobody, one that stands twice is lifted at once, and contacts are told."""
    ann = await connect(user(1))
    await ann.do("chat:conversation_open", recipientId="5")
    emil = await connect(user(5))
    online = await ann.do("presence:list")
    assert "5" in [person["userId"] for person in online["users"]]
    fay = await connect(user(6))
    assert (await fay.refused("chat:conversation_open", recipientId="1"))["code"] == "USER_BLOCKED"
    await ann.do("user:unblock", userId="6")
    await fay.do("chat:conversation_open", recipientId="1")
    await emil.settled()


async def test_a_revocation_that_stands_twice(server: Server) -> None:
    """A token that is revoked twice is refused, and one without an id is not revoked by a row without one."""
    error = await refusal(server.url, {"token": signed(sub="1", jti=str(REVOKED))})
    assert error["code"] == "AUTH_FAILED"
    await ok("GET", f"{server.url}/api/conversations", user(1))
