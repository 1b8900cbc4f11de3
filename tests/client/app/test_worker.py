"""The React app in a real browser with its service worker, as a server serves it."""

from tests.client.app.test_app import people_of
from tests.conftest import MakeUser
from tests.support.app import built_app, run_in_browser
from tests.support.servers import local_server


async def test_the_installed_app(dsn: str, make_user: MakeUser) -> None:
    """All that tests/js/app/worker.mjs says of the app without a link and in several tabs holds."""
    tokens, people = await people_of(make_user, "alice", "bob", "carol", "dave")
    await built_app()
    # It has read the build that is there now.
    async with local_server(dsn) as server:
        await run_in_browser("worker.mjs", server.url, tokens, people=people)
