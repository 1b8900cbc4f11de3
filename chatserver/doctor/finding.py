"""What doctor says: one line each."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "FAIL"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. Where it is not well, ``remedy`` says what is wrong and how to mend it.

    With a FAIL the server does not start, or breaks a promise; a warn is a risk.
    """

    level: Level
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        line = f"{self.level:<5} {self.what}" + (f": {self.remedy}" if self.remedy else "")
        return " ".join(line.splitlines())


def ok(what: str) -> Finding:
    """It is well."""
    return Finding("ok", what)


def warn(what: str, remedy: str) -> Finding:
    """It may go wrong."""
    return Finding("warn", what, remedy)


def fail(what: str, remedy: str) -> Finding:
    """It is wrong."""
    return Finding("FAIL", what, remedy)
