"""The load generator of the benchmarks against its own sink: every mode, and that the counts add up."""

import os
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.support.loadgen import RECEIVED, TALK, Generator, require_compiler, serving

require_compiler()

PAIR = ("token-a\tone", "token-b\tone")
BRIEF = {"seconds": 0.2, "warmup": 0.1}


@pytest.fixture
def generator(tmp_path: Path) -> Generator:
    """The load generator."""
    return Generator(tmp_path)


def add_up(numbers: dict[str, Any]) -> None:
    """Every ask had one of three ends, in the window and in all; every push expected came once."""
    assert numbers["asks"] == sum(numbers[end] for end in ("acked", "refused", "unanswered"))
    assert numbers["asks_total"] == sum(
        numbers[f"{end}_total"] for end in ("acked", "refused", "unanswered")
    )
    assert numbers["missing"] == numbers["expected_total"] - numbers["deliveries_total"]


@pytest.mark.parametrize("rate", [None, 2000])
async def test_asks_and_deliveries_add_up(generator: Generator, rate: int | None) -> None:
    """In closed and in open loop every ask is acked, and its push is delivered to each connection once."""
    options = TALK | BRIEF | {"pushes_per_ask": 3} | ({"rate": rate} if rate else {})
    async with generator.sink(echo=RECEIVED, fanout=True) as sink:
        outcome = await generator.run("ask", *PAIR, "token-c\t-", **sink, **options)
    numbers = outcome.numbers
    assert outcome.code == 0, outcome.complaint
    add_up(numbers)
    assert numbers["connections"] == 3
    assert 0 < numbers["asks"] == numbers["acked"] < numbers["asks_total"]
    assert numbers["deliveries_total"] == numbers["expected_total"] == 3 * numbers["asks_total"]
    for nothing in ("missing", "duplicates", "foreign", "stray_acks", "dropped"):
        assert numbers[nothing] == 0, nothing
    assert numbers["ack_us"]["count"] == numbers["acked"]
    assert numbers["delivery_us"]["count"] == 3 * numbers["acked"]


async def test_latencies_are_in_order(generator: Generator) -> None:
    """Of a histogram each quantile is at least the one before it, and at most the maximum."""
    async with generator.sink() as sink:
        outcome = await generator.run("ask", *PAIR, **sink, **TALK, **BRIEF)
    took = outcome.numbers["ack_us"]
    quantiles = [took[key] for key in ("p50", "p90", "p99", "p999", "max")]
    assert quantiles == sorted(quantiles)
    assert 0 < took["mean"] <= took["max"]


async def test_the_server_is_watched(generator: Generator) -> None:
    """The server's CPU time and memory are measured, and the generator's own CPU time."""
    async with generator.sink() as sink:
        outcome = await generator.run("ask", *PAIR, **sink, **TALK, **BRIEF)
    numbers = outcome.numbers
    assert numbers["cpu_seconds"] > 0
    assert numbers["own_cpu_seconds"] > 0
    assert numbers["rss_end_kb"] >= numbers["rss_start_kb"] > 0
    assert numbers["bytes_in"] > 0
    assert numbers["cpu_us_per_ask"] > 0


async def test_the_database_is_watched(generator: Generator) -> None:
    """What a process and its children used is added up: here the test's own, one of which is the server."""
    async with generator.sink() as sink:
        outcome = await generator.run("ask", *PAIR, database=os.getpid(), **sink, **TALK, **BRIEF)
    numbers = outcome.numbers
    both = numbers["cpu_seconds"] + numbers["own_cpu_seconds"]
    used = (
        numbers["database_cpu_us_per_ask"] * numbers["asks_per_second"] * numbers["seconds"] / 1e6
    )
    assert used > 0.9 * both > 0


async def test_asks_that_only_pushes_finish(generator: Generator) -> None:
    """Without acks, an ask is finished when so many pushes for its target came."""
    options = {
        "event": "chat:typing",
        "payload": '{"conversationId":"$target","isTyping":true}',
        "push": "chat:user_typing",
        "push_match": '"isTyping":true',
        "pushes_per_ask": 3,
        "no_ack": True,
    }
    lines = ("token-a\tone", "token-b\ttwo", "token-c\t-")
    async with generator.sink(echo="chat:user_typing", fanout=True) as sink:
        outcome = await generator.run("ask", *lines, **sink, **options, **BRIEF)
    add_up(outcome.numbers)
    assert outcome.numbers["acked"] == outcome.numbers["asks"] > 0
    assert outcome.numbers["missing"] == outcome.numbers["stray_acks"] == 0
    assert outcome.numbers["deliveries_total"] == 3 * outcome.numbers["asks_total"]


async def test_connections_come_and_go(generator: Generator) -> None:
    """All connections become ready, are held, and are closed at once."""
    lines = [f"token-{number}\t-" for number in range(50)]
    async with generator.sink() as sink:
        outcome = await generator.run(
            "connect", *lines, **sink, hold=0.1, after=0.1, connect_window=8, ready="session:ready"
        )
    numbers = outcome.numbers
    assert outcome.code == 0
    assert (numbers["ready"], numbers["failed"], numbers["dropped"]) == (50, 0, 0)
    assert numbers["connect_us"]["count"] == 50
    assert numbers["connects_per_second"] > 0
    assert numbers["disconnect_cpu_seconds"] > 0


async def test_a_storm_of_parked_connections(generator: Generator) -> None:
    """Who was parked comes back with its offset and gets what it missed, while others go on talking."""
    saved = generator.directory / "saved"
    lines = [f"token-{number}\ttarget" for number in range(20)]
    async with generator.sink(echo=RECEIVED, missed=5) as sink:
        parked = await generator.run(
            "park", *lines, port=sink["port"], save=saved, ready="session:ready"
        )
        assert parked.numbers["resumable"] == parked.numbers["connections"] == 20
        outcome = await generator.run(
            "storm",
            **sink,
            **TALK,
            connections=saved,
            live=generator.lines("live", PAIR),
            rate=200,
            calm=0.1,
            warmup=0,
            missed=5,
            pushes_per_ask=1,
            ready="session:ready",
        )
    numbers = outcome.numbers
    assert outcome.code == 0, outcome.complaint
    assert (numbers["recovered"], numbers["failed"]) == (20, 0)
    assert numbers["pushes"] == numbers["pushes_expected"] == 100
    assert numbers["recovered_us"]["count"] == 20
    assert numbers["live_calm_us"]["count"] > 0
    assert numbers["missing"] == numbers["unanswered_total"] == 0


async def test_a_storm_that_does_not_recover(generator: Generator) -> None:
    """Who gets less than it missed has failed, and so has the run when nobody gets it all."""
    comers = generator.lines("comers", ['token\t-\t{"pid":"p","offset":"o"}'] * 3)
    async with generator.sink(echo=RECEIVED, missed=4) as sink:
        outcome = await generator.run(
            "storm",
            **sink,
            **TALK,
            connections=comers,
            live=generator.lines("live", PAIR),
            rate=100,
            calm=0.1,
            warmup=0,
            missed=5,
            timeout=2,
        )
    assert outcome.code == 1
    assert (outcome.numbers["recovered"], outcome.numbers["failed"]) == (0, 3)
    assert outcome.numbers["pushes"] == 12
    assert "3 of 3 did not recover" in outcome.complaint


async def test_http_against_the_sink(generator: Generator) -> None:
    """Each line has so many connections, and their requests and answers add up."""
    options = {"url": "/api/messages", "payload": TALK["payload"], "inflight": 3}
    async with generator.sink() as sink:
        outcome = await generator.run("http", *PAIR, "token-c\t-", **sink, **options, **BRIEF)
    add_up(outcome.numbers)
    assert outcome.code == 0
    assert outcome.numbers["connections"] == 6
    assert outcome.numbers["acked_total"] == outcome.numbers["asks_total"] > 0


async def test_http_requests_and_answers(generator: Generator) -> None:
    """A request is filled in and authorised; answers of any framing are read, and 400 and above is refused."""
    ids: list[str] = []

    async def page(request: web.Request) -> web.StreamResponse:
        assert request.headers["Authorization"] == "Bearer token-a"
        assert request.path == "/talks/one"
        ids.append((await request.json())["id"])
        match len(ids) % 4:
            case 0:
                return web.Response(status=204)
            case 1:
                return web.json_response({"error": {}}, status=429)
            case 2:
                return web.json_response({"text": "x" * 300_000})
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        for _ in range(3):
            await response.write(b"y" * 1000)
        return response

    async with serving(web.put("/talks/{id}", page)) as port:
        outcome = await generator.run(
            "http",
            PAIR[0],
            port=port,
            method="PUT",
            url="/talks/$target",
            payload='{"id":"$id"}',
            **BRIEF,
        )
    assert outcome.code == 0, outcome.complaint
    add_up(outcome.numbers)
    assert outcome.numbers["asks_total"] == len(ids) == len(set(ids)) > 4
    assert outcome.numbers["refused_total"] == (len(ids) + 3) // 4
    assert outcome.numbers["unanswered_total"] == 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("ask", {"port": 1, "payload": "{}"}), "--event is needed"),
        (("ask", {"port": 70_000, **TALK}), "--port 70000"),
        (("ask", {"port": 1, **TALK, "seconds": "soon"}), "--seconds soon"),
        (("ask", {"port": 1, **TALK, "hold": 1}), "--hold: this mode has no such option"),
        (("ask", {"port": 1, **TALK, "pid": "1,x"}), "--pid 1,x"),
        (("ask", {"port": 1, **TALK, "database": "x"}), "--database x"),
        (("ask", {"port": 1, **TALK, "no_ack": True}), "--no-ack needs --pushes-per-ask"),
        (("swim", {}), "swim: no such mode"),
    ],
)
async def test_nonsense_is_named(
    generator: Generator, arguments: tuple[str, dict[str, Any]], named: str
) -> None:
    """A wrong command line ends with code 2 and one line that names what is wrong."""
    mode, options = arguments
    outcome = await generator.run(mode, *PAIR, **options)
    assert (outcome.code, outcome.numbers) == (2, {})
    assert outcome.complaint.startswith(f"loadgen: {named}")
    assert "\n" not in outcome.complaint


async def test_a_wrong_file_is_named(generator: Generator) -> None:
    """A line that names no target, or nobody who asks, ends the run before it begins."""
    outcome = await generator.run("ask", *PAIR, "token", port=1, **TALK)
    assert (outcome.code, ":3: not TOKEN<tab>TARGET" in outcome.complaint) == (2, True)
    outcome = await generator.run("ask", "token\t-", port=1, **TALK)
    assert (outcome.code, "nobody has a target" in outcome.complaint) == (2, True)
