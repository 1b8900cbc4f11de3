"""`chatserver doctor`: its findings, and what it says of settings and of a Redis that is broken on purpose."""

import asyncio
import re
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from tests.support.certificates import issue
from tests.support.cli import production
from tests.support.doctor import command, doctor, troubles
from tests.support.main_backend import execute
from tests.support.redis_server import OwnRedis, free_port


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


async def test_a_key_in_quotation_marks(well: str) -> None:
    """Quotation marks that one way of starting keeps, and another takes away, are a warning."""
    for mark in "\"'":
        key = f"{mark}k9J2mQx7pLw4Zt8Rv3Ns6Yb1Hc5Gd0FeAu{mark}"
        found = troubles(await doctor(env=production(well, CHAT_ENCRYPTION_KEY=key)))
        assert "every process gets the same key" in found["CHAT_ENCRYPTION_KEY"]


async def test_parameters_that_are_not_followed(well: str) -> None:
    """What libpq would do, and nothing here does, is a word of doctor's."""
    notes = troubles(
        await doctor(env=production(f"{well}&channel_binding=require&gssencmode=disable"))
    )
    assert notes == {"DATABASE_URL": notes["DATABASE_URL"]}
    assert "channel_binding is not followed" in notes["DATABASE_URL"]


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
    assert found["Redis memory"].startswith("FAIL ")
    assert "maxmemory" in found["Redis memory"]


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
