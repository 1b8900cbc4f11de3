"""A token that is revoked, or a user who is deleted, while connected."""

import asyncio
from uuid import uuid4

import asyncpg
import orjson
import pytest
from redis.asyncio import Redis

from chatserver.sessions import revocations
from chatserver.sessions.revocations import REDIS_CHANNEL, Revocations, read_token_id
from chatserver.store import listener
from chatserver.store.migrate import migrate
from tests.conftest import Connect, MakeUser, User
from tests.support.device import Device
from tests.support.doorbell import bell, local_pair, turns
from tests.support.http import request
from tests.support.main_backend import create_tables, execute
from tests.support.patience import PATIENCE
from tests.support.polling import polling
from tests.support.pooler import transaction_pooler
from tests.support.redis_server import OwnRedis
from tests.support.servers import Server, local_server
from tests.support.tokens import refusal, signed

REVOKED = "Session revoked. Please log in again."
GONE = "The user does not exist."
Pool = "asyncpg.Pool[asyncpg.Record]"


def _with(user: User, jti: str, **claims: object) -> User:
    return User(user.id, signed(sub=user.id, jti=jti, **claims))


async def _ended(device: Device, details: str) -> None:
    error = await device.expect("error")
    assert (error["code"], error["details"]) == ("AUTH_FAILED", details)
    await asyncio.wait_for(device.disconnected.wait(), PATIENCE)


async def _revoke(db: Pool, jti: str) -> None:
    await db.execute("INSERT INTO jwt_revocation (jti) VALUES ($1)", jti)


def _asks(server: Server) -> Revocations:
    assert server.app is not None
    return server.app.revocations


async def _listens(db: Pool, dsn: str) -> None:
    """Wait until a server's listener is there."""
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'chatserver listener' "
        "AND datname = $1 AND query LIKE 'LISTEN%'"
    )
    name = dsn.rpartition("?")[0].rpartition("/")[2]
    async with asyncio.timeout(PATIENCE):
        while not await db.fetchval(query, name):  # noqa: ASYNC110 - PostgreSQL has no event for it
            await asyncio.sleep(0.01)


@pytest.fixture
def seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that are started ask so seldom that only what they are told counts."""
    monkeypatch.setattr(revocations, "_EVERY", 3600.0)


# -- told by the database -------------------------------------------------------------------------


@pytest.mark.usefixtures("seldom")
async def test_a_row_of_our_own_table(
    fresh_dsn: str, connect: Connect, alice: User, bob: User
) -> None:
    """Where jwt_revocation is ours its new row ends the connections of that token at once, and no others."""
    async with (
        asyncpg.create_pool(fresh_dsn, min_size=1, max_size=2) as db,
        local_server(fresh_dsn) as server,
    ):
        await _people(db, alice, bob)
        await _listens(db, fresh_dsn)
        jti, other = str(uuid4()), "a jti, any 'text' § at all"
        doomed = [await connect(_with(alice, jti), server.url) for _ in range(2)]
        others = [
            await connect(user, server.url)
            for user in (_with(alice, other), _with(bob, str(uuid4())), User(bob.id, signed(sub=bob.id)))
        ]  # fmt: skip
        async with polling(server.url) as poller:
            await poller.connect(_with(alice, jti).token)
            await _revoke(db, jti)
            for device in doomed:
                await _ended(device, REVOKED)
            while "1" not in (await poller.poll())[1]:
                pass
            await poller.gone()
        assert (await refusal(server.url, {"token": doomed[0].token}))["details"] == REVOKED
        url = f"{server.url}/api/conversations"
        answer = await request("GET", url, User(alice.id, str(doomed[0].token)))
        assert (answer.status, answer.error["details"]) == (401, REVOKED)
        for device in others:
            await device.do("system:ping")
        await _revoke(db, other)
        await _ended(others[0], REVOKED)


@pytest.mark.usefixtures("seldom")
async def test_a_token_that_was_refreshed_away(
    fresh_dsn: str, connect: Connect, alice: User
) -> None:
    """After a refresh the old token's revocation ends nothing, and the new one's does."""
    async with (
        asyncpg.create_pool(fresh_dsn, min_size=1, max_size=2) as db,
        local_server(fresh_dsn) as server,
    ):
        await _people(db, alice)
        await _listens(db, fresh_dsn)
        device = await connect(_with(alice, "old"), server.url)
        witness = await connect(_with(alice, "old"), server.url)
        await device.do("session:refresh", token=_with(alice, "new").token)
        await _revoke(db, "old")
        await _ended(witness, REVOKED)
        await device.do("system:ping")
        await _revoke(db, "new")
        await _ended(device, REVOKED)


@pytest.mark.usefixtures("seldom")
async def test_a_listener_that_is_cut_off(
    fresh_dsn: str, connect: Connect, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was revoked while the listener's connection was away ends as soon as it is back."""
    monkeypatch.setattr(listener, "_SHORTEST_BACKOFF", 0.3)
    async with (
        asyncpg.create_pool(fresh_dsn, min_size=1, max_size=2) as db,
        local_server(fresh_dsn) as server,
    ):
        await _people(db, alice)
        await _listens(db, fresh_dsn)
        device = await connect(_with(alice, "away"), server.url)
        async with db.acquire() as connection, connection.transaction():
            await connection.execute("INSERT INTO jwt_revocation (jti) VALUES ('away')")
            await connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE application_name = 'chatserver listener' AND datname = current_database()"
            )
        await _ended(device, REVOKED)
        await _listens(db, fresh_dsn)
        again = await connect(_with(alice, "heard"), server.url)
        await _revoke(db, "heard")
        await _ended(again, REVOKED)


async def test_odd_rows_do_no_harm(fresh_dsn: str) -> None:
    """Revoking what no token can have as its id, however long, is nobody's error."""
    await execute(
        fresh_dsn,
        "INSERT INTO jwt_revocation SELECT repeat('é', n) FROM unnest('{0,255,256,9000}'::int[]) n",
        "INSERT INTO jwt_revocation SELECT 'many ' || n FROM generate_series(1, 10000) n",
        "UPDATE jwt_revocation SET jti = 'another' WHERE jti = 'many 1'",
    )


# -- asking ---------------------------------------------------------------------------------------


async def test_asking(server: Server, connect: Connect, alice: User, db: Pool) -> None:
    """Whoever says nothing is asked: the next question ends what was revoked, however many are connected."""
    jtis = [f"{alice.id} {number}" for number in range(5)]
    devices = [await connect(_with(alice, jti)) for jti in jtis]
    assert revocations._EVERY <= 15
    async with db.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")  # no trigger
        await connection.executemany(
            "INSERT INTO jwt_revocation VALUES ($1)", [(jti,) for jti in jtis[:4]]
        )
    _asks(server).ask_soon()
    for device in devices[:4]:
        await _ended(device, REVOKED)
    await devices[4].do("system:ping")


async def test_asking_in_batches(
    server: Server, connect: Connect, make_user: MakeUser, db: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More people than one question is about are asked about in several."""
    monkeypatch.setattr(revocations, "_BATCH", 2)
    users = [await make_user("batch") for _ in range(5)]
    devices = [await connect(user) for user in users]
    await db.execute("DELETE FROM chat_users WHERE user_id = ANY ($1)", [u.id for u in users[1:]])
    await _asks(server).ask()
    for device in devices[1:]:
        await _ended(device, GONE)
    await devices[0].do("system:ping")


async def test_a_deleted_user(server: Server, connect: Connect, alice: User, db: Pool) -> None:
    """A user who is deleted from the directory is closed at the next question, on every device."""
    devices = [await connect(alice), await connect(_with(alice, str(uuid4())))]
    await db.execute("DELETE FROM chat_users WHERE user_id = $1", alice.id)
    _asks(server).ask_soon()
    for device in devices:
        await _ended(device, GONE)


@pytest.mark.parametrize("kind", ["uuid", "text", "integer"])
async def test_a_table_of_the_main_back_end(
    kind: str, empty_dsn: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A main back end's jwt_revocation gets no trigger and no listener: it is asked, whatever type its jti has."""
    monkeypatch.setattr(revocations, "_EVERY", 0.1)
    jti = {"uuid": str(uuid4()), "text": "any text", "integer": "77"}[kind]
    await execute(
        empty_dsn,
        f"CREATE TABLE jwt_revocation (jti {kind} PRIMARY KEY, revoked_at timestamp DEFAULT now())",
    )
    await migrate(empty_dsn)
    await execute(empty_dsn, "INSERT INTO chat_users (user_id, username) VALUES ('ann', 'ann')")
    async with (
        local_server(empty_dsn) as server,
        asyncpg.create_pool(empty_dsn, min_size=1, max_size=1) as db,
    ):
        assert not await _asks(server).are_told()
        assert not await db.fetchval(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE application_name = 'chatserver listener' AND datname = current_database()"
        )
        ann = User("ann", "")
        others = [await connect(_with(ann, other), server.url) for other in ("x" * 255, "0", "'")]
        device = await connect(_with(ann, jti.upper() if kind == "uuid" else jti), server.url)
        await execute(empty_dsn, f"INSERT INTO jwt_revocation (jti) VALUES ('{jti}')")
        await _ended(device, REVOKED)
        for other in others:
            await other.do("system:ping")


async def test_tables_change_hands(empty_dsn: str) -> None:
    """The trigger is on our table alone: it comes with it, stays through `migrate`, and goes when it is theirs."""
    told = "SELECT revocations_are_told()"
    await create_tables(empty_dsn, "integer")
    for change, expected in (
        ("SELECT", False),
        ("DROP TABLE jwt_revocation", True),
        ("SELECT", True),
        ("ALTER TABLE jwt_revocation ADD COLUMN revoked_at timestamptz", False),
        ("ALTER TABLE jwt_revocation DROP COLUMN revoked_at", True),
    ):
        await execute(empty_dsn, change)
        await migrate(empty_dsn)
        connection = await asyncpg.connect(empty_dsn)
        assert await connection.fetchval(told) is expected
        await connection.close()


async def test_behind_a_pooler(
    fresh_dsn: str, connect: Connect, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a transaction pooler nobody can listen: the questions do it."""
    monkeypatch.setattr(revocations, "_EVERY", 0.1)
    async with (
        asyncpg.create_pool(fresh_dsn, min_size=1, max_size=1) as db,
        transaction_pooler(fresh_dsn) as (_, through),
        local_server(through, DB_STATEMENT_CACHE_SIZE="0") as server,
    ):
        await _people(db, alice)
        device = await connect(_with(alice, "pooled"), server.url)
        await _revoke(db, "pooled")
        await _ended(device, REVOKED)


# -- told by Redis --------------------------------------------------------------------------------


@pytest.mark.usefixtures("seldom")
async def test_published(
    fresh_dsn: str, own_redis: OwnRedis, connect: Connect, alice: User
) -> None:
    """A jti on chatserver:revoked, bare or as a JSON string, has the table looked at by every process, at once."""
    await _hushed(fresh_dsn)
    async with (
        asyncpg.create_pool(fresh_dsn, min_size=1, max_size=1) as db,
        local_pair(fresh_dsn, own_redis.url) as (one, two),
        Redis.from_url(own_redis.url) as publisher,
    ):
        await _people(db, alice)
        for said in (lambda jti: jti, orjson.dumps):
            jti = str(uuid4())
            devices = [await connect(_with(alice, jti), server.url) for server in (one, two, one)]
            other = await connect(alice, two.url)
            for garbage in _GARBAGE:
                await publisher.publish(REDIS_CHANNEL, garbage)
            await _revoke(db, jti)
            await publisher.publish(REDIS_CHANNEL, said(jti))  # type: ignore[no-untyped-call]
            for device in devices:
                await _ended(device, REVOKED)
            await other.do("system:ping")
        # The bell was not disturbed.
        await turns(one, healthy=True)


@pytest.mark.usefixtures("seldom")
async def test_published_during_an_outage(
    fresh_dsn: str, own_redis: OwnRedis, connect: Connect, alice: User
) -> None:
    """What could not be heard while Redis was away is asked for when it is back."""
    await _hushed(fresh_dsn)
    async with (
        asyncpg.create_pool(fresh_dsn, min_size=1, max_size=1) as db,
        local_server(fresh_dsn, REDIS_URL=own_redis.url) as server,
    ):
        await _people(db, alice)
        await turns(server, healthy=True)
        device = await connect(_with(alice, "unheard"), server.url)
        own_redis.kill()
        await turns(server, healthy=False)
        await _revoke(db, "unheard")
        own_redis.start()
        await _ended(device, REVOKED)
        assert bell(server).healthy


_GARBAGE: list[bytes] = [
    b"", b"\xff\xfe", b"\0", b'"', b'""', b"x" * 256, b"x" * 1_000_000, b'"' + b"x" * 300 + b'"',
    b"{}", b"[]", b'"\\ud800"', b"a\nb", "é".encode() * 256,
]  # fmt: skip


@pytest.mark.parametrize("said", [*_GARBAGE, None, 7, True, ["jti"]], ids=lambda s: ascii(s)[:20])
def test_what_is_no_token_id(said: object) -> None:
    """What strangers publish is a token's id or nothing at all."""
    assert read_token_id(said) in (None, "{}", "[]")


def test_what_is_a_token_id() -> None:
    """Bare or quoted, as text or bytes, of up to 255 characters."""
    for jti in ("a", "é" * 255, "7", "true", "{x}", "a b"):
        for said in (jti, jti.encode(), orjson.dumps(jti), orjson.dumps(jti).decode()):
            assert read_token_id(said) == jti


# -- helpers --------------------------------------------------------------------------------------


async def _people(db: Pool, *users: User) -> None:
    await db.executemany(
        "INSERT INTO chat_users (user_id, username) VALUES ($1, $1)", [(user.id,) for user in users]
    )


async def _hushed(dsn: str) -> None:
    """Revocations are not told by the database."""
    await execute(dsn, "DROP TRIGGER chatserver_revoked ON jwt_revocation")
