"""Reads which files the server's own TLS uses, and loads them."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from chatserver.config.reader import Reader
from chatserver.config.secrets import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """The files of `messaging-implementation.md`, "TLS Configuration"."""

    key: Path
    cert: Path
    ca: Path | None

    def dates(self) -> tuple[datetime, datetime]:
        """Return from when to when the certificate holds.

        Raises:
            OSError, ValueError: the file can't be read, or holds no certificate.
        """
        found = x509.load_pem_x509_certificate(self.cert.read_bytes())
        return found.not_valid_before_utc, found.not_valid_after_utc

    def context(self) -> ssl.SSLContext:
        """Make what a server listens with: TLS 1.2 and later; no certificate is asked of clients.

        As in the system that the names come from (Node.js' option `ca`), the authorities in TLS_CA
        complete the chain that clients are shown.

        Raises:
            ConfigError: a file can't be read, is no PEM, or the key belongs to another certificate.
        """
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        # A WebSocket begins as HTTP/1.1.
        context.set_alpn_protocols(["http/1.1"])
        _readable("TLS_KEY", self.key)
        _readable("TLS_CERT", self.cert)
        try:
            # A password is a string in any case, as OpenSSL would ask for it at the terminal.
            context.load_cert_chain(self.cert, self.key, password="")
        except ssl.SSLError as error:
            raise ConfigError(_reason(error)) from error
        if self.ca is not None:
            _readable("TLS_CA", self.ca)
            try:
                context.load_verify_locations(self.ca)
            except ssl.SSLError as error:
                raise ConfigError(
                    f"TLS_CA names {str(self.ca)!r}, which holds no certificate: write the path of a PEM file"
                ) from error
        return context


def _readable(name: str, path: Path) -> None:
    try:
        path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{name} names {str(path)!r}, which can't be read ({error.strerror}): correct the path, or its mode"
        ) from error


def _reason(error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return "TLS_KEY is not the key of TLS_CERT: name the key that the certificate was made for"
    return (
        "TLS_KEY and TLS_CERT can't be used together "
        f"({(error.reason or 'no PEM').lower().replace('_', ' ')}): "
        "write the paths of an unencrypted PEM key and of its PEM certificate"
    )


def load_tls(read: Reader) -> TlsSettings | None:
    """Read which files are named; what is wrong with that is noted in `read`. `context` opens them."""
    key, cert, ca = (read.text(name) for name in ("TLS_KEY", "TLS_CERT", "TLS_CA"))
    if key is None and cert is None and ca is None:
        return None
    for name, value in (("TLS_KEY", key), ("TLS_CERT", cert)):
        if value is None:
            read.wrong(name, "is not set: TLS_KEY and TLS_CERT are needed together")
    if key is None or cert is None:
        return None
    return TlsSettings(key=Path(key), cert=Path(cert), ca=None if ca is None else Path(ca))
