"""What `chatserver doctor` says."""

import re
from pathlib import Path

from chatserver.config import load_settings
from chatserver.ops.doctor import examine
from tests.support.cli import run

_LINE = re.compile(r"(ok   |warn |FAIL ) \S.*\Z")


async def doctor(*, env: dict[str, str], workers: int = 1) -> str:
    """What `chatserver doctor` says; looked at in this process, since one of its own takes long to start."""
    settings = load_settings(env, state_directory=Path("/nonexistent"))
    return "".join(f"{finding}\n" for finding in await examine(settings, workers, env))


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
