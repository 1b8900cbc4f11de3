"""Every environment variable, declared once. `reader` reads them; the README's table is `settings_table()`."""

from __future__ import annotations

from dataclasses import dataclass

from chatserver.schemas.table import distinct


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

VARIABLES: tuple[Variable, ...] = distinct(
    Variable("APP_ENV", "production", "`production` or `development`.", choices=_ENVIRONMENTS),
    Variable("NODE_ENV", "", "An alias of `APP_ENV`, which wins over it.", choices=_ENVIRONMENTS),
    Variable(
        "HOST",
        "",
        "Address to listen on: an IP address, a name of this machine, `::` for all that it has, IPv6 and IPv4, or "
        "the path of a Unix socket (`/run/chat.sock`).",
        shown="`0.0.0.0` in production, `127.0.0.1` in development",
    ),
    Variable("PORT", "3001", "Port to listen on; 0 takes a free one.", 0, 65535),
    Variable(
        "UNIX_SOCKET_MODE", "660", "Mode of a Unix socket's file, octal: who may connect to it."
    ),
    Variable("MAX_CONNECTIONS", "10000", "Most connections per process.", 1, 1_000_000),
    Variable(
        "MAX_CONNECTIONS_PER_IP",
        "10",
        "Most connections per address (IPv6: per /64, and 16 times as many per /48) and process; 0 is no limit.",
        0,
        1_000_000,
    ),
    Variable(
        "MAX_CONNECTIONS_PER_USER",
        "20",
        "Most connections per user and process; 0 is no limit.",
        0,
        1_000_000,
    ),
    Variable(
        "MAX_PAYLOAD_SIZE", "1048576", "Largest frame or request body, bytes.", 1024, 67_108_864
    ),
    Variable(
        "SEND_QUEUE_BYTES",
        "1048576",
        "Most bytes that may wait for one client that does not read; past that it is cut off, and recovers.",
        65_536,
        1_073_741_824,
    ),
    Variable(
        "CONNECT_TIMEOUT",
        "10000",
        "Time for a new connection to have its token accepted, ms; then it is closed.",
        100,
        _DAY_MS,
    ),
    Variable(
        "CONNECT_QUERY_TIMEOUT",
        "5000",
        "Time for one query on behalf of a client that connects, ms; then the client has to come back.",
        100,
        _DAY_MS,
    ),
    Variable(
        "REQUEST_HEAD_TIMEOUT",
        "10000",
        "Time for a request's head, and for a TLS handshake, however slowly it comes, ms.",
        100,
        _DAY_MS,
    ),
    Variable(
        "REQUEST_BODY_TIMEOUT",
        "30000",
        "Time for a request's body, however slowly it comes, ms.",
        100,
        _DAY_MS,
    ),
    Variable(
        "RESPONSE_TIMEOUT",
        "60000",
        "Time for a client to take an HTTP answer, ms.",
        100,
        _DAY_MS,
    ),
    Variable(
        "HTTP_IDLE_TIMEOUT",
        "75000",
        "How long an HTTP connection without a request is kept, ms; longer than a proxy in front keeps its own.",
        1000,
        _DAY_MS,
    ),
    Variable(
        "MAX_SOCKETS",
        "",
        "Most TCP connections per process, of any kind; never more than open files allow.",
        1,
        4_000_000,
        shown="twice `MAX_CONNECTIONS`: `20000`",
    ),
    Variable(
        "MAX_SOCKETS_PER_IP",
        "",
        "The same per address (IPv6: per /64), half-open and idle ones included; 0 is no limit.",
        0,
        4_000_000,
        shown="10 times `MAX_CONNECTIONS_PER_IP`: `100`; `0` behind `TRUSTED_PROXY_HOPS` proxies",
    ),
    Variable(
        "RESERVED_FILES",
        "100",
        "Open files that clients never get, since the database, Redis and everything else need them.",
        10,
        1_000_000,
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
        "How long a connection is kept that sends nothing, not even heartbeats, ms; a shorter "
        "`KEEP_ALIVE_TIMEOUT` counts instead. At the messaging system's door heartbeats are no messages.",
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
        "DRAIN_DELAY",
        "5000",
        "How long a process that is told to stop goes on serving while `/ready` says 503, so that load "
        "balancers notice, ms; a second signal ends the wait.",
        0,
        _DAY_MS,
        shown="`5000`; `0` in development",
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
        "Commands per 60 s and user, messages and refused ones included; large ones, large answers (a command for "
        "each 32 KiB), lists out of many (for each 200 contacts or conversations) and connections that miss much "
        "(for each 20 events and conversations) count as several. 0 is no limit.",
        0,
        100_000_000,
        shown="25 times `MESSAGE_RATE_LIMIT`: `6000`",
    ),
    Variable(
        "SEARCH_RATE_LIMIT",
        "30",
        "Searches per 60 s and user, each page of one; 0 is no limit.",
        0,
        1_000_000,
    ),
    Variable(
        "IP_RATE_LIMIT",
        "3000",
        "REST requests and new connections per address (IPv6: per /64, and 16 times as many per /48) in "
        "`IP_RATE_WINDOW`; 0 is no limit.",
        0,
        100_000_000,
    ),
    Variable(
        "EXTERNAL_PUSH_RATE",
        "10000",
        "Pushes per second and process that other programs may cause by Redis, one per connection;"
        " one over 4 KiB counts as several; 0 is no limit.",
        0,
        100_000_000,
    ),
    Variable("IP_RATE_WINDOW", "900000", "See `IP_RATE_LIMIT`, ms.", 1000, _DAY_MS),
    Variable(
        "CONVERSATIONS_PER_HOUR",
        "100",
        "New direct conversations that one user may open in an hour; existing ones do not count. 0 is no limit.",
        0,
        1_000_000,
    ),
    Variable(
        "MAX_CONVERSATIONS",
        "5000",
        "Conversations of one user: direct ones that they opened, not those that others opened with them, and "
        "groups. 0 is no limit.",
        0,
        1_000_000,
    ),
    Variable(
        "GROUPS_PER_DAY",
        "50",
        "Groups that one user may create in 24 hours; 0 is no limit.",
        0,
        1_000_000,
    ),
    Variable(
        "JOINS_PER_HOUR",
        "10",
        "How often one user may be added to one group in an hour; 0 is no limit.",
        0,
        1_000_000,
    ),
    Variable(
        "MAX_REACTIONS",
        "1000",
        "Most people who may react to one message; 0 is no limit.",
        0,
        1_000_000,
    ),
    Variable("MAX_PINS", "1000", "Most pins of one conversation; 0 is no limit.", 0, 1_000_000),
    Variable(
        "MAX_BLOCKS", "10000", "Most people whom one user may block; 0 is no limit.", 0, 1_000_000
    ),
    Variable(
        "MAX_KEPT_ANSWERS",
        "1000",
        "About how many answers to one user's `requestId`s are kept; then the oldest are forgotten. 0 is no "
        "limit.",
        0,
        1_000_000,
    ),
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
    Variable(
        "PRESENCE_INTERVAL",
        "5000",
        "Contacts are told once in this time that somebody came or went, ms; at its end they are told the last "
        "state. 0 is no limit.",
        0,
        600_000,
    ),
    Variable(
        "TYPING_INTERVAL",
        "1000",
        "The others are told once in this time that somebody goes on typing, ms; four changes pass in it. 0 is no "
        "limit.",
        0,
        600_000,
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
        "Path of the private key (PEM) to serve `https` and `wss` with; without it, use a proxy.",
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
        shown="not set: in production `/metrics` is then closed",
    ),
    Variable(
        "METRICS_ADDRESS",
        "",
        "A separate listener for `/metrics` and the probes, `host:port` or the path of a Unix socket, for a "
        "network or users that may see them; the second of several workers has the next port, or `.2` behind the "
        "path.",
    ),
    Variable(
        "PROFILE_PICTURE_URL",
        "",
        "The main back end's pictures, `https://host/path`: those that the directory lacks are "
        "looked for at `<this>/user/<id>` and `<this>/community/<id>`.",
    ),
    Variable(
        "FILES_URL",
        "",
        "Where files are kept: `file:///path`, sealed with `CHAT_ENCRYPTION_KEY`, on a disk that all processes "
        "share; or `s3://bucket/prefix?region=…&endpoint=…`, where the bucket seals them "
        "([FILES.md](docs/FILES.md)).",
        shown="`.chatserver/files`",
    ),
    Variable(
        "UPLOAD_TTL",
        "900000",
        "Time in which a file may be uploaded, ms.",
        1000,
        _DAY_MS,
    ),
    Variable("MAX_FILE_SIZE", "26214400", "Largest file, bytes.", 1024, 1_099_511_627_776),
    Variable(
        "FILE_QUOTA_PER_DAY",
        "1073741824",
        "Most bytes of files that one person may upload in 24 hours, each file as 64 KiB at least; 0 is no limit.",
        0,
        1_125_899_906_842_624,
    ),
    Variable(
        "CLAMD_URL",
        "",
        "A clamd that looks at every file before it is served, `tcp://host:port`.",
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
        "Older keys that still decrypt, comma separated (so a key that holds a comma can't be "
        "listed).",
    ),
    Variable(
        "DATABASE_URL",
        "",
        "`postgresql://user:password@host:5432/name`; wins over `DB_HOST` and the like. A `?` may be followed by "
        "libpq's parameters, with libpq's meanings (`sslmode`, `sslrootcert`, `target_session_attrs`, `options` "
        "…), and PostgreSQL's settings (`search_path` …); anything else is refused.",
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
        "wins over the URL's `sslmode`, which counts only where this is not set.",
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
        "DB_STATEMENT_TIMEOUT",
        "30000",
        "Time after which the database ends a statement, ms.",
        1,
        _DAY_MS,
    ),
    Variable(
        "DB_QUERY_TIMEOUT",
        "30000",
        "Time after which the server stops waiting for a query, ms.",
        1,
        _DAY_MS,
    ),
    Variable(
        "DB_STATEMENT_CACHE_SIZE",
        "100",
        "Prepared statements kept per connection; 0 behind a transaction pooler (PgBouncer).",
        0,
        10_000,
    ),
    Variable(
        "REDIS_URL",
        "",
        "`redis://`, `rediss://`, `unix://` or `redis+sentinel://host:26379/0/service`. For TLS with an authority "
        "of your own: `?ssl_ca_certs=/path/ca.pem`.",
    ),
    Variable(
        "VAPID_PUBLIC_KEY",
        "",
        "The public half of the key by which push services know this server, base64url; `chatserver vapid` prints "
        "a pair.",
        shown="not set: no Web Push",
    ),
    Variable("VAPID_PRIVATE_KEY", "", "Its private half, 32 bytes in base64url."),
    Variable(
        "VAPID_SUBJECT",
        "",
        "Whom push services may ask: `mailto:…` or `https://…`; required with the keys.",
    ),
    Variable(
        "FCM_CREDENTIALS",
        "",
        "A service account of Firebase: the path of its JSON, or the JSON.",
        shown="not set: no Firebase Cloud Messaging",
    ),
    Variable(
        "PUSH_HOOK_URL",
        "",
        "Your own push system, `https://host/path`, told of each notification by a signed POST; `http:` in "
        "development only.",
    ),
    Variable(
        "PUSH_HOOK_SECRET",
        "",
        "Signs what is sent there (Standard Webhooks): `whsec_` and 24 to 64 bytes in base64.",
    ),
    Variable(
        "PUSH_DELAY",
        "5000",
        "How long after a message people are notified who have not read it by then, ms.",
        0,
        _DAY_MS,
    ),
    Variable(
        "PUSH_CONTENT",
        "off",
        "Whether notifications say who wrote what (`sender`, `preview`): `on` or `off`. It passes through the "
        "push services, and Firebase can read it.",
    ),
    Variable(
        "PUSH_PRIVATE_ADDRESSES",
        "off",
        "Whether push services may be at private addresses, on any port and by `http:`: for tests; production "
        "refuses `on`.",
    ),
    Variable("REDISCLOUD_URL", "", "Read where `REDIS_URL` is not set."),
    Variable("REDISTOGO_URL", "", "Read where neither of the two above is set."),
)

ROWS = {variable.name: variable for variable in VARIABLES}


def settings_table() -> str:
    """Return the Markdown table of all variables, their defaults and meanings, ending in a newline."""
    lines = ["| Variable | Default | Meaning |", "|---|---|---|"]
    for row in VARIABLES:
        default = row.shown or (f"`{row.default}`" if row.default else "not set")
        lines.append(f"| `{row.name}` | {default} | {row.meaning} |")
    return "\n".join(lines) + "\n"
