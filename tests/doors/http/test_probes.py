"""`/health` and `/metrics`: the documented JSON, what Prometheus reads, and for whom."""

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from chatserver.metrics.table import METRICS
from tests.conftest import Connect, User
from tests.support.cli import end, production, spawn
from tests.support.doorbell import local_pair
from tests.support.http import ok, post, request
from tests.support.inside import empty, only_socket, sockets, tell, until
from tests.support.metrics import OPENMETRICS, scrape
from tests.support.patience import PATIENCE
from tests.support.redis_server import OwnRedis, free_port
from tests.support.servers import Server, local_server, process_server
from tests.support.talks import opened, said
from tests.support.wire import Wire

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")
# What a full Redis takes no more. (What is in focus it does: that script takes something away before it writes.)
_SHARED = ("limits", "presence")
_TOKEN = "a token that nobody guesses".replace(" ", "-")
_PRODUCTION = {"APP_ENV": "production", "CORS_ALLOWED_ORIGINS": "https://app.example"}


@pytest.fixture
async def own(dsn: str) -> AsyncIterator[Server]:
    """A server that nobody else has asked anything."""
    async with local_server(dsn, MAX_CONNECTIONS="50", SEND_QUEUE_BYTES="65536") as server:
        yield server


def _kinds(body: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _kinds(value) if isinstance(value, dict) else type(value)
        for name, value in body.items()
    }


async def _talk(server: Server, connect: Connect, alice: User, bob: User) -> None:
    """Alice and bob connect, twice and once; one message, one refusal, one leaves."""
    a, b, more = [await connect(user, server.url) for user in (alice, bob, alice)]
    conversation_id = await opened(a, bob)
    await a.do("chat:message_send", conversationId=conversation_id, content="Hello")
    await b.expect("chat:message_received")
    assert (await a.ask("no:such"))["error"]["code"] == "UNKNOWN_COMMAND"
    await more.close()
    await until(lambda: len(sockets(server)) == 2)


async def test_health(own: Server, connect: Connect, alice: User, bob: User) -> None:
    """GET /health has every documented field, of its kind, and counts what happened."""
    await _talk(own, connect, alice, bob)
    health = await request("GET", f"{own.url}/health")
    assert health.status == 200
    number: Any = int
    assert _kinds(health.body) == {
        "status": str,
        "timestamp": str,
        "uptime": number,
        "connections": dict.fromkeys(("active", "peak", "limit"), number),
        "memory": dict.fromkeys(("rss", "heapUsed", "heapTotal"), number),
        "database": {"connected": bool, "poolSize": number, "idleConnections": number},
        "redis": {"connected": bool},
        "metrics": {
            **dict.fromkeys(("messagesSent", "messagesReceived", "errors"), number),
            "averageResponseTime": float,
        },
        "worker": number,
    }
    assert _TIME.match(health.body["timestamp"])
    assert health.body["status"] == "healthy"
    assert health.body["connections"] == {"active": 2, "peak": 3, "limit": 50}
    memory = health.body["memory"]
    assert 0 < memory["heapUsed"] <= memory["rss"]
    assert memory["heapTotal"] > 0
    database = health.body["database"]
    assert database["connected"]
    assert 0 <= database["idleConnections"] <= database["poolSize"] <= 10
    assert health.body["redis"] == {"connected": False}, "there is none"


async def test_the_documented_metrics(
    own: Server, connect: Connect, alice: User, bob: User
) -> None:
    """GET /metrics has every documented field: what clients asked, what they were sent, and who is here."""
    await _talk(own, connect, alice, bob)
    metrics = (await request("GET", f"{own.url}/metrics")).body
    assert _TIME.match(metrics.pop("startTime"))
    assert metrics.pop("averageResponseTime") > 0
    assert metrics.pop("totalDataTransferred") > 1_000
    # Answers to three commands; and pushes: session:ready and presence aside, to each of three connections
    # that the conversation was created and the message came.
    assert metrics.pop("messagesSent") >= 3 + 6
    assert metrics == {
        "connections": 2,
        "messagesReceived": 3,
        "errors": 0,
        "activeUsers": 2,
        "conversations": 1,
        "peakConcurrentUsers": 2,
        "rateLimitHits": 0,
        "worker": 0,
    }


@pytest.mark.parametrize("accept", ["text/plain", OPENMETRICS])
async def test_prometheus(
    accept: str, own: Server, connect: Connect, alice: User, bob: User
) -> None:
    """Prometheus reads every metric in either of its formats, and the numbers are those of what happened."""
    await _talk(own, connect, alice, bob)
    scraped = await scrape(own.url, accept)
    without_redis = {"redis_healthy", "outbox_messages", "outbox_bytes"}
    without_redis |= {"bell_channels", "bell_messages", "bell_failures", "redis_shares"}
    for row in METRICS:
        if row.name not in without_redis:
            assert scraped.kinds["chatserver_" + row.name] == row.kind
    assert scraped.workers == {"0"}
    assert scraped.value("connections") == 2
    assert scraped.value("connections_peak") == 3
    assert scraped.value("connections_limit") == 50
    assert scraped.value("users") == 2
    assert scraped.value("transports") == 2
    assert scraped.value("errors_total", code="UNKNOWN_COMMAND") == 1
    assert scraped.value("errors_total", code="UNAVAILABLE") == 0
    for command in ("chat:conversation_open", "chat:message_send", "unknown"):
        assert scraped.value("command_seconds_count", command=command) == 1
        assert scraped.value("command_seconds_bucket", command=command, le="+Inf") == 1
        assert 0 < scraped.value("command_seconds_sum", command=command) < PATIENCE
    assert scraped.value("batch_messages_sum") == 1
    assert scraped.value("batch_messages_bucket", le="1.0") == 1
    assert scraped.value("delivery_lag_seconds_count") == 2
    assert scraped.value("pool_wait_seconds_count") > 2
    assert scraped.value("pushes_total") >= 6
    assert scraped.value("received_bytes_total") > 100
    assert scraped.value("sent_bytes_total") > 1_000
    assert 0 <= scraped.value("log_reader_lag_seconds") < PATIENCE
    assert 0 <= scraped.value("event_loop_lag_seconds") < PATIENCE
    assert ("process_resident_memory_bytes", frozenset({("worker", "0")})) in scraped.samples


async def test_buckets_hold_the_smaller_ones(own: Server, connect: Connect, alice: User) -> None:
    """Each bucket counts what is in the smaller ones too, and the last one everything."""
    device = await connect(alice, own.url)
    for _ in range(20):
        await device.do("system:ping")
    scraped = await scrape(own.url)
    buckets = sorted(
        (float(dict(labels)["le"]), value)
        for (name, labels), value in scraped.samples.items()
        if name == "chatserver_command_seconds_bucket"
    )
    counts = [count for _, count in buckets]
    assert counts == sorted(counts)
    assert counts[-1] == scraped.value("command_seconds_count", command="system:ping") == 20


async def test_clients_that_do_not_read_are_counted(own: Server, alice: User) -> None:
    """A client that is cut off because it does not read is counted, and so is one that is refused."""
    async with Wire(own.url) as stalled:
        await stalled.connect(alice.token)
        socket = only_socket(own)
        while not socket.closed:
            tell(own, alice.id, 60_000)
        await empty(own)
    assert (await scrape(own.url)).value("aborted_clients_total") == 1


async def test_ignored_fields_are_counted(dsn: str, alice: User) -> None:
    """Unknown fields that production ignores are counted by the command that had them."""
    async with local_server(dsn, **_PRODUCTION, METRICS_TOKEN=_TOKEN) as server:
        url = f"{server.url}/api/commands/system:ping"
        await ok("POST", url, alice, json={"colour": 1, "size": 2})
        scraped = await scrape(server.url, token=_TOKEN)
    assert scraped.value("ignored_fields_total", command="system:ping") == 2
    assert scraped.value("http_responses_total", status="200") == 1


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/json, text/plain, */*", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("text/plain;q=0.3,application/json;q=0.4", "application/json"),
        ("text/plain;q=0, nonsense;;q=x,", "application/json"),
        ("image/png", "application/json"),
        ("text/plain", "text/plain"),
        ("text/*;q=0.5, */*;q=0.1", "text/plain"),
        ("TEXT/PLAIN; Version=0.0.4", "text/plain"),
        ("application/vnd.google.protobuf;q=0.7,text/plain;version=0.0.4;q=0.4,*/*;q=0.1", "text/plain"),
        (f"{OPENMETRICS},*/*;q=0.2", "application/openmetrics-text"),
    ],
)  # fmt: skip
async def test_what_the_client_accepts(accept: str | None, kind: str, server: Server) -> None:
    """JSON unless the client prefers Prometheus' text, whatever else it accepts."""
    skip = ["Accept"] if accept is None else []
    async with (
        aiohttp.ClientSession(skip_auto_headers=skip) as session,
        session.get(
            f"{server.url}/metrics", headers={"Accept": accept} if accept else {}
        ) as response,
    ):
        assert response.status == 200
        assert response.content_type == kind
        assert "Accept" in response.headers["Vary"]


async def test_metrics_with_a_token(dsn: str) -> None:
    """With METRICS_TOKEN, metrics want it as their bearer token; probes stay open."""
    async with local_server(dsn, METRICS_TOKEN=_TOKEN) as server:
        url = f"{server.url}/metrics"
        bare = await request("GET", url)
        assert (bare.status, bare.error["code"]) == (401, "AUTH_REQUIRED")
        assert bare.headers["WWW-Authenticate"] == "Bearer"
        for wrong in ("", "x", _TOKEN[:-1], _TOKEN + "x", _TOKEN.upper(), "ü"):
            refused = await request("GET", url, headers={"Authorization": f"Bearer {wrong}"})
            assert (refused.status, refused.error["code"]) == (401, "AUTH_FAILED"), wrong
        right = await request("GET", url, headers={"Authorization": f"bearer {_TOKEN}"})
        assert right.body["worker"] == 0
        assert (await scrape(server.url, token=_TOKEN)).value("connections") == 0
        for probe in ("health", "ready", "live"):
            assert (await request("GET", f"{server.url}/{probe}")).status == 200


async def test_metrics_without_a_token_in_production(dsn: str) -> None:
    """In production without METRICS_TOKEN, metrics are for nobody: a proxy on this machine is not told from it."""
    async with local_server(dsn, **_PRODUCTION) as server:
        refused = await request("GET", f"{server.url}/metrics")
        assert (refused.status, refused.error["code"]) == (403, "PERMISSION_DENIED")
        assert "METRICS_TOKEN" in refused.error["details"]
        assert "METRICS_ADDRESS" in refused.error["details"]


async def test_metrics_at_an_address_of_their_own(dsn: str, tmp_path: Path) -> None:
    """Metrics are at METRICS_ADDRESS, a port or a Unix socket, and stay closed where clients come."""
    path = str(tmp_path / "metrics.sock")
    port = free_port()
    for address, url, connector in (
        (f"127.0.0.1:{port}", f"http://127.0.0.1:{port}", aiohttp.TCPConnector()),
        (path, "http://localhost", aiohttp.UnixConnector(path)),
    ):
        env = production(dsn, METRICS_ADDRESS=address, LOG_LEVEL="info")
        process = await spawn("serve", env=env)
        assert process.stderr is not None
        public = f"http://127.0.0.1:{orjson.loads(await process.stderr.readline())['port']}"
        async with aiohttp.ClientSession(connector=connector) as session:
            for probe in ("metrics", "health", "ready", "live"):
                async with session.get(f"{url}/{probe}") as response:
                    assert response.status == 200
                    assert response.headers["Server"] == "chatserver"
            async with session.get(f"{url}/api/conversations") as response:
                assert response.status == 404
        assert (await request("GET", f"{public}/metrics")).status == 403
        process.terminate()
        assert (await end(process)).code == 0
    assert os.listdir(tmp_path) == []


async def test_health_without_redis(dsn: str) -> None:
    """A server whose Redis goes is degraded, and serves: 200; when it is back the server is healthy."""
    redis = OwnRedis()
    try:
        async with local_server(dsn, REDIS_URL=redis.url) as server:

            async def becomes(status: str, connected: bool) -> None:
                while True:
                    health = await request("GET", f"{server.url}/health")
                    assert health.status == 200
                    if health.body["status"] == status:
                        assert health.body["redis"] == {"connected": connected}
                        scraped = await scrape(server.url)
                        assert scraped.value("redis_healthy") == connected
                        assert scraped.value("outbox_messages") >= 0
                        assert scraped.value("bell_failures_total", what="lost") >= 0
                        return

            await becomes("healthy", True)
            redis.kill()
            await becomes("degraded", False)
            redis.start()
            await becomes("healthy", True)
    finally:
        redis.kill()


async def test_metrics_of_a_full_redis(
    dsn: str, own_redis: OwnRedis, connect: Connect, alice: User, bob: User
) -> None:
    """While Redis takes no write, a metric says of each part that it is not shared; and again, when it is."""
    async with local_server(dsn, REDIS_URL=own_redis.url) as server, own_redis.client() as redis:
        device = await connect(alice, server.url)
        conversation_id = await opened(device, bob)

        async def shared(*, wanted: bool) -> None:
            """Have both write, until they say so; the bell rings on."""
            told: list[float] = []
            while told != [wanted, wanted, 1]:
                await said(device, conversation_id, "Hello")
                await (await connect(bob, server.url)).close()
                scraped = await scrape(server.url)
                told = [scraped.value("redis_shares", what=what) for what in _SHARED]
                told.append(scraped.value("redis_healthy"))

        await shared(wanted=True)
        await redis.config_set("maxmemory", "1")
        await shared(wanted=False)
        await redis.config_set("maxmemory", "0")
        await shared(wanted=True)


async def test_each_worker_answers_for_itself(dsn: str, redis_url: str) -> None:
    """Of several workers on one port, each says which one it is, in JSON and in every sample."""
    port = str(free_port())
    async with process_server(dsn, "--workers", "2", "--port", port, REDIS_URL=redis_url) as server:
        told: set[str] = set()
        scraped: set[str] = set()
        while told != {"1", "2"} or scraped != {"1", "2"}:
            told.add(str((await request("GET", f"{server.url}/health")).body["worker"]))
            scraped |= (await scrape(server.url)).workers
        assert server.process is not None
        server.process.terminate()
        assert await server.process.wait() == 0


async def test_lag_over_the_bell(
    dsn: str, redis_url: str, connect: Connect, alice: User, bob: User
) -> None:
    """An event that another process wrote brings its time along: its way here is measured."""
    async with local_pair(dsn, redis_url) as (here, there):
        b = await connect(bob, there.url)
        opened = await ok(
            "POST", f"{here.url}/api/conversations/direct", alice, json={"user_id": bob.id}
        )
        await post(here, alice, opened["id"], "Hello")
        await b.expect("chat:message_received")
        assert (await scrape(there.url)).value("delivery_lag_seconds_count") == 2
