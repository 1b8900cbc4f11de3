"""What was moved in from the marketplace, read through a server."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.ops.importing.conftest import Moved, new_database
from tests.ops.importing.moved import add_people, history, move, person, rows, talks, texts
from tests.ops.importing.old_messaging import START
from tests.support.http import request
from tests.support.servers import local_server

# As marketplace-api.md has them ("Database Schema"), with the tables that they refer to.
TABLES = """
CREATE TABLE users (id uuid PRIMARY KEY);
CREATE TABLE products (id uuid PRIMARY KEY);
CREATE TABLE conversations (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  product_id UUID NOT NULL REFERENCES products(id) ON DELETE CASCADE,
  participant_a_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  participant_b_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  last_message TEXT,
  last_message_at TIMESTAMP,
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT unique_conversation UNIQUE (product_id, participant_a_id, participant_b_id),
  CONSTRAINT check_participants CHECK (participant_a_id != participant_b_id)
);
CREATE TABLE messages (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  conversation_id UUID NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
  sender_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  recipient_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  product_id UUID REFERENCES products(id) ON DELETE SET NULL,
  text TEXT NOT NULL CHECK (length(text) > 0 AND length(text) <= 10000),
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  read BOOLEAN DEFAULT FALSE,
  CONSTRAINT check_different_users CHECK (sender_id != recipient_id)
);
CREATE TABLE conversation_blocks (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  conversation_id UUID NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
  blocked_by_user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT unique_block UNIQUE (conversation_id, blocked_by_user_id)
);
"""


def _id(number: int) -> UUID:
    return UUID(f"00000000-0000-4000-8000-{number:012d}")


ANN, BOB, CID = (person(_id(n)) for n in (1, 2, 3))
CAMERA, LAMP = _id(101), _id(102)
# About the camera Ann and Bob have two rows, in which each is the first.
TALKS = (
    (_id(201), CAMERA, 1, 2),
    (_id(202), CAMERA, 2, 1),
    (_id(203), LAMP, 1, 2),
    (_id(204), LAMP, 3, 1),
)
SAID = (
    (_id(301), 0, 2, 1, "still there?", True),
    (_id(302), 1, 1, 2, "yes", False),
    (_id(303), 0, 2, 1, "how much?", False),
    (_id(304), 2, 1, 2, "a lamp?", True),
    (_id(305), 3, 3, 1, "the lamp", False),
)


async def _fill(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(TABLES)
        ids = [(_id(n),) for n in (1, 2, 3)]
        await connection.executemany("INSERT INTO users VALUES ($1)", ids)
        await connection.executemany("INSERT INTO products VALUES ($1)", [(CAMERA,), (LAMP,)])
        start = START.replace(tzinfo=None)
        await connection.executemany(
            "INSERT INTO conversations (id, product_id, participant_a_id, participant_b_id, created_at) "
            "VALUES ($1, $2, $3, $4, $5)",
            [
                (talk, product, _id(a), _id(b), start + timedelta(seconds=n))
                for n, (talk, product, a, b) in enumerate(TALKS)
            ],
        )
        await connection.executemany(
            "INSERT INTO messages (id, conversation_id, sender_id, recipient_id, text, read, created_at) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7)",
            [
                (message, TALKS[talk][0], _id(a), _id(b), text, read, start + timedelta(minutes=n))
                for n, (message, talk, a, b, text, read) in enumerate(SAID)
            ],
        )
        await connection.execute(
            "INSERT INTO conversation_blocks (conversation_id, blocked_by_user_id) VALUES ($1, $2)",
            TALKS[3][0],
            _id(1),
        )
    finally:
        await connection.close()


@pytest.fixture(scope="module")
async def market(postgres: str, template: str) -> AsyncIterator[Moved]:
    """The marketplace, moved in."""
    source = await new_database(postgres, "old_marketplace")
    target = await new_database(postgres, "new_marketplace", template)
    await add_people(target, [str(_id(n)) for n in (1, 2, 3)])
    await _fill(source)
    # Times without a zone are those of Berlin, an hour before UTC in January.
    report = await move("marketplace", source, target, secret=None, timezone="Europe/Berlin")
    async with local_server(target) as server:
        yield Moved(source, target, report, server)


async def _talks(market: Moved, user: Any) -> dict[str, dict[str, Any]]:
    return await talks(market.server, user)


async def test_conversations_of_products(market: Moved) -> None:
    """Two people have one conversation per product, under the id of its oldest row, with its messages in order."""
    mine = await _talks(market, ANN)
    camera, lamp = mine[f"{BOB.id} about {CAMERA}"], mine[f"{BOB.id} about {LAMP}"]
    assert (camera["id"], lamp["id"]) == (str(_id(201)), str(_id(203)))
    said = await history(market.server, ANN, camera["id"])
    assert texts(said) == ["still there?", "yes", "how much?"]
    assert [m["id"] for m in said] == [str(_id(n)) for n in (301, 302, 303)]
    assert said[0]["created_at"] == "2024-01-15T09:30:00.000Z"
    assert texts(await history(market.server, BOB, lamp["id"])) == ["a lamp?"]
    # The id of the row that was merged is remembered.
    kept = await rows(
        market.target,
        "SELECT conversation_id FROM imported_conversations WHERE system = 'marketplace' AND source_id = $1",
        str(_id(202)),
    )
    assert kept == [(_id(201),)]


async def test_read_flags(market: Moved) -> None:
    """A message is read where its flag says so."""
    about_camera = f"{BOB.id} about {CAMERA}"
    assert (await _talks(market, ANN))[about_camera]["unread_count"] == 1
    bobs = await _talks(market, BOB)
    assert {name: talk["unread_count"] for name, talk in bobs.items()} == {
        f"{ANN.id} about {CAMERA}": 1,
        f"{ANN.id} about {LAMP}": 0,
    }
    said = await history(market.server, BOB, _id(201))
    assert [m["status"] for m in said] == ["read", "delivered", "delivered"]


async def test_blocked_conversation(market: Moved) -> None:
    """A block of a conversation stands, for both people."""
    talk = (await _talks(market, CID))[f"{ANN.id} about {LAMP}"]
    assert (talk["is_blocked"], talk["blocked_by_me"]) == (True, False)
    body = {"conversation_id": talk["id"], "content": "hello?"}
    answer = await request("POST", f"{market.server.url}/api/messages", CID, json=body)
    assert (answer.status, answer.error["code"]) == (403, "USER_BLOCKED")


async def test_report(market: Moved) -> None:
    """The report counts every row of each table."""
    assert {name: (c.read, c.carried) for name, c in market.report.tables.items()} == {
        "conversations": (4, 4),
        "messages": (5, 5),
        "conversation_blocks": (1, 1),
    }
    assert not market.report.refused


async def test_what_was_moved_in_is_found(market: Moved) -> None:
    """Those who were there find the old messages, and nobody else does."""
    url = f"{market.server.url}/api/commands/chat:search"
    for who, query, expected in (
        (ANN, "MUCH?", ["how much?"]),
        (BOB, "lamp", ["a lamp?"]),
        (ANN, "lamp", ["the lamp", "a lamp?"]),
    ):
        answer = await request("POST", url, who, json={"query": query})
        assert [result["message"]["content"] for result in answer.body["results"]] == expected
