"""Files and voice messages in the React app."""

from chatserver.files import BucketStorage
from tests.client.app.test_app import people_of
from tests.conftest import MakeUser
from tests.support.app import built_app, run_in_browser
from tests.support.bucket import bucket
from tests.support.servers import Server, local_server


async def test_files_in_the_app(server: Server, make_user: MakeUser) -> None:
    """All that tests/js/app/files.mjs says of files and voice messages holds."""
    tokens, people = await people_of(make_user, "alice", "bob")
    await run_in_browser("files.mjs", server.url, tokens, people=people, most=25 * 1024 * 1024)


async def test_files_in_a_bucket(dsn: str, make_user: MakeUser) -> None:
    """Under the server's own policy the app uploads to a bucket, and shows and saves what lies there."""
    tokens, people = await people_of(make_user, "alice", "bob")
    await built_app()
    with bucket() as url:
        async with local_server(dsn, FILES_URL=url) as server:
            origin = BucketStorage(url).origin
            await run_in_browser("bucket.mjs", server.url, tokens, people=people, origin=origin)
