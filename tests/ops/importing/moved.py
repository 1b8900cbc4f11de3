"""Runs an import in this process, and looks at what is there then."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import asyncpg

from chatserver.ops import importing
from tests.conftest import User, token_for
from tests.ops.importing.old_messaging import OLD_KEY
from tests.support.http import ok
from tests.support.servers import Server, settings_for

PEOPLE = {1: "ann", 2: "bob", 3: "cid", 4: "dan", 5: "eve"}
# Everything that an import may write.
TABLES = (
    *(
        "conversations",
        "participants",
        "messages",
        "reactions",
        "message_deletions",
        "pins",
        "conversation_blocks",
    ),
    *("events", "personal_streams", "imported_conversations", "blocked_relationships"),
)


async def move(system: str, source: str, target: str, **options: Any) -> importing.Report:
    """Import, with the key of the old server."""
    given = {"secret": OLD_KEY, **options}
    return await importing.run(
        importing.ImportOptions(system=system, url=source, **given), settings_for(target), target
    )


async def add_people(dsn: str, ids: Iterable[str] = tuple(map(str, PEOPLE))) -> None:
    """Write people into the directory; those of `PEOPLE` have names of their own."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.executemany(
            "INSERT INTO chat_users (user_id, username) VALUES ($1, $2)",
            [(i, PEOPLE.get(int(i), f"user{i}") if i.isdigit() else i) for i in ids],
        )
    finally:
        await connection.close()


def person(user_id: object) -> User:
    """Somebody of the source, with a token."""
    return User(str(user_id), token_for(str(user_id)))


async def rows(dsn: str, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(query, *arguments)]
    finally:
        await connection.close()


async def counts(dsn: str) -> dict[str, int]:
    """How many rows each table has."""
    return {name: (await rows(dsn, f"SELECT count(*) FROM {name}"))[0][0] for name in TABLES}


async def talks(server: Server, user: User) -> dict[str, dict[str, Any]]:
    """Somebody's conversations: by the other person's name and the product's id, or by the group's title."""
    listed = await ok("GET", f"{server.url}/api/conversations", user)
    assert listed["total"] == len(listed["conversations"])
    found = {}
    for talk in listed["conversations"]:
        others = [p["username"] for p in talk["participants"] if p["user_id"] != user.id]
        name = talk["title"] or others[0]
        if talk["product"]:
            name += f" about {talk['product']['id']}"
        assert name not in found
        found[name] = talk
    return found


async def history(server: Server, user: User, conversation: str | UUID) -> list[dict[str, Any]]:
    """All messages of a conversation that somebody sees, oldest first."""
    answer = await ok("GET", f"{server.url}/api/messages/{conversation}?limit=200", user)
    messages: list[dict[str, Any]] = answer["messages"]
    assert answer["total"] == len(messages)
    return messages


def texts(messages: Iterable[dict[str, Any]]) -> list[str]:
    """What was said."""
    return [message["content"] for message in messages]
