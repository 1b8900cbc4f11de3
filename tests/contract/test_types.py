"""The types of client/events.ts, by the compiler and the stock client that they are for."""

import asyncio
import shutil
from pathlib import Path

import pytest

from chatserver.reference import typescript
from tests.support.node import JS, node_modules

_PATIENCE = 50.0


async def _compiled(project: Path, modules: Path) -> str:
    """What the compiler finds wrong."""
    process = await asyncio.create_subprocess_exec(
        "node",
        modules / "typescript/bin/tsc",
        "--project",
        project,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), _PATIENCE)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert (process.returncode == 0) is (not out)
    return out.decode()


@pytest.fixture(scope="module")
async def modules() -> Path:
    """The installed JavaScript packages."""
    return await node_modules()


@pytest.fixture
def project(tmp_path: Path, modules: Path) -> Path:
    """A copy of tests/js/types, with the types as the tables have them now."""
    (tmp_path / "client").mkdir()
    (tmp_path / "client/events.ts").write_text(typescript.document(), "utf-8")
    folder = tmp_path / "tests/js"
    shutil.copytree(JS / "types", folder / "types")
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "node_modules").symlink_to(modules)
    return folder / "types"


async def test_the_types_are_those_of_the_stock_client(project: Path, modules: Path) -> None:
    """A strict client compiles with the types, and what is wrong in it is found."""
    assert await _compiled(project, modules) == ""


async def test_a_wrong_line_is_found(project: Path, modules: Path) -> None:
    """The compiler does look: a push of another shape is an error."""
    client = project / "client.ts"
    wrong = 'socket.on("group:member_left", ({ user }) => user.nickname);\n'
    client.write_text(client.read_text("utf-8") + wrong, "utf-8")
    found = await _compiled(project, modules)
    assert "error TS2339: Property 'nickname' does not exist on type 'Named'" in found
    assert found.count("error") == 1
