"""Directories of ours, whose modes do not depend on the umask."""

import os
import stat
from contextlib import suppress
from pathlib import Path


def make_directory(path: Path, mode: int) -> None:
    """Make the new directory *path* with exactly *mode*.

    Raises:
        FileExistsError: it exists: an existing directory keeps its mode and owner.
    """
    path.mkdir(mode=0o700)
    path.chmod(mode)


def make_state_directory(path: Path) -> None:
    """Make the directory of a development server's state, unless it exists, where nobody else may write.

    Root's is open to others: the embedded PostgreSQL's account passes through it. What is secret in there
    has a mode of its own.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):  # another process made it just now
        make_directory(path, 0o755 if os.geteuid() == 0 else 0o700)


def others_may_replace(path: Path) -> bool:
    """Say whether everybody may write the file *path*, or put another one in its place."""
    folder = path.parent.stat().st_mode
    open_folder = folder & stat.S_IWOTH and not folder & stat.S_ISVTX
    return bool(open_folder or path.stat().st_mode & stat.S_IWOTH)
