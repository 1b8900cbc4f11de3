"""The React app as `chatserver serve --demo` serves it."""

from tests.support.app import built_app, run_in_browser
from tests.support.servers import process_server


async def test_the_demo_as_it_is_served(fresh_dsn: str) -> None:
    """All that tests/js/app/served.mjs says of the demo in a browser holds."""
    await built_app()
    async with process_server(fresh_dsn, "--demo") as server:
        await run_in_browser("served.mjs", server.url, {})
