"""The units of deploy/systemd."""

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chatserver.config.table import ROWS
from tests.support.servers import ROOT

_UNITS = ROOT / "deploy" / "systemd"
# What a process takes at most from the end of DRAIN_DELAY on (s).
_GONE = 20


def _service(name: str) -> configparser.SectionProxy:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(_UNITS / name)
    return unit["Service"]


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """systemd finds nothing wrong with any unit."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("there is no systemd-analyze here: nobody looks at the units")
    for unit in _UNITS.iterdir():
        # There is no installation of ours here.
        text = unit.read_text().replace("/opt/chatserver/bin/chatserver", sys.executable)
        name = unit.name.replace("@.", "@3001.")
        (tmp_path / name).write_text(text)
        checked = subprocess.run(
            [analyze, "verify", "--man=no", tmp_path / name],
            env={"PATH": os.environ["PATH"], "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (checked.returncode, checked.stderr) == (0, "")


def test_files_have_a_place() -> None:
    """Files lie in the one directory that the unit may write in and that stays."""
    service = _service("chatserver@.service")
    assert service["StateDirectory"] == "chatserver"
    assert "FILES_URL=file:///var/lib/chatserver/files" in service["Environment"].split()


def test_a_process_may_take_leave() -> None:
    """systemd waits for as long as a process that is told to stop may take, and starts no wrong setting again."""
    service = _service("chatserver@.service")
    delay = int(ROWS["DRAIN_DELAY"].default or 0)
    assert int(service["TimeoutStopSec"]) * 1000 > delay + _GONE * 1000
    assert (service["Restart"], service["RestartPreventExitStatus"]) == ("always", "2")
