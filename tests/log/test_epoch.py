"""An epoch names one database's history: restored, copied, emptied or set back, it is another."""

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import asyncpg
import pytest

from chatserver.app import build
from chatserver.config import ConfigError
from chatserver.ops.embedded.postgres import binaries
from chatserver.store.migrate import migrate
from tests.conftest import User, token_for
from tests.support.device import Device
from tests.support.main_backend import execute
from tests.support.patience import PATIENCE
from tests.support.resuming import Resuming
from tests.support.servers import local_server, process_server, settings_for

_numbers = itertools.count(1)
_PEOPLE = "INSERT INTO chat_users (user_id, username) VALUES ('ann', 'ann'), ('ben', 'ben')"


async def _run(program: str, *arguments: str) -> bytes:
    """One of PostgreSQL's own programs, of the server's version."""
    process = await asyncio.create_subprocess_exec(
        str(binaries() / program),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out


def _named(dsn: str, name: str) -> str:
    return re.sub(r"/[a-z_0-9]+\?", f"/{name}?", dsn, count=1)


async def _create(postgres: str, options: str = "") -> str:
    name = f"history{next(_numbers)}"
    await execute(postgres, f"CREATE DATABASE {name} {options}")
    return _named(postgres, name)


async def _restored(postgres: str, dump: str) -> str:
    dsn = await _create(postgres)
    await _run("pg_restore", "--exit-on-error", "--no-owner", "--dbname", dsn, dump)
    return dsn


async def _epoch(dsn: str) -> str | None:
    connection = await asyncpg.connect(dsn)
    try:
        found: str | None = await connection.fetchval("SELECT current_epoch()")
        return found
    finally:
        await connection.close()


@pytest.fixture
async def own(postgres: str) -> str:
    """A database with two people."""
    dsn = await _create(postgres)
    await migrate(dsn)
    await execute(dsn, _PEOPLE)
    return dsn


@pytest.fixture
def dumped(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Awaitable[str]]:
    """Dumps a database; gives the file's name."""

    async def dump(dsn: str) -> str:
        path = str(tmp_path_factory.mktemp("dump") / "chat.dump")
        await _run("pg_dump", "--format=custom", "--file", path, "--dbname", dsn)
        return path

    return dump


def _user(name: str) -> User:
    return User(name, token_for(name))


async def test_a_restore_into_a_new_database_is_another_history(
    own: str, postgres: str, dumped: Callable[[str], Awaitable[str]]
) -> None:
    """After a restore beside the old database clients recover nothing: they reload, and hear what is new."""
    ann, ben = _user("ann"), _user("ben")
    async with local_server(own) as server:
        a = await Device(server.url, ann.token).connect()
        opened = await a.do("chat:conversation_open", recipientId="ben")
        conversation_id = opened["conversation"]["id"]
        await a.do("chat:message_send", conversationId=conversation_id, content="before")
        dump = await dumped(own)
        b = await Resuming(server.url, ben.token).connect()
        for text in ("lost", "lost too"):
            await a.do("chat:message_send", conversationId=conversation_id, content=text)
        await b.expect("chat:message_received", seq=4)
        await a.close()
        await b.drop()
    restored = await _restored(postgres, dump)
    assert await _epoch(restored) != await _epoch(own)
    async with local_server(restored) as server:
        a = await Device(server.url, ann.token).connect()
        await b.connect(server.url)
        assert (b.recovered, b.ready["recovered"], b.ready["limited"]) == (False, False, True)
        assert b.ready["resync"] == [conversation_id]
        await a.do("chat:message_send", conversationId=conversation_id, content="after")
        again = await b.expect("chat:message_received", seq=3)
        assert again[0]["content"] == "after"
        old = {"epoch": "1-1-1", "me": 0, conversation_id: 4}
        await b.drop()
        await b.connect(server.url, positions=old)
        assert (b.ready["limited"], b.ready["resync"]) == (True, [conversation_id])
        await a.close()
        await b.drop()


async def test_two_restores_of_one_dump_are_two_histories(
    own: str, postgres: str, dumped: Callable[[str], Awaitable[str]]
) -> None:
    """Neither knows of the other, and both differ from the original; each keeps its name."""
    dump = await dumped(own)
    databases = [own, await _restored(postgres, dump), await _restored(postgres, dump)]
    epochs = [await _epoch(dsn) for dsn in databases]
    assert len(set(epochs)) == 3
    assert [await _epoch(dsn) for dsn in databases] == epochs


async def test_a_copy_is_another_history(own: str, postgres: str) -> None:
    """CREATE DATABASE … TEMPLATE copies every byte, and is another history; the original stays what it was."""
    before = await _epoch(own)
    copy = await _create(postgres, f'TEMPLATE "{urlsplit(own).path.removeprefix("/")}"')
    assert await _epoch(copy) not in (None, before)
    assert await _epoch(own) == before


@pytest.mark.parametrize(
    "how",
    [
        "TRUNCATE events",
        "TRUNCATE conversations, participants, messages",
        "TRUNCATE personal_streams",
        "BEGIN; CREATE TABLE kept AS TABLE log_mark; DELETE FROM log_mark; INSERT INTO log_mark TABLE kept; END",
        "UPDATE log_epoch SET generation = new_generation()",
        "UPDATE log_epoch SET timeline = timeline - 1",
        "UPDATE log_epoch SET system_identifier = system_identifier - 1",
        "ALTER TABLE events RENAME TO old_events; CREATE TABLE events (LIKE old_events INCLUDING ALL)",
    ],
)
async def test_what_ends_a_history(how: str, own: str) -> None:
    """Emptying or replacing a table of the log, rows written anew, another timeline or cluster: another epoch."""
    before = await _epoch(own)
    await execute(own, how)
    assert await _epoch(own) not in (None, before)


@pytest.mark.parametrize(
    "how",
    [
        "VACUUM FULL",
        "VACUUM FREEZE",
        "ANALYZE",
        "REINDEX TABLE events",
        "CLUSTER events USING events_pkey",
        "SELECT prune_events(now() - interval '1 day', 100)",
        "CHECKPOINT",
    ],
)
async def test_what_ends_none(how: str, own: str) -> None:
    """Maintenance rewrites tables, and the history goes on."""
    before = await _epoch(own)
    await execute(own, how)
    assert await _epoch(own) == before


async def test_a_running_process_ends_with_its_history(
    own: str, dumped: Callable[[str], Awaitable[str]]
) -> None:
    """Under `pg_restore --clean` a running server notices by itself, says so in one line, and exits with 1."""
    dump = await dumped(own)
    async with process_server(own) as server:
        assert server.process is not None
        device = await Device(server.url, token_for("ann")).connect()
        await _run("pg_restore", "--clean", "--if-exists", "--no-owner", "--dbname", own, dump)
        assert await asyncio.wait_for(server.process.wait(), PATIENCE) == 1
        await asyncio.wait_for(device.disconnected.wait(), PATIENCE)
    async with local_server(own) as server:
        again = await Device(server.url, token_for("ann")).connect()
        assert again.ready["epoch"] != device.ready["epoch"]
        await again.close()


async def test_an_emptied_log_ends_a_running_process(own: str) -> None:
    """TRUNCATE of the log is noticed at the next look, once."""
    stopped: list[str] = []
    async with local_server(own) as server:
        assert server.app is not None
        reader = server.app.log_reader
        reader._on_new_history = lambda: stopped.append("stopped")
        await execute(own, "TRUNCATE events")
        for _ in range(2):
            await reader.read()
    assert stopped == ["stopped"]


async def test_a_database_that_was_set_back(own: str) -> None:
    """Where transaction numbers went back (files of an earlier day), the process ends with its history."""
    stopped: list[str] = []
    async with local_server(own) as server:
        assert server.app is not None
        reader = server.app.log_reader
        await reader.stop()
        before = await _epoch(own)
        reader._on_new_history = lambda: stopped.append("stopped")
        reader._snapshot = f"{2**40 + 1}:{2**40 + 1}:"
        await reader.read()
        assert stopped == ["stopped"]
        assert await _epoch(own) != before


async def test_a_half_restored_database_serves_nobody(own: str) -> None:
    """Without its name a history is not begun by chance: the server says what is the matter."""
    await execute(own, "DELETE FROM log_epoch")
    assert await _epoch(own) is None
    with pytest.raises(ConfigError, match="log_epoch is empty"):
        async with build(settings_for(own), own, lambda: None):
            pass
