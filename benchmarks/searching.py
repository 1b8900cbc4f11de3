"""S12, how fast a search is, and what it costs those who send: ``python -m benchmarks.searching``.

One person sees 200,000 messages (``--messages``) in 40 conversations, some of which have most of them. Pages
are asked for by HTTP, one after the other: a common word, a rare one, one that nobody said, and one in a single
conversation; before segments are built and after. Sends are compared in pairs, with the triggers of search and
without them, by the processor time of PostgreSQL's process.
"""

import argparse
import asyncio
import base64
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import asyncpg

from benchmarks.servers import ENCRYPTION_KEY
from chatserver.core.crypto import Vault
from chatserver.core.ids import uuid7
from chatserver.ops.embedded.postgres import EmbeddedPostgres
from chatserver.resources import body_of, context_of
from chatserver.schemas.messages import MessageSend
from chatserver.sessions import issue_token

_SECRET = b"of nobody but this benchmark, 32 bytes"
_ME, _OTHER = "me", "other"
_TALKS = 40
_BATCH = 500
# Words are as frequent as in a language: the n-th in one of n.
_WORDS = 20_000
_ROUNDS = 40
_PAIRS, _SENDS = 7, 1_000
_POST = "SELECT verdict FROM post_messages($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
_TRIGGERS = (("messages", "messages_segment"), ("conversations", "conversations_segments"))


def _texts(many: int) -> Iterator[str]:
    draw = random.Random(1)
    words = [
        "".join(draw.choices("aeioubcdfghklmnprstvwz", k=draw.randint(2, 9))) for _ in range(_WORDS)
    ]
    weights = [1 / (n + 1) for n in range(_WORDS)]
    for n in range(many):
        rare = " needle" if n % 10_000 == 77 else ""
        yield (
            " ".join(draw.choices(words, weights, k=draw.randint(4, 20)))
            + rare
            + " common" * (n % 7 == 0)
        )


def _drafts(vault: Vault, talk: UUID, texts: Sequence[str]) -> list[list[Any]]:
    rows = []
    for n, text in enumerate(texts):
        sender, message = (_ME, _OTHER)[n % 2], uuid7()
        body = body_of(MessageSend(conversation_id=talk, content=text))
        context = context_of(sender, "text", is_announcement=False, reply_to=None)
        sealed = vault.seal(talk, message, body, context)
        rows.append((talk, sender, message, "text", *sealed, None, str(message), b"0" * 16, False))
    return list(map(list, zip(*rows, strict=True)))


async def _fill(connection: asyncpg.Connection, vault: Vault, total: int) -> list[UUID]:
    await connection.execute(
        "INSERT INTO chat_users (user_id, username) SELECT n, n FROM unnest(ARRAY['me', 'other']) n"
    )
    talks = [uuid4() for _ in range(_TALKS)]
    for talk in talks:
        title = vault.seal_field(talk, "title", "A group")
        await connection.execute(
            "SELECT create_group($1, $2, $3, NULL, $4, 50, 0, 0)", talk, _ME, title, [_OTHER]
        )
    shares = [1 / (n + 1) for n in range(_TALKS)]
    texts = _texts(total)
    for talk, share in zip(talks, shares, strict=True):
        left = round(total * share / sum(shares))
        while left > 0:
            some = [text for text, _ in zip(texts, range(min(_BATCH, left)), strict=False)]
            left -= _BATCH
            if some:
                await connection.execute(_POST, *_drafts(vault, talk, some))
    return talks


@asynccontextmanager
async def _server(dsn: str) -> AsyncIterator[tuple[str, int]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "chatserver", "serve"),
        env=_environment(dsn),
        stdout=asyncio.subprocess.PIPE,
    )
    url = "http://127.0.0.1:3912"
    try:
        async with aiohttp.ClientSession() as client:
            while True:
                try:
                    async with client.get(f"{url}/ready") as answer:
                        if answer.status == 200:
                            break
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.1)
        yield url, process.pid
    finally:
        process.terminate()
        await process.wait()


def _environment(dsn: str) -> dict[str, str]:
    return {
        **os.environ,
        "APP_ENV": "development",
        "DATABASE_URL": dsn,
        "CHAT_ENCRYPTION_KEY": ENCRYPTION_KEY,
        "JWT_SECRET": base64.b64encode(_SECRET).decode(),
        "HOST": "127.0.0.1",
        "PORT": "3912",
        "IP_RATE_LIMIT": "0",
        "COMMAND_RATE_LIMIT": "0",
        "SEARCH_RATE_LIMIT": "0",
    }


async def _command(dsn: str, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "chatserver", *arguments), env=_environment(dsn)
    )
    if await process.wait():
        raise RuntimeError(f"chatserver {arguments[0]} failed")


async def _search(client: aiohttp.ClientSession, **ask: Any) -> dict[str, Any]:
    async with client.post("/api/commands/chat:search", json=ask) as answer:
        found: dict[str, Any] = await answer.json()
        assert answer.status == 200, found
        return found


async def _searches(url: str, pid: int, talk: UUID, rounds: int) -> None:
    token = issue_token(_SECRET, _ME)
    headers = {"Authorization": f"Bearer {token}"}
    asks: dict[str, dict[str, Any]] = {
        "a common word": {"query": "common"},
        "a rare word": {"query": "needle"},
        "nothing": {"query": "unsaid, by anybody"},
        "by nobody": {"query": "common", "senderId": "nobody"},
        "in the largest": {"query": "needle", "conversationId": str(talk)},
    }
    async with aiohttp.ClientSession(url, headers=headers) as client:
        for title, ask in asks.items():
            took, used = [], _used(pid)
            for _ in range(rounds):
                began = time.perf_counter()
                page = await _search(client, **ask)
                took.append((time.perf_counter() - began) * 1e3)
            used = (_used(pid) - used) / rounds * 1e3
            pages, results = 1, len(page["results"])
            while page["cursor"] is not None and title != "a common word":
                page = await _search(client, **ask, cursor=page["cursor"])
                pages, results = pages + 1, results + len(page["results"])
            took.sort()
            say(
                f"  {title:16} first page p50 {median(took):5.1f} ms, p95 {took[int(0.95 * len(took))]:5.1f} ms; "
                f"{used:.1f} ms of the server's processor; {results} results on {pages} pages"
            )


def _used(pid: int) -> float:
    """Return the processor time of a process so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _sends(connection: asyncpg.Connection, vault: Vault, talk: UUID) -> None:
    pid = await connection.fetchval("SELECT pg_backend_pid()")
    post = await connection.prepare(_POST)

    async def run() -> float:
        drafts = [
            _drafts(vault, talk, ["Shall we meet at the usual place at noon?"])
            for _ in range(_SENDS)
        ]
        before = _used(pid)
        for draft in drafts:
            await post.fetch(*draft)
        return (_used(pid) - before) / _SENDS * 1e6

    await run()
    found: dict[str, list[float]] = {"ENABLE": [], "DISABLE": []}
    for nth in range(_PAIRS):
        for what in list(found)[:: 1 if nth % 2 else -1]:
            for table, trigger in _TRIGGERS:
                await connection.execute(f"ALTER TABLE {table} {what} TRIGGER {trigger}")
            found[what].append(await run())
    ratios = [a / b for a, b in zip(found["ENABLE"], found["DISABLE"], strict=True)]
    say(
        f"sends: {median(found['ENABLE']):.1f} µs of PostgreSQL's processor with search, "
        f"{median(found['DISABLE']):.1f} without; "
        f"{median(ratios):.3f} times ({min(ratios):.3f} to {max(ratios):.3f})"
    )


async def _measure(dsn: str, total: int) -> None:
    await _command(dsn, "migrate")
    vault = Vault([ENCRYPTION_KEY])
    connection = await asyncpg.connect(dsn)
    try:
        talks = await _fill(connection, vault, total)
        async with _server(dsn) as (url, pid):
            say("nothing is built:")
            await _searches(url, pid, talks[0], 1)
            began = time.perf_counter()
            await _command(dsn, "search", "build")
            say(f"chatserver search build: {time.perf_counter() - began:.1f} s")
            bytes_ = await connection.fetchval(
                "SELECT sum(octet_length(sealed)) FROM search_segments"
            )
            say(f"{bytes_ / total:.0f} bytes a message; all is built:")
            await _searches(url, pid, talks[0], _ROUNDS)
        await _sends(connection, vault, talks[-1])
    finally:
        await connection.close()


def say(line: str) -> None:
    """A line for who watches."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Measure, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=200_000)
    total = parser.parse_args().messages
    say(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M}, {os.cpu_count()} cores, {total} messages in {_TALKS} conversations"
    )
    with tempfile.TemporaryDirectory(prefix="chatserver-searching-") as directory:
        # As root, PostgreSQL's account must get in.
        Path(directory).chmod(0o755)
        with EmbeddedPostgres(Path(directory)) as dsn:
            asyncio.run(_measure(dsn, total))


if __name__ == "__main__":
    main()
