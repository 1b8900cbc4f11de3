"""The TLS of connections to PostgreSQL: what is made of `sslmode`, `sslrootcert` and their like."""

import ssl
from collections.abc import Callable
from pathlib import Path

from chatserver.config import Address, ConfigError, Tls

# Where libpq looks by itself ("Client Verification of Server Certificates", "Client Certificates").
_OWN = Path("~/.postgresql")


def client_context(tls: Tls, address: Address) -> ssl.SSLContext:
    """Return what a connection to `address` is encrypted with, where `tls` is not `disable`.

    As libpq has it, `require` verifies the certificate where there is one to verify it with (`sslrootcert`,
    ~/.postgresql/root.crt), and else trusts anybody. Where the certificate must be verified and no authority is
    named, the operating system's count.

    Raises:
        ConfigError: a certificate file cannot be used.
    """
    named = address.tls
    roots = named.get("sslrootcert") or _own("root.crt")
    context = ssl.create_default_context() if roots in (None, "system") else _trusting(roots)
    context.check_hostname = tls == "verify-full"
    if tls == "no-verify" or (tls not in ("verify-ca", "verify-full") and roots is None):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if (revoked := named.get("sslcrl")) or named.get("sslcrldir"):
        _use("sslcrl", lambda: context.load_verify_locations(revoked, named.get("sslcrldir")))
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    if certificate := named.get("sslcert") or _own("postgresql.crt"):
        key = named.get("sslkey") or _own("postgresql.key")
        # The password is a string in any case, as OpenSSL would ask for it at the terminal.
        password = named.get("sslpassword", "")
        _use(
            "sslcert, sslkey or sslpassword",
            lambda: context.load_cert_chain(certificate, key, password),
        )
    if least := named.get("ssl_min_protocol_version"):
        context.minimum_version = _version(least)
    if most := named.get("ssl_max_protocol_version"):
        context.maximum_version = _version(most)
    # PostgreSQL 17 asks for it where TLS comes first.
    context.set_alpn_protocols(["postgresql"])
    return context


def _own(name: str) -> str | None:
    try:
        path = _OWN.expanduser() / name
        return str(path) if path.is_file() else None
    except (RuntimeError, OSError):  # no home
        return None


def _trusting(roots: str | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _use("sslrootcert", lambda: context.load_verify_locations(roots))
    return context


def _use(names: str, load: Callable[[], None]) -> None:
    try:
        load()
    except OSError as error:  # ssl.SSLError is one
        reason = "no PEM, or not its key" if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigError(
            f"DATABASE_URL names a certificate file that can't be used ({reason}): correct {names}"
        ) from error


def _version(name: str) -> ssl.TLSVersion:
    return ssl.TLSVersion[name.replace(".", "_")]
