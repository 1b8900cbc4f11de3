"""What is known of an environment variable."""

from dataclasses import dataclass

DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable.

    `default` is what is read where the variable is not set, written as one would write it;
    `""` is "not set". `shown` stands in its place in the table where the default depends on
    something. `least` and `most` bound a number, both included; `choices` are the words allowed.
    """

    name: str
    default: str
    meaning: str
    least: int = 0
    most: int = 0
    choices: tuple[str, ...] = ()
    shown: str = ""
