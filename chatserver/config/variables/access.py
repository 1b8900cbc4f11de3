"""Variables of who may come, from where, and who may watch."""

from chatserver.config.variables.variable import Variable

ACCESS: tuple[Variable, ...] = (
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
)
