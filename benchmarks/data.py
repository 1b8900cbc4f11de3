"""A run's results as they are kept: docs/performance/results.json."""

import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from benchmarks import tools
from benchmarks.bench import Bench
from benchmarks.machine import describe

# machine, versions, form, scenarios (Results), states (Results by State), believed (by State), curves (Curves),
# pythons (Results), ceiling, profiles, soak, app
Data: TypeAlias = dict[str, Any]

DOCS = tools.ROOT / "docs"
PLOTS = DOCS / "performance"
_FILE = PLOTS / "results.json"
_PACKAGES = ("chatserver", "python-socketio", "python-engineio", "aiohttp", "asyncpg", "uvloop")


async def about(bench: Bench, repetitions: int) -> Data:
    """What a run was made with: the machine, the versions, the form."""
    form = asdict(bench.form)
    return {
        "machine": describe(bench.cores, bench.directory),
        "versions": {
            "Python": platform.python_version(),
            **{package: version(package) for package in _PACKAGES},
            **tools.versions(),
            "PostgreSQL": await bench.postgres.version(),
            "Redis": await bench.redis_version(),
        },
        "form": {"repetitions": repetitions, **form},
    }


def load(path: Path = _FILE) -> Data:
    """What a run kept; nothing where there was none."""
    return orjson.loads(path.read_bytes()) if path.exists() else {}


def save(data: Data, path: Path = _FILE) -> Path:
    """Keep a run's results; returns where."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(_rounded(data), option=orjson.OPT_INDENT_2) + b"\n")
    return path


def _rounded(value: Any) -> Any:
    """Four digits say more than anybody has measured."""
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
