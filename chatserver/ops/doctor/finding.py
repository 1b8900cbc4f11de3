"""What doctor reports: one line for each thing that it looked at."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "FAIL"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. Where it is wrong, ``remedy`` says what is wrong and how to mend it.

    With a FAIL the server does not start, or breaks a promise; a warn is a risk.
    """

    level: Level
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        line = f"{self.level:<5} {self.what}" + (f": {self.remedy}" if self.remedy else "")
        return " ".join(line.splitlines())


def ok(what: str) -> Finding:
    """Report that something is as it should be."""
    return Finding("ok", what)


def warn(what: str, remedy: str) -> Finding:
    """Report something that may go wrong, and its remedy."""
    return Finding("warn", what, remedy)


def fail(what: str, remedy: str) -> Finding:
    """Report something that is wrong, and its remedy."""
    return Finding("FAIL", what, remedy)
