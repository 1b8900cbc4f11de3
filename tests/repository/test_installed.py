"""chatserver as it is installed: one package, which an application's own never meets."""

import asyncio
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import aiohttp
import pytest

import chatserver
from tests.support.checkout import copy_to, tracked
from tests.support.http import request
from tests.support.patience import PATIENCE
from tests.support.servers import ROOT, environment

FOLDERS = ("handlers", "schemas", "sql")
# What `make client` leaves in a checkout.
APP = {
    "chatserver/static/index.html": b"<!doctype html><script src=/assets/a-1.js></script>",
    "chatserver/static/assets/a-1.js": b"export {};",
}
# What an earlier build leaves there, which copied files that are no more.
STALE = ("build/lib/chatserver/static/assets/a-0.js", "build/lib/chatserver/gone.py")
# What an application calls its own; each fails whoever imports it instead of ours.
THEIRS = ("handlers", "schemas", "sql", "redis", "orjson", "chat")


def _run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _build(source: Path, kind: str, place: Path) -> Path:
    """What `kind`, wheel or sdist, makes of a source tree."""
    code = f"import setuptools.build_meta as b; print(b.build_{kind}({str(place)!r}))"
    return place / _run(sys.executable, "-c", code, cwd=source).splitlines()[-1]


def _members(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    place = tmp_path_factory.mktemp("wheel")
    source = copy_to(place / "source")
    for name, text in (APP | dict.fromkeys(STALE, b"")).items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(text)
    return _build(source, "wheel", place)


def test_the_wheel_is_one_package(wheel: Path) -> None:
    """The wheel is one package: every file of the folders and the app to the byte, none of an earlier build."""
    members = _members(wheel)
    assert {name.partition("/")[0].partition("-")[0] for name in members} == {"chatserver"}
    expected = {
        name if name.startswith("chatserver/") else f"chatserver/{name}": (ROOT / name).read_bytes()
        for name in tracked()
        if name.partition("/")[0] in ("chatserver", *FOLDERS) and not (ROOT / name).is_symlink()
    }
    assert {
        name: members[name] for name in members if "-" not in name.partition("/")[0]
    } == expected | APP


def test_archives_make_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    """A source distribution, and an archive whose links were lost, make the same package."""
    members = {
        name: text
        for name, text in _members(wheel).items()
        if ".dist-info/" not in name and name not in APP
    }
    lost = copy_to(tmp_path / "lost", links=False)
    sdist = _build(lost, "sdist", tmp_path)
    with tarfile.open(sdist) as archive:
        # Before 3.11.4 there are no filters.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(tmp_path / "sdist")
    (unpacked,) = (tmp_path / "sdist").iterdir()
    for number, source in enumerate((lost, unpacked)):
        place = tmp_path / str(number)
        place.mkdir()
        made = _members(_build(source, "wheel", place))
        assert {name: text for name, text in made.items() if ".dist-info/" not in name} == members


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with chatserver installed from its wheel, beside an application that has packages of our names."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False)
    found = home / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", found, "--disable-pip-version-check", "install")
    _run(*pip, "--quiet", "--no-deps", "--no-index", wheel, cwd=home)
    site = Path(
        _run(
            found, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home
        ).strip()
    )
    assert {path.name.partition("-")[0] for path in site.iterdir()} == {"chatserver"}
    # What it depends on is that of the tests; a .pth file in there, such as that of our checkout, is not read.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    for name in ("handlers", "schemas", "sql"):
        (site / name).mkdir()
        (site / name / "__init__.py").write_text("MINE = True")
    return found


@pytest.fixture
def application(tmp_path: Path) -> Path:
    """A directory that has folders and modules of all kinds of names."""
    for name in THEIRS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(
            f"raise ImportError('{name} of the application')"
        )
    return tmp_path


async def test_an_application_of_the_same_names(
    python: Path, application: Path, dsn: str, redis_url: str
) -> None:
    """Installed beside an application's packages and started in its directory, it serves, workers included."""
    said = _run(
        python,
        "-P",
        "-c",
        "import schemas, chatserver; print(schemas.MINE, chatserver.__file__)",
        cwd=application,
    )
    assert said.startswith(f"True {python.parents[1]}")
    command = python.with_name("chatserver")
    assert _run(command, "--version", cwd=application) == f"chatserver {chatserver.__version__}\n"
    for arguments in ([], ["--workers", "2"]):
        process = await asyncio.create_subprocess_exec(
            command, "serve", *arguments, cwd=application, env=environment(dsn, REDIS_URL=redis_url),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            line = (await asyncio.wait_for(process.stdout.readline(), PATIENCE)).decode()
            url = line.split()[-1].replace("localhost", "127.0.0.1")
            assert (await request("GET", f"{url}/ready")).status == 200
            async with aiohttp.ClientSession() as http:
                for path, name in (("/", "index.html"), ("/assets/a-1.js", "assets/a-1.js")):
                    async with http.get(url + path) as response:
                        assert await response.read() == APP[f"chatserver/static/{name}"]
        finally:
            process.terminate()
            await process.communicate()


def test_a_checkout_that_is_not_installed(python: Path, tmp_path: Path) -> None:
    """A checkout runs by `python -m chatserver` without being installed, its own modules before installed ones."""
    source = copy_to(tmp_path / "checkout")
    (source / "chatserver" / "__init__.py").write_text('__version__ = "from here"\n')
    assert _run(python, "-m", "chatserver", "--version", cwd=source) == "chatserver from here\n"
    found = "import chatserver.handlers, chatserver.sql; print(chatserver.sql.__path__)"
    assert str(source) in _run(python, "-c", found, cwd=source)
