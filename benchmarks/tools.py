"""The peer's tools: Node.js, and the packages that it needs."""

import json
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
PEER = HERE / "peer"


class MissingTool(Exception):  # noqa: N818 - what it is
    """The machine lacks something; the message says what in one readable line."""


def node() -> Path | None:
    """Node.js, where the machine has it and npm."""
    found = shutil.which("node")
    return Path(found) if found and shutil.which("npm") else None


def install_peer() -> None:
    """Install the peer's packages where they are missing or older than its lock file.

    Raises MissingTool.
    """
    if node() is None:
        raise MissingTool("Node.js and npm are needed to run the peer (or name --servers ours)")
    lock = PEER / "package-lock.json"
    # npm writes this file last.
    stamp = PEER / "node_modules" / ".package-lock.json"
    if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=PEER, check=True)


def versions() -> dict[str, str]:
    """The versions of what is not Python: name to version."""
    found = {}
    if (program := node()) is not None:
        found["Node.js"] = _line([str(program), "--version"]).removeprefix("v")
        for package in ("socket.io", "pg", "express", "@socket.io/redis-adapter"):
            path = PEER / "node_modules" / package / "package.json"
            if path.exists():
                found[package] = json.loads(path.read_text())["version"]
    return found


def _line(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
