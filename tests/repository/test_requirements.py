"""The locked requirements: what `make serve`, `make test` and a buildpack install, to the byte."""

import re
from configparser import ConfigParser
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
EXTRAS = {
    "requirements.txt": (),
    "requirements/serve.txt": ("embedded",),
    "requirements/dev.txt": ("embedded", "dev"),
    "requirements/bench.txt": ("embedded", "dev", "bench"),
}
EVERY_FILE = pytest.mark.parametrize("name", EXTRAS)


def locked(name: str) -> dict[str, tuple[str, int]]:
    """The version of each package that a file names, and how many hashes it has."""
    text = (ROOT / name).read_text("utf-8").replace("\\\n", " ")
    found: dict[str, tuple[str, int]] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            pin = re.match(
                r"([a-z0-9-]+)==(\S+)(?: ; [^-]+)? +(?:--hash=sha256:[0-9a-f]{64} *)+$", line
            )
            assert pin, line[:100]
            found[pin[1]] = (pin[2], line.count("--hash=sha256:"))
    return found


def wanted(name: str) -> list[Requirement]:
    """What setup.cfg asks for."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    extras = config["options.extras_require"]
    lines = [config["options"]["install_requires"], *(extras[extra] for extra in EXTRAS[name])]
    asked = [line for block in lines for line in block.split("\n") if line]
    return [Requirement(line) for line in asked if not line.startswith("chatserver[")]


@EVERY_FILE
def test_what_setup_cfg_asks_for_is_locked(name: str) -> None:
    """Each file has the packages that setup.cfg asks for, in a version that it allows."""
    pins = locked(name)
    for requirement in wanted(name):
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)][0])


@EVERY_FILE
def test_what_these_ask_for_is_locked_too(name: str) -> None:
    """Each file has all that its packages ask for, so that nothing is left to be found elsewhere."""
    pins = locked(name)
    for package, (version, hashes) in pins.items():
        assert hashes >= 1
        try:
            asked = [Requirement(line) for line in requires(package) or ()]
        except PackageNotFoundError:  # of another platform, or for the benchmarks
            continue
        for requirement in asked:
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                found = pins.get(canonicalize_name(requirement.name))
                assert found, f"{package} {version} asks for {requirement}"
                assert requirement.specifier.contains(found[0], prereleases=True)


def test_all_files_agree() -> None:
    """A package has the same version wherever it is installed."""
    everything = locked("requirements/bench.txt")
    for name in EXTRAS:
        for package, (version, _) in locked(name).items():
            assert everything[package][0] == version


def test_no_file_names_a_place() -> None:
    """No file says where its packages come from: the hashes hold wherever that is."""
    for name in EXTRAS:
        assert "://" not in (ROOT / name).read_text("utf-8")
