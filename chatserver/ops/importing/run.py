"""Moves the data of another chat system in: read in one pass, written in batches of whole conversations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg

from chatserver.config import Settings
from chatserver.core.crypto import Vault
from chatserver.core.imported_ids import System
from chatserver.core.user_ids import is_user_id
from chatserver.ops.importing.marketplace import MARKETPLACE
from chatserver.ops.importing.messaging import MESSAGING
from chatserver.ops.importing.old_texts import SAMPLE, OldTexts
from chatserver.ops.importing.report import Report
from chatserver.ops.importing.source import Source, connected, opened
from chatserver.ops.importing.talks import CHUNK, Talk, TalkReader
from chatserver.ops.importing.target import Target
from chatserver.ops.importing.tools import Tools
from chatserver.ops.importing.undelivered import Undelivered
from chatserver.ops.progress import Progress, progress
from chatserver.store import fitness
from chatserver.store.connect import Connector, farewell
from chatserver.store.migrate import pending
from chatserver.store.trouble import DatabaseAwayError

SYSTEMS = {system.name: system for system in (MESSAGING, MARKETPLACE)}

# So many conversations share a transaction at most.
_MOST_TALKS = 500
# Blocks between people that are looked up together.
_BLOCKS = 200
# A batch that meets somebody else's lock is tried again.
_ATTEMPTS = 3
_PASSING = (
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.SerializationError,
)
# What a connection that is lost raises: itself, or by what is then done with it.
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    ConnectionError,
)


class ImportFailedError(Exception):
    """An import could not be done, or not to its end. The message is one line for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What is imported, from where, and how.

    Args:
        system: ``messaging`` or ``marketplace``.
        url: of the source.
        secret: the old server's `CHAT_ENCRYPTION_KEY`, where it has one.
        secret_name: the variable that `secret` is from.
        tables: names of the source's tables that are not the documented ones.
        timezone: that of times in the source that have none.
        is_dry: whether everything is read and nothing is written.
    """

    system: System
    url: str
    secret: str | None = field(default=None, repr=False)
    secret_name: str = "CHAT_ENCRYPTION_KEY_OLD"  # noqa: S105 - its name
    tables: Mapping[str, str] = field(default_factory=dict)
    timezone: str = "UTC"
    is_dry: bool = False


async def run(options: ImportOptions, settings: Settings, dsn: str) -> Report:
    """Import everything, and return what became of each row.

    What was imported before is passed over, so a run that was ended anyhow is gone on with by another.

    Args:
        options: see `ImportOptions`.
        settings: the server's.
        dsn: of the chat's database.

    Raises:
        ConfigError: the source, the key or an option is wrong; nothing was written.
        DatabaseAwayError: one of the databases is away.
        ImportFailedError: the target lacks migrations, or a database has refused.
    """
    target = await Connector(settings.database, dsn).connect(
        name="chatserver import", is_patient=True
    )
    try:
        await fitness.check(target, settings.database)
        if missing := await pending(target):
            raise ImportFailedError(
                f"the database lacks {', '.join(missing)}: run `chatserver migrate` first"
            )
        system = SYSTEMS[options.system]
        async with (
            connected(options.url) as connection,
            opened(connection, system, options.tables, options.timezone, target) as source,
        ):
            return await _import(options, settings, source, target)
    except DatabaseAwayError:
        raise
    except _LOST as error:
        raise ImportFailedError("a database was lost in the middle of it: run it again") from error
    except asyncpg.InsufficientPrivilegeError as error:
        said = " ".join(str(error).split())
        raise ImportFailedError(
            f"a database refuses: {said}: GRANT SELECT on the old tables to the user of --from, or ALL on the new "
            "ones to that of DATABASE_URL; then run it again"
        ) from error
    except asyncpg.PostgresError as error:
        said = " ".join(str(error).split())
        raise ImportFailedError(
            f"a database refuses: {said}; what was done stays, run it again"
        ) from error
    finally:
        await farewell(target)


async def _import(
    options: ImportOptions,
    settings: Settings,
    source: Source,
    connection: asyncpg.Connection[asyncpg.Record],
) -> Report:
    report, texts = Report(), OldTexts(options.secret)
    queries = source.queries
    if queries.sample is not None:
        sample = await source.connection.fetch(queries.sample, SAMPLE)
        texts.check(
            [(row["content"], row["iv"]) for row in sample],
            queries.messages.table,
            options.secret_name,
        )
    undelivered = Undelivered()
    if queries.undelivered is not None:
        async for row in source.connection.cursor(queries.undelivered.sql, prefetch=CHUNK):
            undelivered.add(queries.undelivered.table, row, report)
    tools = Tools(
        system=options.system,
        tables=source.names,
        vault=Vault(settings.encryption_keys),
        texts=texts,
        undelivered=undelivered,
        has_read_times=queries.has_read_times,
    )
    target = Target(connection, tools, is_dry=options.is_dry)
    # Before the conversations: none of them has to be told of a block then.
    await _blocks(source, target, report)
    reader = TalkReader(options.system, queries, await source.streams(report), report)
    with progress(await source.connection.fetchval(queries.count)) as bar:
        batch: list[Talk] = []
        size = 0
        async for talk in reader.talks():
            if batch and (
                talk.stream or size + len(talk.first) > CHUNK or len(batch) == _MOST_TALKS
            ):
                await _write(target, batch, report, bar)
                batch, size = [], 0
            batch.append(talk)
            size += len(talk.first)
            if talk.stream:
                # Its messages are read while they are written, before the next conversation's.
                await _write(target, batch, report, bar)
                batch, size = [], 0
        if batch:
            await _write(target, batch, report, bar)
    return report


async def _write(target: Target, batch: Sequence[Talk], report: Report, bar: Progress) -> None:
    is_repeatable = all(talk.stream is None for talk in batch)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            done = await target.write(batch)
        except _PASSING:
            if attempt == _ATTEMPTS or not is_repeatable:
                raise
        else:
            break
    report.merge(done)
    bar.update(done.table(target.messages_table).read)


async def _blocks(source: Source, target: Target, report: Report) -> None:
    query = source.queries.user_blocks
    if query is None:
        return
    pairs: list[tuple[str, str]] = []
    async for row in source.connection.cursor(query.sql, prefetch=CHUNK):
        blocker, blocked = row["blocker"], row["blocked"]
        if not (is_user_id(blocker) and is_user_id(blocked)) or blocker == blocked:
            report.refuse(query.table, f"{blocker}/{blocked}", "names nobody to block")
            continue
        pairs.append((blocker, blocked))
        if len(pairs) == _BLOCKS:
            report.merge(await target.block(pairs, query.table))
            pairs = []
    if pairs:
        report.merge(await target.block(pairs, query.table))
