"""The React app in a real browser, against the server that the tests share."""

import gzip
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conftest import Connect, MakeUser
from tests.support.app import build_app, built_app, run_in_browser
from tests.support.crowds import say_much
from tests.support.hostile import MARKUP
from tests.support.node import CLIENT, node_modules
from tests.support.servers import Server
from tests.support.talks import opened

if TYPE_CHECKING:
    import asyncpg


async def people_of(make_user: MakeUser, *names: str) -> tuple[dict[str, str], dict[str, str]]:
    """The tokens and the ids of people, by name."""
    users = {name: await make_user(name) for name in names}
    return (
        {name: user.token for name, user in users.items()},
        {name: user.id for name, user in users.items()},
    )


async def test_two_people_talk(server: Server, make_user: MakeUser) -> None:
    """All that tests/js/app/talking.mjs says of two people in the app holds."""
    tokens, people = await people_of(make_user, "alice", "bob")
    await run_in_browser("talking.mjs", server.url, tokens, people=people)


async def test_a_link_that_is_away(server: Server, make_user: MakeUser) -> None:
    """All that tests/js/app/offline.mjs says of a lost link and of refused messages holds."""
    tokens, people = await people_of(make_user, "alice", "bob", "carol")
    await run_in_browser("offline.mjs", server.url, tokens, people=people)


async def test_two_tabs(server: Server, make_user: MakeUser) -> None:
    """All that tests/js/app/tabs.mjs says of two tabs of one person, and of drafts, holds."""
    tokens, people = await people_of(make_user, "alice", "bob", "carol")
    await run_in_browser("tabs.mjs", server.url, tokens, people=people)


async def test_what_grows(server: Server, make_user: MakeUser) -> None:
    """All that tests/js/app/steady.mjs says of late pictures and of the field that grows holds."""
    tokens, people = await people_of(make_user, "alice", "bob")
    await run_in_browser("steady.mjs", server.url, tokens, people=people)


async def test_strict_mode(server: Server, make_user: MakeUser, tmp_path: Path) -> None:
    """All that tests/js/app/strict.mjs says of StrictMode, and of going back and forth quickly, holds."""
    tokens, people = await people_of(make_user, "alice", "bob", "carol")
    await node_modules(CLIENT)
    await build_app("--outDir", str(tmp_path), mode="development")
    await run_in_browser("strict.mjs", server.url, tokens, people=people, strict=str(tmp_path))


async def test_hostile_texts(
    server: Server, make_user: MakeUser, db: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    """All that tests/js/app/hostile.mjs says of texts that would like to be more than texts holds."""
    tokens, people = await people_of(make_user, "alice", "mallory")
    name = MARKUP[0]
    await db.execute(
        "UPDATE chat_users SET display_name = $2 WHERE user_id = $1", people["mallory"], name
    )
    await run_in_browser("hostile.mjs", server.url, tokens, people=people, texts=MARKUP, name=name)


async def test_access(server: Server, make_user: MakeUser) -> None:
    """All that tests/js/app/access.mjs says of axe and of the keyboard holds."""
    tokens, people = await people_of(make_user, "alice", "bob")
    await run_in_browser("access.mjs", server.url, tokens, people=people)


async def test_what_breaks(server: Server, make_user: MakeUser) -> None:
    """All that tests/js/app/broken.mjs says of a part that breaks holds."""
    tokens, people = await people_of(make_user, "alice", "bob", "carol")
    await run_in_browser("broken.mjs", server.url, tokens, people=people)


async def test_scrolling(server: Server, make_user: MakeUser) -> None:
    """All that tests/js/app/scrolling.mjs says of where messages stand holds."""
    tokens, people = await people_of(make_user, "alice", "bob")
    await run_in_browser("scrolling.mjs", server.url, tokens, people=people)


async def test_a_burst(
    server: Server, make_user: MakeUser, db: "asyncpg.Pool[asyncpg.Record]", connect: Connect
) -> None:
    """All that tests/js/app/burst.mjs says of much that is said in a long conversation holds."""
    users = {name: await make_user(name) for name in ("alice", "bob")}
    conversation_id = await opened(await connect(users["alice"]), users["bob"])
    # Each step back is within what a quotation is looked for in.
    replies = {10_000: 6_700, 6_700: 3_400, 3_400: 100}
    await say_much(db, conversation_id, users["alice"].id, 10_000, replies=replies)
    await run_in_browser(
        "burst.mjs",
        server.url,
        {name: user.token for name, user in users.items()},
        conversation=conversation_id,
        replies=replies,
    )


async def test_groups(server: Server, make_user: MakeUser) -> None:
    """All that tests/js/app/groups.mjs says of a group holds."""
    tokens, people = await people_of(make_user, "alice", "bob")
    await run_in_browser("groups.mjs", server.url, tokens, people=people)


async def test_size() -> None:
    """What a page loads at first is at most 140 kB after gzip, its style 10, and what comes later 25 each."""
    built = await built_app()
    page = (built / "index.html").read_text()
    for path in (built / "assets").iterdir():
        if path.suffix not in (".js", ".css"):
            continue
        most = 25 if path.name not in page else 10 if path.suffix == ".css" else 140
        assert len(gzip.compress(path.read_bytes())) <= most * 1024, path.name
