"""The settings themselves, and the machine: TLS files, open files, origins."""

import resource
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from cryptography import x509

from chatserver.config import ConfigError, Settings, TlsSettings
from chatserver.doctor.finding import Finding, fail, ok, warn

_EXPIRES_SOON = timedelta(days=14)
# Files beside the connections': the listening socket, Redis, logs, certificates, libraries.
_OTHER_FILES = 64
_LOCAL = ("localhost", "127.0.0.1", "::1")


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at them."""
    yield ok(f"settings ({settings.environment})")
    yield _origins(settings)
    yield from _tls(settings.tls)
    yield _files(settings)
    yield _metrics(settings)


def _origins(settings: Settings) -> Finding:
    plain = [
        origin
        for origin in settings.cors_origins
        if origin.startswith("http://") and urlsplit(origin).hostname not in _LOCAL
    ]
    if plain and not settings.is_development:
        return warn(
            "origins",
            f"pages of {', '.join(plain)} come in plain text, and can be changed on their way to take "
            "their users' tokens; serve them by https:// and correct CORS_ALLOWED_ORIGINS",
        )
    return ok(f"origins: {', '.join(settings.cors_origins)}")


def _tls(tls: TlsSettings | None) -> Iterator[Finding]:
    if tls is None:
        yield ok("TLS: none here; clients outside need a proxy that speaks https and wss")
        return
    try:
        tls.context()
        found = x509.load_pem_x509_certificate(tls.cert.read_bytes())
    except (ConfigError, OSError, ValueError) as error:
        yield fail("TLS", str(error))
        return
    now, ends = datetime.now(UTC), found.not_valid_after_utc
    until = f"{ends:%Y-%m-%d %H:%M} UTC"
    if ends <= now:
        yield fail("TLS", f"the certificate in TLS_CERT ended on {until}; renew it")
    elif found.not_valid_before_utc > now:
        begins = f"{found.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        yield fail(
            "TLS", f"the certificate in TLS_CERT begins on {begins}; set this machine's clock"
        )
    elif ends <= now + _EXPIRES_SOON:
        yield warn("TLS", f"the certificate in TLS_CERT ends on {until}; renew it, and restart")
    else:
        yield ok(f"TLS: a certificate until {until}")
    if tls.key.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
        yield warn("TLS key", f"everybody on this machine may read it; chmod 600 {tls.key}")


def _files(settings: Settings) -> Finding:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = settings.max_connections + settings.database.max_size + _OTHER_FILES
    if hard != resource.RLIM_INFINITY and hard < needed:
        finding = warn if settings.is_development else fail
        return finding(
            "open files",
            f"this process may have {hard}, and MAX_CONNECTIONS={settings.max_connections} needs {needed}; "
            f"raise the limit (ulimit -Hn, systemd's LimitNOFILE={needed}) or lower MAX_CONNECTIONS",
        )
    return ok("open files: enough for MAX_CONNECTIONS")


def _metrics(settings: Settings) -> Finding:
    if settings.metrics_token is not None:
        return ok("metrics: for whom METRICS_TOKEN is given to")
    if settings.is_development:
        return ok("metrics: for everybody (development)")
    return ok("metrics: for this machine alone; METRICS_TOKEN opens them to others")
