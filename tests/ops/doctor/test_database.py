"""`chatserver doctor` against databases that are broken on purpose."""

import asyncio
import re

import asyncpg
import pytest

from chatserver.store import queries
from chatserver.store.migrate import migrate
from tests.support.cli import production, run
from tests.support.doctor import doctor, troubles
from tests.support.main_backend import create_tables, execute
from tests.support.pooler import transaction_pooler
from tests.support.redis_server import free_port


async def test_commits_that_are_not_durable(dsn: str, well: str) -> None:
    """A server without fsync fails in production and is a warning in development; so does a pooler's role."""
    in_production, in_development = await asyncio.gather(
        doctor(env=production(dsn)),
        doctor(env=production(dsn, APP_ENV="development")),
    )
    assert "FAIL durability: fsync is off" in troubles(in_production)["durability"]
    assert "warn durability: fsync is off" in troubles(in_development)["durability"]
    name = "undurable"
    await execute(
        well, f"CREATE DATABASE {name}", f"ALTER DATABASE {name} SET synchronous_commit = off"
    )
    undurable = re.sub(r"/chatserver\?", f"/{name}?", well)
    await migrate(undurable)
    direct, pooled = await asyncio.gather(
        doctor(env=production(undurable)),
        doctor(env=production(undurable, DB_STATEMENT_CACHE_SIZE="0")),
    )
    assert "durability" not in troubles(direct), "our sessions ask for it themselves"
    assert "synchronous_commit" in troubles(pooled)["durability"]


async def test_a_pooler_that_we_were_not_told_of(well: str) -> None:
    """Behind a transaction pooler it says that DB_STATEMENT_CACHE_SIZE must be 0, and then that all is well."""
    async with transaction_pooler(well) as (_, through):
        told, untold = await asyncio.gather(
            doctor(env=production(through, DB_STATEMENT_CACHE_SIZE="0", DB_SSL="false")),
            doctor(env=production(through, DB_SSL="false")),
        )
    assert troubles(told) == {}
    assert "DB_STATEMENT_CACHE_SIZE must be 0" in troubles(untold)["database"]


async def test_a_database_that_is_not_ours_yet(empty_dsn: str) -> None:
    """Migrations that are missing are named, and what can only be asked after them is not."""
    found = troubles(await doctor(env=production(empty_dsn)))
    assert "0001_log" in found["migrations"]
    assert "run `chatserver migrate`" in found["migrations"]
    assert set(found) == {"migrations", "durability"}


async def test_a_database_that_is_read_only(fresh_dsn: str) -> None:
    """A database that takes no writes is told."""
    name = fresh_dsn.split("?")[0].rpartition("/")[2]
    await execute(fresh_dsn, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    assert "read_only" in troubles(await doctor(env=production(fresh_dsn)))["writing"]


@pytest.mark.parametrize(
    ("state", "said", "expected"),
    [
        ("53100", "could not extend file: No space left on device", "disk: the disk is full"),
        ("58030", "could not write to file: Input/output error", "disk: nothing can be written"),
        ("25006", "cannot execute CREATE TABLE in a read-only transaction", "disk: nothing can be"),
    ],
)
async def test_a_disk_that_takes_nothing(
    fresh_dsn: str, state: str, said: str, expected: str
) -> None:
    """A disk that is full, broken or read-only is told by PostgreSQL's own word; then the rest is looked at."""
    await execute(
        fresh_dsn,
        "CREATE FUNCTION no_room() RETURNS event_trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{said}' USING ERRCODE = '{state}'; END $$",
        "CREATE EVENT TRIGGER no_room ON ddl_command_start WHEN TAG IN ('CREATE TABLE AS') "
        "EXECUTE FUNCTION no_room()",
    )
    found = troubles(await doctor(env=production(fresh_dsn)))
    assert found["disk"].startswith(f"FAIL {expected}")
    assert said in found["disk"]
    assert "directory" in found, "the rest is looked at"


async def test_a_database_of_a_newer_release(fresh_dsn: str) -> None:
    """Migrations that this release does not know are a warning: during a deploy that rolls on they are well."""
    await execute(fresh_dsn, "INSERT INTO schema_migrations VALUES (9999, 'from_afar', 'x')")
    assert "of a newer release" in troubles(await doctor(env=production(fresh_dsn)))["migrations"]


async def test_rights_that_are_missing(fresh_dsn: str) -> None:
    """Tables of ours that the role may not write are named, here and at start-up, which refuses."""
    role = f"reader_{free_port()}"
    await execute(
        fresh_dsn,
        f"CREATE ROLE {role} LOGIN PASSWORD 'reading'",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
        f"GRANT INSERT, UPDATE, DELETE ON messages TO {role}",
    )
    env = production(re.sub(r"//[^@/]*@", f"//{role}:reading@", fresh_dsn))
    said, served = await asyncio.gather(doctor(env=env), run("serve", env=env))
    assert served.code == 1
    for line in (troubles(said)["rights"], served.problem):
        assert "conversations" in line
        assert "messages" not in line
        assert "GRANT SELECT, INSERT, UPDATE, DELETE" in line


async def test_rights_that_are_all_missing(fresh_dsn: str) -> None:
    """Where a role may see what was migrated and nothing else, each thing is told by what it is, to the end."""
    role = f"stranger_{free_port()}"
    await execute(
        fresh_dsn,
        f"CREATE ROLE {role} LOGIN PASSWORD 'reading'",
        f"GRANT SELECT ON schema_migrations TO {role}",
    )
    env = production(re.sub(r"//[^@/]*@", f"//{role}:reading@", fresh_dsn))
    found = troubles(await doctor(env=env))
    assert found.keys() - {"durability"} == {
        "rights",
        "directory",
        "keys",
        "notifications",
    }
    assert "see rights" in found["keys"]


async def test_statements_that_are_compiled(well: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a pooler, whose sessions turn nothing off, jit is a warning with what to do."""
    asked = queries.load()
    compiling = asked["doctor_server"].replace("pg_jit_available()", "true")
    monkeypatch.setattr(queries, "load", lambda: {**asked, "doctor_server": compiling})
    found = troubles(await doctor(env=production(well)))
    assert found == {
        "jit": "warn jit: it is on, and costs more than it saves; ALTER ROLE … SET jit = off"
    }


async def test_a_schema_that_everybody_may_create_in(fresh_dsn: str) -> None:
    """Where any role could put a function of its own beside ours, that is told, with the remedy."""
    assert "schema" not in troubles(await doctor(env=production(fresh_dsn)))
    await execute(fresh_dsn, "GRANT CREATE ON SCHEMA public TO PUBLIC")
    assert "REVOKE CREATE" in troubles(await doctor(env=production(fresh_dsn)))["schema"]


async def test_connections_that_are_too_many(well: str) -> None:
    """More pooled connections than the server has are told, for as many processes as there are to be."""
    (slots,) = await _row(
        well,
        "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int",
    )
    env = production(well, REDIS_URL="", DB_MAX_CONNECTIONS=str(slots))
    all_of_it, twice, none = await asyncio.gather(
        doctor(env=env),
        doctor(env=env, workers=2),
        run("doctor", "--workers", "0", env=env),
    )
    assert troubles(all_of_it)["connections"].startswith("warn ")
    found = troubles(twice)
    assert found["connections"].startswith("FAIL ")
    assert "set REDIS_URL" in found["Redis"]
    assert none.code == 2
    assert "--workers" in none.problem


async def test_a_clock_that_is_wrong(fresh_dsn: str) -> None:
    """A database whose clock is a minute ahead is told; seconds are a warning."""
    # The server's own functions come first, unless the path says otherwise.
    path = "&search_path=askew,public,pg_catalog"
    for seconds, level in ((60, "FAIL"), (-10, "warn")):
        await execute(
            fresh_dsn,
            "CREATE SCHEMA IF NOT EXISTS askew",
            "CREATE OR REPLACE FUNCTION askew.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS "
            f"$$ SELECT pg_catalog.clock_timestamp() + interval '{seconds} s' $$",
        )
        found = troubles(await doctor(env=production(fresh_dsn + path)))["clock"]
        assert found.startswith(f"{level} clock: {abs(seconds)}.")


async def test_a_directory_that_has_changed(empty_dsn: str) -> None:
    """Tables of a main back end that came, went or changed since the last `migrate` are told; so is nobody."""

    async def found() -> str:
        return troubles(await doctor(env=production(empty_dsn))).get("directory", "")

    await migrate(empty_dsn)
    assert "warn directory: chat_users is empty" in await found()
    await create_tables_of_people(empty_dsn)
    assert "users_auth exists, but is not used; run `chatserver migrate`" in await found()
    await migrate(empty_dsn)
    assert "warn directory: users_auth is empty" in await found()
    await execute(empty_dsn, "INSERT INTO users_auth (user_id, username) VALUES (1, 'ann')")
    said = await doctor(env=production(empty_dsn))
    assert "directory: users_auth (integer), user_profile_info (integer), chat_users (text)" in said
    await execute(empty_dsn, "ALTER TABLE users_auth RENAME username TO login")
    assert "run `chatserver migrate`" in await found()
    await execute(empty_dsn, "DROP TABLE users_auth CASCADE")
    assert "users_auth is gone, but is still used" in await found()


async def create_tables_of_people(dsn: str) -> None:
    """Of a main back end, without those that `migrate` has made meanwhile."""
    await execute(dsn, "DROP TABLE blocked_relationships, user_follows, jwt_revocation, products")
    await create_tables(dsn)


async def test_a_directory_that_may_not_be_read(fresh_dsn: str) -> None:
    """A table that the role may not read is named, with what to do about it."""
    role = f"reader_{free_port()}"
    await execute(
        fresh_dsn,
        f"CREATE ROLE {role} LOGIN PASSWORD 'reading'",
        f"GRANT SELECT ON schema_migrations, messages TO {role}",
    )
    found = troubles(
        await doctor(env=production(re.sub(r"//[^@/]*@", f"//{role}:reading@", fresh_dsn)))
    )
    assert "permission denied for table" in found["directory"]
    assert "GRANT SELECT" in found["directory"]


async def test_a_key_that_is_lost(fresh_dsn: str) -> None:
    """Messages that were sealed with a key that is not given are told, with the variable that it belongs into."""
    await execute(
        fresh_dsn,
        "INSERT INTO messages (conversation_id, seq, number, id, sender_id, message_type, version, key_id, nonce, "
        "ciphertext, created_at) "
        "VALUES (gen_random_uuid(), 1, 1, gen_random_uuid(), 'a', 'text', 2, 'deadbeef', '', '', now())",
    )
    found = troubles(await doctor(env=production(fresh_dsn)))
    assert "deadbeef" in found["keys"]
    assert "CHAT_ENCRYPTION_KEY_PREVIOUS" in found["keys"]


async def test_segments_that_are_missing(fresh_dsn: str) -> None:
    """Many messages that no segment for search covers are told, with the command that builds them; few are not."""
    await execute(
        fresh_dsn,
        "INSERT INTO conversations (id, type, title, created_by, member_count, created_at, last_number, "
        "last_xact) VALUES (gen_random_uuid(), 'group', 's1.00000000.' || repeat('A', 30), 'a', 1, now(), "
        "100 * 256, pg_current_xact_id())",
    )
    assert "search" not in troubles(await doctor(env=production(fresh_dsn)))
    await execute(fresh_dsn, "UPDATE conversations SET last_number = 101 * 256")
    found = troubles(await doctor(env=production(fresh_dsn)))
    assert "0 of 101 segments are built" in found["search"]
    assert "chatserver search build" in found["search"]


async def _row(dsn: str, query: str) -> "tuple[int, ...]":
    connection = await asyncpg.connect(dsn)
    try:
        return tuple(await connection.fetchrow(query))
    finally:
        await connection.close()
