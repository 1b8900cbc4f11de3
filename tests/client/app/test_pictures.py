"""The pictures of the app that the README shows."""

import os
from typing import TYPE_CHECKING

import pytest

from tests.client.app.test_app import people_of
from tests.conftest import MakeUser
from tests.support.app import run_in_browser
from tests.support.servers import ROOT, Server

if TYPE_CHECKING:
    import asyncpg

_FOLDER = os.environ.get("CHAT_PICTURES")


@pytest.mark.skipif(not _FOLDER, reason="CHAT_PICTURES=docs/images takes the README's pictures")
async def test_pictures(
    server: Server, make_user: MakeUser, db: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    """The main views are pictures in the folder that is named."""
    tokens, people = await people_of(make_user, "alice", "bob", "carol", "dave")
    await db.execute(
        "INSERT INTO products (id, title, image) VALUES ('bicycle-7', 'Touring bicycle, 56 cm', NULL) "
        "ON CONFLICT DO NOTHING"
    )
    for name, user_id in people.items():
        await db.execute("UPDATE chat_users SET username = $2 WHERE user_id = $1", user_id, name)
    await run_in_browser(
        "pictures.mjs",
        server.url,
        tokens,
        people=people,
        folder=str(ROOT / str(_FOLDER)),
        product="bicycle-7",
    )
