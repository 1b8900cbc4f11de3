"""Compiles the load generator, once, with whatever C compiler there is."""

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCES = Path(__file__).parent
BUILT = SOURCES.parent / ".build" / "loadgen"
FLAGS = ("-std=c11", "-O2", "-g", "-Wall", "-Wextra", "-Wshadow")


class BuildError(Exception):
    """Why there is no load generator."""


def build() -> Path:
    """The compiled program; compiled anew only where a source is younger than it.

    Raises:
        BuildError: there is no C compiler, or it refused.
    """
    if not _is_current():
        _compile(compiler())
    return BUILT


def compiler() -> list[str]:
    """The command of a C compiler: ``$CC``, ``cc``, or that of the wheel ``ziglang``.

    Raises:
        BuildError: there is none.
    """
    if named := os.environ.get("CC"):
        return shlex.split(named)
    if found := shutil.which("cc"):
        return [found]
    if importlib.util.find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "cc"]
    raise BuildError(
        "The load generator is written in C, and there is no C compiler: install gcc or clang "
        "(Debian: apt-get install gcc libc6-dev), or `pip install ziglang`, or set CC."
    )


def _is_current() -> bool:
    if not BUILT.exists():
        return False
    built = BUILT.stat().st_mtime
    return all(
        source.stat().st_mtime <= built for source in [*SOURCES.glob("*.[ch]"), Path(__file__)]
    )


def _compile(command: list[str]) -> None:
    BUILT.parent.mkdir(exist_ok=True)
    # Beside the old one, and then in its place: who runs it or builds it at the same time sees a whole program.
    with tempfile.TemporaryDirectory(dir=BUILT.parent) as directory:
        made = Path(directory) / BUILT.name
        sources = sorted(str(source) for source in SOURCES.glob("*.c"))
        try:
            result = subprocess.run(
                [*command, *FLAGS, *sources, "-o", str(made), "-lm"],
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as error:
            raise BuildError(
                f"The C compiler `{shlex.join(command)}` does not run: {error}"
            ) from error
        if result.returncode != 0:
            raise BuildError(
                f"`{shlex.join(command)}` refused the load generator:\n{result.stderr}"
            )
        made.replace(BUILT)


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{build()}\n")
    except BuildError as error:
        sys.exit(str(error))
