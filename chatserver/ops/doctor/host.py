"""The settings themselves, and the machine: TLS files, open files, origins."""

import resource
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from chatserver.config import ConfigError, Settings, TlsSettings
from chatserver.ops.doctor.finding import Finding, fail, ok, warn

_EXPIRES_SOON = timedelta(days=14)
_LOCAL = ("localhost", "127.0.0.1", "::1")


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at the settings and at this machine, and report on each."""
    yield ok(f"settings ({settings.environment})")
    yield _origins(settings)
    yield from _tls(settings.tls)
    yield _files(settings)
    yield _metrics(settings)
    if any(_is_quoted(key) for key in settings.encryption_keys):
        yield warn(
            "CHAT_ENCRYPTION_KEY",
            "a key stands in quotation marks, which are part of it here; `docker --env-file` keeps them, and "
            "shells, systemd and Compose take them away: see that every process gets the same key",
        )


def _is_quoted(key: str) -> bool:
    return len(key) > 1 and key[0] == key[-1] and key[0] in "\"'"


def _origins(settings: Settings) -> Finding:
    plain = [
        origin
        for origin in settings.cors_origins
        if origin.startswith("http://") and urlsplit(origin).hostname not in _LOCAL
    ]
    if plain and not settings.is_development:
        return warn(
            "origins",
            f"pages of {', '.join(plain)} come in plain text, so somebody on the way can change them to take "
            "their users' tokens; serve them by https:// and correct CORS_ALLOWED_ORIGINS",
        )
    return ok(f"origins: {', '.join(settings.cors_origins)}")


def _tls(tls: TlsSettings | None) -> Iterator[Finding]:
    if tls is None:
        yield ok("TLS: not served here; clients outside need a proxy that speaks https and wss")
        return
    try:
        tls.context()
        starts, ends = tls.dates()
    except (ConfigError, OSError, ValueError) as error:
        yield fail("TLS", str(error))
        return
    now = datetime.now(UTC)
    until = f"{ends:%Y-%m-%d %H:%M} UTC"
    if ends <= now:
        yield fail("TLS", f"the certificate in TLS_CERT ended on {until}; renew it")
    elif starts > now:
        begins = f"{starts:%Y-%m-%d %H:%M} UTC"
        yield fail(
            "TLS", f"the certificate in TLS_CERT begins on {begins}; set this machine's clock"
        )
    elif ends <= now + _EXPIRES_SOON:
        yield warn("TLS", f"the certificate in TLS_CERT ends on {until}; renew it, and restart")
    else:
        yield ok(f"TLS: a certificate until {until}")
    if tls.key.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
        yield warn("TLS key", f"everybody on this machine may read it; run chmod 600 {tls.key}")


def _files(settings: Settings) -> Finding:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = settings.max_connections + settings.database.max_size + settings.reserved_files
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
        return ok("metrics: open to those who have METRICS_TOKEN")
    if settings.is_development:
        return ok("metrics: open to everybody (development)")
    if settings.metrics_address is not None:
        return ok("metrics: open to those who can reach METRICS_ADDRESS")
    return ok("metrics: closed; set METRICS_TOKEN or METRICS_ADDRESS to open them")
