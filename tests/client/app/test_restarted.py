"""The React app where its server is killed."""

import os
import sys

from tests.client.app.test_app import people_of
from tests.conftest import MakeUser
from tests.support.app import run_in_browser
from tests.support.servers import ROOT, environment


async def test_a_server_that_is_killed(dsn: str, make_user: MakeUser) -> None:
    """All that tests/js/app/restarted.mjs says of a killed server holds."""
    tokens, people = await people_of(make_user, "alice", "bob")
    await run_in_browser(
        "restarted.mjs",
        "",
        tokens,
        people=people,
        command=[sys.executable, "-m", "chatserver", "serve"],
        environment={"PATH": os.environ["PATH"], **environment(dsn)},
        root=str(ROOT),
    )
