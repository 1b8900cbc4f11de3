"""Variables of secrets, and of PostgreSQL and Redis."""

from chatserver.config.variables.variable import DAY_MS, Variable

_YEAR_MS = 365 * DAY_MS

STORES: tuple[Variable, ...] = (
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
    Variable("DB_CONNECTION_TIMEOUT", "2000", "Time to establish a connection, ms.", 1, DAY_MS),
    Variable(
        "DB_STATEMENT_TIMEOUT",
        "30000",
        "Time after which the database ends a statement, ms.",
        1,
        DAY_MS,
    ),
    Variable(
        "DB_QUERY_TIMEOUT",
        "30000",
        "Time after which the server stops waiting for a query, ms.",
        1,
        DAY_MS,
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
    Variable("REDISCLOUD_URL", "", "Read where `REDIS_URL` is not set."),
    Variable("REDISTOGO_URL", "", "Read where neither of the two above is set."),
)
