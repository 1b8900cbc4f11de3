"""Variables of what is listened on, how long a client may take, and what is logged."""

from chatserver.config.variables.variable import DAY_MS, Variable

_ENVIRONMENTS = ("production", "development")

SERVING: tuple[Variable, ...] = (
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
        DAY_MS,
    ),
    Variable(
        "CONNECT_QUERY_TIMEOUT",
        "5000",
        "Time for one query on behalf of a client that connects, ms; then the client has to come back.",
        100,
        DAY_MS,
    ),
    Variable(
        "REQUEST_HEAD_TIMEOUT",
        "10000",
        "Time for a request's head, and for a TLS handshake, however slowly it comes, ms.",
        100,
        DAY_MS,
    ),
    Variable(
        "REQUEST_BODY_TIMEOUT",
        "30000",
        "Time for a request's body, however slowly it comes, ms.",
        100,
        DAY_MS,
    ),
    Variable(
        "RESPONSE_TIMEOUT",
        "60000",
        "Time for a client to take an HTTP answer, ms.",
        100,
        DAY_MS,
    ),
    Variable(
        "HTTP_IDLE_TIMEOUT",
        "75000",
        "How long an HTTP connection without a request is kept, ms; longer than a proxy in front keeps its own.",
        1000,
        DAY_MS,
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
        DAY_MS,
    ),
    Variable(
        "CONNECTION_TIMEOUT",
        "300000",
        "How long a connection is kept that sends nothing, not even heartbeats, ms; a shorter "
        "`KEEP_ALIVE_TIMEOUT` counts instead. At the messaging system's door heartbeats are no messages.",
        1000,
        DAY_MS,
    ),
    Variable(
        "COMMAND_TIMEOUT",
        "4500",
        "Time for one command, ms; then its client gets a retryable `UNAVAILABLE`.",
        100,
        DAY_MS,
    ),
    Variable(
        "DRAIN_DELAY",
        "5000",
        "How long a process that is told to stop goes on serving while `/ready` says 503, so that load "
        "balancers notice, ms; a second signal ends the wait.",
        0,
        DAY_MS,
        shown="`5000`; `0` in development",
    ),
    Variable("WS_COMPRESSION", "off", "Whether WebSocket frames are compressed: `on` or `off`."),
    Variable(
        "LOG_LEVEL",
        "info",
        "`debug`, `info`, `warning` or `error`.",
        choices=("debug", "info", "warning", "error"),
    ),
)
