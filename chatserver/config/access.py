"""Reads the settings of who may reach what: origins, metrics, the Unix socket, the main back end's pictures."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from chatserver.config.reader import Reader

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
# Visible ASCII without what has a meaning of its own in a URL: user@, ?query, #fragment.
_PICTURES = re.compile(r"https?://[A-Za-z0-9._\[\]:-]+(/[!$&-;=A-Za-z_~%]*)?")
_MIN_TOKEN = 16
_PORT = re.compile(r"[0-9]{1,5}")
_MODE = re.compile(r"0?[0-7]{3}")
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")


def read_cors_origins(read: Reader, *, production: bool) -> tuple[str, ...]:
    """Read the allowed origins as browsers send them: in lower case, without a default port."""
    name = "CORS_ALLOWED_ORIGINS"
    advice = "write scheme://host[:port] without a path, such as https://app.example.com"
    entries = read.items(name)
    if production and not entries:
        read.lacking(name, f"is not set, which production requires: {advice}")
    if production and "*" in entries:
        read.wrong(name, f"is *, which production refuses: {advice}")
    if not entries or "*" in entries:
        return ("*",)
    origins = []
    for entry in entries:
        match = _ORIGIN.fullmatch(entry.lower())
        if match is None or (match[3] and not 1 <= int(match[3][1:]) <= 65_535):
            shown = re.sub(r"//.*@", "//…@", entry)[:100]
            read.wrong(name, f"has {shown!r}, which is not an origin: {advice}")
            continue
        scheme, host, port = match[1], match[2], match[3] or ""
        origins.append(f"{scheme}://{host}{'' if port == _DEFAULT_PORTS.get(scheme) else port}")
    return tuple(dict.fromkeys(origins))


def read_metrics_token(read: Reader) -> str | None:
    """Read the bearer token that `/metrics` wants; None where none is set."""
    name = "METRICS_TOKEN"
    token = read.text(name)
    if token is not None and len(token) < _MIN_TOKEN:
        read.wrong(
            name,
            f"is too short: write at least {_MIN_TOKEN} characters, such as `openssl rand -hex 32` prints",
        )
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        read.wrong(name, "can't stand in a header: write letters and digits, without blanks")
    return token


def read_metrics_address(read: Reader) -> tuple[str, int] | None:
    """Read the host and the port of the listener for metrics, or the path of its Unix socket and 0."""
    name = "METRICS_ADDRESS"
    text = read.text(name)
    if text is None:
        return None
    if text.startswith("/"):
        return text, 0
    host, _, port = text.rpartition(":")
    if not host or not _PORT.fullmatch(port) or not 1 <= int(port) <= 65_535:
        read.wrong(name, "must be host:port, such as 127.0.0.1:9464, or the path of a Unix socket")
        return None
    return host.removeprefix("[").removesuffix("]"), int(port)


def read_unix_socket_mode(read: Reader) -> int:
    """Read the mode of the Unix socket's file, as `chmod` takes it."""
    name = "UNIX_SOCKET_MODE"
    text = read.text(name) or "660"
    if not _MODE.fullmatch(text):
        read.wrong(name, "must be an octal mode of three digits, such as 660")
        return 0o660
    return int(text, 8)


def read_profile_picture_url(read: Reader) -> str | None:
    """Read the address that pictures are under, without a slash at its end; None where none is set.

    Clients are shown it, so it may hold no password.
    """
    name = "PROFILE_PICTURE_URL"
    url = read.text(name)
    if url is None:
        return None
    match = _PICTURES.fullmatch(url)
    if match is None or not _has_usable_port(url):
        read.wrong(
            name,
            "must be a plain address: write https://host/path, without user, ? and #",
        )
    return url.rstrip("/")


def _has_usable_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:  # its text quotes the port, which may be the rest of a password
        return False
