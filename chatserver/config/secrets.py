"""Reads and judges secrets, and keeps one for development."""

from __future__ import annotations

import base64
import os
import re
import secrets
from pathlib import Path

from chatserver.config.reader import Reader
from chatserver.core.state_directory import make_state_directory, others_may_replace

DEFAULT_ENCRYPTION_KEY = "super-secure-aes-encryption-key-32"
MIN_SECRET_BYTES = 32
SECRET_FILE = "jwt_secret"  # noqa: S105 - its name; in the state directory, in development

_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]+|[A-Za-z0-9_-]+)(={0,2})")

# Compared without case and punctuation, so "CHANGE_ME" and "change-me" are one entry.
_PLACEHOLDERS = (
    "supersecureaesencryptionkey",
    "astringsecretatleast256bitslong",  # jwt.io
    "changeme",
    "changethis",
    "replaceme",
    "placeholder",
    "yoursecret",
    "yourjwtsecret",
    "your256bitsecret",
    "yoursupersecret",
)


class ConfigError(Exception):
    """The configuration is wrong; the message is one line for people, without secrets."""


class LackingError(ConfigError):
    """The configuration lacks what production requires."""


def decode_base64(text: str) -> bytes | None:
    """Decode base64. Returns None where `text` is not base64.

    Standard and URL-safe alphabets are accepted (not mixed), with the right padding or none.
    """
    match = _BASE64.fullmatch(text)
    if match is None:
        return None
    padding = len(match[1])
    missing = -(len(text) - padding) % 4
    if missing == 3 or padding not in (0, missing):
        return None
    standard = text.replace("-", "+").replace("_", "/").rstrip("=") + "=" * missing
    return base64.b64decode(standard, validate=True)


def is_placeholder(secret: bytes) -> bool:
    """Return whether everyone knows `secret`: a default, an example's, or one byte repeated."""
    plain = re.sub(r"[^a-z0-9]", "", secret.decode("latin-1").lower())
    return len(set(secret)) <= 1 or any(word in plain for word in _PLACEHOLDERS)


def development_secret(path: Path) -> bytes:
    """Return the secret kept in the file `path` as base64, made there (mode 0600) where it is missing.

    Processes that start at once get the same one.
    Raises ConfigError where the file can't be written, can't be read or holds no such secret.
    """
    try:
        if not path.exists():
            _create(path, base64.b64encode(secrets.token_bytes(MIN_SECRET_BYTES)))
        kept = decode_base64(path.read_text(encoding="ascii").strip())
        replaceable = others_may_replace(path)
    except OSError as error:
        raise ConfigError(
            f"JWT_SECRET is not set and {str(path)!r} can't keep one ({error.strerror}): "
            "set JWT_SECRET, or make the directory writable"
        ) from error
    except UnicodeDecodeError:
        kept, replaceable = None, False
    if replaceable:
        raise ConfigError(
            f"JWT_SECRET is not set, and everybody may replace the one in {str(path)!r}: "
            f"chmod o-w {str(path.parent)!r} {str(path)!r}, or set JWT_SECRET"
        )
    if kept is None or len(kept) < MIN_SECRET_BYTES:
        raise ConfigError(
            f"JWT_SECRET is not set and {str(path)!r} does not hold one: "
            "delete that file, or set JWT_SECRET"
        )
    return kept


def read_jwt_secret(read: Reader, *, production: bool) -> bytes:
    """Read `JWT_SECRET` and decode it; empty where it is not set, or wrong."""
    name = "JWT_SECRET"
    advice = "write the main back end's secret in base64, at least 32 bytes once decoded"
    text = read.text(name)
    if text is None:
        if production:
            read.lacking(name, f"is not set: {advice}")
        return b""
    secret = decode_base64(text)
    if secret is None:
        read.wrong(name, f"is not base64: {advice}")
    elif production and (is_placeholder(secret) or is_placeholder(text.encode())):
        read.wrong(name, f"is a well-known placeholder: {advice}")
    elif production and len(secret) < MIN_SECRET_BYTES:
        read.wrong(name, f"is too short ({len(secret)} bytes once decoded): {advice}")
    return secret or b""


def read_encryption_keys(read: Reader, *, production: bool) -> tuple[str, ...]:
    """Read the current key, then the previous ones. A placeholder among these is fine: it is rotated away."""
    name = "CHAT_ENCRYPTION_KEY"
    advice = "write a random text of at least 32 bytes, such as `openssl rand -base64 32` prints"
    key = read.raw(name)
    if production:
        if key is None:
            read.lacking(name, f"is not set: {advice}")
        elif is_placeholder(key.encode()):
            read.wrong(name, f"is a well-known default: {advice}")
        elif len(key.encode()) < MIN_SECRET_BYTES:
            read.wrong(name, f"is too short ({len(key.encode())} bytes): {advice}")
        elif key.strip() == read.text("JWT_SECRET"):
            read.wrong(name, f"is the same as JWT_SECRET and must differ from it: {advice}")
    keys = (key or DEFAULT_ENCRYPTION_KEY, *read.items("CHAT_ENCRYPTION_KEY_PREVIOUS"))
    return tuple(dict.fromkeys(keys))


def _create(path: Path, content: bytes) -> None:
    """Write `content` to `path` unless it exists by then.

    The name appears by a link to a complete file, so no other process ever reads half of it.
    """
    make_state_directory(path.parent)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its secret is the one
    finally:
        draft.unlink()
