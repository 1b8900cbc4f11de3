"""Other Pythons beside the one that runs us: our server in each, in the same run."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.servers import OURS, Kind
from benchmarks.tools import HERE, ROOT

VERSIONS = ("3.13", "3.14")
# What is played in each.
PLAYED = ("S1", "S2a", "S4", "S5", "S6")
_ENVIRONMENTS = HERE / ".build" / "pythons"
_REQUIREMENTS = ROOT / "requirements.txt"


def find_python(version: str) -> Path | None:
    """A Python of a version, on the PATH or among pyenv's; None where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    installed = sorted(pyenv.glob(f"{version}.*/bin/python{version}"))
    named = shutil.which(f"python{version}")
    # What pyenv puts on the PATH may stand for a version that is not chosen here.
    candidates = [*installed[-1:], *([Path(named)] if named else [])]
    return next((each for each in candidates if _is_version(each, version)), None)


def _is_version(python: Path, version: str) -> bool:
    asked = "import sys, venv, ensurepip; print('{}.{}'.format(*sys.version_info))"
    answer = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=False)
    return answer.stdout.strip() == version


def ours_in(version: str) -> Kind | None:
    """Our server in a Python of a version, in an environment of its own; None where there is no such Python."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" == version:
        return None
    python = find_python(version)
    if python is None:
        return None
    name = f"ours-{version}"
    title = f"chatserver, Python {version}"
    return replace(OURS, name=name, title=title, python=_environment(version, python))


def _environment(version: str, python: Path) -> str:
    """Install what the server needs where it is missing or older than its lock file; returns its Python."""
    directory = _ENVIRONMENTS / version
    inside, stamp = directory / "bin" / "python", directory / ".installed"
    if not stamp.exists() or stamp.stat().st_mtime < _REQUIREMENTS.stat().st_mtime:
        subprocess.run([python, "-m", "venv", "--clear", directory], check=True)
        pip: list[str | Path] = [inside, "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--require-hashes", "--requirement", _REQUIREMENTS], check=True)
        ours: list[str | Path] = [
            "--no-index",
            "--no-deps",
            "--no-build-isolation",
            "--editable",
            ROOT,
        ]
        subprocess.run([*pip, *ours], check=True)
        stamp.touch()
    return str(inside)
