"""The stock JavaScript client, by the tests in tests/js."""

import json
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import jwt
import pytest

from chatserver.chat.typing import TypingState
from chatserver.sessions import watch as sessions
from chatserver.sessions.tokens import issue_token
from tests.conftest import MakeUser, User, token_for
from tests.support.node import JS, node_modules, run_node
from tests.support.servers import JWT_SECRET, Server, local_server, settings_for

# More than the tests of any one file ask for; they say so where it is not.
_PEOPLE = 60


@pytest.fixture(scope="session")
async def javascript() -> None:
    """The packages of tests/js are installed."""
    await node_modules()


@pytest.fixture(scope="module")
async def brisk(dsn: str) -> AsyncIterator[Server]:
    """A server on which typing ends soon, and sessions as soon as their time is over."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TypingState.__init__, "__defaults__", (0.3,))
        patch.setattr(sessions, "_TICK", 0.01)
        async with local_server(dsn) as server:
            yield server


def _refused_tokens(dsn: str, alice: User, revoked: str) -> dict[str, str]:
    """Tokens that the server must refuse, by what is wrong with them."""
    secret = settings_for(dsn).jwt_secret
    claims: dict[str, Any] = {"sub": alice.id, "exp": int(time.time()) + 3600}
    return {
        "garbage": "garbage",
        "expired": token_for(alice.id, lifetime=-3600),
        "signed with another secret": issue_token(b"another secret of 32 bytes or more", alice.id),
        "not signed at all": jwt.encode(claims, "", algorithm="none"),
        "without an end": jwt.encode({"sub": alice.id}, secret),
        "that of nobody we know": token_for(f"nobody-{uuid.uuid4()}"),
        "that of two people": jwt.encode({**claims, "userId": f"not-{alice.id}"}, secret),
        "revoked": token_for(alice.id, jti=revoked),
    }


@pytest.mark.parametrize("file", sorted(path.name for path in JS.glob("*.test.mjs")))
async def test_the_stock_javascript_client(
    javascript: None,
    file: str,
    brisk: Server,
    dsn: str,
    db: "asyncpg.Pool[asyncpg.Record]",
    make_user: MakeUser,
) -> None:
    """All that the file's tests say of the stock socket.io-client holds."""
    revoked = str(uuid.uuid4())
    await db.execute("INSERT INTO jwt_revocation (jti) VALUES ($1)", revoked)
    alice = await make_user("alice")
    people = [await make_user(f"person{number}") for number in range(_PEOPLE)]
    rows = await db.fetch(
        "SELECT user_id, username, display_name FROM chat_users WHERE user_id = ANY ($1)",
        [person.id for person in people],
    )
    tokens = {person.id: person.token for person in people}
    await run_node(
        file,
        CHAT_URL=brisk.url,
        CHAT_TOKENS=json.dumps(_refused_tokens(dsn, alice, revoked)),
        # Of somebody else, and with what to sign one that ends when the test wants it.
        CHAT_ALICE=json.dumps({"id": alice.id, "token": alice.token}),
        CHAT_SECRET=JWT_SECRET,
        CHAT_PEOPLE=json.dumps(
            [
                {
                    "id": row["user_id"],
                    "username": row["username"],
                    "displayName": row["display_name"],
                    "token": tokens[row["user_id"]],
                }
                for row in rows
            ]
        ),
    )
