"""`chatserver doctor` against PostgreSQL and Redis that are broken on purpose."""

import asyncio
import re
import signal
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from chatserver.config import load_settings
from chatserver.ops.doctor import examine
from chatserver.ops.embedded.postgres import EmbeddedPostgres
from chatserver.store import queries
from chatserver.store.migrate import migrate
from tests.support.certificates import issue
from tests.support.cli import production, run
from tests.support.main_backend import create_tables, execute
from tests.support.pooler import transaction_pooler
from tests.support.redis_server import OwnRedis, free_port

_LINE = re.compile(r"(ok   |warn |FAIL ) \S.*\Z")


@pytest.fixture(scope="module")
def durable() -> Iterator[str]:
    """A PostgreSQL as in production, whose commits are on disk."""
    with tempfile.TemporaryDirectory(prefix="chatserver-tests-") as directory:
        Path(directory).chmod(0o755)
        with EmbeddedPostgres(Path(directory)) as dsn:
            yield dsn


@pytest.fixture(scope="module")
async def well(durable: str) -> str:
    """Its database: migrated, with a user."""
    await migrate(durable)
    await execute(durable, "INSERT INTO chat_users (user_id, username) VALUES ('ann', 'ann')")
    return durable


async def doctor(*, env: dict[str, str], workers: int = 1) -> str:
    """What `chatserver doctor` says; looked at in this process, since one of its own takes long to start."""
    settings = load_settings(env, state_directory=Path("/nonexistent"))
    return "".join(f"{finding}\n" for finding in await examine(settings, workers))


async def command(*arguments: str, env: dict[str, str]) -> str:
    """What it says as it is run: nothing beside that, and the exit code says whether something fails."""
    ended = await run("doctor", *arguments, env=env)
    assert ended.err == "", ended
    assert ended.code == ("\nFAIL " in f"\n{ended.out}"), ended
    return ended.out


def troubles(said: str) -> dict[str, str]:
    """What is not well: how bad, and what is said about it, by what it is about; one line for each thing."""
    found = {}
    for line in said.splitlines():
        assert _LINE.match(line), line
        level, about = line[:5].strip(), line[6:]
        if level != "ok":
            found[about.split(":")[0]] = f"{level} {about}"
    return found


async def test_a_good_deployment(well: str, redis_url: str) -> None:
    """In a deployment that is well everything is looked at and nothing found, with Redis and without."""
    without, with_redis = await asyncio.gather(
        command(env=production(well)),
        command("--workers", "3", env=production(well, REDIS_URL=redis_url)),
    )
    for said in (without, with_redis):
        assert troubles(said) == {}
        for what in (
            "settings (production)",
            "TLS: not served here",
            "open files",
            "metrics: closed",
            "database: PostgreSQL",
            "durability",
            "connections: ",
            "clock: ",
            "migrations",
            "chat_users (text)",
            "keys",
            "notifications: by Web Push",
        ):
            assert what in said
    assert "Redis: none configured" in without
    assert "connections: 3 times" in with_redis
    for what in ("Redis: ", "Redis scripts", "Redis memory", "Redis pub/sub", "Redis channels"):
        assert what in with_redis


async def test_notifications_that_wait(well: str) -> None:
    """Who is notified is told, and that some have waited for long."""
    env = production(
        well,
        PUSH_HOOK_URL="https://push.example.com/",
        PUSH_HOOK_SECRET="whsec_" + "A" * 43 + "=",
        PUSH_DELAY="5000",
    )
    assert "notifications: by Web Push, the hook" in await doctor(env=env)
    await execute(
        well,
        "INSERT INTO push_notices (target, user_id, conversation_id, provider, from_seq, to_seq, begun_at, "
        "due_at) VALUES ('hook', 'ann', gen_random_uuid(), 'hook', 1, 2, now() - interval '1 hour', now())",
    )
    try:
        assert "have waited for 60 minutes" in troubles(await doctor(env=env))["notifications"]
    finally:
        await execute(well, "DELETE FROM push_notices")


async def test_what_cannot_be_reached(well: str) -> None:
    """What is away is told with what to do about it, all at once, and no password is shown."""
    secret, port = "correct-horse-battery", free_port()
    away = f"postgresql://user:{quote(secret)}@127.0.0.1:{port}/none"
    redis = f"redis://:{quote(secret)}@127.0.0.1:{port}/0"
    nowhere = re.sub(r"/chatserver\?", "/nowhere?", well)
    stranger = re.sub(r"//[^@/]*@", f"//nobody:{secret}@", well)
    assert nowhere != well != stranger
    both, missing, refused = await asyncio.gather(
        command(env=production(away, DB_SSL="false", REDIS_URL=redis)),
        command(env=production(nowhere)),
        command(env=production(stranger)),
    )
    found = troubles(both)
    assert set(found) == {"database", "Redis"}
    assert "DATABASE_URL leads to 127.0.0.1" in found["database"]
    assert "where nothing listens" in found["database"]
    assert "REDIS_URL leads to 127.0.0.1" in found["Redis"]
    assert "where nothing listens" in found["Redis"]
    assert "CREATE DATABASE" in troubles(missing)["database"]
    assert "correct the user and password" in troubles(refused)["database"]
    for said in (both, missing, refused):
        assert secret not in said


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


async def test_a_key_in_quotation_marks(well: str) -> None:
    """Quotation marks that one way of starting keeps, and another takes away, are a warning."""
    for mark in "\"'":
        key = f"{mark}k9J2mQx7pLw4Zt8Rv3Ns6Yb1Hc5Gd0FeAu{mark}"
        found = troubles(await doctor(env=production(well, CHAT_ENCRYPTION_KEY=key)))
        assert "every process gets the same key" in found["CHAT_ENCRYPTION_KEY"]


async def test_statements_that_are_compiled(well: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a pooler, whose sessions turn nothing off, jit is a warning with what to do."""
    asked = queries.load()
    compiling = asked["doctor_server"].replace("pg_jit_available()", "true")
    monkeypatch.setattr(queries, "load", lambda: {**asked, "doctor_server": compiling})
    found = troubles(await doctor(env=production(well)))
    assert found == {
        "jit": "warn jit: it is on, and costs more than it saves; ALTER ROLE … SET jit = off"
    }


async def test_parameters_that_are_not_followed(well: str) -> None:
    """What libpq would do, and nothing here does, is a word of doctor's."""
    notes = troubles(
        await doctor(env=production(f"{well}&channel_binding=require&gssencmode=disable"))
    )
    assert notes == {"DATABASE_URL": notes["DATABASE_URL"]}
    assert "channel_binding is not followed" in notes["DATABASE_URL"]


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


# -- Redis ----------------------------------------------------------------------------------------


async def _redis_troubles(well: str, url: str) -> dict[str, str]:
    return troubles(await doctor(env=production(well, REDIS_URL=url)))


async def test_a_redis_that_stands_still(well: str, own_redis: OwnRedis) -> None:
    """A Redis that takes connections and does not answer is told, and does not hold doctor up."""
    own_redis.send(signal.SIGSTOP)
    found = await _redis_troubles(well, own_redis.url)
    assert "where nothing answers in time" in found["Redis"]


async def test_a_redis_that_forgets(well: str, own_redis: OwnRedis) -> None:
    """A Redis that evicts keys when it is full is a warning, with the policy to set."""
    async with own_redis.client() as client:
        await client.config_set("maxmemory", "100mb")
        await client.config_set("maxmemory-policy", "allkeys-lru")
        found = await _redis_troubles(well, own_redis.url)
        assert set(found) == {"Redis memory"}
        assert found["Redis memory"].startswith("warn ")
        assert "noeviction" in found["Redis memory"]
        await client.config_set("maxmemory-policy", "noeviction")
        assert await _redis_troubles(well, own_redis.url) == {}


async def test_a_redis_that_is_full(well: str, own_redis: OwnRedis) -> None:
    """A Redis that has no memory left for a write is told."""
    async with own_redis.client() as client:
        await client.config_set("maxmemory", "1")
        found = await _redis_troubles(well, own_redis.url)
    assert found["Redis scripts"].startswith("FAIL ")


async def test_a_redis_that_is_a_replica(well: str, own_redis: OwnRedis) -> None:
    """A replica is told."""
    async with own_redis.client() as client:
        await client.replicaof("127.0.0.1", free_port())
        found = await _redis_troubles(well, own_redis.url)
    assert "replica" in found["Redis"]


async def test_a_redis_that_allows_too_little(well: str, own_redis: OwnRedis) -> None:
    """A wrong password, a user without the channel, and one without scripts are told from each other."""
    password = "hunter2hunter2"
    async with own_redis.client() as client:
        for user, rules in (
            ("deaf", ("~*", "+@all", "resetchannels")),
            ("mute", ("~*", "&*", "+@all", "-@scripting")),
            ("blind", ("~*", "&*", "+@all", "-info")),
        ):
            await client.execute_command("ACL", "SETUSER", user, "on", f">{password}", *rules)

    async def found(user: str, password: str = password) -> dict[str, str]:
        return await _redis_troubles(well, own_redis.url.replace("//", f"//{user}:{password}@"))

    wrong, deaf, mute, blind = await asyncio.gather(
        found("deaf", "hunter3hunter3"), found("deaf"), found("mute"), found("blind")
    )
    assert "correct the user and password" in wrong["Redis"]
    assert set(deaf) == {"Redis pub/sub"}
    assert "ACL SETUSER" in deaf["Redis pub/sub"]
    assert set(mute) == {"Redis scripts"}
    assert "ACL SETUSER" in blind["Redis"]


# -- the machine ----------------------------------------------------------------------------------


async def test_certificates(well: str, tmp_path: Path) -> None:
    """A certificate that has ended, or soon ends, and a key that everybody may read, are told."""
    now = datetime.now(UTC)

    async def found(name: str, ends: datetime, mode: int = 0o600) -> dict[str, str]:
        (tmp_path / name).mkdir()
        made = issue(tmp_path / name, not_after=ends)
        made.key.chmod(mode)
        files = {"TLS_KEY": str(made.key), "TLS_CERT": str(made.chain)}
        return troubles(await doctor(env=production(well, **files)))

    good, soon, ended, read = await asyncio.gather(
        found("good", now + timedelta(days=90)),
        found("soon", now + timedelta(days=3)),
        found("ended", now - timedelta(days=1)),
        found("read", now + timedelta(days=90), mode=0o644),
    )
    assert good == {}
    assert soon["TLS"].startswith("warn TLS: the certificate in TLS_CERT ends on")
    assert ended["TLS"].startswith("FAIL TLS: the certificate in TLS_CERT ended on")
    assert "chmod 600" in read["TLS key"]
    files = {"TLS_KEY": str(tmp_path / "none"), "TLS_CERT": str(tmp_path / "good" / "chain.pem")}
    missing = troubles(await doctor(env=production(well, **files)))
    assert missing["TLS"].startswith("FAIL TLS: TLS_KEY names")


async def test_open_files_and_origins(well: str) -> None:
    """More connections than this process may have files, and pages in plain text, are told."""
    origins = "https://app.example,http://app.example,http://localhost:3000"
    many = {"MAX_CONNECTIONS": "1000000", "CORS_ALLOWED_ORIGINS": origins}
    in_production, in_development = await asyncio.gather(
        doctor(env=production(well, **many)),
        doctor(env=production(well, **many, APP_ENV="development")),
    )
    found = troubles(in_production)
    assert set(found) == {"open files", "origins"}
    assert "LimitNOFILE=1000110" in found["open files"]
    assert found["open files"].startswith("FAIL ")
    assert "pages of http://app.example come" in found["origins"]
    assert troubles(in_development)["open files"].startswith("warn ")
