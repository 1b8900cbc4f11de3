"""The log's end and its epoch: pruned events, and a database that moved."""

import asyncio
import subprocess
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from chatserver.log import retention
from chatserver.ops.embedded.postgres import EmbeddedPostgres, binaries
from tests.conftest import token_for
from tests.support.device import Device
from tests.support.main_backend import execute, rows
from tests.support.metrics import scrape
from tests.support.places import open_directory
from tests.support.resuming import Resuming
from tests.support.servers import Server, local_server


async def _people(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "INSERT INTO chat_users (user_id, username) VALUES ('a', 'a'), ('b', 'b')"
    )
    await connection.close()


async def _age(dsn: str, up_to: int) -> None:
    """Make the events up to a seq older than the log is kept."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "UPDATE events SET created_at = now() - interval '31 days' WHERE seq <= $1", up_to
    )
    await connection.close()


async def _chat(server: Server, texts: int) -> str:
    device = await Device(server.url, token_for("a")).connect()
    for n in range(texts):
        sent = await device.do("chat:message_send", recipientId="b", content=f"text {n}")
    await device.close()
    conversation_id: str = sent["message"]["conversation_id"]
    return conversation_id


async def test_pruning_against_offsets(fresh_dsn: str) -> None:
    """Who had seen what was pruned recovers; who had not is told to reload; sync says that it is limited."""
    await _people(fresh_dsn)
    async with local_server(fresh_dsn) as server:
        assert server.app is not None
        early, late = [Resuming(server.url, token_for("b")) for _ in range(2)]
        conversation_id = await _chat(server, 2)
        await early.connect()
        await early.drop()
        await _chat(server, 3)
        await late.connect()
        await late.drop()
        await _chat(server, 2)
        await _age(fresh_dsn, up_to=6)
        assert await server.app.retention.prune() == 6
        await late.connect()
        assert late.recovered
        assert late.seqs(conversation_id) == [7, 8]
        sync = await late.do("chat:sync", conversationId=conversation_id, afterSeq=6)
        assert (len(sync["events"]), sync["limited"]) == (2, False)
        sync = await late.do("chat:sync", conversationId=conversation_id, afterSeq=5)
        assert (sync["events"], sync["limited"]) == ([], True)
        await early.connect()
        assert not early.recovered
        assert (early.ready["limited"], early.ready["resync"]) == (True, [conversation_id])
        assert early.seqs(conversation_id) == []
        history = await early.do("chat:history", conversationId=conversation_id)
        assert len(history["messages"]) == 7, "messages outlive the log"
        for client in (early, late):
            await client.drop()


async def test_pruning_in_small_batches(fresh_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events and kept answers that are older than 30 days go, however many, some at a time; younger ones stay."""
    monkeypatch.setattr(retention, "_BATCH", 3)
    monkeypatch.setattr(retention, "_PAUSE", 0)
    await _people(fresh_dsn)
    async with local_server(fresh_dsn) as server:
        assert server.app is not None
        await _chat(server, 9)
        await _age(fresh_dsn, up_to=7)
        await execute(
            fresh_dsn,
            "INSERT INTO requests (user_id, command, request_id, fingerprint, created_at) "
            "SELECT 'a', 'c', n, '', now() - interval '31 days' FROM generate_series(1, 7) n",
            "INSERT INTO requests (user_id, command, request_id, fingerprint) VALUES ('a', 'c', 'young', '')",
        )
        await server.app.retention.prune()
        scraped = await scrape(server.url)
    assert scraped.value("pruned_total", what="events") == 7
    assert scraped.value("pruned_total", what="requests") == 7
    assert await rows(fresh_dsn, "SELECT request_id FROM requests") == [("young",)]
    assert await rows(fresh_dsn, "SELECT min(seq), max(seq) FROM events") == [(8, 10)]


@pytest.fixture
def other_cluster() -> Iterator[str]:
    """A PostgreSQL of its own, with another system identifier."""
    with (
        open_directory("chatserver-tests-") as directory,
        EmbeddedPostgres(directory, durable=False) as dsn,
    ):
        yield dsn


def _pipe(source: str, target: str) -> None:
    def arguments(dsn: str) -> tuple[list[str], dict[str, str]]:
        parts = urlsplit(dsn)
        host = parse_qs(parts.query)["host"][0]
        return ["-h", host, "-U", parts.username or "", "-d", parts.path.removeprefix("/")], {
            "PGPASSWORD": parts.password or ""
        }

    from_args, from_env = arguments(source)
    to_args, to_env = arguments(target)
    dump = subprocess.run(
        [binaries() / "pg_dump", *from_args], env=from_env, check=True, capture_output=True
    )
    subprocess.run(
        [binaries() / "psql", "-q", "-v", "ON_ERROR_STOP=1", *to_args],
        env=to_env, check=True, input=dump.stdout, capture_output=True,
    )  # fmt: skip


async def test_a_dump_restored_elsewhere(fresh_dsn: str, other_cluster: str) -> None:
    """In another cluster transaction ids mean something else: everything is limited, and nothing is dropped."""
    await _people(fresh_dsn)
    client = Resuming("", token_for("b"))
    async with local_server(fresh_dsn) as server:
        conversation_id = await _chat(server, 3)
        await client.connect(server.url)
        positions = {"epoch": client.ready["epoch"], "me": 0, conversation_id: 4}
        await client.drop()
    await asyncio.to_thread(_pipe, fresh_dsn, other_cluster)
    async with local_server(other_cluster) as server:
        for auth in ({}, {"positions": positions}):
            old = client.offset
            await client.connect(server.url, **auth)
            assert not client.recovered
            assert (client.ready["limited"], client.ready["resync"]) == (True, [conversation_id])
            assert client.ready["epoch"] != positions["epoch"]
            await client.drop()
            client.offset = old
        # Life goes on: new events have the new history's offsets, and recover.
        await client.connect(server.url)
        await client.drop()
        await _chat(server, 1)
        await client.connect(server.url)
        assert client.recovered
        assert client.seqs(conversation_id) == [5]
        await client.drop()
