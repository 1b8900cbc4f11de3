"""Reads environment variables by their rows in `table`, and collects what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from environs import Env, EnvValidationError, validate

from chatserver.config.table import ROWS, VARIABLES


class _MappingEnv(Env):
    """environs over a given mapping alone; a blank value counts as not set."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__()
        self._given = {name: value for name, value in values.items() if value.strip()}

    # environs reads os.environ first and has no public way around it; its own FileAwareEnv
    # overrides this method too.
    def _get_value(self, env_key: str, default: Any) -> Any:
        return self._given.get(env_key, default)


class Reader:
    """Reads variables by their rows and collects what is wrong with them in `problems`.

    A wrong value yields the default, so that reading goes on and every mistake is found at
    once: the caller must look at `problems` before using anything. No value is ever quoted.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self.problems: list[str] = []
        # Whether one of them is that production requires what is not set.
        self.lacks = False
        given = dict(values)
        for row in VARIABLES:
            try:
                given.get(row.name, "").encode()
            except UnicodeEncodeError:
                self.wrong(row.name, "is not UTF-8 text: write it in UTF-8")
                del given[row.name]
        self._env = _MappingEnv(given)

    def wrong(self, name: str, reason: str) -> None:
        """Note that the variable `name` is wrong; `reason` continues the sentence."""
        self.problems.append(f"{name} {reason}")

    def lacking(self, name: str, reason: str) -> None:
        """Note that the variable `name` is not set, which production requires."""
        self.lacks = True
        self.wrong(name, reason)

    def raw(self, name: str) -> str | None:
        """Return the value as it stands, blanks around it included; None where it is not set."""
        return self._env.str(ROWS[name].name, None)

    def text(self, name: str) -> str | None:
        """Return the value without blanks around it; None where it is not set."""
        value = self.raw(name)
        return None if value is None else value.strip()

    def items(self, name: str) -> list[str]:
        """Return the comma separated values, none of them empty, without blanks around them."""
        items: list[str] = self._env.list(ROWS[name].name, [])
        return [item.strip() for item in items if item.strip()]

    def number(self, name: str, *, default: str | None = None) -> int:
        """Read a whole number, within the row's bounds; `default` stands in for the row's."""
        row = ROWS[name]
        fallback = int(row.default if default is None else default)
        try:
            # int() reads the digits of all scripts, and people take some of them for letters or for other digits.
            if (self.raw(name) or "").isascii():
                return self._env.int(name, fallback, validate=validate.Range(row.least, row.most))
        except EnvValidationError:
            pass
        bounds = f"from {row.least} to {row.most}, such as {fallback}"
        self.wrong(name, f"must be a whole number {bounds}")
        return fallback

    def seconds(self, name: str) -> float:
        """Read a variable that is written in milliseconds, and return it in seconds."""
        return self.number(name) / 1000

    def flag(self, name: str) -> bool:
        """Read a yes or no: true, on, yes, 1, or false, off, no, 0."""
        fallback = ROWS[name].default in ("true", "on")
        try:
            return self._env.bool(name, fallback)
        except EnvValidationError:
            self.wrong(name, "must be true or false (or on, off, 1, 0)")
            return fallback

    def choice(self, name: str) -> str:
        """Read one of the row's words. Returns it in lower case."""
        row = ROWS[name]
        value = self.text(name)
        if value is None:
            return row.default
        if value.lower() not in row.choices:
            self.wrong(name, f"must be {', '.join(row.choices[:-1])} or {row.choices[-1]}")
            return row.default
        return value.lower()
