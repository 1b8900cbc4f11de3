"""`chatserver doctor` looks at where files are kept, and at clamd."""

from pathlib import Path

from chatserver.config import load_settings
from chatserver.ops.doctor import files
from tests.support.bucket import bucket
from tests.support.clamd import clamd
from tests.support.cli import production
from tests.support.servers import environment


async def _found(**variables: str) -> list[tuple[str, str]]:
    env = environment("postgresql://u@/d?host=/x", **variables)
    settings = load_settings(env, state_directory=Path("/nonexistent"))
    return [(one.level, one.what) for one in await files.examine(settings, env)]


async def test_a_folder(tmp_path: Path) -> None:
    """A folder that can be made is well."""
    found = await _found(FILES_URL=f"file://{tmp_path}/a/b")
    assert found[0] == ("ok", f"files are kept in {tmp_path}/a/b, sealed")


async def test_a_folder_that_nobody_chose(tmp_path: Path) -> None:
    """In production files are in a folder that the operator chose, or there is a warning."""
    for chosen in ("", f"file://{tmp_path}"):
        env = production("postgresql://u@h/d", FILES_URL=chosen)
        settings = load_settings(env, state_directory=tmp_path)
        found = [one.what for one in await files.examine(settings, env) if one.level == "warn"]
        assert ("FILES_URL" in found) == (not chosen)


async def test_a_bucket() -> None:
    """A bucket is tried; one that is away, or that there is not, fails."""
    with bucket() as url:
        assert [level for level, _ in await _found(FILES_URL=url)] == ["ok"]
        other = url.replace("//key:secret@chat/", "//key:secret@nobodys/")
        assert [level for level, _ in await _found(FILES_URL=other)] == ["FAIL"]
    away = "s3://key:secret@chat?region=x&endpoint=http://127.0.0.1:9"
    assert [level for level, _ in await _found(FILES_URL=away)] == ["FAIL"]


async def test_clamd(tmp_path: Path) -> None:
    """A clamd that answers is well, and one that is away fails."""
    folder = f"file://{tmp_path}"
    async with clamd() as scanner:
        found = await _found(FILES_URL=folder, CLAMD_URL=scanner.url)
        assert found[-1] == ("ok", "clamd answers")
    found = await _found(FILES_URL=folder, CLAMD_URL="tcp://127.0.0.1:9")
    assert found[-1] == ("FAIL", "clamd")
