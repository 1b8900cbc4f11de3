"""The types for socket.io-client, by the compiler and with the stock client that they are for."""

import asyncio
import shutil
from pathlib import Path

from chatserver.reference import typescript
from tests.support.node import JS, node_modules
from tests.support.patience import PATIENCE


async def test_the_types_are_those_of_the_stock_client(tmp_path: Path) -> None:
    """A strict client compiles with the types; its lines that are marked as wrong are found to be wrong."""
    modules = await node_modules()
    # As in the repository, with the types as the tables have them now.
    types = tmp_path / typescript.PATH
    types.parent.mkdir(parents=True)
    types.write_text(typescript.document(), "utf-8")
    folder = tmp_path / "tests/js"
    shutil.copytree(JS / "types", folder / "types")
    shutil.copy(JS / "package.json", folder)
    (folder / "node_modules").symlink_to(modules)
    process = await asyncio.create_subprocess_exec(
        "node",
        modules / "typescript/bin/tsc",
        "--project",
        folder / "types",
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert (process.returncode, out.decode()) == (0, "")
