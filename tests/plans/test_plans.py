"""No statement's plan hangs on luck: in every state of statistics, at any size, each touches what it needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import orjson
import pytest

from chatserver.config import load_settings
from chatserver.store.connect import Connector
from chatserver.store.queries import load
from tests.plans.cases import CASES, NOT_ON_A_PATH
from tests.plans.explained import Explained, Touched
from tests.plans.world import OF_FEW_ROWS, begin, grow, small_tables, without_autovacuum
from tests.support.servers import environment

_SIZES = (300, 3_000)
# A plan of its own is kept for good after the fifth time.
_WARM = 7


def test_every_query_has_a_bound_or_a_reason() -> None:
    """Each named query says what it may touch, or why no client's command runs it; none says both."""
    assert sorted([*CASES, *NOT_ON_A_PATH]) == sorted(load())


@dataclass(frozen=True, slots=True)
class _Found:
    """What one case touched, and where."""

    where: str
    touched: Touched


@asynccontextmanager
async def _session(dsn: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """A session as the pool's are."""
    settings = load_settings(environment(dsn), state_directory=Path("/nonexistent"))
    connection = await Connector(settings.database, dsn).connect(is_patient=True)
    try:
        await connection.set_type_codec(
            "jsonb",
            schema="pg_catalog",
            encoder=lambda value: b"\x01" + orjson.dumps(value),
            decoder=lambda raw: orjson.loads(raw[1:]),
            format="binary",
        )
        yield connection
    finally:
        await connection.close()


async def _run_all(explained: Explained, where: str) -> dict[tuple[str, int], _Found]:
    queries = load()
    return {
        (name, nth): _Found(where, await explained.run(queries[name], case.args))
        for name, cases in CASES.items()
        for nth, case in enumerate(cases)
    }


async def _never(dsn: str) -> AsyncIterator[dict[tuple[str, int], _Found]]:
    """Never gathered."""
    async with _session(dsn) as writer:
        size = 0
        await begin(writer)
        for to in _SIZES:
            await grow(writer, size, to)
            size = to
            async with _session(dsn) as connection:
                yield await _run_all(await Explained.on(connection), f"never analysed, {to}")


async def _empty(dsn: str) -> AsyncIterator[dict[tuple[str, int], _Found]]:
    """Gathered while the tables were empty."""
    async with _session(dsn) as writer:
        await writer.execute("ANALYZE")
        size = 0
        await begin(writer)
        for to in _SIZES:
            await grow(writer, size, to)
            size = to
            async with _session(dsn) as connection:
                yield await _run_all(await Explained.on(connection), f"analysed while empty, {to}")


async def _kept(dsn: str) -> AsyncIterator[dict[tuple[str, int], _Found]]:
    """Stale: gathered while the tables were small, with plans made then and kept."""
    async with _session(dsn) as writer, _session(dsn) as connection:
        await begin(writer)
        await writer.execute("ANALYZE")
        explained = await Explained.on(connection)
        for _ in range(_WARM):
            await _run_all(explained, "")
        size = 0
        for to in _SIZES:
            await grow(writer, size, to)
            size = to
            yield await _run_all(explained, f"planned while small, {to}")


async def _fresh(dsn: str) -> AsyncIterator[dict[tuple[str, int], _Found]]:
    """Fresh."""
    async with _session(dsn) as writer:
        size = 0
        await begin(writer)
        for to in _SIZES:
            await grow(writer, size, to)
            size = to
            await writer.execute("ANALYZE")
            assert await small_tables(writer) == OF_FEW_ROWS, "grow.sql fills each of the others"
            async with _session(dsn) as connection:
                yield await _run_all(await Explained.on(connection), f"analysed, {to}")


@pytest.mark.parametrize(
    "state", [_never, _empty, _kept, _fresh], ids=lambda f: f.__name__.strip("_")
)
async def test_statements_touch_what_they_need(
    fresh_dsn: str,
    state: Callable[[str], AsyncIterator[dict[tuple[str, int], _Found]]],
) -> None:
    """Whatever the statistics, every statement stays within its bound, at a size and at ten times that size."""
    async with _session(fresh_dsn) as connection:
        await without_autovacuum(connection)
    wrong = []
    async for found in state(fresh_dsn):
        for (name, nth), at in found.items():
            case, touched = CASES[name][nth], at.touched
            if touched.rows > case.rows or touched.blocks > case.blocks:
                wrong.append(
                    f"{at.where}: {name} [{nth}]: {touched.rows} rows (of {case.rows}), {touched.blocks} blocks "
                    f"(of {case.blocks}): {', '.join(touched.scans)}"
                )
    assert not wrong, "\n" + "\n".join(wrong)
