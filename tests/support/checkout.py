"""Copies of this repository, as a clone or an archive of it has them."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.servers import ROOT

_NOT_OURS = re.compile(
    r"(.*/)?(\.git|\.venv|\.chatserver|\.build|\.hypothesis|\.[^/]*_cache|build|dist|node_modules|__pycache__|[^/]*\.egg-info)/"
)


def tracked() -> list[str]:
    """The paths of the files that the repository has, links as such."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\0")
    else:  # an archive of it
        listed = [os.path.relpath(path, ROOT) for path in _files(ROOT)]
    return sorted({path for path in listed if path and os.path.lexists(ROOT / path)})


def _files(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in (*names, *links):
            path = os.path.join(folder, name)
            if not _NOT_OURS.match(os.path.relpath(path, root)):
                yield path


def copy_to(place: Path, *, links: bool = True) -> Path:
    """Copy the repository to the directory `place`; without links, as some unpack an archive."""
    for path in tracked():
        source, target = ROOT / path, place / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink() and not links:
            target.write_text(os.readlink(source))
        else:
            shutil.copy2(source, target, follow_symlinks=False)
    return place
