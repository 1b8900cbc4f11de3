"""Search and the settings of conversations in the React app, in a real browser."""

from tests.client.app.test_app import people_of
from tests.conftest import MakeUser
from tests.support.app import run_in_browser
from tests.support.servers import Server


async def test_finding_and_settling(server: Server, make_user: MakeUser) -> None:
    """All that tests/js/app/search.mjs says of finding messages and of settings holds."""
    tokens, people = await people_of(make_user, "alice", "bob", "carol")
    await run_in_browser("search.mjs", server.url, tokens, people=people)
