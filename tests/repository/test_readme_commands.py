"""Every command that the README shows, executed."""

import asyncio
import os
import re
import shlex
import shutil
import signal
import sys
from pathlib import Path

import aiohttp
import orjson
import pytest

from chatserver.cli.arguments import check, parser
from tests.conftest import User
from tests.support.checkout import copy_to
from tests.support.cli import production
from tests.support.http import ok, request
from tests.support.patience import PATIENCE
from tests.support.project import ended, session_of
from tests.support.servers import ROOT

README = (ROOT / "README.md").read_text("utf-8")
BIN = Path(sys.executable).parent
_SH = [
    line.partition(" #")[0].strip()
    for block in re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
_INLINE = re.findall(
    r"`((?:make|pip|npm|chatserver|\S+/chatserver|python -m chatserver) [^`…]+)`", README
)
_PROCFILE = [line.partition(": ")[2] for line in (ROOT / "Procfile").read_text().splitlines()]
SHOWN = {*_SH, *_INLINE, *_PROCFILE}
OURS = sorted(command for command in SHOWN if re.search(r"(^|[/ ])chatserver ", command))
PIP_LOCKED = "pip install --require-hashes -r requirements.txt"
PIP_OURS = "pip install --no-deps --no-build-isolation ."
# What each of the others is executed by.
OTHERS = {
    "make serve": "test_make_serve",
    "make serve PYTHON=python3.12": "test_a_python_of_choice",
    "make help": "test_make_help",
    "make test": "test_what_takes_long_is_there: this runs in it",
    "make faults": "test_what_takes_long_is_there, and tests/faults/test_faults.py",
    "make bench": "test_what_takes_long_is_there, and tests/benchmarks/test_benchmarks.py",
    "make lock": "test_what_takes_long_is_there",
    "make client": "test_what_takes_long_is_there, where Node.js is",
    "npm install socket.io-client": "test_the_clients_are_those_of_the_tests",
    'pip install "python-socketio[asyncio-client]"': "test_the_clients_are_those_of_the_tests",
    PIP_LOCKED: "test_what_is_locked_is_installed",
    PIP_OURS: "tests/repository/test_installed.py: its build",
}


async def _run(*command: str, cwd: Path = ROOT, **environment: str) -> str:
    """What a command prints; it must succeed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env={
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "HOME": os.environ.get("HOME", "/"),
            **environment,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 0, err.decode()
    return out.decode()


def test_every_command_is_executed() -> None:
    """Each command that the README shows is one of ours, or one that a test below executes."""
    assert set(SHOWN) - set(OURS) == set(OTHERS)


@pytest.mark.parametrize("command", OURS)
def test_our_commands_are_taken(command: str) -> None:
    """Each of our commands that the README shows is one that the command line takes."""
    words = shlex.split(command.replace(" N", " 2"))
    arguments = parser().parse_args(
        words[words.index(next(w for w in words if w.endswith("chatserver"))) + 1 :]
    )
    check(arguments)


@pytest.fixture
def checkout(project: Path) -> Path:
    """A copy of this repository that has been installed already, as far as make can tell."""
    copy_to(project)
    # The installed one's interpreter and packages; its chatserver is found in the working directory.
    installed = project / ".venv" / "bin"
    installed.mkdir(parents=True)
    (installed / "python").symlink_to(sys.executable)
    for stamp in (".python", ".serve", ".installed"):
        (installed / stamp).touch()
    program = installed / "chatserver"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH="{project}" exec "{sys.executable}" -P -m chatserver "$@"\n'
    )
    program.chmod(0o755)
    return project


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
async def test_make_serve(checkout: Path, tmp_path: Path) -> None:
    """`make serve` runs the demo, whatever npm does, `chatserver token alice` makes a token, Ctrl-C ends all."""
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho npm is broken >&2; exit 1\n")
    npm.chmod(0o755)
    process = await asyncio.create_subprocess_exec(
        "make", "serve", cwd=checkout, start_new_session=True, stdout=asyncio.subprocess.PIPE,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "PORT": "0", "LOG_LEVEL": "error"},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        # It makes a database and the demo's conversations first.
        line = (await asyncio.wait_for(process.stdout.readline(), 3 * PATIENCE)).decode()
        url = line.split()[-1].replace("localhost", "127.0.0.1")
        token = await _run(".venv/bin/chatserver", "token", "alice", cwd=checkout)
        await ok("GET", f"{url}/api/conversations", User("alice", token.strip()))
        async with aiohttp.ClientSession() as http, http.get(url) as page:
            assert "make client" in await page.text()
    finally:
        os.killpg(process.pid, signal.SIGINT)
        await process.communicate()
    await ended(session_of(process.pid))


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
async def test_make_help() -> None:
    """`make help` lists every target that the README shows."""
    listed = await _run("make", "help")
    for command in SHOWN:
        if command.startswith("make "):
            assert re.search(rf"^  {' '.join(command.split()[:2])} ", listed, re.MULTILINE), command


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
async def test_what_takes_long_is_there(checkout: Path) -> None:
    """What the long targets would run is there, and make knows how."""
    planned = await _run("make", "-n", "test", "faults", "bench", "lock", "client", cwd=checkout)
    for program in (
        ".venv/bin/pytest --numprocesses",
        "python -m tests.faults",
        "python -m benchmarks",
        "uv pip compile",
        "npm run --silent build" if shutil.which("npm") else "there is no Node.js",
    ):
        assert program in planned
    assert await _run("python", "-m", "tests.faults", "--help")
    assert await _run("python", "-m", "benchmarks", "--help")


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
async def test_a_python_of_choice(checkout: Path) -> None:
    """make keeps a .venv of the Python that is asked for, or of any where none is, and makes others anew."""
    mine = f"{sys.base_prefix}/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    for kept in ((), (f"PYTHON={mine}",)):
        assert "venv" not in (await _run("make", "-n", "serve", *kept, cwd=checkout)).replace(
            ".venv/bin", ""
        )
    other = checkout / "python3.99"
    other.write_text("#!/bin/sh\necho 3 99 /elsewhere\n")
    other.chmod(0o755)
    assert f"{other} -m venv --clear .venv" in await _run(
        "make", "-n", "serve", f"PYTHON={other}", cwd=checkout
    )
    (checkout / ".venv/bin/python").unlink()
    planned = await _run("make", "-n", "serve", cwd=checkout)
    assert "-m venv --clear .venv" in planned, "a .venv whose Python is gone is made anew"
    assert planned.count("--require-hashes") == 1
    with pytest.raises(AssertionError, match=r"Python 3\.11 or later"):
        await _run("make", "serve", "PYTHON=/no/such/python", cwd=checkout)


async def test_what_is_locked_is_installed() -> None:
    """The tests run with the very versions that requirements.txt has: pip finds nothing to fetch."""
    assert PIP_LOCKED in SHOWN
    arguments = shlex.split(PIP_LOCKED.replace("pip install", "-m pip install --no-index"))
    said = await _run("python", *arguments)
    assert "Requirement already satisfied: aiohttp==" in said
    assert "Collecting" not in said


def test_the_clients_are_those_of_the_tests() -> None:
    """The client libraries that the README names are those that the tests connect with."""
    packages = orjson.loads((ROOT / "tests/js/package.json").read_bytes())
    assert "socket.io-client" in packages["dependencies"] | packages.get("devDependencies", {})
    assert "python-socketio==" in (ROOT / "requirements.txt").read_text()


async def test_the_procfile(empty_dsn: str) -> None:
    """What the Procfile says, in a checkout that need not be installed, migrates a database and serves it."""
    release, web = (shlex.split(command) for command in _PROCFILE)
    env = production(empty_dsn, LOG_LEVEL="info")
    assert "applied" in await _run(*release, **env)
    process = await asyncio.create_subprocess_exec(
        *web,
        cwd=ROOT,
        env={"PATH": f"{BIN}:{os.environ['PATH']}", **env},
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        line = orjson.loads(await asyncio.wait_for(process.stderr.readline(), PATIENCE))
        assert (await request("GET", f"http://127.0.0.1:{line['port']}/ready")).status == 200
    finally:
        process.send_signal(signal.SIGTERM)
        await process.communicate()
    assert process.returncode == 0
