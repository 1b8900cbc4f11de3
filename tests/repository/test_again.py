"""What `make test` tries once more, and what it does not."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import again

# Each fails where the file stands beside it.
_TESTS = """
import pathlib
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_alone(number):
    assert not pathlib.Path("neighbour").exists()
"""


def _fail(root: Path, name: str = "test_one.py", count: int = 2) -> int:
    """Run tests that fail beside a neighbour; returns how pytest ended."""
    (root / name).parent.mkdir(exist_ok=True, parents=True)
    (root / name).write_text(_TESTS.format(count=count))
    (root / "neighbour").touch()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist"]
    return subprocess.run(command, cwd=root, capture_output=True, check=False).returncode


def test_what_fails_beside_others_alone_is_named_and_passes(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Tests that failed and pass alone let the run pass, and are named at its end."""
    status = _fail(tmp_path)
    (tmp_path / "neighbour").unlink()
    assert (status, again.main(status, tmp_path)) == (1, 0)
    end = capfd.readouterr().out.partition("mend them:")[2]
    assert [line.strip() for line in end.splitlines() if line.strip()] == [
        "test_one.py::test_alone[0]",
        "test_one.py::test_alone[1]",
    ]


def test_what_fails_alone_too_fails_the_run(tmp_path: Path) -> None:
    """Tests that fail once more fail the run."""
    assert again.main(_fail(tmp_path), tmp_path) == 1


@pytest.mark.parametrize(
    ("name", "count"),
    [("test_one.py", 11), ("tests/faults/test_one.py", 1), ("tests/property/test_one.py", 1)],
)
def test_some_failures_are_judged_once(tmp_path: Path, name: str, count: int) -> None:
    """More than ten failures, and those of promises that are played against faults, are not tried again."""
    status = _fail(tmp_path, name, count)
    (tmp_path / "neighbour").unlink()
    assert again.main(status, tmp_path) == 1


def test_a_run_that_was_broken_off_is_not_tried_again(tmp_path: Path) -> None:
    """Where pytest ended in another way than with failures, that is how the whole ends."""
    _fail(tmp_path)
    (tmp_path / "neighbour").unlink()
    assert again.main(2, tmp_path) == 2
