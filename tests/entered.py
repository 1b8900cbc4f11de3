"""Counts the files that one send enters, from its frame to its ack and its push: ``python -m tests.entered``."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import asyncpg

from chatserver.core.logging import configure_logging
from chatserver.ops.embedded.postgres import EmbeddedPostgres
from chatserver.store.migrate import migrate
from tests.conftest import token_for
from tests.support.places import open_directory
from tests.support.raw import raw_client
from tests.support.servers import ROOT, local_server

_SENDS = 20
_OURS = ("chatserver", "handlers", "schemas")


@contextmanager
def _entering() -> Iterator[set[str]]:
    """The files of ours in which a function is entered meanwhile."""
    found: set[str] = set()

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            found.add(frame.f_code.co_filename)

    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(None)


def _ours(found: set[str]) -> set[str]:
    paths = {Path(name).resolve() for name in found if not name.startswith("<")}
    inside = (path.relative_to(ROOT) for path in paths if path.is_relative_to(ROOT))
    return {str(path) for path in inside if path.parts[0] in _OURS}


async def _entered(dsn: str) -> set[str]:
    """What each of some sends enters; what is done beside it, now and then, does not count."""
    await migrate(dsn)
    connection = await asyncpg.connect(dsn)
    for name in ("alice", "bob"):
        await connection.execute(
            "INSERT INTO chat_users (user_id, username, email, display_name) VALUES ($1, $1, $1, $1)",
            name,
        )
    await connection.close()
    each = []
    async with (
        local_server(dsn) as server,
        raw_client(server.url, token_for("alice")) as alice,
        raw_client(server.url, token_for("bob")) as bob,
    ):
        for number in range(_SENDS + 5):
            body = f'{{"recipientId":"bob","content":"{number}"}}'
            with _entering() as found:
                await alice.ask("chat:message_send", body)
                await bob.push("chat:message_received")
            each.append(_ours(found))
    # The first ones make what the others find.
    return set.intersection(*each[5:])


def main() -> None:
    """Print the files, and how many there are."""
    configure_logging(json=False, level="warning")
    with (
        open_directory("chatserver-entered-") as directory,
        EmbeddedPostgres(directory, durable=False) as dsn,
    ):
        files = sorted(asyncio.run(_entered(dsn)))
    sys.stdout.write("\n".join([*files, str(len(files)), ""]))


if __name__ == "__main__":
    main()
