"""S12: how fast a search is, and what it costs those who send.

One person sees 200,000 messages in conversations with 40 others, some of which have most of them; words are as
frequent as in a language. Pages are asked for by HTTP, one after the other, before segments are built and after.
Sends are compared in pairs, with the triggers of search and without them, by the processor time of PostgreSQL's
process.
"""

import random
import time
from functools import cache
from http import HTTPStatus
from itertools import accumulate
from statistics import median
from typing import Any

import aiohttp
import asyncpg

from benchmarks import seed_ours
from benchmarks.bench import Bench, LoadError, Numbers
from benchmarks.machine import look_at, nanoseconds_of, running_on
from benchmarks.servers import ENCRYPTION_KEY, JWT_SECRET, Kind, Server
from benchmarks.world import Talk, talk_id, user_id
from chatserver.core.crypto import Vault
from chatserver.core.ids import uuid7
from chatserver.resources import body_of, context_of
from chatserver.schemas.messages import MessageSend
from chatserver.sessions import issue_token

_ME = 0
_TALKS = 40
# The n-th is one word of n.
_WORDS = 20_000
_POST = "SELECT verdict FROM post_messages($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
_TRIGGERS = (("messages", "messages_segment"), ("conversations", "conversations_segments"))
_ASKS = {
    "common": {"query": "common"},
    "rare": {"query": "needle"},
    "nothing": {"query": "unsaid, by anybody"},
}


async def search(bench: Bench, kind: Kind) -> Numbers:
    """S12: first pages without segments and with them, their building, and sends with and without search."""
    form = bench.form
    dsn, is_new = await bench.beside(kind, "searching")
    if is_new:
        await _fill(bench, dsn, form.searched)
    log = bench.directory / f"{kind.name}-searching.log"
    server = Server(kind, dsn, bench.cores.server, log, SEARCH_RATE_LIMIT="0")
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("DELETE FROM search_segments")
        await server.start()
        numbers: Numbers = {"mode": "search"}
        numbers["unbuilt"] = await _pages(server, {"nothing": _ASKS["nothing"]}, 1)
        began = time.perf_counter()
        with running_on(bench.cores.all):
            await seed_ours.command(kind, dsn, "search", "build")
        numbers["build_seconds"] = time.perf_counter() - began
        size = await connection.fetchval("SELECT sum(octet_length(sealed)) FROM search_segments")
        numbers["bytes_per_message"] = int(size) / form.searched
        in_one = {**_ASKS["rare"], "conversationId": str(talk_id(0))}
        numbers["built"] = await _pages(server, {**_ASKS, "in_one": in_one}, form.searches)
        await server.stop()
        return numbers | await _sends(
            connection, Talk(_TALKS - 1, (_ME, _TALKS)), form.send_pairs, form.sends
        )
    finally:
        await server.stop()
        await connection.close()


# -- what is there ------------------------------------------------------------------------------------


async def _fill(bench: Bench, dsn: str, total: int) -> None:
    """Have one person talk with so many others, with every processor."""
    # Some conversations have most of the messages.
    shares = [1 / (n + 1) for n in range(_TALKS)]
    counts = {
        Talk(n, (_ME, n + 1)): max(1, round(total * share / sum(shares)))
        for n, share in enumerate(shares)
    }
    with bench.seeding():
        await seed_ours.populate(dsn, [*counts])
        await seed_ours.add_messages(dsn, counts, len(bench.cores.all), said)


def said(number: int) -> str:
    """What one of the two says as the message of that number: words as frequent as in a language."""
    draw, (words, weights) = random.Random(number), _language()
    text = " ".join(draw.choices(words, cum_weights=weights, k=draw.randint(4, 20)))
    return text + " common" * (number % 7 == 0) + " needle" * (number % 10_000 == 77)


@cache
def _language() -> tuple[list[str], list[float]]:
    """Words, the first of which are the most frequent, with their weights added up."""
    draw = random.Random(1)
    words = [
        "".join(draw.choices("aeioubcdfghklmnprstvwz", k=draw.randint(2, 9))) for _ in range(_WORDS)
    ]
    return words, list(accumulate(1 / (n + 1) for n in range(_WORDS)))


def _draft(vault: Vault, talk: Talk) -> list[list[Any]]:
    """The arguments of a send."""
    sender, message = user_id(_ME), uuid7()
    content = "Shall we meet at the usual place at noon?"
    body = body_of(MessageSend(conversation_id=talk_id(talk.number), content=content))
    context = context_of(sender, "text", is_announcement=False, reply_to=None)
    sealed = vault.seal(talk_id(talk.number), message, body, context)
    row = (
        talk_id(talk.number),
        sender,
        message,
        "text",
        *sealed,
        None,
        str(message),
        b"0" * 16,
        False,
    )
    return [[value] for value in row]


# -- what is measured ---------------------------------------------------------------------------------


async def _pages(server: Server, asks: dict[str, dict[str, str]], rounds: int) -> Numbers:
    """Ask for first pages one after the other; what each took (µs), and the server's processor time."""
    headers = {"Authorization": f"Bearer {issue_token(JWT_SECRET, user_id(_ME))}"}
    found: Numbers = {}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}", headers=headers) as http:
        for name, ask in asks.items():
            took, before = [], look_at(server.pid).cpu_seconds
            for _ in range(rounds):
                began = time.perf_counter()
                async with http.post("/api/commands/chat:search", json=ask) as answer:
                    if answer.status != HTTPStatus.OK:
                        raise LoadError(f"a search was answered {answer.status}")
                    await answer.read()
                took.append((time.perf_counter() - began) * 1e6)
            used = look_at(server.pid).cpu_seconds - before
            took.sort()
            found[name] = {
                "p50": median(took),
                "p95": took[int(0.95 * len(took))],
                "cpu_us": used / rounds * 1e6,
            }
    return found


async def _sends(connection: asyncpg.Connection, talk: Talk, pairs: int, sends: int) -> Numbers:
    """Send with the triggers of search and without, by turns; PostgreSQL's processor time."""
    pid = await connection.fetchval("SELECT pg_backend_pid()")
    # It is not the disk that is compared.
    await connection.execute("SET synchronous_commit = off")
    post = await connection.prepare(_POST)
    vault = Vault([ENCRYPTION_KEY])

    async def run() -> float:
        drafts = [_draft(vault, talk) for _ in range(sends)]
        before = nanoseconds_of(pid)
        for draft in drafts:
            await post.fetch(*draft)
        return (nanoseconds_of(pid) - before) / sends / 1e3

    await run()
    found: dict[str, list[float]] = {"ENABLE": [], "DISABLE": []}
    try:
        for nth in range(pairs):
            for what in list(found)[:: 1 if nth % 2 else -1]:
                await _set_triggers(connection, what)
                found[what].append(await run())
    finally:
        await _set_triggers(connection, "ENABLE")
    ratios = [a / b for a, b in zip(*found.values(), strict=True) if b]
    return {"send_us": median(found["ENABLE"]), "send_times": median(ratios)}


async def _set_triggers(connection: asyncpg.Connection, what: str) -> None:
    for table, trigger in _TRIGGERS:
        await connection.execute(f"ALTER TABLE {table} {what} TRIGGER {trigger}")
