"""Every environment variable, declared once, and the reading of one variable by its row.

`chatserver.config` reads through `Reader`; the README's table is `settings_table()`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from environs import Env, EnvValidationError, validate


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


_YEAR_MS = 365 * 24 * 3600 * 1000
_DAY_MS = 24 * 3600 * 1000
_ENVIRONMENTS = ("production", "development")

VARIABLES: tuple[Variable, ...] = (
    Variable("APP_ENV", "production", "`production` or `development`.", choices=_ENVIRONMENTS),
    Variable("NODE_ENV", "", "An alias of `APP_ENV`, which wins over it.", choices=_ENVIRONMENTS),
    Variable(
        "HOST",
        "",
        "Address to listen on.",
        shown="`0.0.0.0` in production, `127.0.0.1` in development",
    ),
    Variable("PORT", "3001", "Port to listen on; 0 takes a free one.", 0, 65535),
    Variable("MAX_CONNECTIONS", "10000", "Most connections per process.", 1, 1_000_000),
    Variable(
        "MAX_CONNECTIONS_PER_IP",
        "10",
        "Most connections per address (IPv6: per /64) and process; 0 is no limit.",
        0,
        1_000_000,
    ),
    Variable(
        "MAX_PAYLOAD_SIZE", "1048576", "Largest frame or request body, bytes.", 1024, 67_108_864
    ),
    Variable(
        "SEND_QUEUE_BYTES",
        "1048576",
        "How much may wait for one client that does not read, bytes; past it, it is cut off and recovers.",
        65_536,
        1_073_741_824,
    ),
    Variable(
        "CONNECT_TIMEOUT",
        "10000",
        "Time in which a new connection must have its token accepted, ms; then it is closed.",
        100,
        _DAY_MS,
    ),
    Variable(
        "KEEP_ALIVE_TIMEOUT",
        "60000",
        "How long a silent WebSocket is kept, ms.",
        1000,
        _DAY_MS,
    ),
    Variable(
        "CONNECTION_TIMEOUT",
        "300000",
        "The same, of a connection over which nothing at all comes, answers to pings included, ms; the "
        "shorter of the two counts.",
        1000,
        _DAY_MS,
    ),
    Variable(
        "COMMAND_TIMEOUT",
        "4500",
        "Time for one command, ms; then its client gets a retryable `UNAVAILABLE`.",
        100,
        _DAY_MS,
    ),
    Variable(
        "CONNECTION_TIMEOUT",
        "300000",
        "How long a connection from which nothing comes, heartbeats included, is kept, ms; where "
        "`KEEP_ALIVE_TIMEOUT` is shorter, that.",
        1000,
        _DAY_MS,
    ),
    Variable("WS_COMPRESSION", "off", "Whether WebSocket frames are compressed: `on` or `off`."),
    Variable(
        "MESSAGE_RATE_LIMIT",
        "240",
        "Messages per 60 s and user; twice as many where the text has over 500 characters.",
        1,
        1_000_000,
    ),
    Variable(
        "CLIENT_MESSAGE_RATE_LIMIT",
        "",
        "The same per connection.",
        1,
        1_000_000,
        shown="that of `MESSAGE_RATE_LIMIT`",
    ),
    Variable(
        "COMMAND_RATE_LIMIT",
        "",
        "Commands per 60 s and user, messages and refused ones included; 0 is no limit.",
        0,
        100_000_000,
        shown="25 times `MESSAGE_RATE_LIMIT`: `6000`",
    ),
    Variable(
        "IP_RATE_LIMIT",
        "3000",
        "REST requests and new connections per address (IPv6: per /64) in `IP_RATE_WINDOW`; 0 is no limit.",
        0,
        100_000_000,
    ),
    Variable("IP_RATE_WINDOW", "900000", "See `IP_RATE_LIMIT`, ms.", 1000, _DAY_MS),
    Variable(
        "PRESENCE_MAX_MEMBERS",
        "100",
        "Groups with more members do not make their members contacts.",
        0,
        10_000,
    ),
    Variable("GROUP_MAX_MEMBERS", "10000", "Most members that a group may allow.", 2, 100_000),
    Variable(
        "PRESENCE_GRACE",
        "60000",
        "How long a user whose last connection dropped stays online, ms.",
        0,
        _DAY_MS,
    ),
    Variable(
        "PRESENCE_LEASE",
        "30000",
        "With Redis: the users of a process that crashed stay online for up to this and the grace, "
        "ms.",
        500,
        _DAY_MS,
    ),
    Variable("SINGLE_SESSION", "false", "Whether a new connection closes the user's older ones."),
    Variable(
        "TRUSTED_PROXY_HOPS",
        "0",
        "How many `X-Forwarded-For` entries, counted from the right, to trust.",
        0,
        100,
        shown="`0`; `1` where `DYNO` is set (Heroku)",
    ),
    Variable(
        "CORS_ALLOWED_ORIGINS",
        "",
        "Origins of the pages that may connect, `scheme://host[:port]`, comma separated; `*` (any) "
        "in development only.",
        shown="`*` in development; required in production",
    ),
    Variable(
        "TLS_KEY",
        "",
        "Path of the private key (PEM) to serve `https` and `wss` with; without it, a proxy does.",
    ),
    Variable("TLS_CERT", "", "Path of the certificate (PEM) for `TLS_KEY`, its chain behind it."),
    Variable(
        "TLS_CA",
        "",
        "Path of the authorities' certificates (PEM) that complete the chain where `TLS_CERT` has "
        "none. Clients are not asked for certificates.",
    ),
    Variable(
        "METRICS_TOKEN",
        "",
        "The bearer token that `/metrics` wants, at least 16 characters.",
        shown="not set: in production `/metrics` answers the machine that the server runs on alone",
    ),
    Variable(
        "PROFILE_PICTURE_URL",
        "",
        "The main back end's pictures, `https://host/path`: those that the directory lacks are "
        "looked for at `<this>/user/<id>` and `<this>/community/<id>`.",
    ),
    Variable(
        "LOG_LEVEL",
        "info",
        "`debug`, `info`, `warning` or `error`.",
        choices=("debug", "info", "warning", "error"),
    ),
    Variable(
        "JWT_SECRET",
        "",
        "The main back end's secret, base64; in production at least 32 bytes decoded.",
        shown="kept in `.chatserver/jwt_secret` in development; required in production",
    ),
    Variable(
        "CHAT_ENCRYPTION_KEY",
        "",
        "Encrypts messages at rest: any text, in production at least 32 bytes.",
        shown="a well-known one in development; required in production",
    ),
    Variable(
        "CHAT_ENCRYPTION_KEY_PREVIOUS",
        "",
        "Older keys that still decrypt, comma separated (so one that holds a comma can't be "
        "listed).",
    ),
    Variable(
        "DATABASE_URL",
        "",
        "`postgresql://user:password@host:5432/name`; wins over `DB_HOST` and its like. Its "
        "`sslmode`, `sslrootcert`, `sslcert` and `sslkey` are honoured.",
        shown="an embedded PostgreSQL in development; required in production",
    ),
    Variable("DB_HOST", "", "Database host, or the directory of its Unix socket."),
    Variable("DB_PORT", "5432", "Database port.", 1, 65535),
    Variable("DB_NAME", "", "Database name; required with `DB_HOST`."),
    Variable("DB_USER", "", "Database user; required with `DB_HOST`."),
    Variable("DB_PASS", "", "Database password."),
    Variable(
        "DB_SSL",
        "true",
        "`true` verifies the server's certificate, `no-verify` only encrypts, `false` is plain; "
        "wins over the URL's `sslmode`.",
        choices=("true", "false", "no-verify"),
        shown="`true`; `false` where the database is local",
    ),
    Variable("DB_MAX_CONNECTIONS", "10", "Most pooled connections per process.", 1, 10_000),
    Variable("DB_MIN_CONNECTIONS", "2", "Fewest pooled connections per process.", 0, 10_000),
    Variable(
        "DB_IDLE_TIMEOUT",
        "30000",
        "Idle pooled connections close after this, ms; 0 is never.",
        0,
        _YEAR_MS,
    ),
    Variable("DB_CONNECTION_TIMEOUT", "2000", "Time to establish a connection, ms.", 1, _DAY_MS),
    Variable(
        "DB_STATEMENT_TIMEOUT", "30000", "The database ends a statement then, ms.", 1, _DAY_MS
    ),
    Variable(
        "DB_QUERY_TIMEOUT", "30000", "The server stops waiting for a query then, ms.", 1, _DAY_MS
    ),
    Variable(
        "DB_STATEMENT_CACHE_SIZE",
        "100",
        "Prepared statements kept per connection; 0 behind a transaction pooler (PgBouncer).",
        0,
        10_000,
    ),
    Variable("REDIS_URL", "", "`redis://`, `rediss://`, `unix://` or `redis+sentinel://`."),
    Variable("REDISCLOUD_URL", "", "Read where `REDIS_URL` is not set."),
    Variable("REDISTOGO_URL", "", "Read where neither of the two above is set."),
)

_ROWS = {variable.name: variable for variable in VARIABLES}


def settings_table() -> str:
    """The Markdown table of all variables, their defaults and meanings, ending in a newline."""
    lines = ["| Variable | Default | Meaning |", "|---|---|---|"]
    for row in VARIABLES:
        default = row.shown or (f"`{row.default}`" if row.default else "not set")
        lines.append(f"| `{row.name}` | {default} | {row.meaning} |")
    return "\n".join(lines) + "\n"


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
    once: whoever reads must look at `problems` before using anything. No value is ever quoted.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self.problems: list[str] = []
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

    def raw(self, name: str) -> str | None:
        """The value as it stands, blanks around it included; None where it is not set."""
        return self._env.str(_ROWS[name].name, None)

    def text(self, name: str) -> str | None:
        """The value without blanks around it; None where it is not set."""
        value = self.raw(name)
        return None if value is None else value.strip()

    def items(self, name: str) -> list[str]:
        """The comma separated values, none of them empty, without blanks around them."""
        items: list[str] = self._env.list(_ROWS[name].name, [])
        return [item.strip() for item in items if item.strip()]

    def number(self, name: str, *, default: str | None = None) -> int:
        """The whole number, within the row's bounds; `default` stands in for the row's."""
        row = _ROWS[name]
        fallback = int(row.default if default is None else default)
        try:
            return self._env.int(name, fallback, validate=validate.Range(row.least, row.most))
        except EnvValidationError:
            example = f", such as {fallback}"
            self.wrong(name, f"must be a whole number from {row.least} to {row.most}{example}")
            return fallback

    def seconds(self, name: str) -> float:
        """A time that is written in milliseconds, in seconds."""
        return self.number(name) / 1000

    def flag(self, name: str) -> bool:
        """A yes or no: true, on, yes, 1, or false, off, no, 0."""
        fallback = _ROWS[name].default in ("true", "on")
        try:
            return self._env.bool(name, fallback)
        except EnvValidationError:
            self.wrong(name, "must be true or false (or on, off, 1, 0)")
            return fallback

    def choice(self, name: str) -> str:
        """One of the row's words, in lower case."""
        row = _ROWS[name]
        value = self.text(name)
        if value is None:
            return row.default
        if value.lower() not in row.choices:
            self.wrong(name, f"must be {', '.join(row.choices[:-1])} or {row.choices[-1]}")
            return row.default
        return value.lower()
