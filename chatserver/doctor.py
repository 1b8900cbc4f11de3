"""``chatserver doctor``: what is wrong with a deployment, and how to mend it."""

import asyncio
from dataclasses import dataclass

import asyncpg
from redis.exceptions import RedisError

from chatserver.config import Settings
from chatserver.doors.redis_client import close_client, redis_client
from chatserver.store.migrate import MigrationError, pending

# PostgreSQL 14 brought multiranges.
_OLDEST = 140_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. ``problem`` is empty where it is well."""

    what: str
    problem: str = ""

    def __str__(self) -> str:
        return f"{'wrong' if self.problem else 'ok':<6} {self.what}" + (
            f": {self.problem}" if self.problem else ""
        )


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything; settings that are wrong have been refused before."""
    return [
        Finding(f"settings ({settings.environment})"),
        *await _database(settings),
        await _redis(settings),
    ]


async def _database(settings: Settings) -> list[Finding]:
    dsn = settings.database.dsn
    if dsn is None:
        return [Finding("database: none configured; `chatserver serve` starts an embedded one")]
    try:
        connection = await asyncpg.connect(
            dsn, ssl=settings.database.ssl_context(), timeout=settings.database.connection_timeout
        )
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        advice = "check DATABASE_URL, DB_SSL and that the server accepts connections"
        return [Finding("database", f"{type(error).__name__}: {error}; {advice}")]
    try:
        version = connection.get_server_version()
        found = [Finding(f"database: PostgreSQL {version.major}.{version.minor}")]
        if int(await connection.fetchval("SHOW server_version_num")) < _OLDEST:
            found.append(Finding("database version", "PostgreSQL 14 or later is needed"))
        try:
            missing = await pending(connection)
        except MigrationError as error:
            found.append(Finding("migrations", str(error)))
        else:
            advice = f"{', '.join(missing)} missing; run `chatserver migrate`" if missing else ""
            found.append(Finding("migrations", advice))
        return found
    finally:
        await connection.close()


async def _redis(settings: Settings) -> Finding:
    if settings.redis_url is None:
        return Finding("Redis: none configured; one process serves alone")
    advice = "check REDIS_URL and that it is running"
    try:
        redis = redis_client(settings.redis_url, timeout=2)
    except ValueError as error:
        return Finding("Redis", f"{error}; {advice}")
    try:
        async with asyncio.timeout(5):
            await redis.ping()
    except (RedisError, OSError, TimeoutError) as error:
        return Finding("Redis", f"{type(error).__name__}; {advice}")
    finally:
        await close_client(redis)
    return Finding("Redis")
